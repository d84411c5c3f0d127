// /v1/runs: post, list, get, cancel. What a run produces is in run_output.ts.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { Run, RunStatus } from "../runs/spec/run.ts";
import { RunSpec } from "../runs/spec/run_spec.ts";
import { explainWaiting } from "../runs/workers/explain_waiting.ts";
import { submitRun } from "../runs/submit_run.ts";
import type { AppContext } from "./app.ts";
import { problemResponse, validation } from "./problem.ts";
import { runOutputRoutes } from "./run_output.ts";
import { known, RunPath } from "./run_path.ts";

const runContent = { "application/json": { schema: Run } };

const post = createRoute({
  method: "post",
  path: "/v1/runs",
  tags: ["runs"],
  summary: "Queue a run",
  request: {
    headers: z.object({
      "idempotency-key": z.string().min(1).max(200).optional().openapi({
        description: "The same key and spec give the same run again.",
      }),
    }),
    body: { required: true, content: { "application/json": { schema: RunSpec } } },
  },
  responses: {
    202: {
      description: "Stored and queued; a run that was queued before under this key is given again",
      headers: z.object({ Location: z.string() }),
      content: runContent,
    },
    409: problemResponse("The key belongs to a different spec"),
    413: problemResponse("The body is over the limit"),
    422: problemResponse("The spec is invalid: each bad field with what is allowed"),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/runs",
  tags: ["runs"],
  summary: "Runs, newest first",
  request: {
    query: z.strictObject({
      status: RunStatus.optional(),
      model: z.string().optional(),
      spec_hash: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.string().max(100).optional().openapi({
        description: "`next_cursor` of the page before.",
      }),
    }),
  },
  responses: {
    200: {
      description: "A page of runs",
      content: {
        "application/json": {
          schema: z.object({ runs: z.array(Run), next_cursor: z.string().nullable() }),
        },
      },
    },
    422: problemResponse("A filter is invalid"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/runs/{id}",
  tags: ["runs"],
  summary: "One run, with status, progress and its last metrics",
  request: { params: RunPath },
  responses: {
    200: { description: "The run", content: runContent },
    404: problemResponse("No such run"),
  },
});

const cancel = createRoute({
  method: "post",
  path: "/v1/runs/{id}/cancel",
  tags: ["runs"],
  summary: "Stop a run: at once if it is queued, after its current step if it is running",
  request: { params: RunPath },
  responses: {
    202: { description: "Asked to stop, or already at its end", content: runContent },
    404: problemResponse("No such run"),
  },
});

/** Everything under /v1/runs. */
export function runRoutes(context: AppContext): OpenAPIHono {
  const { store, workers, wake } = context;
  const explain = async (run: Run) => (await explainWaiting([run], workers))[0]!;
  const app = new OpenAPIHono(validation(RunSpec));
  app.openapi(post, async (c) => {
    const key = c.req.valid("header")["idempotency-key"];
    const { run, created } = await submitRun(c.req.valid("json"), context, key);
    if (created) wake();
    c.header("Location", `/v1/runs/${run.id}`);
    return c.json(await explain(run), 202);
  });
  app.openapi(list, async (c) => {
    const { limit, cursor, spec_hash, status, model } = c.req.valid("query");
    const found = await store.list({
      status,
      model,
      specHash: spec_hash,
      before: cursor,
      limit: limit + 1,
    });
    const runs = await explainWaiting(found.slice(0, limit), workers);
    return c.json({ runs, next_cursor: found.length > limit ? runs.at(-1)!.id : null }, 200);
  });
  app.openapi(get, async (c) => {
    const { id } = c.req.valid("param");
    const run = await store.get(id);
    return c.json(await explain(known(run, id)), 200);
  });
  app.openapi(cancel, async (c) => {
    const { id } = c.req.valid("param");
    const run = await store.requestCancel(id);
    wake();
    return c.json(known(run, id), 202);
  });
  app.route("/", runOutputRoutes(context));
  return app;
}
