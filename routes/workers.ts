// GET /v1/workers: who trains, on what, and what.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { Worker } from "../runs/spec/worker.ts";
import type { WorkerStore } from "../runs/workers/worker_store.ts";

/** The workers. */
export function workerRoutes({ workers }: { readonly workers: WorkerStore }): OpenAPIHono {
  return new OpenAPIHono().openapi(
    createRoute({
      method: "get",
      path: "/v1/workers",
      tags: ["workers"],
      summary: "The workers of the last day with their devices, those that live first",
      responses: {
        200: {
          description: "All of them",
          content: { "application/json": { schema: z.object({ workers: z.array(Worker) }) } },
        },
      },
    }),
    async (c) => c.json({ workers: await workers.list() }, 200),
  );
}
