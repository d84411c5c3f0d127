// `deno task profile`: where the time of a training step goes, kernel by kernel, beside what the device can
// do. Takes the options of bench/step.ts; with --shapes each shape of a kernel has a row. Prints Markdown.

import type { KernelCall, PlanTiming } from "../compute/backend/backend.ts";
import { kernelCost } from "../compute/backend/kernel_costs.ts";
import { openStep } from "./open_step.ts";
import { measureRoofline, type Roofline } from "./roofline.ts";
import { parseStepOptions, type StepOptions } from "./step_options.ts";

/** Steps that are run and not measured: the first compiles and fills caches. */
const WARMUP_STEPS = 3;

/** What a kernel, or one shape of it, adds up to in a step. */
interface Row {
  readonly name: string;
  calls: number;
  /** Milliseconds, and how many of them a thread waited for the others. */
  ms: number;
  waited: number;
  flops: number;
  bytes: number;
  /** Milliseconds that the roofline allows. */
  least: number;
}

/** One run of a step with a clock. */
interface TimedStep {
  readonly calls: readonly KernelCall[];
  /** None where the device has no clock. */
  readonly timing: PlanTiming | undefined;
  /** A whole step without the clock, wall-clock. */
  readonly ms: number;
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Runs the step by turns with and without a clock; times are medians, call by call. */
async function timeStep(
  options: StepOptions,
): Promise<TimedStep & { roofline: Roofline; device: string }> {
  const { backend, step, batch, optimizer } = await openStep(options);
  const plans = step.plans;
  const calls = plans.flatMap((plan) => plan.calls);
  const runs: PlanTiming[][] = [];
  const whole: number[] = [];
  for (let t = 1; t <= WARMUP_STEPS + options.steps; t++) {
    const started = performance.now();
    step.run([batch], optimizer, t);
    await step.drain();
    if (t > WARMUP_STEPS) whole.push(performance.now() - started);
    const timings: PlanTiming[] = [];
    for (const plan of plans) {
      const timing = await backend.time(plan);
      if (timing) timings.push(timing);
    }
    await step.drain();
    if (t > WARMUP_STEPS && timings.length === plans.length) runs.push(timings);
  }
  const medians = (what: keyof PlanTiming) =>
    Float64Array.from(calls, (_, call) => {
      const values = runs.map(([gradients, update]) => {
        const first = gradients![what];
        return call < first.length ? first[call]! : update![what][call - first.length]!;
      });
      return middle(values);
    });
  const timing = runs.length > 0 ? { calls: medians("calls"), waits: medians("waits") } : undefined;
  const roofline = await measureRoofline(backend);
  const { device } = backend.info;
  backend.close();
  return { calls, timing, ms: middle(whole), roofline, device };
}

/** The numbers that say how large a call is. */
function shapeOf({ params }: KernelCall): string {
  return Object.entries(params)
    .filter(([name]) => !["alpha", "scale", "eps", "value", "accumulate"].includes(name))
    .map(([name, value]) => `${name}=${value}`).join(" ");
}

/** Rows in falling order of time, or of what the roofline allows where there are no times. */
function rowsOf({ calls, timing, roofline }: TimedStep & { roofline: Roofline }, options: {
  readonly keys: number;
  readonly shapes: boolean;
}): Row[] {
  const rows = new Map<string, Row>();
  calls.forEach((call, index) => {
    const name = options.shapes ? `${call.kernel} ${shapeOf(call)}` : call.kernel;
    const row = rows.get(name) ??
      { name, calls: 0, ms: 0, waited: 0, flops: 0, bytes: 0, least: 0 };
    rows.set(name, row);
    const { flops, bytes } = kernelCost(call, options);
    row.calls++;
    row.ms += timing?.calls[index] ?? 0;
    row.waited += timing?.waits[index] ?? 0;
    row.flops += flops;
    row.bytes += bytes;
    row.least += Math.max(flops / roofline.gflops, bytes / roofline.gbs) / 1e6;
  });
  return [...rows.values()].sort((a, b) => b.ms - a.ms || b.least - a.least);
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function line({ name, calls, ms, waited, flops, bytes, least }: Row, total: number): string {
  const timed = ms > 0;
  return `| ${
    [
      name,
      calls,
      timed ? ms.toFixed(3) : "–",
      timed ? percent(ms / total) : "–",
      timed ? percent(waited / ms) : "–",
      timed ? (flops / ms / 1e6).toFixed(2) : "–",
      timed ? (bytes / ms / 1e6).toFixed(2) : "–",
      least.toFixed(3),
      timed ? percent(least / ms) : "–",
    ].join(" | ")
  } |`;
}

async function main(args: readonly string[]): Promise<void> {
  const shapes = args.includes("--shapes");
  const options = parseStepOptions(args.filter((word) => word !== "--shapes"));
  const timed = await timeStep(options);
  const { timing, roofline, device, ms } = timed;
  const rows = rowsOf(timed, { keys: (options.seq + 1) / 2, shapes });
  const sum = rows.reduce((total, row) => total + row.ms, 0);
  const waited = rows.reduce((total, row) => total + row.waited, 0);
  console.log(
    `${device}, Deno ${Deno.version.deno}, V8 ${Deno.version.v8}; best matrix product ` +
      `${roofline.gflops.toFixed(1)} GFLOP/s, best copy ${roofline.gbs.toFixed(1)} GB/s; ` +
      `step ${ms.toFixed(2)} ms, ${Math.round(options.batch * options.seq / ms * 1000)} tokens/s\n`,
  );
  if (timing === undefined) {
    console.log("This device has no timestamp queries: kernels cannot be timed one by one.\n");
  }
  console.log(
    "| kernel | calls | ms | share | waiting | GFLOP/s | GB/s | roofline ms | of roofline |",
  );
  console.log("| --- | --: | --: | --: | --: | --: | --: | --: | --: |");
  rows.forEach((row) => console.log(line(row, sum)));
  if (timing === undefined) return;
  console.log(
    `\nkernels ${sum.toFixed(2)} ms, of which threads wait for each other ${
      waited.toFixed(2)
    } ms; ` +
      `step without the clock ${ms.toFixed(2)} ms; outside kernels ${(ms - sum).toFixed(2)} ms`,
  );
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
