// Requests that a browser makes for a page of another site: it adds its user's password by itself, and it
// reaches services that only listen to their own machine.

import type { MiddlewareHandler } from "hono";
import { isLoopback } from "../runs/address.ts";
import { problem } from "./problem.ts";

/** What a browser sends to any site without asking it first. */
const FORM = /^(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\b/i;

/**
 * Refuses what pages of other sites ask to be changed. `loopbackOnly`, for a service that knows no keys: also
 * what comes under a name of another site, which may have been made to lead here (DNS rebinding).
 */
export function refuseOtherSites(loopbackOnly: boolean): MiddlewareHandler {
  return async (c, next) => {
    const { hostname, host } = new URL(c.req.url);
    if (loopbackOnly && !isLoopback(hostname)) {
      const expected = "expected localhost or 127.0.0.1, or NOREGRET_API_KEYS to be set";
      return problem(c, 421, `Cannot answer for ${host}: ${expected}`);
    }
    const safe = c.req.method === "GET" || c.req.method === "HEAD" || c.req.method === "OPTIONS";
    const site = c.req.header("Sec-Fetch-Site"), origin = c.req.header("Origin");
    const form = FORM.test(c.req.header("Content-Type") ?? "") && !c.req.path.startsWith("/v1/");
    const own = site !== undefined
      ? site === "same-origin" || site === "none"
      : origin !== undefined
      ? URL.parse(origin)?.host === host
      : !form;
    if (!safe && !own) {
      return problem(c, 403, "Cannot change anything for a page of another site");
    }
    await next();
  };
}
