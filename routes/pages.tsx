// The dashboard: pages for people over the same stores as the API. What a page looks like is in web/.

import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { listCheckpoints, trainedArtifact } from "../runs/checkpoint_files.ts";
import { type Run, RunStatus } from "../runs/spec/run.ts";
import { explainWaiting } from "../runs/workers/explain_waiting.ts";
import { cancelSweep } from "../runs/sweeps/cancel_sweep.ts";
import { bestFirst, summarize } from "../runs/sweeps/summarize.ts";
import { ASSETS } from "../web/assets.ts";
import { chartOptions } from "../web/chart_controls.tsx";
import { ComparePage } from "../web/compare.tsx";
import { LiveRun, RunPage } from "../web/run.tsx";
import { RunsPage } from "../web/runs.tsx";
import { SweepPage, SweepsPage } from "../web/sweeps.tsx";
import type { AppContext } from "./app.ts";
import { launchPages } from "./launch_pages.tsx";
import { known, knownSweep } from "./run_path.ts";
import { toolPages } from "./tool_pages.tsx";

/** Runs of a page. */
const PAGE = 50;
/** Points that a curve is drawn from: more than a screen has pixels. */
const CHART_POINTS = 1000;
/** Runs of a comparison. */
const MOST_COMPARED = 32;
const MOST_SAMPLES = 10;

/** All pages. */
export function pageRoutes(context: AppContext): Hono {
  const { store, sweeps, workers, wake } = context;
  const app = new Hono();

  app.get("/web/:name", (c) => {
    const name = c.req.param("name");
    const text = ASSETS.get(name);
    if (text === undefined) throw new HTTPException(404, { message: `There is no "${name}"` });
    const type = name.endsWith(".css") ? "text/css" : "text/javascript";
    return c.body(text, 200, {
      "Content-Type": `${type}; charset=utf-8`,
      "Cache-Control": "no-cache",
    });
  });

  app.get("/", async (c) => {
    const status = RunStatus.safeParse(c.req.query("status")).data;
    const found = await store.list({
      status,
      before: c.req.query("cursor") || undefined,
      limit: PAGE + 1,
    });
    const runs = await explainWaiting(found.slice(0, PAGE), workers);
    const cursor = found.length > PAGE ? runs.at(-1)!.id : undefined;
    return page(c, <RunsPage runs={runs} status={status} cursor={cursor} />);
  });

  app.get("/runs/:id", async (c) => {
    const id = c.req.param("id");
    const run = known(await store.get(id), id);
    const props = {
      ...await detailsOf(run, context),
      options: chartOptions(c.req.query(), [run.spec.task.kind]),
    };
    if (c.req.query("part") === "live") return c.html(<LiveRun {...props} />);
    return page(c, <RunPage {...props} />);
  });

  app.post("/runs/:id/cancel", async (c) => {
    const id = c.req.param("id");
    known(await store.requestCancel(id), id);
    wake();
    return c.redirect(`/runs/${id}`, 303);
  });

  app.get("/compare", async (c) => {
    const { sweep, ids } = c.req.query();
    const chosen = sweep !== undefined
      ? bestFirst(summarize(knownSweep(await sweeps.get(sweep), sweep)))
      : [...c.req.queries("id") ?? [], ...(ids ?? "").split(",").filter((id) => id !== "")];
    const runs = await Promise.all(
      chosen.slice(0, MOST_COMPARED).map(async (id) => ({
        run: known(await store.get(id), id),
        points: await store.points(id, CHART_POINTS),
      })),
    );
    return page(
      c,
      <ComparePage
        runs={runs}
        chosen={chosen.length}
        kept={sweep !== undefined ? { sweep } : { ids: chosen.join(",") }}
        options={chartOptions(c.req.query(), runs.map(({ run }) => run.spec.task.kind))}
      />,
    );
  });

  app.get("/sweeps", async (c) => {
    const all = await Promise.all((await sweeps.list(PAGE)).map((id) => sweeps.get(id)));
    return page(c, <SweepsPage sweeps={all.flatMap((sweep) => sweep ? [summarize(sweep)] : [])} />);
  });

  app.get("/sweeps/:id", async (c) => {
    const id = c.req.param("id");
    const sweep = knownSweep(await sweeps.get(id), id);
    return page(c, <SweepPage sweep={summarize(sweep)} />);
  });

  app.post("/sweeps/:id/cancel", async (c) => {
    const id = c.req.param("id");
    await cancelSweep(knownSweep(await sweeps.get(id), id), store);
    wake();
    return c.redirect(`/sweeps/${id}`, 303);
  });

  app.route("/", launchPages(context));
  app.route("/", toolPages(context));
  return app;
}

/** Answers with a whole page. */
export function page(c: Context, content: unknown, status: 200 | 422 = 200) {
  return c.html(`<!doctype html>${content}`, status);
}

async function detailsOf(stored: Run, { store, workers, artifacts }: AppContext) {
  const [run] = await explainWaiting([stored], workers) as [Run];
  const trained = await trainedArtifact(artifacts, run);
  return {
    run,
    points: await store.points(run.id, CHART_POINTS),
    checkpoints: await listCheckpoints(artifacts, run.id),
    files: [...trained?.files.keys() ?? []],
    samples: await store.lastEvents(run.id, "completions", MOST_SAMPLES),
  };
}
