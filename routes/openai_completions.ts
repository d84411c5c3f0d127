// POST /v1/chat/completions and /v1/completions, for OpenAI's clients: the model is `base` or `base:adapter`.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import {
  ChatCompletionRequest,
  chatJob,
  completionJob,
  CompletionRequest,
} from "../runs/spec/openai.ts";
import { CODE_VERSION } from "../runs/submit_run.ts";
import type { Accepted, Delta, GenerateJob, JobEvent } from "../runs/worker/generation_protocol.ts";
import { clientGone } from "./aborted.ts";
import type { AppContext } from "./app.ts";
import { collect, type Collected, usageOf } from "./collect_completions.ts";
import { openaiError, openaiValidation } from "./openai_error.ts";
import { freshSeed } from "./seed.ts";

const ErrorBody = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
}).openapi("OpenAIError");

/** The two endpoints differ in how a choice is written, whole and in pieces. */
interface Format {
  readonly object: string;
  readonly chunk: string;
  readonly prefix: string;
  choice(completion: Collected, logprobs: boolean): object;
  /** `at`: characters of the choice that were told before. */
  piece(delta: Delta, logprobs: boolean, at: number): object;
  /** What a stream begins each choice with. */
  readonly opening: object | undefined;
}

/** Tokens as text with their log-probabilities. */
type Scored = Pick<Delta, "tokens" | "logprobs">;

const chatLogprobs = ({ tokens, logprobs }: Scored) => ({
  content: tokens.map(({ text, bytes }, i) => ({
    token: text,
    logprob: logprobs[i]!,
    bytes,
    top_logprobs: [],
  })),
  refusal: null,
});

const CHAT: Format = {
  object: "chat.completion",
  chunk: "chat.completion.chunk",
  prefix: "chatcmpl",
  opening: { role: "assistant", content: "", refusal: null },
  choice: (completion, logprobs) => ({
    message: { role: "assistant", content: completion.text, refusal: null },
    logprobs: logprobs ? chatLogprobs(completion) : null,
  }),
  piece: (delta, logprobs) => ({
    delta: delta.text ? { content: delta.text } : {},
    logprobs: logprobs && delta.tokens.length > 0 ? chatLogprobs(delta) : null,
  }),
};

const textLogprobs = ({ tokens, logprobs }: Scored, at: number) => ({
  tokens: tokens.map(({ text }) => text),
  token_logprobs: logprobs,
  top_logprobs: null,
  text_offset: tokens.map(({ bytes }, i) => {
    const begun = at + charactersBegun(tokens.slice(0, i));
    return bytes.length > 0 && !beginsCharacter(bytes[0]!) ? Math.max(0, begun - 1) : begun;
  }),
});

const beginsCharacter = (byte: number) => (byte & 0xc0) !== 0x80;

function charactersBegun(tokens: Scored["tokens"]): number {
  return tokens.reduce((sum, { bytes }) => sum + bytes.filter(beginsCharacter).length, 0);
}

const TEXT: Format = {
  object: "text_completion",
  chunk: "text_completion",
  prefix: "cmpl",
  opening: undefined,
  choice: (completion, logprobs) => ({
    text: completion.text,
    logprobs: logprobs ? textLogprobs(completion, 0) : null,
  }),
  piece: (delta, logprobs, at) => ({
    text: delta.text ?? "",
    logprobs: logprobs ? textLogprobs(delta, at) : null,
  }),
};

const responses = {
  200: {
    description: "The completion, or with `stream` its pieces as server-sent events",
    content: {
      "application/json": { schema: z.looseObject({ id: z.string(), object: z.string() }) },
      "text/event-stream": { schema: z.string() },
    },
  },
  400: {
    description: "The request is invalid, or asks for what is not supported",
    content: { "application/json": { schema: ErrorBody } },
  },
  404: {
    description: "No such model or adapter",
    content: { "application/json": { schema: ErrorBody } },
  },
};

