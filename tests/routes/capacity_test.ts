import assert from "@std/assert";
import { capacityResponseSchema } from "../../runs/spec/capacity.ts";
import { makeApp } from "./make_app.ts";

const SFT = { examples: 10_000, tokens_per_example: 1000, bits_per_token: 1 };
const SHAPES = {
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 256,
};

async function post(body: unknown): Promise<{ status: number; answer: Record<string, unknown> }> {
  await using service = await makeApp();
  const response = await service.post("/v1/capacity", body);
  return { status: response.status, answer: await response.json() };
}

Deno.test("POST /v1/capacity counts Llama-3.1-8B exactly and answers in the promised form", async () => {
  for (const [r, parameters] of [[1, 2_621_440], [128, 335_544_320]] as const) {
    const body = { model: "meta-llama/Llama-3.1-8B", r, target_modules: "all", dataset: SFT };
    const { status, answer } = await post(body);
    assert.equal(status, 200);
    assert.equal(answer.trainable_parameters, parameters);
    assert.equal(answer.capacity_bits, 2 * parameters);
    assert.equal(answer.parameters_per_rank, 2_621_440);
    assert.equal(answer.verdict, r === 1 ? "capacity_limited" : "fits");
    assert.equal(answer.required_r, 2);
    assert(capacityResponseSchema.safeParse(answer).success);
  }
});

Deno.test("POST /v1/capacity answers for episodes and for shapes without a name", async () => {
  const dataset = { episodes: 100, samples_per_episode: 8, bits_per_sample: 1 };
  const { status, answer } = await post({ architecture: SHAPES, r: 2, dataset });
  assert.equal(status, 200);
  assert.equal(answer.dataset_bits, 800);
  assert.equal(answer.trainable_parameters, 2 * 2 * (4 * 128 + 3 * 192));
});

Deno.test("POST /v1/capacity answers for more data than any rank holds", async () => {
  const most = Number.MAX_SAFE_INTEGER;
  const dataset = { examples: most, tokens_per_example: 1e15, bits_per_token: 1e15 };
  const question = { dataset, batch_size: most, max_length: most };
  for (const model of ["Llama-3.1-8B", "Qwen3-30B-A3B"]) {
    const { status, answer } = await post({ model, ...question });
    assert.equal(status, 200);
    assert.equal(answer.verdict, "capacity_limited");
    assert(capacityResponseSchema.safeParse(answer).success);
  }
});

Deno.test("POST /v1/capacity refuses bad questions and names the field", async () => {
  const good = { model: "Llama-3.1-8B", dataset: SFT };
  const bad: [string, unknown][] = [
    ["rank", { ...good, rank: 3 }],
    ["r", { ...good, r: 0 }],
    ["model", { ...good, model: "Llama-9" }],
    ["model", { dataset: SFT }],
    ["target_modules", { ...good, target_modules: ["q_prj"] }],
    ["dataset", { ...good, dataset: { ...SFT, episodes: 3 } }],
    ["examples", { ...good, dataset: { ...SFT, examples: -1 } }],
    ["tokens", { ...good, dataset: { ...SFT, tokens: 3 } }],
    ["dtype", { ...good, dtype: "int8" }],
    ["bits_per_token", { ...good, dataset: { ...SFT, bits_per_token: 1e300 } }],
    ["tokens_per_example", { ...good, dataset: { ...SFT, tokens_per_example: 1e-300 } }],
    ["num_key_value_heads", { architecture: { ...SHAPES, num_key_value_heads: 3 }, dataset: SFT }],
    ["num_experts", { architecture: { ...SHAPES, model_type: "qwen3_moe" }, dataset: SFT }],
  ];
  assert.equal((await post(good)).status, 200);
  for (const [field, body] of bad) {
    const { status, answer } = await post(body);
    assert.equal(status, 422, JSON.stringify(body));
    assert.match(JSON.stringify(answer), new RegExp(`\\b${field}\\b`));
  }
});

Deno.test("POST /v1/capacity is in the OpenAPI document with both schemas", async () => {
  await using service = await makeApp();
  const document = service.app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "noregret", version: "0" },
  });
  const operation = document.paths?.["/v1/capacity"]?.post;
  const text = JSON.stringify(operation);
  for (const name of ["target_modules", "samples_per_episode", "required_r", "capacity_limited"]) {
    assert(text.includes(name), `${name} is missing`);
  }
});
