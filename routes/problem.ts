// Errors as RFC 9457 problem details.

import { type OpenAPIHonoOptions, z } from "@hono/zod-openapi";
import type { Context, Env } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Problem, problemsOf } from "../runs/spec/problems.ts";
import { ProblemPage } from "../web/problem.tsx";

/** The body of every error. */
const ProblemDetails = z.object({
  type: z.string().openapi({ example: "about:blank" }),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  errors: z.array(z.object({
    path: z.string().openapi({ description: "JSON Pointer of the bad field." }),
    message: z.string(),
    allowed: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  })).optional(),
}).openapi("Problem");

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** A browser that asks for one of the pages wants one. */
function isForReading({ req }: Context): boolean {
  return !req.path.startsWith("/v1/") && (req.header("Accept") ?? "").includes("text/html");
}

/** Answers with a problem: as JSON, or as a page where a person looks. */
export function problem(
  context: Context,
  status: ContentfulStatusCode,
  detail: string,
  errors?: readonly Problem[],
): Response {
  const body = {
    type: "about:blank",
    title: TITLES[status] ?? "Error",
    status,
    detail,
    instance: context.req.path,
    ...(errors && { errors }),
  };
  if (isForReading(context)) {
    const page = ProblemPage({ title: body.title, detail, problems: errors ?? [] });
    return context.html(`<!doctype html>${page}`, status) as Response;
  }
  context.header("Content-Type", "application/problem+json");
  return context.body(JSON.stringify(body), status);
}

/** Documents an error answer of a route. */
export function problemResponse(description: string) {
  return { description, content: { "application/problem+json": { schema: ProblemDetails } } };
}

/**
 * The one validation hook: every rejected request is a problem with the JSON path of each bad field.
 * `body` is the schema of the request's JSON, which knows the names that are allowed.
 */
export function validation(body: z.ZodType = z.any()): OpenAPIHonoOptions<Env> {
  return {
    defaultHook: (result, context) => {
      if (result.success) return;
      const { target } = result;
      // On failure the validator hands over what was sent as `data`.
      const sent = (result as { data?: unknown }).data;
      const schema = target === "json" ? body : z.any();
      const errors = problemsOf(schema, sent, result.error as z.ZodError);
      const where = target === "json" ? "body" : target;
      return problem(context, 422, `Cannot accept the request: its ${where} is invalid`, errors);
    },
  };
}
