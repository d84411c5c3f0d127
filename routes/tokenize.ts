// POST /tokenize and /detokenize: text or messages ↔ ids, with a model's own tokeniser.

import { createRoute, OpenAPIHono, type OpenAPIHonoOptions, z } from "@hono/zod-openapi";
import type { Env } from "hono";
import { HTTPException } from "hono/http-exception";
import { boundedArray, idArray } from "./bounded_array.ts";
import { problemResponse } from "./problem.ts";
import type { Message } from "../wasm/chat_message.ts";
import type { EncodeOptions } from "../wasm/tokenizer.ts";
import { TokenizerStore } from "../wasm/tokenizer_store.ts";

const MAX_TEXTS = 1024;
const MAX_CHARACTERS = 16 * 1024 * 1024;
const MAX_IDS = 4 * 1024 * 1024;

const model = z.string().min(1).max(300).openapi({
  description: "A shipped name, or a folder under the models folder",
  example: "noregret/tiny",
});

const message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.null(), z.array(z.unknown())]).optional(),
});

/** The body of POST /tokenize. */
const tokenizeRequestSchema = z.strictObject({
  model,
  texts: boundedArray(z.string(), MAX_TEXTS).optional(),
  text_pairs: boundedArray(z.string(), MAX_TEXTS).optional().openapi({
    description: "For each text a second one, which the model reads after it",
  }),
  messages: boundedArray(message, MAX_TEXTS).optional(),
  add_special_tokens: z.boolean().default(true).openapi({
    description: "Put the model's special tokens around each text; a chat template writes its own",
  }),
  allow_special: z.boolean().default(true).openapi({
    description: "Recognise special tokens that are written in a text",
  }),
  add_generation_prompt: z.boolean().default(false),
  max_length: z.int().min(0).max(MAX_IDS).optional(),
  truncation: z.enum(["longest_first", "only_first", "only_second"]).optional().openapi({
    description: "Which text of a pair is cut; absent: what the file says, else the longer one",
  }),
})
  .refine((body) => (body.texts === undefined) !== (body.messages === undefined), {
    path: ["texts"],
    message: "expected either texts or messages",
  })
  .refine(
    ({ texts, text_pairs: pairs }) => pairs === undefined || pairs.length === texts?.length,
    { path: ["text_pairs"], message: "expected one for each text" },
  )
  .refine(({ text_pairs, truncation }) => text_pairs !== undefined || truncation === undefined, {
    path: ["truncation"],
    message: "expected none without text_pairs",
  })
  .refine(
    ({ texts = [], text_pairs = [] }) =>
      [...texts, ...text_pairs].reduce((sum, text) => sum + text.length, 0) <= MAX_CHARACTERS,
    { path: ["texts"], message: `expected at most ${MAX_CHARACTERS} characters in all` },
  );

const tokenizeResponse = z.object({
  results: z.array(z.object({
    ids: z.array(z.int()),
    tokens: z.array(z.string()),
    offsets: z.array(z.tuple([z.int(), z.int()])).openapi({
      description: "Code points of the text, or of the rendered messages: [start, end)",
    }),
    type_ids: z.array(z.int()).optional().openapi({
      description: "For pairs: which of the two a token belongs to, as the model has it",
    }),
    assistant_mask: z.array(z.int()).optional().openapi({
      description: "For messages: 1 where the assistant speaks",
    }),
    text: z.string().optional().openapi({ description: "For messages: the rendered text" }),
  })),
});

/** The body of POST /detokenize. */
const detokenizeRequestSchema = z.strictObject({
  model,
  ids: boundedArray(idArray(MAX_IDS), MAX_TEXTS),
  skip_special_tokens: z.boolean().default(true),
});

const detokenizeResponse = z.object({ texts: z.array(z.string()) });

/** A JSON body, for a route. */
function json<T extends z.ZodType>(schema: T) {
  return { content: { "application/json": { schema } } };
}

