// `deno task fig1`: options → grid → sweep → files. `all` draws every figure. Exit code 2 for a bad command
// line or spec, 130 when stopped; what was finished stays finished.

import { openArtifacts } from "../runs/artifacts/open_artifacts.ts";
import { type Configuration, homePaths, readConfiguration } from "../runs/configuration.ts";
import { availableBackend } from "../runs/worker/available_backend.ts";
import { FIGURES, findFigure } from "./catalog.ts";
import { type CliOptions, parseCli, usage } from "./cli_options.ts";
import { collect, writeFigure } from "./collect.ts";
import type { Figure, FigureOptions } from "./figure.ts";
import { shareFigureFiles } from "./figure_files.ts";
import { formatPlan, planOf } from "./plan.ts";
import { clock, ProgressView } from "./progress.ts";
import { verdictLine, writeReport } from "./report.ts";
import { runSweep } from "./runner.ts";

/** Runs a figure's command line, or that of `all` figures, and returns the exit code. */
export async function figureCommand(key: string, args: readonly string[]): Promise<number> {
  const figures = key === "all"
    ? Object.values(FIGURES)
    : [findFigure(key)].filter((figure) => figure !== undefined);
  if (figures.length === 0) {
    const known = [...Object.keys(FIGURES), "all"].join(", ");
    throw new RangeError(`Cannot draw figure ${key}: expected one of ${known}`);
  }
  const options = parseCli(args);
  if (options.help) {
    console.log(usage(`deno task ${COMMANDS[key] ?? `fig${key}`}`));
    return 0;
  }
  if (options.dryRun) {
    for (const { title, grid, curve } of figures) {
      if (figures.length > 1) console.log(`# ${title}\n`);
      console.log(formatPlan(await planOf(grid(options.figure), curve)));
    }
    return 0;
  }
  // One device for the whole figure, whatever else turns up while it runs.
  const asked = options.figure.backend ?? "auto";
  const backend = asked === "auto" ? await availableBackend() : asked;

  const stop = new AbortController();
  const abort = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, abort);
  try {
    for (const figure of figures) {
      const seeds = options.figure.seeds ??
        (key === "all" ? figure.reportSeeds?.[options.figure.preset] : undefined);
      await draw(figure, { ...options.figure, seeds, backend }, options, stop.signal);
    }
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.error("Stopped; the same command goes on from here");
    return 130;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, abort);
  }
}

/** Tasks that are not called after a figure's number. */
const COMMANDS: Readonly<Record<string, string>> = { all: "figures", capacity: "capacity:measure" };

async function draw(
  figure: Figure,
  asked: FigureOptions,
  options: CliOptions,
  signal: AbortSignal,
): Promise<void> {
  const specs = figure.grid(asked);
  const configuration = sharedCores(specs.length, asked, options);
  const view = new ProgressView();
  const started = performance.now();
  try {
    const outcomes = await runSweep(specs, {
      configuration,
      main: new URL("../main.ts", import.meta.url).href,
      signal,
      onProgress: (progress) => view.show(progress),
    });
    view.close();
    const data = collect(figure, asked, outcomes);
    const folder = options.out ?? homePaths(configuration.home).figures;
    const files = [...await writeFigure(figure, data, folder), ...await writeReport(folder)];
    if (options.out === undefined) await share(files, configuration);
    for (const path of files) console.log(path);
    for (const verdict of data.verdicts) console.log(verdictLine(verdict));
    const devices = new Set(outcomes.map(({ run }) => run.device));
    console.log(
      `${outcomes.length} runs on ${[...devices].join(", ")} in ` +
        `${clock((performance.now() - started) / 1000)}`,
    );
  } finally {
    view.close();
  }
}

async function share(files: readonly string[], configuration: Configuration): Promise<void> {
  const artifacts = await openArtifacts(configuration);
  await shareFigureFiles(files, { paths: homePaths(configuration.home), artifacts });
}

/** How many runs at once, and how many threads each. */
function sharedCores(
  runs: number,
  { backend, preset }: FigureOptions,
  options: CliOptions,
): Configuration {
  const cores = navigator.hardwareConcurrency;
  const environment = readConfiguration();
  // Small runs gain less from a second thread than from a second run beside them.
  const atOnce = backend === "cpu" && preset !== "paper" ? cores : 1;
  const jobs = options.jobs ?? Math.min(atOnce, runs);
  const threads = environment.threads ?? Math.max(1, Math.floor(cores / jobs));
  // The job processes read their share of the cores from the environment.
  Deno.env.set("NOREGRET_THREADS", String(threads));
  return { ...environment, jobs, threads };
}

if (import.meta.main) {
  try {
    const [figure, ...args] = Deno.args;
    Deno.exit(await figureCommand(figure ?? "", args));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
