import assert from "@std/assert";
import { parseModelConfig, weightShapes } from "../../../compute/models/config.ts";
import { adapterSites, type LoraMethod, trainableShapes } from "../../../compute/models/method.ts";
import { type TargetModules, targetModules } from "../../../compute/models/target_modules.ts";

const LLAMA = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 100,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
};

Deno.test("parseModelConfig() reads the old and the new spelling of rope", () => {
  const scaling = { factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const rope = { rope_type: "llama3", original_max_position_embeddings: 32, ...scaling };
  const old = parseModelConfig({ ...LLAMA, rope_theta: 5e5, rope_scaling: rope });
  const fresh = parseModelConfig({ ...LLAMA, rope_parameters: { rope_theta: 5e5, ...rope } });
  assert.deepEqual(old, fresh);
  assert.equal(old.rope_theta, 5e5);
  assert.equal(old.rope_scaling?.factor, 8);
});

const BAD: readonly [object, RegExp][] = [
  [{ architectures: ["GPT2LMHeadModel"] }, /architecture is "GPT2LMHeadModel", expected one of/],
  [{ hidden_size: 0 }, /"hidden_size" is 0, expected an integer/],
  [{ vocab_size: "many" }, /"vocab_size" is "many"/],
  [{ num_key_value_heads: 3 }, /no multiple of num_key_value_heads 3/],
  [{ head_dim: 15 }, /head_dim is 15, expected an even number/],
  [{ hidden_act: "gelu" }, /hidden_act is "gelu", expected "silu"/],
  [{ attention_bias: true }, /"attention_bias" must be false/],
  [{ rope_scaling: { rope_type: "yarn" } }, /rope_type is "yarn"/],
  [{ rope_scaling: "llama3" }, /"rope_scaling" is "llama3", expected an object/],
  [{ rope_parameters: [8] }, /"rope_parameters" is \[8\], expected an object/],
];
for (const [change, message] of BAD) {
  Deno.test(`parseModelConfig() refuses ${JSON.stringify(change)}`, () => {
    assert.throws(() => parseModelConfig({ ...LLAMA, ...change }), { name: "RangeError", message });
  });
}

Deno.test("weightShapes() has no output projection where embeddings are tied", () => {
  assert.ok(!weightShapes(parseModelConfig(LLAMA)).has("lm_head.weight"));
  const untied = parseModelConfig({ ...LLAMA, tie_word_embeddings: false });
  assert.deepEqual(weightShapes(untied).get("lm_head.weight"), [100, 64]);
});

Deno.test("targetModules() takes all, attention, mlp, names, and lm_head", () => {
  const config = parseModelConfig(LLAMA);
  const take = (target_modules: TargetModules) => targetModules(config, { target_modules });
  assert.equal(take("all").length, 14);
  assert.equal(take("attention").length, 8);
  assert.equal(take("mlp").length, 6);
  assert.deepEqual(take(["lm_head"]), [{ module: "lm_head", shape: [100, 64] }]);
  assert.throws(() => take(["q_prj"]), /"q_prj": no such module.*"q_proj"/);
});

Deno.test("trainableShapes() follows PEFT's names and modules_to_save", () => {
  const config = parseModelConfig(LLAMA);
  const lora = { kind: "lora", r: 3, lora_alpha: 32, init: "peft" } as const;
  const names = trainableShapes(config, {
    ...lora,
    target_modules: ["v_proj"],
    modules_to_save: ["embed_tokens", "norm"],
  }).map(({ name, shape }) => `${name} ${shape}`);
  assert.deepEqual(names, [
    "base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight 3,64",
    "base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight 32,3",
    "base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight 3,64",
    "base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight 32,3",
    "base_model.model.model.embed_tokens.weight 100,64",
    "base_model.model.model.norm.weight 64",
  ]);
  assert.throws(
    () => trainableShapes(config, { ...lora, target_modules: "all", modules_to_save: ["x"] }),
    /Cannot save "x": no such module/,
  );
});

Deno.test("full fine-tuning takes every parameter, or the named matrices only", () => {
  const config = parseModelConfig(LLAMA);
  assert.equal(trainableShapes(config, { kind: "full" }).length, weightShapes(config).size);
  assert.equal(trainableShapes(config, { kind: "full", target_modules: "mlp" }).length, 6);
});

const MOE = {
  ...LLAMA,
  architectures: ["Qwen3MoeForCausalLM"],
  num_hidden_layers: 6,
  tie_word_embeddings: false,
  num_experts: 4,
  num_experts_per_tok: 2,
  moe_intermediate_size: 24,
  norm_topk_prob: true,
};

Deno.test("parseModelConfig() reads a mixture of experts, old and new", () => {
  const { num_experts, ...rest } = MOE;
  const config = parseModelConfig(MOE);
  assert.deepEqual(config.experts, {
    num_experts: 4,
    num_experts_per_tok: 2,
    moe_intermediate_size: 24,
    norm_topk_prob: true,
    layers: [0, 1, 2, 3, 4, 5],
  });
  assert.deepEqual(parseModelConfig({ ...rest, num_local_experts: num_experts }), config);
  const sparse = parseModelConfig({ ...MOE, decoder_sparse_step: 2, mlp_only_layers: [3] });
  assert.deepEqual(sparse.experts!.layers, [1, 5]);
  const shapes = weightShapes(sparse);
  assert.deepEqual(shapes.get("model.layers.0.mlp.gate_proj.weight"), [128, 64]);
  assert.deepEqual(shapes.get("model.layers.1.mlp.gate.weight"), [4, 64]);
  assert.deepEqual(shapes.get("model.layers.5.mlp.experts.3.down_proj.weight"), [64, 24]);
  assert.ok(!shapes.has("model.layers.3.mlp.gate.weight"));
});

const BAD_MOE: readonly [object, RegExp][] = [
  [{ num_experts: 0 }, /"num_experts" is 0/],
  [{ num_experts_per_tok: 5 }, /"num_experts_per_tok" is 5, expected at most 4/],
  [{ mlp_only_layers: "none" }, /"mlp_only_layers" is "none", expected an array/],
  [{ norm_topk_prob: 1 }, /"norm_topk_prob" is 1, expected true or false/],
  [{ moe_intermediate_size: undefined }, /"moe_intermediate_size" is undefined/],
];
for (const [change, message] of BAD_MOE) {
  Deno.test(`parseModelConfig() refuses ${JSON.stringify(change)} of a mixture`, () => {
    assert.throws(() => parseModelConfig({ ...MOE, ...change }), { name: "RangeError", message });
  });
}

const EXPERTS: LoraMethod = {
  kind: "lora",
  r: 6,
  lora_alpha: 12,
  target_modules: "all",
  init: "peft",
};

Deno.test("an expert's rank is r over the experts of a token, or what rank_pattern says", () => {
  const config = parseModelConfig({ ...MOE, num_hidden_layers: 1 });
  const of = (method: Partial<LoraMethod>, end: string) => {
    const sites = adapterSites(config, { ...EXPERTS, ...method });
    return sites.find(({ module }) => module.endsWith(end))!;
  };
  assert.equal(of({}, "q_proj").r, 6);
  assert.equal(of({}, "experts.2.up_proj").r, 3);
  assert.equal(of({}, "experts.2.up_proj").scaling, 4);
  assert.equal(of({ rank_pattern: { "experts\\.\\d+\\.up_proj": 5 } }, "experts.2.up_proj").r, 5);
  assert.equal(of({ target_modules: ["gate"] }, "mlp.gate").r, 6);
  assert.equal(adapterSites(config, EXPERTS).length, 4 + 4 * 3);
  assert.throws(
    () => adapterSites(config, { ...EXPERTS, r: 5 }),
    /rank 5 to experts.*expected a multiple of 2/,
  );
  assert.throws(
    () => adapterSites(config, { ...EXPERTS, target_modules: ["experts.0.up_proj"] }),
    /of 1 experts: expected all 4/,
  );
  assert.throws(
    () => adapterSites(config, { ...EXPERTS, rank_pattern: { "experts\\.1\\.up_proj": 1 } }),
    /experts of a layer to be alike/,
  );
  assert.throws(
    () => trainableShapes(config, { kind: "full", target_modules: ["experts.1.up_proj"] }),
    /of 1 experts: expected all 4/,
  );
});
