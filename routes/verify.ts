// POST /verify: whether answers are mathematically equal to the gold ones.

import { createRoute, OpenAPIHono, type OpenAPIHonoOptions, z } from "@hono/zod-openapi";
import type { Env } from "hono";
import { ANSWER_LANGUAGES, verifyBatch, type VerifyItem } from "../wasm/verify.ts";
import { boundedArray } from "./bounded_array.ts";
import { problemResponse } from "./problem.ts";

const MAX_ITEMS = 1000;
const MAX_CHARACTERS = 20_000;
const MAX_STRINGS = 64;

const text = z.string().max(MAX_CHARACTERS);

const options = z.strictObject({
  targets: z.array(z.enum(["latex", "expr", "string"])).min(1).max(3).optional(),
  precision: z.int().min(0).max(60).optional().meta({
    description: "Decimals at which a decimal number is compared; 6 by default",
  }),
  boxed_match_priority: z.int().min(-1).max(1000).optional(),
  strict: z.boolean().optional(),
  allow_set_relation_comp: z.boolean().optional(),
  extraction_mode: z.enum(["first_match", "any_match"]).optional(),
  fallback_mode: z.enum(["first_match", "no_fallback"]).optional(),
  strings: z.array(z.string().min(1).max(100)).min(1).max(MAX_STRINGS).optional(),
  lowercase: z.boolean().optional(),
  language: z.enum(ANSWER_LANGUAGES).optional().meta({
    description: "Only its words announce an answer; by default every known language's do",
  }),
  reasoning_delimiter: z.string().min(1).max(100).optional(),
});

/** The body of POST /verify. */
export const verifyRequestSchema = z.strictObject({
  items: boundedArray(
    z.strictObject({
      gold: text.meta({ example: "$\\frac{1}{2}$" }),
      prediction: text.meta({ example: "The answer is \\boxed{0.5}." }),
      options: options.optional(),
    }),
    MAX_ITEMS,
  ),
});

const verifyResponse = z.object({
  results: z.array(z.object({
    equal: z.boolean(),
    rule: z.string().nullable().openapi({ description: "What made them equal" }),
    confidence: z.number(),
    error_bound: z.number().optional().openapi({
      description: "The relative error within which values were equal, where evaluation was needed",
    }),
    gold_parsed: z.string().nullable(),
    prediction_parsed: z.string().nullable(),
    error: z.string().optional().openapi({ description: "Why nothing could be compared" }),
  })),
});

const route = createRoute({
  method: "post",
  path: "/verify",
  summary: "Whether math answers are equal to the gold ones",
  tags: ["verifier"],
  request: {
    body: { required: true, content: { "application/json": { schema: verifyRequestSchema } } },
  },
  responses: {
    200: {
      description: "One result an item",
      content: { "application/json": { schema: verifyResponse } },
    },
    422: problemResponse("A field that is unknown, missing or out of range"),
  },
});

/** The verifier's route; to be mounted under /v1. */
export function verifyRoutes<E extends Env = Env>(
  hook?: OpenAPIHonoOptions<E>,
): OpenAPIHono<E> {
  const app = new OpenAPIHono<E>(hook);
  app.openapi(route, (c) => {
    const { items } = c.req.valid("json");
    return c.json({ results: verifyBatch(items as VerifyItem[]) }, 200);
  });
  return app;
}
