// Evaluation against what is known: an adapter that has learnt some answers by heart, and the training loss.

import assert from "@std/assert";
import { join } from "@std/path";
import { createCpuBackend } from "../../../compute/backend/cpu/cpu_backend.ts";
import { createModel } from "../../../compute/models/model.ts";
import { trainedFiles } from "../../../compute/train/checkpoint.ts";
import { EvalStep, TrainStep } from "../../../compute/train/step.ts";
import { loadExamples } from "../../../data/load.ts";
import { evaluationBatches } from "../../../data/loader.ts";
import { modelTokenizer } from "../../../data/model_tokenizer.ts";
import { homePaths } from "../../../runs/configuration.ts";
import {
  type AccuracyTask,
  EvaluateRequest,
  type EvaluateResult,
} from "../../../runs/spec/evaluate.ts";
import { InvalidSpecError } from "../../../runs/spec/problems.ts";
import {
  evaluate,
  parseEvaluateArguments,
  resultTable,
} from "../../../runs/worker/evaluate_cli.ts";
import { localArtifacts } from "../../../runs/artifacts/local_artifacts.ts";
import { GenerationEngine } from "../../../runs/worker/generation_engine.ts";
import { openModel } from "../../../runs/worker/stored_models.ts";

const SHIPPED = new URL("../../../data/models/tiny/", import.meta.url).pathname;
const MAX_LENGTH = 96;
const METHOD = {
  kind: "lora",
  r: 16,
  lora_alpha: 32,
  target_modules: "all",
  init: "peft",
} as const;
const OPTIMIZER = {
  learning_rate: 3e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weight_decay: 0,
  max_grad_norm: 1,
} as const;

/** Problems; the gold answers of the last two are changed after training. */
const ROWS = [
  ["Aa?", "12", "sums"],
  ["Bb?", "7", "animals"],
  ["Cc?", "31", "animals"],
  ["Dd?", "5", "sums"],
  ["Ee?", "80", "sums"],
  ["Ff?", "9", "animals"],
].map(([question, answer, topic], i) => ({
  question,
  // No "####": the shipped model has never seen that byte.
  answer: `so ${answer}`,
  level: 1 + i % 2,
  topic,
}));
const WRONG = 2;

async function writeRows(folder: string, name: string, rows: readonly object[]): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const lines = rows.map((row) => JSON.stringify(row) + "\n");
  await Deno.writeTextFile(join(folder, name), lines.join(""));
}

/** Trains an adapter until it knows the rows, and stores it; gives its NLL and the base's on all tokens. */
async function learn(home: string): Promise<{ base: number; adapter: number }> {
  const paths = homePaths(home);
  const backend = await createCpuBackend({ threads: 2 });
  using stored = await openModel(SHIPPED);
  const { config, weights } = stored;
  const model = await createModel({
    backend,
    config,
    weights,
    method: METHOD,
    dtype: "f32",
    seed: 0,
  });
  const examples = await loadExamples({ file: "train.jsonl" }, {
    purpose: "train",
    maxLength: MAX_LENGTH,
    folder: paths.datasets,
    tokenizer: await modelTokenizer(SHIPPED),
  });
  const batches = evaluationBatches(examples!, MAX_LENGTH, MAX_LENGTH);
  const tokens = batches[0]!.ids.length;
  const measure = new EvalStep(model, tokens);
  const base = (await measure.run(batches)).nll;
  const step = new TrainStep(model, tokens);
  for (let t = 1; t <= 120; t++) step.run(batches, OPTIMIZER, t);
  await step.drain();
  const adapter = (await measure.run(batches)).nll;
  const folder = join(paths.adapters, "learnt");
  await Deno.mkdir(folder, { recursive: true });
  for (const [file, bytes] of await trainedFiles(model, "noregret/tiny")) {
    await Deno.writeFile(join(folder, file), bytes);
  }
  backend.close();
  return { base, adapter };
}

