// The service's routes, put together. Errors become HTTP answers here and nowhere else.

import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import type { MiddlewareHandler } from "hono";
import { isFull, isUnreachable } from "../runs/faults.ts";
import { log } from "../runs/log.ts";
import type { ServiceMetrics } from "../runs/service_metrics.ts";
import { InvalidSpecError } from "../runs/spec/problems.ts";
import { CODE_VERSION, type SubmitContext } from "../runs/submit_run.ts";
import { IdempotencyConflictError } from "../runs/store/run_store.ts";
import type { WorkerStore } from "../runs/workers/worker_store.ts";
import type { SweepStore } from "../runs/store/sweep_store.ts";
import {
  GenerationFailedError,
  type GenerationService,
} from "../runs/worker/generation_service.ts";
import { aborted } from "./aborted.ts";
import { archiveRoutes } from "./archives.ts";
import { capacityRoutes } from "./capacity.ts";
import { datasetRoutes } from "./datasets.ts";
import { docsRoutes } from "./docs.ts";
import { evaluateRoutes } from "./evaluate.ts";
import { figureRoutes } from "./figures.ts";
import { generateRoutes } from "./generate.ts";
import { guard, type GuardOptions } from "./guard.ts";
import { healthRoutes } from "./health.ts";
import { metricsRoutes } from "./metrics.ts";
import { modelRoutes } from "./models.ts";
import { openaiRoutes } from "./openai_completions.ts";
import { pageRoutes } from "./pages.tsx";
import { problem, validation } from "./problem.ts";
import { runRoutes } from "./runs.ts";
import { sweepRoutes } from "./sweeps.ts";
import { tokenizeRoutes } from "./tokenize.ts";
import { workerRoutes } from "./workers.ts";
import { verifyRequestSchema, verifyRoutes } from "./verify.ts";

/** What the routes work with. */
export interface AppContext extends SubmitContext {
  readonly sweeps: SweepStore;
  readonly workers: WorkerStore;
  /** The data folder. */
  readonly home: string;
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  readonly guard: GuardOptions;
  readonly metrics: ServiceMetrics;
  /** Continues prompts in a process of its own. */
  readonly generation: GenerationService;
  /** Tells the workers that there is something to do. */
  readonly wake: () => void;
}

/** Builds the service. */
export function createApp(context: AppContext): OpenAPIHono {
  const app = new OpenAPIHono();
  app.use(requestId());
  app.use(secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      // The API page's script styles its own elements and draws its icons inline.
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", "data:"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  }));
  app.use(leaveBodyOfHead);
  app.use(refuseNul);
  app.route("/", guard(context.guard));
  app.route("/", metricsRoutes(context.metrics));
  const limit = bodyLimit({
    maxSize: context.bodyLimit,
    onError: (c) =>
      problem(c, 413, `Cannot read the body: it is over the limit of ${context.bodyLimit} bytes`),
  });
  // Archives are no JSON, and are read as they come, never whole.
  const isArchive = (path: string) => path === "/v1/archives";
  app.use((c, next) => isArchive(c.req.path) ? next() : limit(c, next));
  app.use(async (c, next) => {
    const type = c.req.header("Content-Type");
    const isJson = /^application\/(.+\+)?json\b/i.test(type ?? "");
    const length = c.req.header("Content-Length") ?? "0";
    const hasBody = type !== undefined || length !== "0" ||
      c.req.header("Transfer-Encoding") !== undefined;
    const ours = c.req.path.startsWith("/v1/") && !isArchive(c.req.path);
    if (c.req.method === "POST" && ours && hasBody && !isJson) {
      const found = type === undefined ? "it has no Content-Type" : `it is "${type}"`;
      return problem(c, 415, `Cannot read the body: ${found}, expected "application/json"`);
    }
    await next();
  });

  app.route("/", healthRoutes(context));
  app.route("/", runRoutes(context));
  app.route("/", sweepRoutes(context));
  app.route("/", archiveRoutes(context));
  app.route("/", workerRoutes(context));
  app.route("/", modelRoutes(context));
  app.route("/", datasetRoutes(context));
  app.route("/", generateRoutes(context));
  app.route("/", evaluateRoutes(context));
  app.route("/", openaiRoutes(context));
  app.route("/", capacityRoutes(context));
  app.route("/", figureRoutes(context));
  app.route("/v1", tokenizeRoutes({ home: context.home }, validation));
  app.route("/v1", verifyRoutes(validation(verifyRequestSchema)));
  app.route("/", docsRoutes());
  app.route("/", pageRoutes(context));
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "noregret",
      version: CODE_VERSION,
      description: "LoRA Without Regret, as a service: post a run spec, get curves and an adapter.",
      license: { name: "Apache-2.0" },
    },
  });

  app.notFound((c) => {
    const methods = methodsOf(app, c.req.path);
    if (methods.length === 0) {
      return problem(c, 404, `There is nothing at ${c.req.path}: see /docs`);
    }
    const allowed = methods.join(", ");
    c.header("Allow", allowed);
    return problem(c, 405, `Cannot ${c.req.method} ${c.req.path}: expected ${allowed}`);
  });
  app.onError((error, c) => {
    if (error instanceof InvalidSpecError) {
      const what = c.req.path.startsWith("/v1/runs") ? "run: its spec" : "request: it";
      return problem(c, 422, `Cannot accept the ${what} is invalid`, error.problems);
    }
    if (error instanceof IdempotencyConflictError) return problem(c, 409, error.message);
    if (error instanceof GenerationFailedError) return problem(c, 503, error.message);
    if (aborted(error)) return new Response(null, { status: 499 });
    if (error instanceof HTTPException) return problem(c, error.status, error.message);
    const { method, path } = c.req;
    log("error", "Cannot answer a request", { method, path, request: c.get("requestId") }, error);
    if (isUnreachable(error) || isFull(error)) {
      c.header("Retry-After", "1");
      return problem(
        c,
        503,
        isFull(error)
          ? "There is no room on a disk: try again when there is"
          : "Cannot reach the database or the store of artifacts: try again in a moment",
      );
    }
    return problem(c, 500, `Something broke here, not in the request: ${c.get("requestId")}`);
  });
  return app;
}

// Nobody reads the body of an answer to HEAD: left alone, an event stream would go on until its run ends.
const leaveBodyOfHead: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.req.method !== "HEAD") return;
  await c.res.body?.cancel();
  c.res = new Response(null, c.res);
};

// No name has one, and PostgreSQL cannot be asked for it.
const refuseNul: MiddlewareHandler = async (c, next) => {
  if (c.req.url.includes("%00")) {
    return problem(c, 400, "Cannot read the address: it holds the character NUL");
  }
  await next();
};

/** The methods that there is a route for at a path; middleware is for every path. */
function methodsOf(app: OpenAPIHono, path: string): string[] {
  return ["GET", "POST"].filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => !route.path.endsWith("*"))
  );
}
