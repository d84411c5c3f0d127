// Who may come in, and how often. Keys come as `Authorization: Bearer KEY`; browsers may send one as
// the password of HTTP's own log-in, which they then add to every request by themselves.

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { rateLimiter } from "hono-rate-limiter";
import { getConnInfo } from "hono/deno";
import { allows, type ApiKey, type Scope, scopeOf } from "../runs/api_keys.ts";
import { refuseOtherSites } from "./other_sites.ts";
import { problem } from "./problem.ts";

/** What is asked of requests. */
export interface GuardOptions {
  /** None: everyone may do everything. */
  readonly apiKeys: readonly ApiKey[];
  /** Requests a minute of one client; 0: no limit. */
  readonly rateLimit: number;
  /** Event streams that are open at the same time. */
  readonly maxStreams: number;
}

/** Answers that load balancers need without a key. */
const OPEN = new Set(["/healthz", "/readyz"]);
/** POST requests that change nothing. */
const PURE = new Set([
  "/v1/capacity",
  "/v1/tokenize",
  "/v1/detokenize",
  "/v1/verify",
  "/launch/check",
]);

// Undefined: none is needed.
function neededScope(method: string, path: string): Scope | undefined {
  if (OPEN.has(path)) return undefined;
  if (method === "GET" || method === "HEAD") return "read";
  if (path === "/v1/archives") return "admin";
  return method === "POST" ? PURE.has(path) ? "read" : "run" : "admin";
}

/** The checks that every request goes through. */
export function guard({ apiKeys, rateLimit, maxStreams }: GuardOptions): Hono {
  const app = new Hono();
  app.use(refuseOtherSites(apiKeys.length === 0));
  if (rateLimit > 0) app.use(limitRate(rateLimit));
  if (apiKeys.length > 0) app.use(checkKey(apiKeys));
  app.use("/v1/runs/:id/events", limitStreams(maxStreams));
  return app;
}

function checkKey(apiKeys: readonly ApiKey[]): MiddlewareHandler {
  return async (c, next) => {
    const needed = neededScope(c.req.method, c.req.path);
    if (needed !== undefined) {
      const key = keyOf(c.req.header("Authorization") ?? "");
      const scope = key === undefined ? undefined : scopeOf(key, apiKeys);
      if (scope === undefined) {
        c.header("WWW-Authenticate", 'Basic realm="noregret: an API key as the password"');
        const found = key === undefined ? "there is none" : "it is not known";
        return problem(c, 401, `Cannot let you in: expected an API key, but ${found}`);
      }
      if (!allows(scope, needed)) {
        return problem(c, 403, `Cannot do this with a key for "${scope}": it needs "${needed}"`);
      }
    }
    await next();
  };
}

function keyOf(header: string): string | undefined {
  const [, scheme, value] = /^(\S+) +(\S+)$/.exec(header) ?? [];
  if (/^bearer$/i.test(scheme ?? "")) return value;
  if (!/^basic$/i.test(scheme ?? "")) return undefined;
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(value!));
    return text.slice(text.indexOf(":") + 1) || undefined;
  } catch {
    return undefined;
  }
}

function limitRate(limit: number): MiddlewareHandler {
  return rateLimiter({
    windowMs: 60_000,
    limit,
    standardHeaders: "draft-6",
    keyGenerator: clientOf,
    skip: (c) => OPEN.has(c.req.path),
    handler: (c) =>
      problem(c, 429, `Cannot answer so many requests: expected at most ${limit} a minute`),
  });
}

/** The other end of the connection; behind a proxy all clients are one. */
function clientOf(c: Context): string {
  try {
    return getConnInfo(c).remote.address ?? "unknown";
  } catch {
    // A request that came over no connection: a test's.
    return "local";
  }
}

function limitStreams(most: number): MiddlewareHandler {
  let open = 0;
  return async (c, next) => {
    if (open >= most) {
      c.header("Retry-After", "5");
      return problem(c, 503, `Cannot open another event stream: ${most} are open`);
    }
    // Others may come while this one is looked at.
    open++;
    await next();
    const { body } = c.res;
    if (body === null || c.res.status !== 200) open--;
    else c.res = new Response(onEnd(body, () => open--), c.res);
  };
}

/** The same stream; calls `ended` once when it has ended or was cancelled. */
function onEnd(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  ended: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  let over = false;
  const end = () => {
    if (!over) ended();
    over = true;
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value, done } = await reader.read();
        if (!done) return controller.enqueue(value);
      } catch (error) {
        end();
        throw error;
      }
      end();
      controller.close();
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  });
}
