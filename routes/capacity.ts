// POST /v1/capacity: bits, rank, FLOPs, memory and a verdict, from formulas alone.

import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { estimateRunTime } from "../runs/estimate_run_time.ts";
import {
  answerCapacity,
  capacityRequestSchema,
  capacityResponseSchema,
} from "../runs/spec/capacity.ts";
import type { RunStore } from "../runs/store/run_store.ts";
import { problemResponse, validation } from "./problem.ts";

const route = createRoute({
  method: "post",
  path: "/v1/capacity",
  summary: "Whether LoRA holds a data set, at which rank, and what it costs",
  tags: ["capacity"],
  request: {
    body: {
      required: true,
      content: {
        "application/json": {
          schema: capacityRequestSchema,
          example: {
            model: "meta-llama/Llama-3.1-8B",
            r: 128,
            target_modules: "all",
            dataset: { examples: 10000, tokens_per_example: 1000, bits_per_token: 1 },
          },
        },
      },
    },
  },
  responses: {
    200: {
      description: "The answer",
      content: { "application/json": { schema: capacityResponseSchema } },
    },
    422: problemResponse("A field that is unknown, missing or out of range"),
  },
});

/** The capacity calculator. */
export function capacityRoutes({ store }: { readonly store: RunStore }): OpenAPIHono {
  const app = new OpenAPIHono(validation(capacityRequestSchema));
  app.openapi(route, async (c) => {
    const request = c.req.valid("json");
    const run_time = await estimateRunTime(request, store);
    return c.json({ ...answerCapacity(request), run_time }, 200);
  });
  return app;
}
