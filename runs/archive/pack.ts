// A run or a sweep as one file: a gzipped tar archive that another host can take in (import.ts).
//
//   manifest.json                 what it is, and what made it
//   sweep.json, sweep.svg         of a sweep: its request and its runs; their curves beside each other
//   runs/ID/run.json              the run as the API gives it, its spec in it
//   runs/ID/events.jsonl, metrics.jsonl, metrics.csv
//   runs/ID/loss.svg              its curves, for people
//   runs/ID/adapter/…             the trained weights, if there are any
//   SHA256SUMS                    of all files before it

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
// @ts-types="@types/tar-stream"
import tar from "tar-stream";
import type { ArtifactStore } from "../artifacts/artifact_store.ts";
import { trainedArtifact } from "../checkpoint_files.ts";
import { metricsCsv, metricsJsonLines } from "../metrics_format.ts";
import type { MetricPoint, Run, RunEvent } from "../spec/run.ts";
import type { RunStore } from "../store/run_store.ts";
import type { StoredSweep } from "../store/sweep_store.ts";
import { CODE_VERSION } from "../submit_run.ts";
import { Checksums, SUMS_FILE } from "./checksums.ts";

/** The version of the layout above. */
export const ARCHIVE_FORMAT = 2;

/** Runs of a sweep's picture, and points of each of its curves. */
const MOST_DRAWN = 32, DRAWN_POINTS = 1000;

/** What packing works with. */
export interface PackContext {
  readonly store: RunStore;
  readonly artifacts: ArtifactStore;
  /** Draws the curves of one run, or of several beside each other, as SVG. */
  readonly draw: (
    runs: readonly { readonly run: Run; readonly points: readonly MetricPoint[] }[],
  ) => string;
}

/** An archive of runs that have ended, and of the sweep that they belong to. */
export function packArchive(
  runs: readonly Run[],
  sweep: StoredSweep | undefined,
  context: PackContext,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pack = tar.pack();
  void fill(pack, runs, sweep, context).then(
    () => pack.finalize(),
    (error) => pack.destroy(error),
  );
  const bytes = Readable.toWeb(pack) as ReadableStream<Uint8Array<ArrayBuffer>>;
  return bytes.pipeThrough(new CompressionStream("gzip"));
}

async function fill(
  pack: tar.Pack,
  runs: readonly Run[],
  sweep: StoredSweep | undefined,
  { store, artifacts, draw }: PackContext,
): Promise<void> {
  const sums = new Checksums();
  const file = (name: string, size: number, bytes: AsyncIterable<Uint8Array>) =>
    pipeline(Readable.from(sums.through(name, bytes)), pack.entry({ name, size }));
  const text = async (name: string, content: string) => {
    const bytes = new TextEncoder().encode(content);
    await file(name, bytes.length, Readable.from([bytes]));
  };
  const json = (value: unknown) => JSON.stringify(value, null, 2) + "\n";
  await text(
    "manifest.json",
    json({
      format: ARCHIVE_FORMAT,
      kind: sweep ? "sweep" : "run",
      code_version: CODE_VERSION,
      created_at: new Date().toISOString(),
      runs: runs.map(({ id }) => id),
    }),
  );
  if (sweep) {
    const { id, request, created_at } = sweep;
    const members = sweep.runs.map(({ run, changes, stoppedEarly }) => ({
      run_id: run.id,
      changes,
      stopped_early: stoppedEarly,
    }));
    await text("sweep.json", json({ id, request, created_at, runs: members }));
    const curves = runs.slice(0, MOST_DRAWN)
      .map(async (run) => ({ run, points: await store.points(run.id, DRAWN_POINTS) }));
    await text("sweep.svg", draw(await Promise.all(curves)));
  }
  for (const run of runs) {
    const folder = `runs/${run.id}`;
    const points = await store.points(run.id);
    await text(`${folder}/run.json`, json(run));
    await text(`${folder}/events.jsonl`, await eventLines(store, run.id));
    await text(`${folder}/metrics.jsonl`, metricsJsonLines(points));
    await text(`${folder}/metrics.csv`, metricsCsv(points));
    await text(`${folder}/loss.svg`, draw([{ run, points }]));
    const trained = await trainedArtifact(artifacts, run);
    for (const [name, size] of trained?.files ?? []) {
      await file(`${folder}/adapter/${name}`, size, await artifacts.read(trained!.name, name));
    }
  }
  await text(SUMS_FILE, sums.toString());
}

async function eventLines(store: RunStore, id: string): Promise<string> {
  const lines: string[] = [];
  const page = 10_000;
  for (let after = 0;;) {
    const events: RunEvent[] = await store.events(id, after, page);
    lines.push(...events.map((event) => JSON.stringify(event) + "\n"));
    if (events.length < page) return lines.join("");
    after = events.at(-1)!.seq;
  }
}
