// `deno task capacity`: the answer of POST /v1/capacity on a terminal.

import { parseArgs } from "node:util";
import type { Advice } from "../compute/theory/advice.ts";
import type { MemoryBytes } from "../compute/theory/memory.ts";
import { answerCapacity, capacityRequestSchema } from "./spec/capacity.ts";
import { problemsOf } from "./spec/problems.ts";

const USAGE = `Usage: deno task capacity --model NAME [options]

  --model NAME             a built-in model, such as Llama-3.1-8B
  --r N                    rank (default: the recommended one)
  --target-modules WHICH   all | attention | mlp | names with commas (default: all)
  --examples N             text: number of examples,
  --tokens-per-example N     their mean length,
  --bits-per-token X         and bits a token (default: 1)
  --episodes N             or reinforcement learning: number of problems,
  --samples-per-episode N    samples of each,
  --bits-per-sample X        and bits a sample (default: 1)
  --batch-size N --max-length N --dtype f32|bf16|nf4
  --json                   print the answer as JSON`;

const TEXT = { type: "string" } as const;

/** Reads a question from the command line. */
function parseQuestion(args: string[]): { question: unknown; json: boolean; help: boolean } {
  const { values } = parseArgs({
    args,
    allowPositionals: false,
    options: {
      model: TEXT,
      r: TEXT,
      "target-modules": TEXT,
      examples: TEXT,
      "tokens-per-example": TEXT,
      "bits-per-token": TEXT,
      episodes: TEXT,
      "samples-per-episode": TEXT,
      "bits-per-sample": TEXT,
      "batch-size": TEXT,
      "max-length": TEXT,
      dtype: TEXT,
      json: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const targets = values["target-modules"];
  const dataset = defined({
    examples: number(values.examples),
    tokens_per_example: number(values["tokens-per-example"]),
    bits_per_token: number(values["bits-per-token"]),
    episodes: number(values.episodes),
    samples_per_episode: number(values["samples-per-episode"]),
    bits_per_sample: number(values["bits-per-sample"]),
  });
  const question = defined({
    model: values.model,
    r: number(values.r),
    target_modules: targets === undefined || ["all", "attention", "mlp"].includes(targets)
      ? targets
      : targets.split(","),
    dataset: Object.keys(dataset).length > 0 ? dataset : undefined,
    batch_size: number(values["batch-size"]),
    max_length: number(values["max-length"]),
    dtype: values.dtype,
  });
  return { question, json: values.json === true, help: values.help === true };
}

/** The number that a text stands for; the text itself where it is none, which the schema then refuses. */
function number(text: string | undefined): number | string | undefined {
  return text === undefined || text.trim() === "" || Number.isNaN(Number(text))
    ? text
    : Number(text);
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** The answer as lines for a person. */
function describeAdvice(advice: Advice): string {
  const { flops_per_token: flops, memory_bytes: memory, recommended } = advice;
  const count = (value: number) => value.toLocaleString("en-US", { maximumFractionDigits: 1 });
  const rows: [string, string][] = [
    [
      "verdict",
      `${advice.verdict} (capacity ${advice.capacity_ratio.toPrecision(3)} × the data set)`,
    ],
    ["trainable parameters", count(advice.trainable_parameters)],
    ["  per unit of rank", count(advice.parameters_per_rank)],
    ["base parameters", count(advice.base_parameters)],
    ["capacity", `${count(advice.capacity_bits)} bits`],
    ["data set", `${count(advice.dataset_bits)} bits`],
    ["required r", count(advice.required_r)],
    ["FLOPs a token", `LoRA ${scaled(flops.lora, "FLOP")}, full ${scaled(flops.full, "FLOP")}`],
    ["  LoRA / full", flops.ratio.toFixed(3)],
    ["memory, LoRA", memoryLine(memory.lora)],
    ["memory, full", memoryLine(memory.full)],
    ["adapter file", scaled(advice.adapter_bytes, "B")],
    [
      "recommended",
      `r ${recommended.r}, learning rate ${recommended.learning_rate.toPrecision(3)} ` +
      `(full: ${recommended.full_learning_rate.toPrecision(3)}), batch ${recommended.batch_size}`,
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...recommended.reasons.map((reason) => `  - ${reason}`),
  ].join("\n");
}

function memoryLine({ total, weights, activations }: MemoryBytes): string {
  return `${scaled(total, "B")} (weights ${scaled(weights, "B")}, ` +
    `activations ${scaled(activations, "B")})`;
}

function scaled(value: number, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T", "P", "E"];
  let power = 0;
  while (value >= 1000 && power < prefixes.length - 1) {
    value /= 1000;
    power++;
  }
  return `${value.toPrecision(3)} ${prefixes[power]}${unit}`;
}

/** Runs the command; returns its exit code: 2 for a question that cannot be answered. */
export function main(args: string[]): number {
  let parsed: ReturnType<typeof parseQuestion>;
  try {
    parsed = parseQuestion(args);
  } catch (error) {
    console.error(`capacity: ${(error as Error).message.split("\n")[0]} (see --help)`);
    return 2;
  }
  if (parsed.help) {
    console.log(USAGE);
    return 0;
  }
  const checked = capacityRequestSchema.safeParse(parsed.question);
  if (!checked.success) {
    const problems = problemsOf(capacityRequestSchema, parsed.question, checked.error);
    const { path, message } = problems[0]!;
    console.error(`capacity: ${path.slice(1).replaceAll("/", ".")}: ${message} (see --help)`);
    return 2;
  }
  const advice = answerCapacity(checked.data);
  console.log(parsed.json ? JSON.stringify(advice, null, 2) : describeAdvice(advice));
  return 0;
}

if (import.meta.main) Deno.exitCode = main(Deno.args);
