import assert from "@std/assert";
import { parseModelConfig, weightShapes } from "../../../compute/models/config.ts";
import { adapterSites, trainableShapes } from "../../../compute/models/method.ts";

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

Deno.test("adapterSites() takes all, attention, mlp, names, and lm_head", () => {
  const config = parseModelConfig(LLAMA);
  assert.equal(adapterSites(config, "all").length, 14);
  assert.equal(adapterSites(config, "attention").length, 8);
  assert.equal(adapterSites(config, "mlp").length, 6);
  assert.deepEqual(adapterSites(config, ["lm_head"]), [{ module: "lm_head", shape: [100, 64] }]);
  assert.throws(() => adapterSites(config, ["q_prj"]), /"q_prj": no such module.*"q_proj"/);
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
