import assert from "@std/assert";
import { parseModelConfig } from "../../../compute/models/config.ts";
import { adapterSites, type LoraMethod } from "../../../compute/models/method.ts";
import { parsePeftConfig, peftConfig } from "../../../compute/models/peft_config.ts";

const LLAMA = parseModelConfig({
  architectures: ["LlamaForCausalLM"],
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  vocab_size: 20,
  max_position_embeddings: 32,
});
const MOE = parseModelConfig({
  architectures: ["Qwen3MoeForCausalLM"],
  hidden_size: 16,
  intermediate_size: 24,
  moe_intermediate_size: 12,
  num_experts: 4,
  num_experts_per_tok: 2,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  vocab_size: 20,
  max_position_embeddings: 32,
});

const BASE: LoraMethod = {
  kind: "lora",
  r: 4,
  lora_alpha: 8,
  target_modules: "all",
  init: "peft",
};

const METHODS: readonly Partial<LoraMethod>[] = [
  {},
  { use_rslora: true, target_modules: ["lm_head", "q_proj"] },
  { rank_pattern: { "q_proj|k_proj": 2, "layers\\.2\\.mlp\\.up_proj": 6 } },
  { alpha_pattern: { "layers\\.0\\..*": 3 } },
  { layers_to_transform: [0, 2] },
  { target_modules: ".*layers\\.[12]\\.mlp\\.(gate|up)_proj" },
  { target_modules: "all-linear", exclude_modules: ".*layers\\.1\\..*" },
  { target_modules: "attention", exclude_modules: ["o_proj"] },
];

Deno.test("parsePeftConfig() reads what peftConfig() writes: the same matrices, ranks and scales", () => {
  for (const config of [LLAMA, MOE]) {
    for (const change of METHODS) {
      // Layer 2 is in the first model only.
      if (config === MOE && /2/.test(JSON.stringify(change))) continue;
      const method = { ...BASE, ...change };
      const written = JSON.parse(JSON.stringify(peftConfig(config, method, "base")));
      const read = parsePeftConfig(written);
      assert.deepEqual(
        adapterSites(config, read).map(({ module, r, scaling }) => [module, r, scaling]),
        adapterSites(config, method).map(({ module, r, scaling }) => [module, r, scaling]),
        JSON.stringify(change),
      );
    }
  }
});

Deno.test("peftConfig() makes the experts' rank the default, which newer transformers takes for them", () => {
  const written = peftConfig(MOE, BASE, "base");
  assert.equal(written.r, 2);
  assert.deepEqual(written.rank_pattern, { q_proj: 4, k_proj: 4, v_proj: 4, o_proj: 4 });
});

Deno.test("parsePeftConfig() takes fused experts by their parameters, with the rank itself", () => {
  const read = parsePeftConfig({
    peft_type: "LORA",
    r: 3,
    lora_alpha: 6,
    target_modules: [],
    target_parameters: [
      "experts.gate_up_proj",
      "model.layers.1.mlp.experts.down_proj",
      "gate.weight",
    ],
    rank_pattern: { ".*\\.gate_up_proj": 6 },
    alpha_pattern: { ".*\\.gate_up_proj": 24 },
  });
  const sites = adapterSites(MOE, read).map(({ module, r, scaling }) =>
    `${module} ${r} ${scaling}`
  );
  const experts = (layer: number, leaf: string, what: string) =>
    Array.from({ length: 4 }, (_, e) => `model.layers.${layer}.mlp.experts.${e}.${leaf} ${what}`);
  const expected = [0, 1].flatMap((layer) => [
    `model.layers.${layer}.mlp.gate 3 2`,
    ...experts(layer, "gate_proj", "6 4"),
    ...experts(layer, "up_proj", "6 4"),
    ...layer === 1 ? experts(layer, "down_proj", "3 2") : [],
  ]);
  assert.deepEqual(sites.sort(), expected.sort());
  assert.throws(
    () => adapterSites(MOE, { ...read, target_parameters: ["experts.up_proj"] }),
    /Cannot attach to the parameter "experts.up_proj": .* "mlp.experts.gate_up_proj"/,
  );
});

Deno.test("peftConfig() names parameters where PEFT could not fuse the experts itself", () => {
  for (
    const [change, parameters] of [
      [{ target_modules: ["gate_proj", "q_proj"] }, ["gate_up_proj", "gate_up_proj"]],
      [{ rank_pattern: { up_proj: 3 } }, [
        "gate_up_proj",
        "down_proj",
        "gate_up_proj",
        "down_proj",
      ]],
      [{}, undefined],
      [{ target_modules: ["down_proj"] }, undefined],
    ] as const
  ) {
    const written = peftConfig(MOE, { ...BASE, ...change }, "base");
    const names = written.target_parameters as string[] | undefined;
    assert.deepEqual(names?.map((name) => name.split(".").at(-1)), parameters);
  }
});

const GOOD = { peft_type: "LORA", r: 2, lora_alpha: 4, target_modules: ["q_proj"] };
const BAD: readonly [object, RegExp][] = [
  [{ peft_type: "IA3" }, /"peft_type" is "IA3", expected "LORA"/],
  [{ r: 0 }, /"r" is 0, expected a number > 0/],
  [{ lora_alpha: "16" }, /"lora_alpha" is "16", expected a number > 0/],
  [{ target_modules: null }, /"target_modules" is null, expected module names/],
  [{ target_modules: [1] }, /"target_modules" is \[1\], expected a string or names/],
  [{ rank_pattern: { q_proj: -1 } }, /"rank_pattern" is \{"q_proj":-1\}, expected numbers > 0/],
  [{ layers_to_transform: [-1] }, /"layers_to_transform" is \[-1\], expected indices/],
  [{ use_dora: true }, /its use_dora is on/],
  [
    { target_parameters: "mlp.experts.down_proj" },
    /"target_parameters" is "mlp.experts.down_proj"/,
  ],
  [{ bias: "all" }, /"bias" is "all", expected "none"/],
  [{ init_lora_weights: "pissa_niter_4" }, /has changed the base model's weights too/],
];
for (const [change, message] of BAD) {
  Deno.test(`parsePeftConfig() refuses ${JSON.stringify(change)}`, () => {
    assert.throws(() => parsePeftConfig({ ...GOOD, ...change }), { name: "RangeError", message });
  });
}

Deno.test("expressions that cannot be read, or could run for ever, are refused", () => {
  const take = (target_modules: string) => () => adapterSites(LLAMA, { ...BASE, target_modules });
  assert.throws(take("(q_proj"), /is no regular expression/);
  assert.throws(take("(a+)+b"), /repeats a group that repeats something/);
  assert.throws(take("a".repeat(300)), /more than 256 characters/);
  assert.throws(
    () => adapterSites(LLAMA, { ...BASE, target_modules: ["q_proj"], exclude_modules: ["q_proj"] }),
    /leave no module of it/,
  );
});
