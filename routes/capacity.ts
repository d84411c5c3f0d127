// POST /v1/capacity: bits, rank, FLOPs, memory and a verdict, from formulas alone.

import { createRoute, OpenAPIHono, type OpenAPIHonoOptions } from "@hono/zod-openapi";
import type { Env } from "hono";
import {
  answerCapacity,
  capacityRequestSchema,
  capacityResponseSchema,
} from "../runs/spec/capacity.ts";
import { problemResponse } from "./problem.ts";

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

/** The capacity calculator; `options` carries the hook that answers invalid questions. */
export function capacityRoutes(options: OpenAPIHonoOptions<Env>): OpenAPIHono {
  const app = new OpenAPIHono(options);
  app.openapi(route, (c) => c.json(answerCapacity(c.req.valid("json")), 200));
  return app;
}
