import assert from "@std/assert";
import { parseModelConfig } from "../../compute/models/config.ts";
import { parseRunSpec } from "../../runs/spec/parse_spec.ts";
import type { MemoryPlan } from "../../compute/train/plan_memory.ts";
import { memoryProblem, planRun } from "../../runs/worker/check_memory.ts";
import { cpuMemory, deviceMemory } from "../../runs/worker/device_memory.ts";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { InvalidSpecError } from "../../runs/spec/problems.ts";
import { preflight } from "../../runs/worker/preflight.ts";
import { makeTinyHome, tinySpec } from "./tiny_home.ts";

/** Llama-3.2-1B. */
const LLAMA_1B = parseModelConfig({
  architectures: ["LlamaForCausalLM"],
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 64,
  vocab_size: 128256,
  max_position_embeddings: 8192,
  tie_word_embeddings: true,
});

const GB = 1e9;

async function problemOf(changes: Partial<RunSpecInput>, device = cpuMemory(64 * GB)) {
  const spec = parseRunSpec({
    model: "meta-llama/Llama-3.2-1B",
    method: { kind: "lora", r: 16 },
    task: { kind: "sft", dataset: "allenai/tulu-3-sft-mixture", max_length: 512 },
    batch_size: 8,
    ...changes,
  });
  return await memoryProblem(spec, LLAMA_1B, device, await planRun(spec, LLAMA_1B, device));
}

Deno.test("memoryProblem() lets a run pass that fits", async () => {
  assert.equal(await problemOf({ dtype: "bf16", gradient_accumulation_steps: 8 }), undefined);
});

Deno.test("memoryProblem() gives the table and each change that would be enough", async () => {
  const wide = (await problemOf({ dtype: "bf16" }))!;
  assert.match(
    wide,
    /^Expected at most 4\.29 GB \(4 GiB, all that a 32-bit address reaches\) but a run of meta-llama\/Llama-3\.2-1B takes \S+ GB \(weights 2\.47 GB, adapter \S+ MB, gradients \S+ MB, optimizer \S+ MB, activations \S+ GB, evaluation \S+ MB, workspace \S+ MB\); it would fit with /,
  );
  const named = wide.split("it would fit with ")[1]!;
  assert.match(named, /gradient_accumulation_steps: 8/);
  // What it names is true.
  assert.equal(await problemOf({ dtype: "bf16", gradient_accumulation_steps: 8 }), undefined);
  const checkpointing = await problemOf({ dtype: "bf16", gradient_checkpointing: true });
  assert.equal(checkpointing === undefined, named.includes("gradient_checkpointing"));
});

Deno.test("memoryProblem() offers nf4 to a LoRA alone, and what it says of it is true", async () => {
  const tight = { ...cpuMemory(), bytes: 2.5 * GB };
  const small = { gradient_checkpointing: true, gradient_accumulation_steps: 8 };
  const problem = (await problemOf({ ...small, dtype: "bf16" }, tight))!;
  assert.match(problem, /it would fit with dtype: "nf4"/);
  assert.equal(await problemOf({ ...small, dtype: "nf4" }, tight), undefined);
  const never = (await problemOf({}, { ...tight, bytes: 0.1 * GB }))!;
  assert.match(never, /even with .*dtype: "nf4"/);
  assert.doesNotMatch(never, /bf16/);
  const full = (await problemOf({ ...small, method: { kind: "full" } }, tight))!;
  assert.doesNotMatch(full, /nf4/);
});

Deno.test("memoryProblem() joins changes where one is not enough, and says where none is", async () => {
  const problem = (await problemOf({}))!;
  assert.match(problem, /it would fit with gradient_checkpointing: true and .*dtype: "bf16"/);
  const full = (await problemOf({ method: { kind: "full" } }))!;
  assert.match(
    full,
    /even with .* it takes \S+ GB: expected a smaller model, or a device with more/,
  );
});

