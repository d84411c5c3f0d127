// `deno task fig1`: options → grid → sweep → files. Exit code 2 for a bad command line or spec, 130 when
// stopped; what was finished stays finished.

import { join } from "@std/path";
import type { Architecture } from "../compute/theory/architecture.ts";
import { findArchitecture } from "../compute/theory/architectures.ts";
import { homePaths, readConfiguration } from "../runs/configuration.ts";
import { availableBackend } from "../runs/worker/available_backend.ts";
import { FIGURES } from "./catalog.ts";
import { parseCli, usage } from "./cli_options.ts";
import { collect, writeFigure } from "./collect.ts";
import { formatPlan, planOf } from "./plan.ts";
import { clock, ProgressView } from "./progress.ts";
import { runSweep } from "./runner.ts";

/** Shapes of a model: one that ships, or one that the theory knows. */
function architectureOf(model: string): Architecture | undefined {
  if (!model.startsWith("noregret/")) return findArchitecture(model);
  const file = new URL(
    `../data/models/${model.slice("noregret/".length)}/config.json`,
    import.meta.url,
  );
  return JSON.parse(Deno.readTextFileSync(file));
}

/** Runs a figure's command line and returns the exit code. */
export async function figureCommand(number: number, args: readonly string[]): Promise<number> {
  const figure = FIGURES[number];
  if (!figure) {
    const known = Object.keys(FIGURES).join(", ");
    throw new RangeError(`Cannot draw figure ${number}: expected one of ${known}`);
  }
  const options = parseCli(args);
  if (options.help) {
    console.log(usage(`deno task fig${number}`));
    return 0;
  }
  if (options.dryRun) {
    console.log(formatPlan(planOf(figure.grid(options.figure), architectureOf)));
    return 0;
  }
  // One device for the whole figure, whatever else turns up while it runs.
  const asked = options.figure.backend ?? "auto";
  const backend = asked === "auto" ? await availableBackend() : asked;
  const specs = figure.grid({ ...options.figure, backend });
  const cores = navigator.hardwareConcurrency;
  const environment = readConfiguration();
  // Small runs gain less from a second thread than from a second run beside them.
  const atOnce = backend === "cpu" && options.figure.preset !== "paper" ? cores : 1;
  const jobs = options.jobs ?? Math.min(atOnce, specs.length);
  const threads = environment.threads ?? Math.max(1, Math.floor(cores / jobs));
  // The job processes read their share of the cores from the environment.
  Deno.env.set("NOREGRET_THREADS", String(threads));
  const configuration = { ...environment, jobs, threads };

  const stop = new AbortController();
  const abort = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, abort);
  const view = new ProgressView();
  const started = performance.now();
  try {
    const outcomes = await runSweep(specs, {
      configuration,
      main: join(import.meta.dirname!, "..", "main.ts"),
      signal: stop.signal,
      onProgress: (progress) => view.show(progress),
    });
    view.close();
    const data = collect(figure, options.figure, outcomes);
    const folder = options.out ?? homePaths(configuration.home).figures;
    for (const path of await writeFigure(figure, data, folder)) console.log(path);
    const devices = new Set(outcomes.map(({ run }) => run.device));
    console.log(
      `${outcomes.length} runs on ${[...devices].join(", ")} in ` +
        `${clock((performance.now() - started) / 1000)}`,
    );
    return 0;
  } catch (error) {
    view.close();
    if (!stop.signal.aborted) throw error;
    console.error("Stopped; the same command goes on from here");
    return 130;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, abort);
  }
}

if (import.meta.main) {
  try {
    const [figure, ...args] = Deno.args;
    Deno.exit(await figureCommand(Number(figure), args));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