const tokenizeRoute = createRoute({
  method: "post",
  path: "/tokenize",
  summary: "Texts or messages to ids",
  tags: ["tokenizer"],
  request: { body: { required: true, ...json(tokenizeRequestSchema) } },
  responses: {
    200: { description: "One result a text", ...json(tokenizeResponse) },
    404: problemResponse("There is no such model"),
    422: problemResponse("A field that is unknown, missing or out of range"),
  },
});

const detokenizeRoute = createRoute({
  method: "post",
  path: "/detokenize",
  summary: "Ids to texts",
  tags: ["tokenizer"],
  request: { body: { required: true, ...json(detokenizeRequestSchema) } },
  responses: {
    200: { description: "One text a list of ids", ...json(detokenizeResponse) },
    404: problemResponse("There is no such model"),
    422: problemResponse("A field that is unknown, missing or out of range"),
  },
});

/**
 * The tokeniser's routes, for models shipped or under `home`; to be mounted under /v1.
 *
 * @param validation What answers a body that the schema rejects.
 */
export function tokenizeRoutes(
  { home }: { home: string },
  validation?: (body: z.ZodType) => OpenAPIHonoOptions<Env>,
): OpenAPIHono {
  const store = new TokenizerStore(home);
  const tokenize = new OpenAPIHono(validation?.(tokenizeRequestSchema));
  tokenize.openapi(tokenizeRoute, async (c) => {
    const body = c.req.valid("json");
    const { tokenizer, chatTemplate } = await open(store, body.model);
    const result = (
      text: string,
      { pair, ...options }: Pick<EncodeOptions, "addSpecialTokens" | "allowSpecial" | "pair">,
    ) => {
      const { ids, offsets, typeIds } = tokenizer.encode(text, {
        ...options,
        ...(pair !== undefined && { pair }),
        ...(body.truncation && { truncation: body.truncation }),
        offsets: "code_points",
        ...(body.max_length !== undefined && { maxLength: body.max_length }),
      });
      const tokens = Array.from(ids, (id) => tokenizer.idToToken(id) ?? "");
      return {
        ids: [...ids],
        tokens,
        offsets: offsets!,
        ...(typeIds && { type_ids: [...typeIds] }),
      };
    };
    return attempt(() => {
      if (body.texts) {
        const addSpecialTokens = body.add_special_tokens, allowSpecial = body.allow_special;
        const results = body.texts.map((text, i) => {
          const pair = body.text_pairs?.[i];
          return result(text, {
            addSpecialTokens,
            allowSpecial,
            ...(pair !== undefined && { pair }),
          });
        });
        return c.json({ results }, 200);
      }
      if (!chatTemplate) {
        throw new TypeError(`Cannot render messages: "${body.model}" has no chat template`);
      }
      const { text, assistantMask } = chatTemplate.encode(tokenizer, body.messages as Message[], {
        addGenerationPrompt: body.add_generation_prompt,
        ...(body.max_length !== undefined && { maxLength: body.max_length }),
      });
      const rendered = {
        ...result(text, { addSpecialTokens: false, allowSpecial: true }),
        assistant_mask: [...assistantMask],
        text,
      };
      return c.json({ results: [rendered] }, 200);
    });
  });
  const detokenize = new OpenAPIHono(validation?.(detokenizeRequestSchema));
  detokenize.openapi(detokenizeRoute, async (c) => {
    const { model, ids, skip_special_tokens } = c.req.valid("json");
    const { tokenizer } = await open(store, model);
    return attempt(() => {
      const texts = ids.map((list) => tokenizer.decode(list, skip_special_tokens));
      return c.json({ texts }, 200);
    });
  });
  const app = new OpenAPIHono();
  app.route("/", tokenize);
  app.route("/", detokenize);
  return app;
}

/** The tokeniser of a model, or a 404 that says what was looked for. */
async function open(store: TokenizerStore, name: string) {
  try {
    return await store.open(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new HTTPException(404, { message: error.message });
    }
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new HTTPException(422, { message: error.message });
    }
    throw error;
  }
}

/** Runs `call`; what is wrong with the request answers 422. */
function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new HTTPException(422, { message: error.message });
    }
    throw error;
  }
}
