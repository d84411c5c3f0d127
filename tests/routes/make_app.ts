// The routes without a port: requests in, answers out, a real store behind them and no worker.

import assert from "@std/assert";
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { GuardOptions } from "../../routes/guard.ts";
import { createApp } from "../../routes/app.ts";
import { openRuns } from "../../runs/open_runs.ts";
import { GenerationService } from "../../runs/worker/generation_service.ts";
import { ServiceMetrics } from "../../runs/service_metrics.ts";
import { readConfiguration } from "../../runs/configuration.ts";
import { makeTinyHome } from "../runs/tiny_home.ts";

/** Every route with a handler, in Hono's notation: those of the API document, and the pages. */
export function routesOf(app: OpenAPIHono): { readonly method: string; readonly path: string }[] {
  const routes = app.routes.filter(({ method, path }) => method !== "ALL" && !path.includes("*"))
    .map(({ method, path }) => `${method} ${path.replaceAll(/\{[^}]+\}/g, "")}`);
  return [...new Set(routes)].map((route) => {
    const [method, path] = route.split(" ") as [string, string];
    return { method, path };
  });
}

/** A service on a data folder of its own, with an SQLite file in it or the database at an address. */
export async function makeApp(guard: Partial<GuardOptions> = {}, databaseUrl?: string) {
  const tiny = await makeTinyHome();
  const where = { home: tiny.home, databaseUrl, lease: 15_000 };
  const { store, queue, sweeps, workers, ...runs } = await openRuns(
    where,
    "service",
    () => Date.now() + 1000,
  );
  const generation = new GenerationService({
    configuration: readConfiguration((name) => name === "NOREGRET_HOME" ? tiny.home : undefined),
    main: new URL("../../main.ts", import.meta.url).pathname,
  });
  let woken = 0;
  const app = createApp({
    store,
    sweeps,
    workers,
    artifacts: tiny.artifacts,
    generation,
    home: tiny.home,
    paths: tiny.paths,
    bodyLimit: 64 * 1024,
    metrics: new ServiceMetrics(store, workers),
    guard: { apiKeys: [], rateLimit: 0, maxStreams: 100, ...guard },
    wake: () => woken++,
  });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    app.request(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  return {
    app,
    post,
    store,
    queue,
    workers,
    home: tiny.home,
    generation,
    closeStore: () => runs[Symbol.asyncDispose](),
    woken: () => woken,
    async [Symbol.asyncDispose]() {
      await generation[Symbol.asyncDispose]();
      await runs[Symbol.asyncDispose]();
      await tiny[Symbol.asyncDispose]();
    },
  };
}

/** The problem of an answer, whose status and type are checked. */
export async function problemOf(answer: Response | Promise<Response>, status: number) {
  const response = await answer;
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(response.headers.get("Content-Type")!, /^application\/problem\+json/);
  const problem = JSON.parse(text);
  assert.equal(problem.status, status);
  return problem;
}
