// A figure's files: the picture, and the data that it was drawn from with enough beside it to redraw
// or doubt any point.

import { join } from "@std/path";
import { CODE_VERSION } from "../runs/submit_run.ts";
import { writeFileAtomically } from "../runs/write_file.ts";
import { type Figure, type FigureOptions, fileStem, type Row, type RunOutcome } from "./figure.ts";
import { renderPng, renderSvg } from "./plot/render.ts";
import type { Verdict } from "./verdict.ts";

/** Everything about a figure, as `figN.json` holds it. */
export interface FigureData {
  /** The figure's key. */
  readonly figure: string;
  readonly title: string;
  readonly options: FigureOptions;
  readonly code_version: string;
  /** One entry a run: its whole spec, how it ended, and each measured point. */
  readonly runs: readonly FigureRun[];
  /** The long table behind the plot. */
  readonly rows: readonly Row[];
  /** What the rows say of the paper's claims. */
  readonly verdicts: readonly Verdict[];
}

/** A run behind a figure. */
export interface FigureRun {
  readonly run_id: string;
  readonly spec_hash: string;
  readonly spec: RunOutcome["run"]["spec"];
  readonly status: string;
  readonly backend: string | null;
  readonly device: string | null;
  readonly result: RunOutcome["run"]["result"];
  readonly error: RunOutcome["run"]["error"];
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly points: RunOutcome["points"];
}

/** Gathers a figure's data. */
export function collect(
  figure: Figure,
  options: FigureOptions,
  outcomes: readonly RunOutcome[],
): FigureData {
  const rows = figure.rows(outcomes);
  return {
    figure: figure.key,
    title: figure.title,
    options,
    code_version: CODE_VERSION,
    runs: outcomes.map(({ run, points }) => ({
      run_id: run.id,
      spec_hash: run.spec_hash,
      spec: run.spec,
      status: run.status,
      backend: run.backend,
      device: run.device,
      result: run.result,
      error: run.error,
      started_at: run.started_at,
      finished_at: run.finished_at,
      points,
    })),
    rows,
    verdicts: figure.verdicts(rows),
  };
}

/** Rows as csv (RFC 4180): a header line, then a line each. */
export function toCsv(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const cell = (value: Row[string] | undefined) => {
    const text = String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Writes `figN.svg`, `.png`, `.json` and `.csv` and returns their paths. */
export async function writeFigure(
  figure: Figure,
  data: FigureData,
  folder: string,
): Promise<string[]> {
  const svg = await renderSvg(figure.plot(data.rows));
  const files: [string, string | Uint8Array][] = [
    ["svg", svg],
    ["png", await renderPng(svg)],
    ["json", JSON.stringify(data, null, 2) + "\n"],
    ["csv", toCsv(data.rows)],
  ];
  const paths: string[] = [];
  for (const [extension, contents] of files) {
    const path = join(folder, `${fileStem(figure)}.${extension}`);
    await writeFileAtomically(path, contents);
    paths.push(path);
  }
  return paths;
}
