import assert from "@std/assert";
import { ARCHITECTURES, findArchitecture } from "../../../compute/theory/architectures.ts";
import type { Architecture, Targets } from "../../../compute/theory/architecture.ts";
import { parseModelConfig, weightShapes } from "../../../compute/models/config.ts";
import { trainableShapes } from "../../../compute/models/method.ts";
import {
  baseParameters,
  expertRank,
  loraParameters,
  parametersPerRank,
} from "../../../compute/theory/parameters.ts";

/** Shapes of small models, each with its config.json. */
const SMALL: readonly { readonly architecture: Architecture; readonly name: string }[] = [
  {
    name: "Qwen3ForCausalLM",
    architecture: {
      model_type: "qwen3",
      hidden_size: 24,
      intermediate_size: 40,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 8,
      vocab_size: 31,
      tie_word_embeddings: true,
    },
  },
  {
    name: "Qwen3MoeForCausalLM",
    architecture: {
      model_type: "qwen3_moe",
      hidden_size: 24,
      intermediate_size: 40,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 8,
      vocab_size: 31,
      tie_word_embeddings: false,
      num_experts: 6,
      num_experts_per_tok: 2,
      moe_intermediate_size: 20,
    },
  },
];

Deno.test("the counts are those of a model that is loaded", () => {
  const count = (shapes: Iterable<readonly number[]>) =>
    [...shapes].reduce((sum, shape) => sum + shape.reduce((n, d) => n * d, 1), 0);
  for (const { name, architecture } of SMALL) {
    const config = parseModelConfig({
      ...architecture,
      architectures: [name],
      max_position_embeddings: 64,
    });
    assert.equal(baseParameters(architecture), count(weightShapes(config).values()), name);
    for (const target_modules of ["all", "attention", "mlp"] as const) {
      const shapes = trainableShapes(config, {
        kind: "lora",
        r: 6,
        lora_alpha: 32,
        init: "peft",
        target_modules,
      });
      const trained = count(shapes.map(({ shape }) => shape));
      assert.equal(loraParameters(architecture, target_modules, 6), trained, name);
    }
  }
});

const LLAMA_8B = ARCHITECTURES["meta-llama/Llama-3.1-8B"]!;
const MOE = ARCHITECTURES["Qwen/Qwen3-30B-A3B"]!;

Deno.test("baseParameters() equals the sizes of the published checkpoints", () => {
  const published = {
    "meta-llama/Llama-3.1-8B": 8_030_261_248,
    "meta-llama/Llama-3.1-70B": 70_553_706_496,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "meta-llama/Llama-3.2-3B": 3_212_749_824,
    "Qwen/Qwen3-0.6B": 596_049_920,
    "Qwen/Qwen3-1.7B": 1_720_574_976,
    "Qwen/Qwen3-4B": 4_022_468_096,
    "Qwen/Qwen3-8B": 8_190_735_360,
    "Qwen/Qwen3-14B": 14_768_307_200,
    "Qwen/Qwen3-32B": 32_762_123_264,
    "Qwen/Qwen3-30B-A3B": 30_532_122_624,
  };
  for (const [id, parameters] of Object.entries(published)) {
    assert.equal(baseParameters(ARCHITECTURES[id]!), parameters, id);
  }
});

Deno.test("loraParameters() of Llama-3.1-8B counts narrow keys and values", () => {
  assert.equal(loraParameters(LLAMA_8B, "all", 1), 2_621_440);
  assert.equal(loraParameters(LLAMA_8B, "all", 128), 335_544_320);
  assert.equal(loraParameters(LLAMA_8B, "attention", 1), 851_968);
  assert.equal(loraParameters(LLAMA_8B, "mlp", 1), 1_769_472);
});

Deno.test("loraParameters() of the other models of the guide at rank 1", () => {
  assert.equal(loraParameters(ARCHITECTURES["meta-llama/Llama-3.2-1B"]!, "all", 1), 704_512);
  assert.equal(loraParameters(ARCHITECTURES["Qwen/Qwen3-8B"]!, "all", 1), 2_727_936);
});

Deno.test("loraParameters() with lm_head gives the paper's table of layers", () => {
  const table: [readonly ("attention" | "mlp")[], number, string][] = [
    [["mlp"], 256, "0.49"],
    [["attention"], 256, "0.25"],
    [["attention", "mlp"], 256, "0.70"],
    [["mlp"], 128, "0.24"],
  ];
  for (const [groups, r, billions] of table) {
    const layers = groups.reduce((sum, group) => sum + loraParameters(LLAMA_8B, group, r), 0);
    const total = layers + loraParameters(LLAMA_8B, ["lm_head"], r);
    assert.equal((total / 1e9).toFixed(2), billions, `${groups} at r=${r}`);
  }
});

Deno.test("loraParameters() of named modules adds up to the whole", () => {
  const names: Targets = [
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
  ];
  assert.equal(loraParameters(LLAMA_8B, names, 7), loraParameters(LLAMA_8B, "all", 7));
  assert.equal(loraParameters(LLAMA_8B, ["k_proj"], 1), 32 * (4096 + 1024));
});

Deno.test("loraParameters() of a mixture of experts shares the rank among active experts", () => {
  assert.equal(expertRank(MOE, 64), 8);
  assert.equal(expertRank(MOE, 1), 1);
  const attention = 48 * (2 * (2048 + 4096) + 2 * (2048 + 512));
  const expert = 48 * 128 * 3 * (2048 + 768);
  assert.equal(loraParameters(MOE, "attention", 64), 64 * attention);
  assert.equal(loraParameters(MOE, "all", 64), 64 * attention + 8 * expert);
  assert.equal(parametersPerRank(MOE, "all"), attention + expert / 8);
});

Deno.test("findArchitecture() knows a model with and without its owner", () => {
  assert.equal(findArchitecture("Llama-3.1-8B"), LLAMA_8B);
  assert.equal(findArchitecture("meta-llama/Llama-3.1-8B"), LLAMA_8B);
  assert.equal(findArchitecture("8B"), undefined);
  assert.equal(findArchitecture("constructor"), undefined);
});

Deno.test("the shapes of the models that ship are those of their files", () => {
  for (const name of ["tiny", "tiny-moe"]) {
    const file = new URL(`../../../data/models/${name}/config.json`, import.meta.url);
    const config = JSON.parse(Deno.readTextFileSync(file));
    const shapes = Object.entries(ARCHITECTURES[`noregret/${name}`]!);
    assert.deepEqual(shapes, shapes.map(([key]) => [key, config[key]]));
    assert.equal(shapes.length, name === "tiny" ? 9 : 12);
  }
});
