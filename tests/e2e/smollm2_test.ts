// A real pretrained model, which does not ship: bench/peers/smollm2.py makes its folder, and
// NOREGRET_SMOLLM2 names it. Tokens, logits, greedy text and LoRA steps against transformers and PEFT.

import assert from "@std/assert";
import { join } from "@std/path";
import type { Backend } from "../../compute/backend/backend.ts";
import { createCpuBackend } from "../../compute/backend/cpu/cpu_backend.ts";
import { createWebgpuBackend } from "../../compute/backend/webgpu/webgpu_backend.ts";
import { createModel } from "../../compute/models/model.ts";
import { bytesSource } from "../../compute/models/safetensors.ts";
import { logits } from "../../compute/models/transformer.ts";
import { openWeights, type WeightSource } from "../../compute/models/weights.ts";
import { homePaths } from "../../runs/configuration.ts";
import { openModel } from "../../runs/worker/stored_models.ts";
import { assertAllclose } from "../support/allclose.ts";
import { python, pythonHas } from "../support/python.ts";
import { Service } from "./service.ts";

const SCRIPT = new URL("../support/smollm2_reference.py", import.meta.url).pathname;
const FOLDER = Deno.env.get("NOREGRET_SMOLLM2");

const TEXTS = [
  "The capital of France is",
  "In 1969, Apollo 11's crew travelled 384,400 km:\n\n\tone small step — “für Elise”, 東京, 🚀.",
  "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
] as const;
const MESSAGES = [{ role: "user", content: "What is the capital of France?" }] as const;
const NEW_TOKENS = 16, STEPS = 8, LEARNING_RATE = 1e-3, ROWS = 4, LENGTH = 48;
/** Steps whose losses must agree; rounding grows with each. */
const AGREEING_STEPS = 5;

/** What smollm2_reference.py prints. */
interface Reference {
  readonly ids: readonly number[][];
  readonly chat: readonly number[];
  readonly nll: readonly number[];
  readonly greedy: readonly number[][];
  readonly losses: readonly number[];
}

const idsOf = (rows: readonly { ids: number[] }[]) => rows.map(({ ids }) => ids);

/** Largest difference of a row of numbers from the expected, relative to each. */
function relativeError(actual: readonly number[], expected: readonly number[]): number {
  assert.equal(actual.length, expected.length);
  return Math.max(...expected.map((e, i) => Math.abs(actual[i]! / e - 1)));
}

/** Logits of each row under the base model, [T · vocabulary]. */
async function ourLogits(
  backend: Backend,
  folder: string,
  rows: readonly number[][],
): Promise<Float32Array[]> {
  try {
    using stored = await openModel(folder);
    const { config, weights } = stored;
    // A new adapter changes nothing, and takes less memory than a model that is trained in full.
    const method = {
      kind: "lora",
      r: 1,
      lora_alpha: 1,
      target_modules: ["q_proj"],
      init: "peft",
    } as const;
    const model = await createModel({ backend, config, weights, method, dtype: "f32", seed: 0 });
    const found: Float32Array[] = [];
    for (const row of rows) {
      const upload = (name: string, value: (index: number) => number) => {
        const tensor = backend.empty([row.length], "u32", name);
        backend.write(tensor, Uint32Array.from(row, (_, index) => value(index)));
        return tensor;
      };
      const batch = {
        ids: upload("ids", (i) => row[i]!),
        start: upload("start", () => 0),
        end: upload("end", () => row.length),
      };
      const y = logits(model, batch);
      found.push(Float32Array.from(await backend.read(y)));
      [y, ...Object.values(batch)].forEach((tensor) => backend.free(tensor));
    }
    return found;
  } finally {
    backend.close();
  }
}

async function checkLogits(found: readonly Float32Array[], expected: WeightSource): Promise<void> {
  for (const [i, row] of found.entries()) {
    const values = await expected.read(`${i}`, "f32");
    let largest = 0;
    for (const value of values) largest = Math.max(largest, Math.abs(value));
    const tensor = { name: `logits of text ${i}`, shape: expected.shape(`${i}`) };
    assertAllclose(row, values, tensor, { atol: 1e-4 * largest, rtol: 1e-4 });
  }
}

/** Whether a run is made on WebGPU too: emulated, a step takes a minute and a half. */
const WEBGPU = FOLDER !== undefined && await hasGpu();

async function hasGpu(): Promise<boolean> {
  const backend = await createWebgpuBackend();
  backend?.close();
  return backend?.info.software === false;
}

const lacks = FOLDER === undefined
  ? "NOREGRET_SMOLLM2 names no folder"
  : await pythonHas("torch", "transformers", "peft")
  ? undefined
  : "Python has no torch, transformers and peft";