Deno.test("a grpo run is planned with what it needs at the least, its cache and reference included", async () => {
  const task = (changes: Record<string, unknown>) => ({
    kind: "grpo" as const,
    dataset: "openai/gsm8k",
    num_generations: 8,
    max_completion_length: 128,
    log_kl: false,
    ...changes,
  });
  const roomy = { ...cpuMemory(), bytes: 64 * GB };
  const plan = async (changes: Record<string, unknown>, method: RunSpecInput["method"]) =>
    await planRun(
      parseRunSpec({ model: "m", batch_size: 8, method, task: task(changes) }),
      LLAMA_1B,
      roomy,
    );
  const lora = { kind: "lora" as const, r: 4 };
  const small = await plan({}, lora);
  // 8 completions of half of 128 tokens, 16 layers, keys and values of 8 heads of 64, in f32.
  const cell = 16 * 2 * 8 * 64 * 4, cache = 8 * 64 * cell;
  // Beside it the passes of 1, 2, 4 and 8 rows, of which the logits are the most.
  const logits = (1 + 2 + 4 + 8) * 128256 * 4;
  const least = cache + logits;
  assert.ok(small.sampling > least && small.sampling < 1.1 * least, `${small.sampling}`);
  assert.equal((await plan({ max_prompt_length: 4000 }, lora)).total, small.total);
  // Once the problems have been read, their prompts count.
  const spec = parseRunSpec({ model: "m", batch_size: 8, method: lora, task: task({}) });
  const read = await planRun(spec, LLAMA_1B, roomy, { longestPrompt: 500 });
  assert.ok(read.sampling > least + 499 * cell, `${read.sampling}`);
  assert.ok(read.activations > small.activations);
  // A warm-up trains every weight in f32 first.
  const warm = { dataset: "openai/gsm8k", max_steps: 10, learning_rate: 1e-4, batch_size: 8 };
  const started = await plan({ warm_up: warm }, lora);
  assert.equal(started.optimizer, 2 * started.weights);
  const full = { kind: "full" as const, target_modules: ["q_proj"] };
  const [without, copied] = [await plan({}, full), await plan({ log_kl: true }, full)];
  assert.equal(copied.sampling - without.sampling, 16 * 2048 * 2048 * 4);
  const long = { task: task({ max_completion_length: 4096 }), dtype: "nf4" } as const;
  const problem = (await problemOf({ ...long, gradient_accumulation_steps: 8 }))!;
  assert.match(problem, /sampling \S+ MB.*max_completion_length: 1024/);
});

Deno.test("completions of a grpo run share as many pages as there is memory for", async () => {
  const spec = parseRunSpec({
    model: "m",
    dtype: "bf16",
    batch_size: 64,
    gradient_accumulation_steps: 64,
    method: { kind: "lora", r: 4 },
    task: { kind: "grpo", dataset: "openai/gsm8k", num_generations: 32, log_kl: false },
  });
  const plan = (bytes: number, kind: "cpu" | "webgpu" = "webgpu") =>
    planRun(spec, LLAMA_1B, { ...cpuMemory(), kind, bytes }, { longestPrompt: 161 });
  const pages = ({ sampler }: MemoryPlan) => sampler!.pages!;
  const page = 16 * (16 * 2 * 8 * 64 * 4);
  const wide = await plan(Infinity);
  // 64 completions of half of 64 pages; two problems and the end of a third have ten pages of prompt each.
  assert.equal(pages(wide), 64 * 32 + 3 * 10);
  assert.equal(pages(await plan(Infinity, "cpu")), 2 ** 30 / page - 1, "1 GiB on the processor");
  const tight = await plan(wide.total - 100.5 * page);
  assert.equal(pages(tight), pages(wide) - 101);
  assert.equal(tight.total, wide.total - 101 * page);
  const least = await plan(0);
  assert.equal(pages(least), 10 + 64, "one completion, others wait");
  assert.equal(await problemOf({ ...spec }, { ...cpuMemory(), bytes: least.total }), undefined);
});

Deno.test("the limit is the machine's memory where that is less than an address reaches", async () => {
  assert.equal(cpuMemory(2 * GB).bytes, 1.8 * GB);
  assert.match((await problemOf({}, cpuMemory(2 * GB)))!, /2\.00 GB of memory in this machine/);
  const gpu = { kind: "webgpu", software: false, maxTensorBytes: 2 ** 31 } as const;
  assert.equal(await problemOf({}, deviceMemory(gpu, undefined)), undefined);
  assert.match(
    (await problemOf({}, deviceMemory(gpu, 4 * GB)))!,
    /4\.00 GB \(NOREGRET_GPU_MEMORY\)/,
  );
});

Deno.test("a run on a few short rows is planned for them and not for the longest there might be", async () => {
  const few = Array.from({ length: 10 }, (_, row) => [row, 1, 2, 3, 4, 5, 6, 7, 8]);
  const plan = async (dataset: unknown, changes = {}) =>
    await planRun(
      parseRunSpec({
        model: "m",
        method: { kind: "lora", r: 4 },
        batch_size: 32,
        task: { kind: "sft", dataset, ...changes } as RunSpecInput["task"],
      }),
      LLAMA_1B,
      cpuMemory(64 * GB),
    );
  const rows = { inline: { input_ids: few } };
  const packed = await plan(rows), apart = await plan(rows, { packing: false });
  // 80 tokens, where 32 rows of 2048 would have been 65,536.
  assert.ok(packed.activations < 0.4e9, `${packed.activations}`);
  assert.equal(packed.activations, apart.activations);
  const named = await plan("stdlib/moby-dick");
  assert.ok(named.activations > 100 * packed.activations, `${named.activations}`);
});

Deno.test("preflight() refuses what cannot fit into the processor's memory", async () => {
  await using tiny = await makeTinyHome();
  const spec = parseRunSpec(tinySpec({
    backend: "cpu",
    batch_size: 60_000,
    task: { kind: "sft", dataset: "stdlib/moby-dick", max_length: 32 },
  }));
  await assert.rejects(preflight(spec, tiny), (error: Error) => {
    if (!(error instanceof InvalidSpecError)) throw error;
    assert.deepEqual(error.problems.map(({ path }) => path), ["/model"]);
    assert.match(
      error.problems[0]!.message,
      /it would fit with .*gradient_accumulation_steps: 60000/,
    );
    return true;
  });
});
