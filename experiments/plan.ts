// What a figure would cost, before any of it runs.

import type { Architecture, Targets } from "../compute/theory/architecture.ts";
import { targetShapes } from "../compute/theory/architecture.ts";
import { capacityBits } from "../compute/theory/capacity.ts";
import { flopsPerToken } from "../compute/theory/flops.ts";
import { baseParameters, loraParameters } from "../compute/theory/parameters.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";
import { plannedBytes } from "../runs/worker/plan_shape.ts";
import { bitsPerEpisode } from "./fig6_rows.ts";
import type { Curve } from "./figure.ts";
import { groupBy } from "./final_rows.ts";
import { shapesOf } from "./shapes_of.ts";

/** The runs of one curve. */
export interface PlanLine {
  readonly dataset: string;
  readonly curve: string;
  readonly runs: number;
  readonly learningRates: readonly number[];
  readonly trainableParameters: number;
  /** 2 bits a parameter over what one run can learn: 1 bit a token, or a reward's bits an episode. */
  readonly capacityRatio: number;
  readonly tokensPerRun: number;
  /** Training only, evaluation not counted. */
  readonly flopsPerRun: number;
  readonly memoryBytes: number;
}

/** Positions of a sequence, prompt and completion together. */
function sequenceLength(task: RunSpec["task"]): number {
  if (task.kind === "grpo") return task.max_prompt_length + task.max_completion_length;
  return task.max_length ?? 2048;
}

/** What a run can learn, in bits. */
function learnableBits({ task, max_steps, batch_size }: RunSpec, tokens: number): number {
  return task.kind === "grpo" ? max_steps! * batch_size * bitsPerEpisode(task) : tokens;
}

/** Trainable parameters and FLOPs a token of one spec. */
function costOf(spec: RunSpec, architecture: Architecture) {
  const { method, task } = spec;
  const length = sequenceLength(task);
  const targets = (method.target_modules ?? "all") as Targets;
  // A product with the output projection's gradient, for those who train it: 2 FLOPs a multiply-add.
  const head = 2 * architecture.vocab_size * architecture.hidden_size;
  if (method.kind === "full") {
    const flops = flopsPerToken(architecture, targets, 1, length).full;
    const whole = method.target_modules === undefined;
    const parameters = whole
      ? baseParameters(architecture)
      : matrixParameters(architecture, targets);
    return { parameters, flops: whole ? flops : flops - head };
  }
  const adapter = loraParameters(architecture, targets, method.r);
  const flops = flopsPerToken(architecture, targets, method.r, length).lora;
  if (method.modules_to_save === undefined) return { parameters: adapter, flops };
  const rest = baseParameters(architecture) - matrixParameters(architecture, "all");
  return { parameters: adapter + rest, flops: flops + head };
}

function matrixParameters(architecture: Architecture, targets: Targets): number {
  return targetShapes(architecture, targets)
    .reduce((sum, { inputs, outputs, count }) => sum + inputs * outputs * count, 0);
}

/**
 * The plan of a grid of specs, a line for each curve.
 *
 * @throws {RangeError} for a model whose shapes are not known.
 */
export async function planOf(
  specs: readonly RunSpec[],
  curve: (spec: RunSpec) => Curve,
): Promise<PlanLine[]> {
  const curves = groupBy(specs, (spec) => JSON.stringify(curve(spec)));
  return await Promise.all([...curves.values()].map(async (runs) => {
    const spec = runs[0]!;
    const architecture = shapesOf(spec.model);
    const { parameters, flops } = costOf(spec, architecture);
    const tokens = spec.max_steps! * spec.batch_size * sequenceLength(spec.task);
    const { panel, name } = curve(spec);
    return {
      dataset: panel,
      curve: name,
      runs: runs.length,
      learningRates: [...new Set(runs.map((run) => run.optimizer.learning_rate))],
      trainableParameters: parameters,
      capacityRatio: capacityBits(parameters) / learnableBits(spec, tokens),
      tokensPerRun: tokens,
      flopsPerRun: flops * tokens,
      memoryBytes: await plannedBytes(spec, architecture),
    };
  }));
}

/** A plan as text. */
export function formatPlan(lines: readonly PlanLine[]): string {
  const head = ["curve", "runs", "learning rates", "trained", "capacity", "FLOPs", "memory"];
  const rows = lines.map((line) => [
    line.curve,
    String(line.runs),
    line.learningRates.join(" "),
    line.trainableParameters.toLocaleString("en"),
    line.capacityRatio.toPrecision(2),
    (line.flopsPerRun * line.runs).toExponential(2),
    bytes(line.memoryBytes),
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const draw = (row: readonly string[]) =>
    row.map((cell, i) => i === 0 || i === 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))
      .join("  ").trimEnd();
  const text: string[] = [];
  for (const dataset of new Set(lines.map((line) => line.dataset))) {
    const own = lines.flatMap((line, i) => line.dataset === dataset ? [rows[i]!] : []);
    text.push(dataset, ...[head, ...own].map((row) => `  ${draw(row)}`), "");
  }
  const total = (value: (line: PlanLine) => number) =>
    lines.reduce((sum, line) => sum + value(line), 0);
  const runs = total((line) => line.runs);
  const tokens = total((line) => line.runs * line.tokensPerRun);
  const flops = total((line) => line.runs * line.flopsPerRun);
  text.push(
    `${runs} runs, ${tokens.toLocaleString("en")} tokens, ${flops.toExponential(2)} FLOPs, ` +
      `at most ${bytes(Math.max(...lines.map((line) => line.memoryBytes)))} of memory a run`,
    "capacity: what 2 bits a trained parameter hold, over 1 bit for each token of a run, or for each " +
      "reward where rewards are all there is",
  );
  return text.join("\n");
}

function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  return `${(count / 1000 ** unit).toPrecision(3)} ${units[unit]}`;
}
