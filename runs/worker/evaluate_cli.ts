// `deno task evaluate`: what POST /v1/evaluate does, on the command line.
//
//   --model NAME [--adapter NAME] --dataset NAME[:SPLIT] | --file NAME
//   --kind accuracy|nll [--limit N] [--samples N] [--k 1,8] [--temperature T] [--top-p P] [--max-new-tokens N]
//   [--max-length N] [--backend auto|cpu|webgpu] [--dtype f32|bf16|nf4] [--seed N] [--json]

import { parseArgs } from "node:util";
import { openArtifacts } from "../artifacts/open_artifacts.ts";
import { homePaths, readConfiguration } from "../configuration.ts";
import { EvaluateRequest, type EvaluateResult } from "../spec/evaluate.ts";
import { InvalidSpecError, problemsOf } from "../spec/problems.ts";
import { GenerationEngine } from "./generation_engine.ts";
import { openTask } from "./generation_process.ts";
import type { JobEvent } from "./generation_protocol.ts";

const text = { type: "string" } as const;

/**
 * Reads the command line.
 *
 * @throws {InvalidSpecError} naming each bad option.
 */
export function parseEvaluateArguments(args: readonly string[]): {
  request: EvaluateRequest;
  json: boolean;
} {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: text,
      adapter: text,
      dataset: text,
      file: text,
      kind: { type: "string", default: "accuracy" },
      limit: text,
      samples: text,
      k: text,
      temperature: text,
      "top-p": text,
      "max-new-tokens": text,
      "max-length": text,
      backend: text,
      dtype: text,
      seed: text,
      json: { type: "boolean", default: false },
    },
  });
  const number = (value: string | undefined) => value === undefined ? undefined : Number(value);
  const [name, split] = values.dataset?.split(":") ?? [];
  const limit = number(values.limit);
  const dataset = values.file === undefined ? { name, split, limit } : { file: values.file, limit };
  const shared = { kind: values.kind, dataset };
  const body = {
    model: values.model,
    adapter: values.adapter,
    backend: values.backend,
    dtype: values.dtype,
    seed: number(values.seed),
    task: values.kind === "nll" ? { ...shared, max_length: number(values["max-length"]) } : {
      ...shared,
      num_generations: number(values.samples),
      k: values.k?.split(",").map(Number),
      temperature: number(values.temperature),
      top_p: number(values["top-p"]),
      max_new_tokens: number(values["max-new-tokens"]),
    },
  };
  const parsed = EvaluateRequest.safeParse(body);
  if (!parsed.success) throw new InvalidSpecError(problemsOf(EvaluateRequest, body, parsed.error));
  return { request: parsed.data, json: values.json };
}

/** Runs an evaluation in this process. */
export async function evaluate(
  request: EvaluateRequest,
  engine: GenerationEngine,
  onProgress: (done: number, total: number | null) => void = () => {},
): Promise<EvaluateResult> {
  let result: EvaluateResult | undefined;
  const emit = (event: JobEvent) => {
    if (event.type === "progress") onProgress(event.done, event.total);
    else if (event.type === "result") result = event.result;
    else if (event.type === "invalid") throw new InvalidSpecError(event.problems);
  };
  await engine.load(request);
  const task = await openTask({ kind: "evaluate", request }, engine, emit);
  do await engine.generator.step(); while (!await task.report());
  return result!;
}

const percent = (value: number) => (100 * value).toFixed(1).padStart(5);

/** A result as a table. */
export function resultTable(result: EvaluateResult): string {
  if (result.kind === "nll") {
    const { nll, bits, perplexity, tokens, examples } = result;
    const range = `[${nll.low.toFixed(4)}, ${nll.high.toFixed(4)}]`;
    return `NLL ${nll.value.toFixed(4)} nats ${range}, ${bits.toFixed(4)} bits, ` +
      `perplexity ${perplexity.toFixed(3)}; ${tokens} tokens of ${examples} examples`;
  }
  const ks = Object.keys(result.pass_at_k);
  const rows = [
    { name: "all", ...result },
    ...result.levels.map((level) => ({ ...level, name: `level ${level.name}` })),
    ...result.topics,
  ];
  const width = Math.max(...rows.map(({ name }) => name.length));
  const columns = ks.flatMap((k) => [`pass@${k}`, `maj@${k}`]);
  const lines = rows.map(({ name, problems, pass_at_k, maj_at_k }) =>
    [
      name.padEnd(width),
      String(problems).padStart(8),
      ...ks.flatMap((k) => [pass_at_k[k]!, maj_at_k[k]!]).map(({ value, low, high }) =>
        `${percent(value)} [${percent(low)}, ${percent(high)}]`
      ),
    ].join("  ")
  );
  const head = ["".padEnd(width), "problems", ...columns.map((name) => name.padStart(20))];
  const { skipped, samples, truncated, unanswered, mean_tokens } = result;
  return [
    head.join("  "),
    ...lines,
    `${samples} samples of ${mean_tokens.toFixed(0)} tokens; ${
      percent(truncated).trim()
    } % cut off, ` +
    `${percent(unanswered).trim()} % without an answer; ` +
    `${skipped.unverifiable + skipped.too_long} problems left out`,
  ].join("\n");
}

if (import.meta.main) {
  try {
    const { request, json } = parseEvaluateArguments(Deno.args);
    const configuration = readConfiguration();
    const engine = new GenerationEngine({
      ...configuration,
      paths: homePaths(configuration.home),
      artifacts: await openArtifacts(configuration),
    });
    const result = await evaluate(request, engine, (done, total) => {
      if (Deno.stderr.isTerminal()) {
        Deno.stderr.writeSync(new TextEncoder().encode(`\r${done}${total ? ` / ${total}` : ""} `));
      }
    });
    if (Deno.stderr.isTerminal()) console.error();
    console.log(json ? JSON.stringify({ request, result }, null, 2) : resultTable(result));
    engine.close();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
