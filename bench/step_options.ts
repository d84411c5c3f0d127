// The options of one step's measurement, shared by our step and the peer's.

import { parseArgs } from "node:util";
import type { FrozenType } from "../compute/models/frozen_weights.ts";

/** A model's size, a batch and a method. Names are the command line's. */
export interface StepOptions {
  readonly hidden: number;
  readonly layers: number;
  readonly intermediate: number;
  readonly vocab: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly batch: number;
  readonly seq: number;
  readonly r: number;
  readonly method: "lora" | "full";
  /** Of frozen weights; the peer's are f32. */
  readonly dtype: FrozenType;
  readonly backend: "cpu" | "webgpu";
  /** Activation checkpointing. */
  readonly checkpointing?: boolean | undefined;
  readonly steps: number;
  readonly threads?: number | undefined;
}

const NUMBERS = {
  hidden: "128",
  layers: "4",
  intermediate: "384",
  vocab: "2048",
  heads: "4",
  "kv-heads": "4",
  batch: "16",
  seq: "128",
  r: "8",
  steps: "5",
} as const;

/**
 * Reads the command line.
 *
 * @throws {RangeError} or {TypeError} that names the option and what is allowed.
 */
export function parseStepOptions(args: readonly string[]): StepOptions {
  const numbers = Object.entries(NUMBERS).map(([name, value]) =>
    [name, { type: "string", default: value }] as const
  );
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(numbers),
      method: { type: "string", default: "lora" },
      dtype: { type: "string", default: "f32" },
      backend: { type: "string", default: "cpu" },
      checkpointing: { type: "boolean", default: false },
      threads: { type: "string" },
    },
  }) as { values: Record<string, string | boolean | undefined> };
  const integer = (name: string): number => {
    const value = Number(values[name]);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot run with --${name} ${values[name]}: expected an integer ≥ 1`,
      );
    }
    return value;
  };
  const choice = <T extends string>(name: string, allowed: readonly T[]): T => {
    const value = values[name] as T;
    if (!allowed.includes(value)) {
      throw new RangeError(
        `Cannot run with --${name} ${value}: expected one of ${allowed.join(", ")}`,
      );
    }
    return value;
  };
  return {
    hidden: integer("hidden"),
    layers: integer("layers"),
    intermediate: integer("intermediate"),
    vocab: integer("vocab"),
    heads: integer("heads"),
    kvHeads: integer("kv-heads"),
    batch: integer("batch"),
    seq: integer("seq"),
    r: integer("r"),
    steps: integer("steps"),
    method: choice("method", ["lora", "full"]),
    dtype: choice("dtype", ["f32", "bf16", "nf4"]),
    backend: choice("backend", ["cpu", "webgpu"]),
    checkpointing: values.checkpointing === true,
    threads: values.threads === undefined ? undefined : integer("threads"),
  };
}

/** The same options as command-line words. */
export function stepArguments(options: StepOptions): string[] {
  const { kvHeads, threads, checkpointing, ...rest } = options;
  const words = Object.entries({ ...rest, "kv-heads": kvHeads }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ]);
  if (threads !== undefined) words.push("--threads", String(threads));
  if (checkpointing) words.push("--checkpointing");
  return words;
}
