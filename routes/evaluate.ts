// POST /v1/evaluate: how good a model is, with or without an adapter.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { streamSSE } from "hono/streaming";
import { EvaluateRequest, EvaluateResponse, type EvaluateResult } from "../runs/spec/evaluate.ts";
import type { Accepted, JobEvent } from "../runs/worker/generation_protocol.ts";
import { clientGone } from "./aborted.ts";
import type { AppContext } from "./app.ts";
import { problemResponse, validation } from "./problem.ts";

const evaluate = createRoute({
  method: "post",
  path: "/v1/evaluate",
  tags: ["generation"],
  summary: "NLL of a data set, or accuracy on problems with answers",
  request: {
    headers: z.object({ accept: z.string().optional() }),
    body: { required: true, content: { "application/json": { schema: EvaluateRequest } } },
  },
  responses: {
    200: {
      description: "What was found; as `text/event-stream`, `progress` events before the `result`",
      content: {
        "application/json": { schema: EvaluateResponse },
        "text/event-stream": { schema: z.string() },
      },
    },
    422: problemResponse("The request is invalid, or does not fit the model"),
    503: problemResponse("The process that evaluates broke; another one takes the next request"),
  },
});

/** Evaluation. */
export function evaluateRoutes({ generation }: Pick<AppContext, "generation">): OpenAPIHono {
  const app = new OpenAPIHono(validation(EvaluateRequest));
  app.openapi(evaluate, async (c) => {
    const request = c.req.valid("json");
    const { model, adapter = null, seed } = request;
    const gone = new AbortController();
    const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
    const events = generation.run({ kind: "evaluate", request }, signal);
    const accepted = await first(events);
    const { backend, device } = accepted;
    const answer = (result: EvaluateResult) => ({ model, adapter, backend, device, seed, result });
    if (!c.req.valid("header").accept?.includes("text/event-stream")) {
      for await (const event of events) {
        if (event.type === "result") return c.json(answer(event.result), 200);
      }
      throw clientGone();
    }
    c.header("X-Accel-Buffering", "no");
    return streamSSE(c, async (out) => {
      out.onAbort(() => gone.abort());
      for await (const event of events) {
        if (event.type === "progress") {
          const { done, total } = event;
          await out.writeSSE({ event: "progress", data: JSON.stringify({ done, total }) });
        } else if (event.type === "result") {
          await out.writeSSE({ event: "result", data: JSON.stringify(answer(event.result)) });
        }
      }
    }, async (error, out) => {
      await out.writeSSE({ event: "failed", data: JSON.stringify({ message: error.message }) });
    }) as never;
  });
  return app;
}

/** What a request runs on; what is wrong with it is thrown here. */
async function first(events: AsyncGenerator<JobEvent>): Promise<Accepted> {
  const { value } = await events.next();
  if (value?.type !== "accepted") throw clientGone();
  return value;
}
