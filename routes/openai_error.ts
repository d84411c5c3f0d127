// Errors in OpenAI's format, for clients that were written for it.

import type { OpenAPIHonoOptions, z } from "@hono/zod-openapi";
import type { Context, Env } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { log } from "../runs/log.ts";
import { InvalidSpecError, type Problem, problemsOf } from "../runs/spec/problems.ts";
import { GenerationFailedError } from "../runs/worker/generation_service.ts";
import { aborted } from "./aborted.ts";

function answer(
  context: Context,
  status: ContentfulStatusCode,
  message: string,
  param: string | null = null,
  code: string | null = null,
): Response {
  const type = status < 500 ? "invalid_request_error" : "server_error";
  return context.json({ error: { message, type, param, code } }, status);
}

/** A field in OpenAI's words: prompts are `prompt`, and an adapter is named by the model. */
function fieldOf({ path }: Problem): string {
  return path.slice(1).replace(/^prompts/, "prompt").replace(/^adapter/, "model");
}

function invalid(context: Context, problems: readonly Problem[]): Response {
  const [first] = problems as [Problem];
  const message = problems.map((problem) => `${fieldOf(problem) || "body"}: ${problem.message}`);
  const unknown = first.message.startsWith("Unknown model") ||
    first.message.startsWith("Unknown adapter");
  return answer(
    context,
    unknown ? 404 : 400,
    message.join("; "),
    fieldOf(first) || null,
    unknown ? "model_not_found" : null,
  );
}

/** The validation hook of a route with a request of this schema. */
export function openaiValidation(schema: z.ZodType): OpenAPIHonoOptions<Env> {
  return {
    defaultHook: (result, context) => {
      if (result.success) return;
      const sent = (result as { data?: unknown }).data;
      return invalid(context, problemsOf(schema, sent, result.error as z.ZodError));
    },
  };
}

/** What a handler threw, as an answer. */
export function openaiError(error: Error, context: Context): Response {
  if (error instanceof InvalidSpecError) return invalid(context, error.problems);
  if (error instanceof GenerationFailedError) return answer(context, 503, error.message);
  if (error instanceof HTTPException) return answer(context, error.status as 400, error.message);
  if (aborted(error)) return new Response(null, { status: 499 });
  const { method, path } = context.req;
  log("error", "Cannot answer a request", { method, path }, error);
  return answer(context, 500, "Something broke here, not in the request");
}
