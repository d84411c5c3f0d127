// Archives: a run or a sweep as one file, out of this host and into another.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { importArchive } from "../runs/archive/import.ts";
import { packArchive } from "../runs/archive/pack.ts";
import { isFinal, type Run } from "../runs/spec/run.ts";
import { standaloneChart } from "../web/standalone_chart.ts";
import type { AppContext } from "./app.ts";
import { problemResponse, validation } from "./problem.ts";
import { known, knownSweep, RunPath } from "./run_path.ts";

/** The type of an archive. */
const TYPE = "application/gzip";

const archive = {
  200: {
    description: "A gzipped tar archive",
    content: { [TYPE]: { schema: z.string().openapi({ format: "binary" }) } },
  },
  404: problemResponse("There is no such run or sweep"),
  409: problemResponse("It has not ended"),
};

const ofRun = createRoute({
  method: "get",
  path: "/v1/runs/{id}/archive",
  tags: ["archives"],
  summary: "A run that has ended as one file: spec, versions, metrics, events, weights, figure",
  request: { params: RunPath },
  responses: archive,
});

const ofSweep = createRoute({
  method: "get",
  path: "/v1/sweeps/{id}/archive",
  tags: ["archives"],
  summary: "A sweep with all its runs as one file",
  request: { params: RunPath },
  responses: archive,
});

const post = createRoute({
  method: "post",
  path: "/v1/archives",
  tags: ["archives"],
  summary: "Take an archive in",
  description: "Runs that are here already are left as they are.",
  request: {
    body: {
      required: true,
      content: { [TYPE]: { schema: z.string().openapi({ format: "binary" }) } },
    },
  },
  responses: {
    201: {
      description: "What has come in",
      content: {
        "application/json": {
          schema: z.object({
            runs: z.array(z.string()),
            sweep: z.string().nullable(),
            known: z.array(z.string()).openapi({ description: "Runs that were here already." }),
          }),
        },
      },
    },
    415: problemResponse("The body is no application/gzip"),
    422: problemResponse(
      "It is no archive of runs that have ended, or is damaged: nothing changes",
    ),
  },
});

/** Archives. */
export function archiveRoutes(context: AppContext): OpenAPIHono {
  const { store, sweeps } = context;
  const app = new OpenAPIHono(validation());
  const file = (name: string) => ({
    "Content-Type": TYPE,
    "Content-Disposition": `attachment; filename="${name}.tar.gz"`,
  });
  app.openapi(ofRun, async (c) => {
    const { id } = c.req.valid("param");
    const run = ended([known(await store.get(id), id)]);
    return c.body(
      packArchive(run, undefined, { ...context, draw: standaloneChart }),
      200,
      file(id),
    );
  });
  app.openapi(ofSweep, async (c) => {
    const { id } = c.req.valid("param");
    const sweep = knownSweep(await sweeps.get(id), id);
    const runs = ended(sweep.runs.map(({ run }) => run));
    return c.body(packArchive(runs, sweep, { ...context, draw: standaloneChart }), 200, file(id));
  });
  app.openapi(post, async (c) => {
    const type = c.req.header("Content-Type");
    if (type !== TYPE || !c.req.raw.body) {
      throw new HTTPException(415, {
        message: `Cannot read the body: it is "${type ?? ""}", expected "${TYPE}"`,
      });
    }
    return c.json(await importArchive(c.req.raw.body, context), 201);
  });
  return app;
}

function ended(runs: readonly Run[]): readonly Run[] {
  const open = runs.find(({ status }) => !isFinal(status));
  if (!open) return runs;
  throw new HTTPException(409, { message: `Run "${open.id}" has not ended: it is ${open.status}` });
}