Deno.test({
  name: "evaluate()",
  // Threads of the cpu backend end in their own time after close().
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    const home = await Deno.makeTempDir({ prefix: "noregret-" });
    const paths = homePaths(home);
    await writeRows(paths.datasets, "train.jsonl", ROWS);
    const changed = ROWS.map((row, i) =>
      i < ROWS.length - WRONG ? row : { ...row, answer: "1000" }
    );
    await writeRows(paths.datasets, "test.jsonl", [
      ...changed,
      { question: "Who knows?", answer: "####  " },
      { question: "Long? ".repeat(200), answer: "#### 1" },
    ]);
    const known = await learn(home);
    const engine = new GenerationEngine({
      paths,
      artifacts: localArtifacts(home),
      threads: 2,
      gpu: "auto",
    });
    const run = async (task: object, adapter?: string) => {
      const body = { model: "noregret/tiny", adapter, backend: "cpu", task };
      return await evaluate(EvaluateRequest.parse(body), engine);
    };
    type Accuracy = EvaluateResult & { kind: "accuracy" };

    await t.step("counts right answers, overall, by level and by topic", async () => {
      const task = { kind: "accuracy", dataset: { file: "test.jsonl" }, max_new_tokens: 40 };
      const result = await run(task, "learnt") as Accuracy;
      assert.equal(result.problems, ROWS.length);
      assert.equal(result.pass_at_k["1"]!.value, (ROWS.length - WRONG) / ROWS.length);
      assert.equal(result.maj_at_k["1"]!.value, (ROWS.length - WRONG) / ROWS.length);
      assert.deepEqual(result.skipped, { unverifiable: 0, too_long: 1 });
      const shares = (groups: Accuracy["levels"]) =>
        groups.map(({ name, problems, pass_at_k }) => [name, problems, pass_at_k["1"]!.value]);
      assert.deepEqual(shares(result.levels), [["1", 3, 2 / 3], ["2", 3, 2 / 3]]);
      assert.deepEqual(shares(result.topics), [["animals", 3, 2 / 3], ["sums", 3, 2 / 3]]);
      assert.deepEqual([result.truncated, result.unanswered], [0, 0]);
      assert.deepEqual(result.examples.map(({ correct }) => correct), [true, true, true]);
      assert.match(result.examples[0]!.completion, /^so 12$/);
      assert.match(resultTable(result), /^all +6 +66\.7 \[/m);
      const base = await run(task) as Accuracy;
      assert.equal(base.pass_at_k["1"]!.value, 0);
    });

    await t.step("pass@k and maj@k of several samples are the same each time", async () => {
      const task = {
        kind: "accuracy",
        dataset: { file: "test.jsonl" },
        num_generations: 6,
        k: [1, 3, 6],
        temperature: 1.3,
        max_new_tokens: 40,
      };
      const result = await run(task, "learnt") as Accuracy;
      assert.equal(result.samples, 36);
      const values = ["1", "3", "6"].map((k) => result.pass_at_k[k]!.value);
      assert(values[0]! < values[1]! && values[1]! <= values[2]!, String(values));
      for (const { value, low, high } of Object.values(result.pass_at_k)) {
        assert(low <= value && value <= high && low < high);
      }
      assert.deepEqual(await run(task, "learnt"), result);
    });

    await t.step("NLL is the training loss, for the base and for an adapter", async () => {
      const task = { kind: "nll", dataset: { file: "train.jsonl" }, max_length: MAX_LENGTH };
      for (
        const [adapter, expected] of [[undefined, known.base], ["learnt", known.adapter]] as const
      ) {
        const result = await run(task, adapter) as EvaluateResult & { kind: "nll" };
        assert.equal(result.kind, "nll");
        assert(Math.abs(result.nll.value - expected) < 1e-5 * expected + 1e-6);
        assert(result.nll.low < result.nll.value && result.nll.value < result.nll.high);
        assert.equal(result.examples, ROWS.length);
        assert.equal(result.perplexity, Math.exp(result.nll.value));
      }
      assert(known.adapter < 0.1 * known.base, JSON.stringify(known));
    });

    await t.step("says what cannot be evaluated", async () => {
      await writeRows(paths.datasets, "texts.jsonl", [{ text: "no question" }]);
      const accuracy = { kind: "accuracy", dataset: { file: "test.jsonl" } };
      const nll = { kind: "nll", dataset: { file: "train.jsonl" } };
      const cases: [object, string, RegExp][] = [
        [{ ...accuracy, dataset: "gone" }, "/task/dataset", /gone/],
        [{ ...accuracy, dataset: { file: "gone.jsonl" } }, "/task/dataset", /gone\.jsonl/],
        [{ ...accuracy, dataset: { file: "texts.jsonl" } }, "/task/dataset", /none of its 1 rows/],
        [{ ...accuracy, max_new_tokens: 600 }, "/task/dataset", /do not fit/],
        [{ ...nll, max_length: 1000 }, "/task/max_length", /at most 512/],
        [{ ...nll, dataset: { file: "gone.jsonl" } }, "/task/dataset", /gone\.jsonl/],
      ];
      for (const [task, path, message] of cases) {
        await assert.rejects(run(task), (error: unknown) => {
          if (!(error instanceof InvalidSpecError)) throw error;
          assert.equal(error.problems[0]!.path, path);
          assert.match(error.problems[0]!.message, message);
          return true;
        });
      }
    });

    engine.close();
    await Deno.remove(home, { recursive: true });
  },
});

Deno.test("parseEvaluateArguments() reads the command line and names what is wrong", () => {
  const { request, json } = parseEvaluateArguments(
    "--model a --dataset b:test --limit 5 --samples 8 --k 1,4 --temperature 0.7 --json".split(" "),
  );
  const task = request.task as AccuracyTask;
  assert.deepEqual([task.kind, json], ["accuracy", true]);
  assert.deepEqual(task.dataset, { name: "b", split: "test", limit: 5 });
  assert.deepEqual([task.num_generations, task.k], [8, [1, 4]]);
  assert.throws(
    () => parseEvaluateArguments("--model a --dataset b --samples x --k 9".split(" ")),
    /num_generations/,
  );
  assert.throws(() => parseEvaluateArguments(["--modle", "a"]), TypeError);
});
