// POST /v1/generate: continues prompts with a model, with or without an adapter.

import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import {
  type GeneratedCompletion,
  GenerateRequest,
  GenerateResponse,
} from "../runs/spec/generate.ts";
import type { AppContext } from "./app.ts";
import { collect } from "./collect_completions.ts";
import { problemResponse, validation } from "./problem.ts";
import { freshSeed } from "./seed.ts";

const generate = createRoute({
  method: "post",
  path: "/v1/generate",
  tags: ["generation"],
  summary: "Continue prompts or answer a conversation",
  request: {
    body: { required: true, content: { "application/json": { schema: GenerateRequest } } },
  },
  responses: {
    200: {
      description: "The completions, in order of prompts",
      content: { "application/json": { schema: GenerateResponse } },
    },
    422: problemResponse("The request is invalid, or does not fit the model"),
    503: problemResponse("The process that generates broke; another one takes the next request"),
  },
});

/** Generation in our own format. */
export function generateRoutes({ generation }: Pick<AppContext, "generation">): OpenAPIHono {
  const app = new OpenAPIHono(validation(GenerateRequest));
  app.openapi(generate, async (c) => {
    const body = c.req.valid("json");
    const request = { ...body, seed: body.seed ?? freshSeed() };
    const events = generation.run({ kind: "generate", request }, c.req.raw.signal);
    const { accepted, completions, usage } = await collect(events, request);
    const { backend, device } = accepted;
    const answers = completions.map(({ logprobs, tokens: _, ...rest }, i): GeneratedCompletion => ({
      prompt: Math.floor(i / request.num_generations),
      index: i % request.num_generations,
      ...rest,
      ...(request.logprobs && { logprobs }),
    }));
    const { model, adapter = null, seed } = request;
    return c.json({ model, adapter, backend, device, seed, completions: answers, usage }, 200);
  });
  return app;
}
