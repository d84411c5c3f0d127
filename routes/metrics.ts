// GET /metrics, for Prometheus, and the clock that stops the time of every request.

import { Hono } from "hono";
import { matchedRoutes } from "hono/route";
import { METRICS_TYPE, type ServiceMetrics } from "../runs/service_metrics.ts";

/** The metrics of the process. */
export function metricsRoutes(metrics: ServiceMetrics): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    const started = performance.now();
    await next();
    // The pattern, not the path: ids would make a series each. Those with a star are middleware.
    const route = matchedRoutes(c).find(({ path }) => !path.includes("*"))?.path ?? "none";
    metrics.answered(c.req.method, route, c.res.status, (performance.now() - started) / 1000);
  });
  app.get(
    "/metrics",
    async (c) => c.body(await metrics.text(), 200, { "Content-Type": METRICS_TYPE }),
  );
  return app;
}
