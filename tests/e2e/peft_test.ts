// The adapters that a run leaves, in the hands of the library whose layout they are in. Needs Python
// with torch, transformers and peft.

import assert from "@std/assert";
import { fileURLToPath } from "node:url";
import { makeTinyHome, type TinyHome } from "../runs/tiny_home.ts";
import { size } from "../../compute/backend/backend.ts";
import { createCpuBackend } from "../../compute/backend/cpu/cpu_backend.ts";
import { FROZEN, type LoraMethod } from "../../compute/models/method.ts";
import { createModel } from "../../compute/models/model.ts";
import { parsePeftConfig } from "../../compute/models/peft_config.ts";
import { bytesSource } from "../../compute/models/safetensors.ts";
import { openWeights, type WeightSource } from "../../compute/models/weights.ts";
import { uniform } from "../../compute/rng.ts";
import { type Files, trainedFiles } from "../../compute/train/checkpoint.ts";
import { EvalStep } from "../../compute/train/step.ts";
import { openModel } from "../../runs/worker/stored_models.ts";
import { merge } from "../../runs/worker/merge.ts";
import { untiedFor } from "../../compute/models/untie.ts";
import { batchOf } from "../support/numerics.ts";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { python, pythonHas } from "../support/python.ts";
import { Service } from "./service.ts";

const MODEL = fileURLToPath(new URL("../../data/models/tiny", import.meta.url));
const MOE_MODEL = fileURLToPath(
  new URL("../fixtures/numerics/qwen3-moe-attn/model", import.meta.url),
);
/** Its middle layer has no experts. */
const MIXED_MODEL = fileURLToPath(
  new URL("../fixtures/numerics/qwen3-moe-experts/model", import.meta.url),
);
const MAKER = fileURLToPath(new URL("../support/peft_adapter.py", import.meta.url));
const SCRIPT = fileURLToPath(new URL("../support/peft_nll.py", import.meta.url));

const ignore = !(await pythonHas("torch", "transformers", "peft"));

/** Adapters that PEFT makes: every option that decides where, how large and at which scale they are. */
const OPTIONS: readonly Record<string, unknown>[] = [
  { r: 4, lora_alpha: 8, target_modules: ["q_proj", "up_proj"], use_rslora: true },
  {
    r: 4,
    target_modules: ["q_proj", "v_proj", "down_proj"],
    rank_pattern: { q_proj: 2, "layers\\.1\\.mlp\\.down_proj": 7 },
    alpha_pattern: { "v_proj|down_proj": 3 },
  },
  {
    r: 3,
    target_modules: ["k_proj", "gate_proj"],
    layers_to_transform: [1],
    layers_pattern: "layers",
  },
  { r: 2, target_modules: "all-linear" },
  { r: 2, target_modules: ".*layers\\.[02]\\.self_attn\\.(q|o)_proj" },
  { r: 2, target_modules: "all-linear", exclude_modules: ["o_proj", "layers.0.mlp.up_proj"] },
  { r: 2, target_modules: ["q_proj"], modules_to_save: ["model.norm"] },
];

/** The same for experts, which PEFT holds fused. */
const FUSED_OPTIONS: readonly Record<string, unknown>[] = [
  {
    r: 2,
    target_modules: [],
    target_parameters: ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
  },
  { r: 3, target_modules: ["q_proj"], target_parameters: ["mlp.experts.gate_up_proj"] },
  { r: 2, target_modules: ["v_proj"], target_parameters: ["mlp.experts.down_proj"] },
  {
    r: 2,
    target_modules: [],
    target_parameters: ["mlp.gate.weight", "experts.gate_up_proj", "experts.down_proj"],
    rank_pattern: { "experts.gate_up_proj": 5 },
    alpha_pattern: { "layers.1.mlp.experts.down_proj": 3 },
    use_rslora: true,
  },
  // Names of single experts' matrices: it fuses them.
  { r: 2, target_modules: ["q_proj", "gate_proj", "up_proj", "down_proj"] },
  { r: 2, target_modules: "all-linear" },
];

/** Ours that it could not fuse itself, and one that it can. */
const EXPERT_METHODS: readonly Partial<LoraMethod>[] = [
  {},
  { target_modules: ["gate_proj", "k_proj"] },
  { target_modules: ["up_proj", "down_proj"] },
  { rank_pattern: { "experts\\.\\d+\\.up_proj": 3 }, alpha_pattern: { gate_proj: 20 } },
  { target_modules: "all-linear", layers_to_transform: [0], use_rslora: true },
];

