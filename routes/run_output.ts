// What a run produces: events, metrics, checkpoints, the trained weights.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import { ADAPTER_FILES, listCheckpoints, trainedArtifact } from "../runs/checkpoint_files.ts";
import { isUnreachable } from "../runs/faults.ts";
import { metricsCsv, metricsJsonLines, metricsParquet } from "../runs/metrics_format.ts";
import { Checkpoint, isFinal, MetricPoint, type RunEvent } from "../runs/spec/run.ts";
import type { AppContext } from "./app.ts";
import { problemResponse, validation } from "./problem.ts";
import { known, RunPath } from "./run_path.ts";

/** How often a stream looks for new events, in milliseconds. */
const POLL_MS = 100;
/** Between two tries to reach a database that is away, in milliseconds. */
const AWAY_MS = 1000;
/** A comment is sent after this long without an event: it keeps proxies from hanging up. */
const HEARTBEAT_MS = 15_000;
const PAGE = 500;
const PARQUET = "application/vnd.apache.parquet";

const events = createRoute({
  method: "get",
  path: "/v1/runs/{id}/events",
  tags: ["runs"],
  summary: "What happens, as server-sent events; the stream ends with the run",
  request: {
    params: RunPath,
    query: z.strictObject({
      after: z.literal("end").optional().openapi({
        description: "Leaves out what has been: for those who draw the run anew at every event.",
      }),
    }),
    headers: z.object({
      "last-event-id": z.string().regex(/^\d{1,9}$/, "Expected an event's number").optional()
        .openapi({ description: "Goes on after this event, without a gap." }),
    }),
  },
  responses: {
    200: {
      description: "id = the event's number, event = its type, data = JSON",
      content: { "text/event-stream": { schema: z.string() } },
    },
    204: { description: "The run has ended and the client has every event" },
    404: problemResponse("No such run"),
    422: problemResponse("Last-Event-ID is not the number of an event of this run"),
  },
});

const metrics = createRoute({
  method: "get",
  path: "/v1/runs/{id}/metrics",
  tags: ["runs"],
  summary: "The curves, as JSON, CSV, JSON lines or parquet",
  request: {
    params: RunPath,
    query: z.strictObject({
      format: z.enum(["json", "csv", "jsonl", "parquet"]).optional().openapi({
        description: "Absent: by the Accept header.",
      }),
    }),
  },
  responses: {
    200: {
      description: "One point for each logged step",
      content: {
        "application/json": {
          schema: z.object({ run_id: z.string(), points: z.array(MetricPoint) }),
        },
        "text/csv": { schema: z.string() },
        "application/jsonl": { schema: z.string() },
        [PARQUET]: { schema: z.string().openapi({ format: "binary" }) },
      },
    },
    404: problemResponse("No such run"),
  },
});

const checkpoints = createRoute({
  method: "get",
  path: "/v1/runs/{id}/checkpoints",
  tags: ["runs"],
  summary: "Checkpoints, oldest first",
  request: { params: RunPath },
  responses: {
    200: {
      description: "The checkpoints",
      content: {
        "application/json": {
          schema: z.object({ run_id: z.string(), checkpoints: z.array(Checkpoint) }),
        },
      },
    },
    404: problemResponse("No such run"),
  },
});

const adapter = createRoute({
  method: "get",
  path: "/v1/runs/{id}/adapter/{file}",
  tags: ["runs"],
  summary: "The trained weights: PEFT's two files, or model.safetensors for full fine-tuning",
  request: { params: RunPath.extend({ file: z.enum(ADAPTER_FILES) }) },
  responses: {
    200: {
      description: "The file",
      content: { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } },
    },
    404: problemResponse("No such run, or it has no such file (yet)"),
  },
});

