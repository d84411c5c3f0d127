// The command line of a figure, checked.

import { parseArgs } from "node:util";
import { type FigureOptions, type Preset, PRESETS } from "./figure.ts";

const BACKENDS = ["auto", "cpu", "webgpu"] as const;

const OPTIONS = {
  preset: { type: "string", hint: PRESETS.join("|"), says: "size of the figure (laptop)" },
  out: { type: "string", hint: "DIR", says: "where the files go (NOREGRET_HOME/figures)" },
  ranks: { type: "string", hint: "1,4,16", says: "LoRA ranks" },
  lrs: { type: "string", hint: "1e-3,2e-3", says: "LoRA learning rates" },
  steps: { type: "string", hint: "N", says: "updates of each run" },
  seed: { type: "string", hint: "N", says: "first seed of data order and adapters (0)" },
  seeds: {
    type: "string",
    hint: "N",
    says: "how many seeds, counted from the first (the preset's)",
  },
  backend: { type: "string", hint: BACKENDS.join("|"), says: "device (auto)" },
  jobs: { type: "string", hint: "N", says: "runs at the same time (one a core)" },
  "dry-run": { type: "boolean", hint: "", says: "print the plan: runs, parameters, FLOPs, memory" },
  help: { type: "boolean", hint: "", says: "print this" },
} as const;

/** What the command line asks for. */
export interface CliOptions {
  readonly figure: FigureOptions;
  readonly out: string | undefined;
  readonly jobs: number | undefined;
  readonly dryRun: boolean;
  readonly help: boolean;
}

/** The options, one a line. */
export function usage(command: string): string {
  const lines = Object.entries(OPTIONS).map(([name, { hint, says }]) =>
    `  ${`--${name} ${hint}`.padEnd(32)} ${says}`
  );
  return [`Usage: ${command} [options]`, ...lines].join("\n");
}

/**
 * Reads a figure's command line.
 *
 * @throws {RangeError} with one line that names the option and what is allowed.
 */
export function parseCli(args: readonly string[]): CliOptions {
  const values = read(args);
  const preset = (values.preset ?? "laptop") as Preset;
  oneOf("--preset", preset, PRESETS);
  if (values.backend !== undefined) oneOf("--backend", values.backend, BACKENDS);
  const whole = (name: "steps" | "seed" | "seeds" | "jobs", least: number, most: number) =>
    values[name] === undefined
      ? undefined
      : number(`--${name}`, values[name], least, most, Number.isInteger);
  return {
    figure: {
      preset,
      ranks: list("--ranks", values.ranks, 1, 512, Number.isInteger),
      lrs: list("--lrs", values.lrs, Number.MIN_VALUE, 10, Number.isFinite),
      steps: whole("steps", 1, 100_000_000),
      seed: whole("seed", 0, 0xffffff00),
      seeds: whole("seeds", 1, 64),
      backend: values.backend as FigureOptions["backend"],
    },
    out: values.out,
    jobs: whole("jobs", 1, 64),
    dryRun: values["dry-run"] ?? false,
    help: values.help ?? false,
  };
}

function read(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    if (positionals.length === 0) return values;
    throw new RangeError(`Cannot use "${positionals[0]}": expected options only`);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    // node:util explains itself over several sentences; the first names the option.
    const said = (error as Error).message.split(/[.\n]/)[0]!;
    const known = Object.keys(OPTIONS).map((name) => `--${name}`).join(", ");
    throw new RangeError(`Cannot read the command line: ${said}, expected some of ${known}`);
  }
}

function oneOf(name: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  throw new RangeError(
    `Cannot use ${name} "${value}": expected one of ${allowed.map((one) => `"${one}"`).join(", ")}`,
  );
}

function number(
  name: string,
  text: string,
  least: number,
  most: number,
  kind: (value: unknown) => boolean,
): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (kind(value) && value >= least && value <= most) return value;
  const range = kind === Number.isInteger
    ? `an integer from ${least} to ${most}`
    : `a number greater than 0, at most ${most}`;
  throw new RangeError(`Cannot use ${name} "${text}": expected ${range}`);
}

function list(
  name: string,
  text: string | undefined,
  least: number,
  most: number,
  kind: (value: unknown) => boolean,
): number[] | undefined {
  if (text === undefined) return undefined;
  const values = text.split(",").map((one) => number(name, one, least, most, kind));
  return [...new Set(values)].sort((a, b) => a - b);
}