/** Mean NLL of rows under a model with an adapter, and the adapter as it is written back. */
async function ours(
  modelFolder: string,
  adapter: { method: LoraMethod; weights?: WeightSource },
  rows: readonly number[][],
): Promise<{ nll: number; files: Files }> {
  const backend = await createCpuBackend({ threads: 1 });
  try {
    using stored = await openModel(modelFolder);
    const { config, weights } = untiedFor(stored, adapter.method);
    const model = await createModel({
      backend,
      config,
      weights,
      method: adapter.method,
      adapter: adapter.weights,
      dtype: "f32",
      seed: 1,
    });
    if (!adapter.weights) {
      for (const { name, value } of model.trainable.parameters) {
        if (name.includes("lora_B")) backend.write(value, uniform(2, name, size(value), 0.2));
      }
    }
    let total = 0, count = 0;
    for (const row of rows) {
      const ids = Int32Array.from(row);
      const step = new EvalStep(model, row.length);
      const { nll, tokens } = await step.run([batchOf(ids, ids, 1)]);
      total += nll * tokens;
      count += tokens;
      step.free();
    }
    return { nll: total / count, files: await trainedFiles(model, "base") };
  } finally {
    backend.close();
  }
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await Deno.writeFile(`${folder}/${name}`, bytes);
}

/** What PEFT finds for adapters, in one process: loading its libraries takes the most time. */
async function peftNll(
  cases: readonly { model: string; adapter: string; rows: readonly number[][] }[],
): Promise<number[]> {
  const { out, error } = (await python([SCRIPT, JSON.stringify(cases)]))!;
  assert(out, error);
  return JSON.parse(out);
}