const chat = createRoute({
  method: "post",
  path: "/v1/chat/completions",
  tags: ["generation"],
  summary: "OpenAI's chat completions, with the model's chat template",
  request: {
    body: { required: true, content: { "application/json": { schema: ChatCompletionRequest } } },
  },
  responses,
});

const text = createRoute({
  method: "post",
  path: "/v1/completions",
  tags: ["generation"],
  summary: "OpenAI's completions",
  request: {
    body: { required: true, content: { "application/json": { schema: CompletionRequest } } },
  },
  responses,
});

/** Generation in OpenAI's format. */
export function openaiRoutes({ generation }: Pick<AppContext, "generation">): OpenAPIHono {
  const chats = new OpenAPIHono(openaiValidation(ChatCompletionRequest));
  const texts = new OpenAPIHono(openaiValidation(CompletionRequest));
  chats.onError(openaiError);
  texts.onError(openaiError);
  chats.openapi(chat, async (c) => {
    const body = c.req.valid("json");
    return await answer(c, CHAT, body, chatJob(body, freshSeed()), generation) as never;
  });
  texts.openapi(text, async (c) => {
    const body = c.req.valid("json");
    return await answer(c, TEXT, body, completionJob(body, freshSeed()), generation) as never;
  });
  return new OpenAPIHono().route("/", chats).route("/", texts) as OpenAPIHono;
}

async function answer(
  c: Context,
  format: Format,
  { model, stream, stream_options }: ChatCompletionRequest | CompletionRequest,
  request: GenerateJob,
  generation: AppContext["generation"],
): Promise<Response> {
  const gone = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
  const events = generation.run({ kind: "generate", request }, signal);
  const head = (object: string, { backend }: Accepted) => ({
    id: `${format.prefix}-${crypto.randomUUID().replaceAll("-", "")}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model,
    system_fingerprint: `noregret-${CODE_VERSION}-${backend}`,
  });
  if (!stream) {
    const { accepted, completions, usage } = await collect(events, request);
    const choices = completions.map((completion, index) => ({
      index,
      ...format.choice(completion, request.logprobs),
      finish_reason: completion.finish_reason,
    }));
    return c.json({ ...head(format.object, accepted), choices, usage });
  }

  // What is wrong with the request is told by the status, so the stream begins after the first event.
  const { value: accepted } = await events.next();
  if (accepted?.type !== "accepted") throw clientGone();
  const start = head(format.chunk, accepted);
  const include_usage = stream_options?.include_usage ?? false;
  c.header("X-Accel-Buffering", "no");
  return streamSSE(c, async (out) => {
    out.onAbort(() => gone.abort());
    const send = (choices: readonly object[], usage: object | null = null) =>
      out.writeSSE({
        data: JSON.stringify({ ...start, choices, ...(include_usage && { usage }) }),
      });
    try {
      const count = accepted.prompt_tokens.length * request.num_generations;
      if (format.opening) {
        for (let index = 0; index < count; index++) {
          await send([{ index, delta: format.opening, logprobs: null, finish_reason: null }]);
        }
      }
      const told = Array<number>(count).fill(0);
      const drawn = await relay(events, async (delta) => {
        const { completion: index, finish_reason } = delta;
        if (!delta.text && finish_reason === null && !request.logprobs) return;
        const piece = format.piece(delta, request.logprobs, told[index]!);
        told[index]! += charactersBegun(delta.tokens);
        await send([{ index, ...piece, finish_reason }]);
      });
      if (include_usage) await send([], usageOf(accepted, [{ ids: { length: drawn } }]));
      await out.writeSSE({ data: "[DONE]" });
    } catch (error) {
      const body = await openaiError(error as Error, c).text();
      await out.writeSSE({ data: body });
    }
  });
}

/** Passes pieces on; gives the number of tokens. */
async function relay(
  events: AsyncIterable<JobEvent>,
  send: (delta: Delta) => Promise<void>,
): Promise<number> {
  let drawn = 0;
  for await (const event of events) {
    if (event.type !== "delta") continue;
    drawn += event.ids.length;
    await send(event);
  }
  return drawn;
}