Deno.test({
  name: "SmolLM2-135M reads, writes and learns as in transformers and PEFT" +
    (lacks ? ` (smollm2: skipped, ${lacks})` : ""),
  ignore: lacks !== undefined,
  // Workers of the backend end in their own time.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const home = await Deno.makeTempDir({ prefix: "noregret-" });
    try {
      const paths = homePaths(home);
      const folder = join(paths.models, "smollm2");
      await Deno.mkdir(folder, { recursive: true });
      await Deno.mkdir(paths.adapters, { recursive: true });
      // Copied: the service follows no link out of its data folder.
      for await (const { name } of Deno.readDir(FOLDER!)) {
        await Deno.copyFile(join(FOLDER!, name), join(folder, name));
      }
      await using service = await Service.start(home);
      const post = (path: string, body: unknown) =>
        service.json(path, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
        });
      const book =
        "Call me Ishmael. Some years ago, never mind how long precisely, having little " +
        "or no money in my purse, and nothing particular to interest me on shore, I thought I " +
        "would sail about a little and see the watery part of the world. It is a way I have of " +
        "driving off the spleen and regulating the circulation.";
      const { results: [{ ids: bookIds }] } = await post("/v1/tokenize", {
        model: "smollm2",
        texts: [book],
      });
      const rows: number[][] = Array.from(
        { length: ROWS },
        (_, row) => bookIds.slice(5 * row, 5 * row + LENGTH),
      );

      const task = {
        model: folder,
        adapter: join(paths.adapters, "start"),
        logits: join(home, "logits.safetensors"),
        texts: TEXTS,
        messages: MESSAGES,
        new_tokens: NEW_TOKENS,
        rows,
        steps: STEPS,
        learning_rate: LEARNING_RATE,
      };
      const { out, error } = (await python([SCRIPT, JSON.stringify(task)]))!;
      assert(out, error);
      const expected: Reference = JSON.parse(out);

      await t.step("token ids of texts and of a conversation are equal", async () => {
        const texts = await post("/v1/tokenize", { model: "smollm2", texts: TEXTS });
        assert.deepEqual(idsOf(texts.results), expected.ids);
        const chat = await post("/v1/tokenize", {
          model: "smollm2",
          messages: MESSAGES,
          add_generation_prompt: true,
        });
        assert.deepEqual(idsOf(chat.results), [expected.chat]);
      });

      await t.step(
        "logits agree to 1e-4, on the processor and where there is WebGPU on it",
        async () => {
          const bytes = await Deno.readFile(task.logits);
          const open = [() => createCpuBackend({ threads: 1 }), () => createWebgpuBackend()];
          for (const create of open) {
            const backend = await create();
            if (backend === undefined) continue;
            const found = await ourLogits(backend, folder, expected.ids);
            await checkLogits(found, await openWeights([bytesSource(bytes, "logits")]));
          }
        },
      );

      await t.step("NLL agrees to 1e-4", async () => {
        const { result } = await post("/v1/evaluate", {
          model: "smollm2",
          backend: "cpu",
          task: {
            kind: "nll",
            dataset: { inline: { input_ids: expected.ids } },
            max_length: 64,
          },
        });
        // Each text counts by its targets: all tokens but the first.
        const counts = expected.ids.map((row) => row.length - 1);
        const tokens = counts.reduce((sum, count) => sum + count);
        const mean = counts.reduce((sum, count, i) => sum + count * expected.nll[i]!, 0) / tokens;
        assert.equal(result.tokens, tokens);
        assert(relativeError([result.nll.value], [mean]) < 1e-4, `${result.nll.value}, ${mean}`);
      });

      await t.step("greedy continuations and the answer to a question are equal", async () => {
        const options = {
          model: "smollm2",
          backend: "cpu",
          temperature: 0,
          max_new_tokens: NEW_TOKENS,
        };
        const texts = await post("/v1/generate", { ...options, prompts: TEXTS });
        const chat = await post("/v1/generate", { ...options, messages: MESSAGES });
        const all = [...texts.completions, ...chat.completions];
        assert.deepEqual(idsOf(all), expected.greedy);
        assert.match(texts.completions[0].text, /Paris/);
        assert.equal(chat.completions[0].text, "The capital of France is Paris.");
      });

      for (const backend of WEBGPU ? ["cpu", "webgpu"] : ["cpu"]) {
        await t.step(`LoRA's loss falls as it does in PEFT (${backend})`, async () => {
          const id = await service.post({
            model: "smollm2",
            backend,
            method: { kind: "lora", r: 8, lora_alpha: 32, init_from: "start" },
            task: {
              kind: "sft",
              dataset: { inline: { input_ids: rows } },
              max_length: LENGTH,
              num_epochs: STEPS,
            },
            optimizer: { learning_rate: LEARNING_RATE },
            batch_size: ROWS,
            max_steps: STEPS,
            logging_steps: 1,
          });
          await service.events(id);
          const { status, error } = await service.json(`/v1/runs/${id}`);
          assert.equal(status, "succeeded", JSON.stringify(error));
          const { points } = await service.json(`/v1/runs/${id}/metrics`);
          const found: number[] = points.map((point: { train_nll: number }) => point.train_nll);
          assert.equal(found.length, STEPS);
          assert(found.at(-1)! < 0.8 * found[0]!, `${found}`);
          const [ours, theirs] = [found, expected.losses].map((x) => x.slice(0, AGREEING_STEPS));
          assert(relativeError(ours!, theirs!) < 1e-3, `${found}, expected ${expected.losses}`);
        });
      }
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});