/** Everything under /v1/runs/{id}/. */
export function runOutputRoutes({ store, artifacts }: AppContext): OpenAPIHono {
  const app = new OpenAPIHono(validation());

  app.openapi(events, async (c) => {
    const { id } = c.req.valid("param");
    let last = Number(c.req.valid("header")["last-event-id"] ?? 0);
    const run = known(await store.get(id), id);
    if (isFinal(run.status) && (await store.events(id, last, 1)).length === 0) {
      return c.body(null, 204);
    }
    // A number from elsewhere would wait for events that have long been.
    if (last > 0 && (await store.events(id, last - 1, 1)).length === 0) {
      throw new HTTPException(422, { message: `Run "${id}" has no event ${last} yet` });
    }
    if (last === 0 && c.req.valid("query").after === "end") last = await store.lastEvent(id);
    c.header("X-Accel-Buffering", "no");
    return streamSSE(c, async (stream) => {
      let quietSince = Date.now();
      while (!stream.aborted && !stream.closed) {
        let page: RunEvent[];
        try {
          page = await store.events(id, last, PAGE);
        } catch (error) {
          // The stream outlives a database that is started again.
          if (!isUnreachable(error)) throw error;
          await stream.write(": the database is away\n\n");
          await stream.sleep(AWAY_MS);
          continue;
        }
        for (const { seq, type, data } of page) {
          await stream.writeSSE({ id: String(seq), event: type, data: JSON.stringify(data) });
          last = seq;
        }
        // The last event and the final status are one commit, so a final run has no more to come.
        if (page.some(({ type }) => isFinalEvent(type))) return;
        if (page.length > 0) quietSince = Date.now();
        if (page.length === PAGE) continue;
        if (Date.now() - quietSince >= HEARTBEAT_MS) {
          await stream.write(": still here\n\n");
          quietSince = Date.now();
        }
        await stream.sleep(POLL_MS);
      }
    });
  });

  app.openapi(metrics, async (c) => {
    const { id } = c.req.valid("param");
    known(await store.get(id), id);
    const points = await store.points(id);
    const format = c.req.valid("query").format ?? accepted(c.req.header("Accept") ?? "");
    if (format === "json") return c.json({ run_id: id, points }, 200);
    if (format === "parquet") {
      return c.body(metricsParquet(points), 200, { "Content-Type": PARQUET });
    }
    c.header("Content-Type", format === "csv" ? "text/csv; charset=utf-8" : "application/jsonl");
    return c.body(format === "csv" ? metricsCsv(points) : metricsJsonLines(points), 200);
  });

  app.openapi(checkpoints, async (c) => {
    const { id } = c.req.valid("param");
    known(await store.get(id), id);
    const found = await listCheckpoints(artifacts, id);
    return c.json({ run_id: id, checkpoints: found }, 200);
  });

  app.openapi(adapter, async (c) => {
    const { id, file } = c.req.valid("param");
    const run = known(await store.get(id), id);
    const trained = await trainedArtifact(artifacts, run);
    const size = trained?.files.get(file);
    if (trained === undefined || size === undefined) {
      throw new HTTPException(404, {
        message: `Run "${id}" has no ${file}: its status is "${run.status}"`,
      });
    }
    c.header("Content-Length", String(size));
    c.header(
      "Content-Type",
      file.endsWith(".json") ? "application/json" : "application/octet-stream",
    );
    return c.body(await artifacts.read(trained.name, file), 200);
  });
  return app;
}

function isFinalEvent(type: string): boolean {
  return type === "succeeded" || type === "failed" || type === "cancelled";
}

// The first of our types in the client's list; its weights are rarely set and not looked at.
function accepted(accept: string): "json" | "csv" | "jsonl" | "parquet" {
  for (const type of accept.split(",").map((part) => part.split(";")[0]!.trim())) {
    if (type === "text/csv") return "csv";
    if (type === PARQUET) return "parquet";
    if (/^application\/(x-)?(jsonl|ndjson)$/.test(type)) return "jsonl";
    if (type === "application/json") return "json";
  }
  return "json";
}