Deno.test({
  name: "PEFT's adapters are ours, and ours are PEFT's, with every option of where and how large",
  ignore,
  // Workers of the backend end in their own time.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const rows = [[...new TextEncoder().encode("Some years ago, never mind how long")]];
      const json = JSON.stringify;
      const made = (await python([MAKER, MODEL, folder, json(OPTIONS), json(rows)]))!;
      assert(made.out, made.error);
      const found: number[] = [];
      for (const [i, expected] of (JSON.parse(made.out) as number[]).entries()) {
        const config = await Deno.readTextFile(`${folder}/${i}/adapter_config.json`);
        const bytes = await Deno.readFile(`${folder}/${i}/adapter_model.safetensors`);
        const weights = await openWeights([bytesSource(bytes, "adapter")]);
        const method = parsePeftConfig(JSON.parse(config));
        const { nll, files } = await ours(MODEL, { method, weights }, rows);
        assert(Math.abs(nll - expected) < 1e-4, `${json(OPTIONS[i])}: ${nll}, PEFT ${expected}`);
        await writeFiles(`${folder}/back${i}`, files);
        found.push(nll);
      }
      // Experts of a mixture have a share of the others' rank.
      const all: LoraMethod = {
        kind: "lora",
        r: 4,
        lora_alpha: 8,
        target_modules: "all",
        init: "peft",
      };
      const ids = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]];
      const experts = await ours(MOE_MODEL, { method: all }, ids);
      await writeFiles(`${folder}/experts`, experts.files);
      found.push(experts.nll);
      const again = await peftNll([
        ...OPTIONS.map((_, i) => ({ model: MODEL, adapter: `${folder}/back${i}`, rows })),
        { model: MOE_MODEL, adapter: `${folder}/experts`, rows: ids },
      ]);
      again.forEach((nll, i) =>
        assert(
          Math.abs(nll - found[i]!) < 1e-4,
          `${json(OPTIONS[i] ?? all)}: ${found[i]}, PEFT ${nll}`,
        )
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "fused adapters of experts go both ways between PEFT and us",
  ignore,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const rows = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9], [2, 7, 1, 8, 2, 8, 1, 8]];
      const json = JSON.stringify;
      const made = (await python([MAKER, MOE_MODEL, folder, json(FUSED_OPTIONS), json(rows)]))!;
      assert(made.out, made.error);
      for (const [i, expected] of (JSON.parse(made.out) as number[]).entries()) {
        const config = JSON.parse(await Deno.readTextFile(`${folder}/${i}/adapter_config.json`));
        const bytes = await Deno.readFile(`${folder}/${i}/adapter_model.safetensors`);
        const weights = await openWeights([bytesSource(bytes, "adapter")]);
        const { nll } = await ours(MOE_MODEL, { method: parsePeftConfig(config), weights }, rows);
        assert(
          Math.abs(nll - expected) < 1e-4,
          `${json(FUSED_OPTIONS[i])}: ${nll}, PEFT ${expected}`,
        );
      }
      const cases: { model: string; adapter: string; rows: number[][] }[] = [];
      const found: { nll: number; method: LoraMethod }[] = [];
      for (const model of [MOE_MODEL, MIXED_MODEL]) {
        for (const change of EXPERT_METHODS) {
          const method: LoraMethod = {
            kind: "lora",
            r: 4,
            lora_alpha: 8,
            target_modules: "all",
            init: "peft",
            ...change,
          };
          const { nll, files } = await ours(model, { method }, rows);
          const adapter = `${folder}/ours${cases.length}`;
          await writeFiles(adapter, files);
          // What we write, we read.
          const text = new TextDecoder().decode(files.get("adapter_config.json"));
          const bytes = files.get("adapter_model.safetensors")!;
          const weights = await openWeights([bytesSource(bytes, "adapter")]);
          for (const read of [method, parsePeftConfig(JSON.parse(text))]) {
            const again = await ours(model, { method: read, weights }, rows);
            assert(Math.abs(again.nll - nll) < 1e-6, `${json(read)}: ${nll}, read ${again.nll}`);
          }
          cases.push({ model, adapter, rows });
          found.push({ nll, method });
        }
      }
      (await peftNll(cases)).forEach((nll, i) => {
        const { nll: own, method } = found[i]!;
        assert(Math.abs(nll - own) < 1e-4, `${i} ${json(method)}: ${own}, PEFT ${nll}`);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** What PEFT may do with embeddings that the base has as one. */
const TIED_OPTIONS: readonly Record<string, unknown>[] = [
  { r: 2, target_modules: ["q_proj"], modules_to_save: ["embed_tokens"] },
  { r: 2, target_modules: ["q_proj"], modules_to_save: ["lm_head"] },
  { r: 2, target_modules: ["q_proj"], modules_to_save: ["embed_tokens", "lm_head"] },
  {
    r: 2,
    target_modules: ["q_proj"],
    modules_to_save: ["embed_tokens"],
    ensure_weight_tying: true,
  },
  { r: 2, target_modules: ["q_proj", "lm_head"], modules_to_save: ["embed_tokens"] },
];

Deno.test({
  name: "embeddings that PEFT has untied, or kept tied, are read, and merged, as it has them",
  ignore,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const rows = [[...new TextEncoder().encode("Some years ago, never mind how long")]];
      const json = JSON.stringify;
      const made = (await python([MAKER, MODEL, folder, json(TIED_OPTIONS), json(rows)]))!;
      assert(made.out, made.error);
      for (const [i, expected] of (JSON.parse(made.out) as number[]).entries()) {
        const adapter = `${folder}/${i}`, out = `${folder}/merged${i}`;
        const config = JSON.parse(await Deno.readTextFile(`${adapter}/adapter_config.json`));
        const bytes = await Deno.readFile(`${adapter}/adapter_model.safetensors`);
        const weights = await openWeights([bytesSource(bytes, "adapter")]);
        const read = await ours(MODEL, { method: parsePeftConfig(config), weights }, rows);
        await merge({ model: MODEL, adapter, out });
        const merged = await ours(out, { method: FROZEN }, rows);
        for (const [what, { nll }] of Object.entries({ read, merged })) {
          // The base is bf16, and so is what is merged into it.
          const most = what === "merged" ? 5e-3 : 1e-4;
          const difference = Math.abs(nll - expected);
          assert(difference < most, `${json(TIED_OPTIONS[i])} ${what}: ${nll}, PEFT ${expected}`);
        }
        const { tie_word_embeddings: tied } = JSON.parse(
          await Deno.readTextFile(`${out}/config.json`),
        );
        assert.equal(tied, TIED_OPTIONS[i]!.ensure_weight_tying === true, json(TIED_OPTIONS[i]));
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const METHODS: readonly RunSpecInput["method"][] = [
  { kind: "lora", r: 8 },
  { kind: "lora", r: 4, modules_to_save: ["embed_tokens", "norm"] },
  { kind: "lora", r: 3, lora_alpha: 7, target_modules: ["q_proj", "down_proj"] },
];

Deno.test({
  name: "PEFT loads a run's adapter and finds the same held-out loss",
  ignore,
  async fn() {
    await using tiny: TinyHome = await makeTinyHome();
    await using service = await Service.start(tiny.home);
    const sentence = "Call me Ishmael. Some years ago, never mind how long";
    const rows = [0, 9, 23].map((at) => [...new TextEncoder().encode(sentence.slice(at))]);
    const found: number[] = [];
    const cases: { model: string; adapter: string; rows: number[][] }[] = [];
    for (const method of METHODS) {
      const id = await service.post({
        model: "noregret/tiny",
        backend: "cpu",
        method,
        task: {
          kind: "sft",
          dataset: { name: "stdlib/moby-dick", limit: 40 },
          eval_dataset: { inline: { input_ids: rows } },
          max_length: 64,
        },
        optimizer: { learning_rate: 1e-2 },
        batch_size: 2,
        max_steps: 6,
      });
      await service.events(id);
      const { result, error } = await service.json(`/v1/runs/${id}`);
      assert(result, JSON.stringify(error));
      cases.push({ model: MODEL, adapter: `${tiny.paths.adapters}/${id}`, rows });
      found.push(result.eval_nll);
      assert(Math.abs(result.eval_nll - result.initial_eval_nll) > 1e-2);
    }
    (await peftNll(cases)).forEach((nll, i) => {
      const difference = Math.abs(nll - found[i]!);
      assert(difference < 1e-4, `${JSON.stringify(METHODS[i])}: ${difference}`);
    });
  },
});
