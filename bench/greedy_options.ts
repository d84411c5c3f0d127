// What a measurement of greedy generation is asked, by ours and by each peer alike, and what it prints.

import { parseArgs } from "node:util";

/** A model's folder, a batch and lengths. */
export interface GreedyOptions {
  /** In Hugging Face's layout; for transformers.js with onnx/model.onnx. */
  readonly folder: string;
  readonly batch: number;
  /** Tokens of each prompt, and tokens drawn after it. */
  readonly prompt: number;
  readonly tokens: number;
  readonly threads: number;
  /** Runs that are measured; the fastest counts. */
  readonly runs: number;
  readonly device: "cpu" | "webgpu";
}

/** What a measurement prints, as one JSON line. */
export interface GreedyResult {
  /** Prompt tokens a second until the first token is there. */
  readonly prefill_per_s: number;
  /** Tokens a second from the first one on. */
  readonly decode_per_s: number;
  /** Of each row. */
  readonly ids: readonly (readonly number[])[];
}

/** Reads the command line: FOLDER --batch 1 --prompt 128 --tokens 128 --threads 2 --runs 3 --device cpu. */
export function parseGreedyOptions(args: readonly string[]): GreedyOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      batch: { type: "string", default: "1" },
      prompt: { type: "string", default: "128" },
      tokens: { type: "string", default: "128" },
      threads: { type: "string", default: "2" },
      runs: { type: "string", default: "3" },
      device: { type: "string", default: "cpu" },
    },
  });
  const { device, ...numbers } = values;
  const counts = Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, Number(value)]),
  );
  const bad = Object.entries(counts).find(([, n]) => !Number.isSafeInteger(n) || n < 1);
  if (bad || positionals.length !== 1 || !(device === "cpu" || device === "webgpu")) {
    throw new RangeError(
      "Cannot measure: expected FOLDER, integers ≥ 1 for --batch, --prompt, --tokens, --threads and " +
        "--runs, and cpu or webgpu for --device",
    );
  }
  return { folder: positionals[0]!, device, ...counts } as GreedyOptions;
}

/** The prompts of a batch: each row another one, the same in every language. */
export function greedyPrompts({ batch, prompt }: GreedyOptions, vocab: number): number[][] {
  return Array.from(
    { length: batch },
    (_, row) => Array.from({ length: prompt }, (_, n) => (n * 7919 + row * 104_729 + 13) % vocab),
  );
}

/**
 * Measures by two lengths: until the first token, and until the last. `generate` continues all prompts by so many
 * tokens and returns them.
 */
export async function measureGreedy(
  { batch, prompt, tokens, runs }: GreedyOptions,
  generate: (tokens: number) => Promise<number[][]>,
): Promise<GreedyResult> {
  let ids: number[][] = [];
  const time = async (count: number) => {
    const started = performance.now();
    ids = await generate(count);
    return (performance.now() - started) / 1000;
  };
  let first = Infinity, whole = Infinity;
  // The first run fills caches and compiles.
  for (let run = 0; run <= runs; run++) {
    const times = [await time(1), await time(tokens)] as const;
    if (run === 0) continue;
    first = Math.min(first, times[0]);
    whole = Math.min(whole, times[1]);
  }
  return {
    prefill_per_s: batch * prompt / first,
    decode_per_s: batch * (tokens - 1) / (whole - first),
    ids,
  };
}
