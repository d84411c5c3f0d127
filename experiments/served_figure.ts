// A figure as the service gives it: asked for once, drawn from whatever of its runs is done. What was
// asked is a file beside the figures and what was found is in the store, so nothing is lost with
// the process, and a figure that the command line drew is served from the same files.

import type { Places } from "../runs/places.ts";
import type { FigureProgress } from "../runs/spec/figure_request.ts";
import { isFinal } from "../runs/spec/run.ts";
import { specHash } from "../runs/spec/spec_hash.ts";
import type { RunStore } from "../runs/store/run_store.ts";
import { submitRun } from "../runs/submit_run.ts";
import { availableBackend } from "../runs/worker/available_backend.ts";
import { collect, type FigureData, toCsv, writeFigure } from "./collect.ts";
import {
  type Figure,
  type FigureOptions,
  fileStem,
  type PlotSpec,
  type RunOutcome,
} from "./figure.ts";
import {
  readFigureFile,
  removeFigureFile,
  shareFigureFiles,
  writeFigureFile,
} from "./figure_files.ts";
import { renderPng, renderSvg } from "./plot/render.ts";
import { writeReport } from "./report.ts";
import { findRun, isDone } from "./runner.ts";

/** Where figures and their runs are. */
export interface FigureContext extends Places {
  readonly store: RunStore;
}

/** A figure's data and how complete it is. */
export type ServedFigure = FigureData & { readonly progress: FigureProgress };

/**
 * Queues the runs of a figure that are neither done nor under way.
 *
 * @throws {InvalidSpecError} if the figure names what is not there.
 */
export async function requestFigure(
  figure: Figure,
  asked: FigureOptions,
  context: FigureContext,
): Promise<FigureProgress> {
  // One device for the whole figure, whatever else turns up while it runs.
  const auto = (asked.backend ?? "auto") === "auto";
  const options = { ...asked, backend: auto ? await availableBackend() : asked.backend };
  for (const spec of figure.grid(options)) {
    if (await findRun(context.store, specHash(spec))) continue;
    await submitRun(spec, context);
  }
  await writeFigureFile(requestName(figure), JSON.stringify(options, null, 2) + "\n", context);
  return (await progressOf(figure, options, context)).progress;
}

/**
 * The figure that was asked for last, or that the command line drew; undefined if there is neither.
 * Its files are written once all its runs are done.
 */
export async function readFigure(
  figure: Figure,
  context: FigureContext,
): Promise<ServedFigure | undefined> {
  const { figures } = context.paths;
  const request = await readFigureFile(requestName(figure), context);
  if (request !== undefined) {
    const options: FigureOptions = JSON.parse(request);
    const { progress, outcomes } = await progressOf(figure, options, context);
    const data = collect(figure, options, outcomes);
    if (progress.status === "done") {
      const files = await writeFigure(figure, data, figures);
      await shareFigureFiles([...files, ...await writeReport(figures)], context);
      await removeFigureFile(requestName(figure), context);
    }
    return { ...data, progress };
  }
  const drawn = await readFigureFile(`${fileStem(figure)}.json`, context);
  if (drawn === undefined) return undefined;
  const data: FigureData = JSON.parse(drawn);
  const run_ids = data.runs.map((run) => run.run_id);
  return {
    ...data,
    progress: { status: "done", total: run_ids.length, finished: run_ids.length, run_ids },
  };
}

/** A figure's formats by extension. */
export const FIGURE_FORMATS = {
  svg: { type: "image/svg+xml", draw: (plot: PlotSpec) => renderSvg(plot) },
  png: { type: "image/png", draw: async (plot: PlotSpec) => renderPng(await renderSvg(plot)) },
  csv: {
    type: "text/csv; charset=utf-8",
    draw: (_: PlotSpec, data: FigureData) => toCsv(data.rows),
  },
} as const;

/** Draws what there is of a figure. */
export async function drawFigure(
  figure: Figure,
  data: FigureData,
  format: keyof typeof FIGURE_FORMATS,
): Promise<string | Uint8Array> {
  return await FIGURE_FORMATS[format].draw(figure.plot(data.rows), data);
}

async function progressOf(
  figure: Figure,
  options: FigureOptions,
  { store }: FigureContext,
): Promise<{ progress: FigureProgress; outcomes: RunOutcome[] }> {
  const outcomes: RunOutcome[] = [];
  const specs = figure.grid(options);
  for (const spec of specs) {
    const run = await findRun(store, specHash(spec));
    if (run) outcomes.push({ run, points: await store.points(run.id) });
  }
  const finished = outcomes.filter(({ run }) => isDone(run)).length;
  const running = outcomes.some(({ run }) => !isFinal(run.status));
  const status = finished === specs.length ? "done" : running ? "running" : "incomplete";
  const run_ids = outcomes.map(({ run }) => run.id);
  return { progress: { status, total: specs.length, finished, run_ids }, outcomes };
}

function requestName(figure: Figure): string {
  return `${fileStem(figure)}.request.json`;
}
