import assert from "@std/assert";
import { type ModelConfig, parseModelConfig } from "../../../compute/models/config.ts";
import type { Method } from "../../../compute/models/method.ts";
import { createModel, randomWeights } from "../../../compute/models/model.ts";
import type { Architecture } from "../../../compute/theory/architecture.ts";
import { ARCHITECTURES } from "../../../compute/theory/architectures.ts";
import {
  fullMemory,
  loraMemory,
  LOSS_CHUNK_TOKENS,
  LOSS_TILE_COLUMNS,
} from "../../../compute/theory/memory.ts";
import { CHUNK_TOKENS, TILE_COLUMNS } from "../../../compute/ops/cross_entropy.ts";
import { createGenerator } from "../../../compute/train/generate.ts";
import { GrpoStep } from "../../../compute/train/grpo_step.ts";
import { referenceModel } from "../../../compute/models/reference.ts";
import { planMemory } from "../../../compute/train/plan_memory.ts";
import { EvalStep, TrainStep } from "../../../compute/train/step.ts";
import { forEachBackend } from "../../support/backends.ts";

const base = {
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  vocab_size: 512,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-5,
};
const CONFIGS: Record<string, ModelConfig> = {
  llama: parseModelConfig({ ...base, architectures: ["LlamaForCausalLM"] }),
  qwen3: parseModelConfig({
    ...base,
    architectures: ["Qwen3ForCausalLM"],
    tie_word_embeddings: true,
    head_dim: 64,
  }),
};
/** Its logits come in two tiles, the second one narrower. */
const TILED = "llama with a large vocabulary";
CONFIGS[TILED] = parseModelConfig({
  ...base,
  architectures: ["LlamaForCausalLM"],
  tie_word_embeddings: true,
  hidden_size: 32,
  vocab_size: 80_000,
});
const LORA: Method = { kind: "lora", r: 8, lora_alpha: 32, target_modules: "all", init: "peft" };
const METHODS: Record<string, Method> = {
  lora: LORA,
  "lora beside embeddings": { ...LORA, modules_to_save: ["embed_tokens"] },
  full: { kind: "full" },
};

await forEachBackend(({ kind, test }) => {
  for (const [shape, config] of Object.entries(CONFIGS)) {
    for (const [name, method] of Object.entries(METHODS)) {
      for (const checkpointing of [false, true]) {
        for (const dtype of ["f32", "bf16", "nf4"] as const) {
          if (dtype !== "f32" && (name === "full" || checkpointing)) continue;
          if (shape === TILED && (dtype !== "f32" || checkpointing || name.includes("beside"))) {
            continue;
          }
          const title = `the planned memory of ${shape}, ${name}, ${dtype}` +
            `${checkpointing ? ", checkpointing" : ""} is what is allocated`;
          test(title, async (backend) => {
            const tokens = 256;
            const { software } = backend.info;
            const plan = await planMemory({
              config,
              method,
              dtype,
              tokens,
              checkpointing,
              evalTokens: tokens,
              device: { kind, software },
            });
            const before = backend.memory().bytes;
            const weights = randomWeights(config, 1);
            const model = await createModel({ backend, config, weights, method, dtype, seed: 0 });
            const train = new TrainStep(model, tokens, { gradientCheckpointing: checkpointing });
            const evaluation = new EvalStep(model, tokens);
            const used = backend.memory().bytes - before;
            const slab = (await model.trainable.state())[0]!.byteLength;
            // A backend remembers the peak of all that it ever did, so the rest is added up.
            const measured = used + (kind === "webgpu" ? slab : 0);
            evaluation.free();
            train.free();
            model.free();
            assert.ok(
              Math.abs(plan.total - measured) <= 0.01 * measured,
              `planned ${plan.total}, measured ${measured}`,
            );
            const { total, largest, calls: _, sampler: _1, ...parts } = plan;
            assert.equal(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0), total);
            assert.ok(Object.values(parts).every((bytes) => bytes >= 0), JSON.stringify(parts));
            assert.ok(largest.bytes >= 4 * 512 * 128 / 2);
          });
        }
      }
    }
  }
});

