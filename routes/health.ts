// GET /healthz: the process answers. GET /readyz: it can take runs.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { join } from "@std/path";
import { log } from "../runs/log.ts";
import type { AppContext } from "./app.ts";
import { problemResponse } from "./problem.ts";

/** A check that takes longer has failed, in milliseconds: whoever asks does not wait for ever either. */
const PATIENCE_MS = 10_000;

const Status = z.object({ status: z.literal("ok") });
const Ready = Status.extend({
  workers: z.int().openapi({ description: "Those that are alive and take runs." }),
  warning: z.string().optional(),
});
const ok = { description: "Yes", content: { "application/json": { schema: Status } } };

/** Liveness and readiness. */
export function healthRoutes(
  { store, workers, artifacts, home }: Pick<AppContext, "store" | "workers" | "artifacts" | "home">,
  patience: number = PATIENCE_MS,
): OpenAPIHono {
  const checks: Readonly<Record<string, () => Promise<unknown>>> = {
    "the store": () => store.list({ limit: 1 }),
    "the data folder": () => tryWriting(home),
    "the store of artifacts": () => artifacts.check(),
  };
  return new OpenAPIHono()
    .openapi(
      createRoute({
        method: "get",
        path: "/healthz",
        tags: ["health"],
        summary: "Whether the process answers",
        responses: { 200: ok },
      }),
      (c) => c.json({ status: "ok" as const }, 200),
    )
    .openapi(
      createRoute({
        method: "get",
        path: "/readyz",
        tags: ["health"],
        summary: "Whether runs can be taken: the store answers, the data folder can be written",
        responses: {
          200: { ...ok, content: { "application/json": { schema: Ready } } },
          503: problemResponse("What is not ready"),
        },
      }),
      async (c) => {
        const results = await Promise.all(
          Object.entries(checks).map(async ([name, check]) => {
            try {
              await inTime(check(), patience);
            } catch (error) {
              log("error", `Not ready: ${name}`, {}, error);
              return name;
            }
          }),
        );
        const broken = results.filter((name) => name !== undefined);
        if (broken.length === 0) {
          const alive = (await workers.list()).filter(({ status }) => status === "ready").length;
          // A run that is posted now is kept until there is one.
          const warning = { warning: "No worker is alive: runs wait in the queue" };
          return c.json({
            status: "ok" as const,
            workers: alive,
            ...(alive === 0 && warning),
          }, 200);
        }
        throw new HTTPException(503, {
          message: `Cannot take runs: ${broken.join(" and ")} cannot be used`,
        });
      },
    );
}

async function inTime(check: Promise<unknown>, patience: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    const error = new Error(`there is no answer after ${patience} ms`);
    timer = setTimeout(() => reject(error), patience);
  });
  try {
    await Promise.race([check, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function tryWriting(folder: string): Promise<void> {
  const path = join(folder, `.ready.${crypto.randomUUID()}.tmp`);
  await Deno.writeTextFile(path, "ok");
  await Deno.remove(path);
}
