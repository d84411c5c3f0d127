// GET /healthz: the process answers. GET /readyz: it can take runs.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import type { RunStore } from "../runs/store/run_store.ts";
import { problemResponse } from "./problem.ts";

const Status = z.object({ status: z.literal("ok") });
const ok = { description: "Yes", content: { "application/json": { schema: Status } } };

/** Liveness and readiness. */
export function healthRoutes({ store }: { store: RunStore }): OpenAPIHono {
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
        summary: "Whether runs can be taken: the store answers",
        responses: { 200: ok, 503: problemResponse("The store does not answer") },
      }),
      async (c) => {
        try {
          await store.list({ limit: 1 });
        } catch (error) {
          console.error("The store does not answer:", error);
          throw new HTTPException(503, {
            message: "Cannot take runs: the store does not answer",
          });
        }
        return c.json({ status: "ok" as const }, 200);
      },
    );
}
