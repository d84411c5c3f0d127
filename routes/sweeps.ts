// /v1/sweeps: many runs of one spec as one resource.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { Sweep, SweepRequest } from "../runs/spec/sweep.ts";
import { cancelSweep } from "../runs/sweeps/cancel_sweep.ts";
import { summarize } from "../runs/sweeps/summarize.ts";
import { submitSweep } from "../runs/sweeps/submit_sweep.ts";
import type { AppContext } from "./app.ts";
import { problemResponse, validation } from "./problem.ts";
import { knownSweep, RunPath } from "./run_path.ts";

const content = { "application/json": { schema: Sweep } };

const post = createRoute({
  method: "post",
  path: "/v1/sweeps",
  tags: ["sweeps"],
  summary: "Queue a run for every combination (`grid`) or item (`list`) of varied fields",
  request: {
    headers: z.object({
      "idempotency-key": z.string().min(1).max(200).optional().openapi({
        description: "The same key and request give the same sweep again.",
      }),
    }),
    body: { required: true, content: { "application/json": { schema: SweepRequest } } },
  },
  responses: {
    202: {
      description: "All runs are stored and queued",
      headers: z.object({ Location: z.string() }),
      content,
    },
    409: problemResponse("The key belongs to a different request"),
    422: problemResponse("The request or one of its runs is invalid: nothing is queued"),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/sweeps",
  tags: ["sweeps"],
  summary: "Sweeps, newest first",
  request: {
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(100).default(20),
      cursor: z.string().max(100).optional().openapi({
        description: "`next_cursor` of the page before.",
      }),
    }),
  },
  responses: {
    200: {
      description: "A page of sweeps, without their runs",
      content: {
        "application/json": {
          schema: z.object({
            sweeps: z.array(Sweep.omit({ runs: true })),
            next_cursor: z.string().nullable(),
          }),
        },
      },
    },
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/sweeps/{id}",
  tags: ["sweeps"],
  summary: "One sweep: its runs, how far they are, and the best so far",
  request: { params: RunPath },
  responses: {
    200: { description: "The sweep", content },
    404: problemResponse("No such sweep"),
  },
});

const cancel = createRoute({
  method: "post",
  path: "/v1/sweeps/{id}/cancel",
  tags: ["sweeps"],
  summary: "Stop all runs of a sweep that have not ended",
  request: { params: RunPath },
  responses: {
    202: { description: "Asked to stop", content },
    404: problemResponse("No such sweep"),
  },
});

/** Everything under /v1/sweeps. */
export function sweepRoutes(context: AppContext): OpenAPIHono {
  const { store, sweeps, wake } = context;
  const known = async (id: string) => knownSweep(await sweeps.get(id), id);
  const app = new OpenAPIHono(validation(SweepRequest));
  app.openapi(post, async (c) => {
    const key = c.req.valid("header")["idempotency-key"];
    const { id, created } = await submitSweep(c.req.valid("json"), context, key);
    if (created) wake();
    c.header("Location", `/v1/sweeps/${id}`);
    return c.json(summarize(await known(id)), 202);
  });
  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const ids = await sweeps.list(limit + 1, cursor);
    const page = await Promise.all(
      ids.slice(0, limit).map(async (id) => {
        const { runs: _, ...sweep } = summarize(await known(id));
        return sweep;
      }),
    );
    return c.json({ sweeps: page, next_cursor: ids.length > limit ? page.at(-1)!.id : null }, 200);
  });
  app.openapi(get, async (c) => c.json(summarize(await known(c.req.valid("param").id)), 200));
  app.openapi(cancel, async (c) => {
    const { id } = c.req.valid("param");
    await cancelSweep(await known(id), store);
    wake();
    return c.json(summarize(await known(id)), 202);
  });
  return app;
}