await forEachBackend(({ kind, test }) => {
  test("the planned memory of a grpo run, its sampler included, is what is allocated", async (backend) => {
    const config = CONFIGS.llama!;
    const sampler = { batch: 6, maxPromptLength: 40, maxCompletionLength: 24 };
    const tokens = sampler.batch * (sampler.maxPromptLength + sampler.maxCompletionLength);
    const loss = {
      epsilon: 0.2,
      epsilon_high: 0.2,
      beta: 0.1,
      temperature: 1,
      importance_sampling_level: "token",
    } as const;
    const { software } = backend.info;
    const options = { config, method: LORA, dtype: "f32", tokens, checkpointing: false } as const;
    const plan = await planMemory({
      ...options,
      evalTokens: 0,
      policy: { sampler, loss, reference: true },
      device: { kind, software },
    });
    const before = backend.memory().bytes;
    const weights = randomWeights(config, 1);
    const model = await createModel({ ...options, backend, weights, seed: 0 });
    const generator = createGenerator(model, sampler);
    // Prompts of many lengths, and completions that end at many: every size of pass comes up.
    const prompts = [40, 3, 17, 33, 8, 25, 12, 1, 38].map((length) =>
      Uint32Array.from({ length }, (_, i) => (i * 37 + length) % 512)
    );
    for (let n = 1; n <= prompts.length; n++) {
      await generator.generate(prompts.slice(0, n), {
        stop_token_ids: [1, 2, 3, 4, 5, 6, 7, 8],
        seed: n,
        max_new_tokens: 3 + 2 * n,
      });
    }
    const reference = await referenceModel(model);
    const step = new GrpoStep(model, tokens, { ...loss, reference });
    const slab = (await model.trainable.state())[0]!.byteLength;
    const measured = backend.memory().bytes - before + (kind === "webgpu" ? slab : 0);
    [step, reference, generator, model].forEach((each) => each.free());
    assert.ok(
      Math.abs(plan.total - measured) <= 0.05 * measured,
      `planned ${plan.total}, measured ${measured}`,
    );
    assert.ok(plan.sampling > 0.05 * plan.total, `${plan.sampling} of ${plan.total}`);
  });
});

/** config.json of a shape that the theory knows. */
function configOf(shape: Architecture): ModelConfig {
  const architecture = shape.model_type === "llama" ? "LlamaForCausalLM" : "Qwen3ForCausalLM";
  return parseModelConfig({
    ...shape,
    architectures: [architecture],
    max_position_embeddings: 2048,
  });
}

Deno.test("the formulas and the loss cut logits at the same sizes", () => {
  assert.deepEqual([LOSS_CHUNK_TOKENS, LOSS_TILE_COLUMNS], [CHUNK_TOKENS, TILE_COLUMNS]);
});

Deno.test("the formulas are within 6 % of the plan for published shapes on WebGPU", async () => {
  for (const [name, shape] of Object.entries(ARCHITECTURES)) {
    // The models that ship are so small that what the formulas leave out counts.
    if (shape.num_experts !== undefined || name.startsWith("noregret/")) continue;
    for (const checkpointing of [false, true]) {
      const cases = [[LORA, "bf16"], [LORA, "nf4"], [METHODS.full!, "bf16"]] as const;
      for (const [method, dtype] of cases) {
        const options = { dtype, tokens: 4096, checkpointing } as const;
        const plan = await planMemory({
          ...options,
          config: configOf(shape),
          method,
          evalTokens: 0,
          device: { kind: "webgpu" },
        });
        const { total } = method.kind === "lora"
          ? loraMemory(shape, "all", method.r, options)
          : fullMemory(shape, options);
        assert.ok(
          Math.abs(total / plan.total - 1) < 0.06,
          `${name} ${method.kind} ${dtype} ${checkpointing}: ${total / plan.total}`,
        );
      }
    }
  }
});
