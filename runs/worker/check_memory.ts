// Whether a run fits into its device, before anything of it is allocated; and if it does not, which
// changes of its spec would make it fit.

import type { ModelConfig } from "../../compute/models/config.ts";
import {
  type MemoryPlan,
  type MemoryPlanOptions,
  planMemory,
} from "../../compute/train/plan_memory.ts";
import type { GeneratorOptions } from "../../compute/train/generation.ts";
import { pagesOfSequence } from "../../compute/train/generate.ts";
import { pagesOf } from "../../compute/train/page_pool.ts";
import type { GrpoTask } from "../spec/grpo.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { MemoryNeeds } from "../spec/worker.ts";
import { exampleOf } from "../../data/example.ts";
import { tokensOfBatch } from "../../data/loader.ts";
import { mostPages, pageBytes } from "./cache_memory.ts";
import { type DeviceMemory, showBytes } from "./device_memory.ts";
import { batchOptions, maxLengthOf } from "./training_data.ts";

/** Completions that a grpo run samples side by side at most. */
const MOST_AT_ONCE = 256;

/** What a run's data turned out to need, once it has been read. */
export interface DataSizes {
  /** Tokens of a supervised micro-batch, and of a batch of the held-out set (0 without one). */
  readonly tokens?: number;
  readonly evalTokens?: number;
  /** Tokens of the longest prompt that is sampled from. */
  readonly longestPrompt?: number;
}

/** A device as far as a plan depends on it. */
type PlannedDevice =
  & Pick<DeviceMemory, "kind" | "software" | "maxTensorBytes">
  & Partial<Pick<DeviceMemory, "bytes">>;

/**
 * The memory that a spec's training takes on a device.
 *
 * @param device where a grpo run would take more than its `bytes`, its completions share fewer pages, down to
 *   those of a single one.
 * @param sizes of its data. Without them a supervised run is planned for batches as large as they may
 *   be, and a grpo run for prompts as short as they may be: what it needs at the least.
 */
export async function planRun(
  spec: RunSpec,
  config: ModelConfig,
  { bytes = Infinity, kind, software, maxTensorBytes }: PlannedDevice,
  sizes: DataSizes = sizesOf(spec, config),
): Promise<MemoryPlan> {
  const { method, dtype, task } = spec;
  const rows = Math.ceil(spec.batch_size / spec.gradient_accumulation_steps);
  const device = { kind, software, maxTensorBytes };
  const shared = {
    config,
    method,
    dtype,
    device,
    checkpointing: spec.gradient_checkpointing,
    accumulation: spec.gradient_accumulation_steps,
  };
  if (task.kind === "sft") {
    const most = rows * maxLengthOf(spec, config);
    const { tokens = most, evalTokens = evaluates(spec) ? most : 0 } = sizes;
    return await cachedPlan({ ...shared, tokens, evalTokens });
  }
  const { longestPrompt: maxPromptLength = 1 } = sizes;
  const maxCompletionLength = Math.min(
    task.max_completion_length,
    config.max_position_embeddings - maxPromptLength,
  );
  const batch = Math.min(spec.batch_size, MOST_AT_ONCE);
  const sampler = { batch, maxPromptLength, maxCompletionLength };
  const planWith = (pages: number) =>
    cachedPlan({
      ...shared,
      tokens: rows * (maxPromptLength + maxCompletionLength),
      evalTokens: 0,
      policy: {
        sampler: { ...sampler, pages },
        loss: { ...task, epsilon_high: task.epsilon_high ?? task.epsilon },
        reference: task.beta > 0 || task.log_kl,
      },
    });
  const least = pagesOfSequence(sampler);
  const most = Math.min(pagesOfGroups(sampler, task), mostPages(config, device));
  let plan = await planWith(Math.max(least, most));
  if (plan.total > bytes) {
    const over = Math.ceil((plan.total - bytes) / pageBytes(config));
    plan = await planWith(Math.max(least, most - over));
  }
  if (!task.warm_up) return plan;
  // It comes first and is over before the run's own memory is taken.
  const warmUp = await cachedPlan({
    config,
    method: { kind: "full" },
    dtype: "f32",
    device,
    tokens: task.warm_up.batch_size *
      Math.min(task.warm_up.max_length, config.max_position_embeddings),
    accumulation: 1,
    checkpointing: false,
    evalTokens: 0,
  });
  return warmUp.total > plan.total ? { ...warmUp, sampler: plan.sampler } : plan;
}

/**
 * Pages for a full batch of completions that are half as long as they may be; more wait for one another. Those of a
 * problem share its prompt's.
 */
function pagesOfGroups(
  { batch, maxPromptLength, maxCompletionLength }: GeneratorOptions,
  { num_generations }: GrpoTask,
): number {
  // A batch may hold the end of one group and the beginning of another.
  const prompts = Math.min(Math.ceil(batch / num_generations) + 1, batch);
  return prompts * pagesOf(maxPromptLength - 1) +
    batch * pagesOf(Math.ceil(maxCompletionLength / 2));
}

/** What is known of a spec's data before anything is read. */
function sizesOf(spec: RunSpec, config: ModelConfig): DataSizes {
  const { task } = spec;
  if (task.kind !== "sft" || typeof task.dataset === "string" || !("inline" in task.dataset)) {
    return {};
  }
  const { input_ids, labels } = task.dataset.inline;
  const most = maxLengthOf(spec, config) + 1;
  const examples = input_ids.map((ids, row) => exampleOf(ids.slice(0, most), labels?.[row]));
  return { tokens: tokensOfBatch(examples, batchOptions(spec, task, config)) };
}

/** What a run takes here is what it needs at the least. */
const SMALLEST = { software: false, maxTensorBytes: 2 ** 31, bytes: 0 } as const;

/** The memory that a spec's training needs on each kind of device that it may go to; see {@linkcode planRun}. */
export async function memoryNeeds(
  spec: RunSpec,
  config: ModelConfig,
  sizes?: DataSizes,
): Promise<MemoryNeeds> {
  const on = async (kind: "cpu" | "webgpu") =>
    spec.backend !== "auto" && spec.backend !== kind
      ? null
      : (await planRun(spec, config, { ...SMALLEST, kind }, sizes)).total;
  return { cpu: await on("cpu"), webgpu: await on("webgpu") };
}

/** Plans that were made, the oldest first: a sweep asks for the same one again and again. */
const PLANS = new Map<string, Promise<MemoryPlan>>();
const MOST_PLANS = 50;

function cachedPlan(options: MemoryPlanOptions): Promise<MemoryPlan> {
  const key = JSON.stringify(options);
  const known = PLANS.get(key);
  if (known) return known;
  const planned = planMemory(options);
  PLANS.set(key, planned);
  if (PLANS.size > MOST_PLANS) PLANS.delete(PLANS.keys().next().value!);
  return planned;
}

// A named dataset has a held-out split, or its run needs a little less than was planned.
function evaluates({ task: { dataset, eval_dataset } }: RunSpec): boolean {
  return eval_dataset !== undefined || typeof dataset === "string" || "name" in dataset ||
    ("file" in dataset && (dataset.test_fraction ?? 0) > 0);
}

/**
 * Why a run does not fit into a device, and what would make it fit; undefined where it does.
 *
 * @param plan of the spec on that device.
 */
export async function memoryProblem(
  spec: RunSpec,
  config: ModelConfig,
  device: DeviceMemory,
  plan: MemoryPlan,
  sizes?: DataSizes,
): Promise<string | undefined> {
  const why = misfit(plan, device, spec.model);
  if (why === undefined) return undefined;
  const planned = (changed: RunSpec) =>
    planRun(changed, config, device, sizes && smaller(sizes, changed, config));
  const fits = async (changed: RunSpec) =>
    misfit(await planned(changed), device, spec.model) === undefined;
  const changes = changesOf(spec, config);
  const enough: string[] = [];
  for (const { name, apply } of changes) if (await fits(apply(spec))) enough.push(name);
  if (enough.length > 0) return `${why}; it would fit with ${enough.join(", or with ")}`;
  let together = spec;
  // By field: a later change of the same one takes the place of an earlier one.
  const applied = new Map<string, string>();
  const all = () => [...applied.values()].join(" and ");
  for (const { name, apply } of changes) {
    together = apply(together);
    applied.set(name.split(":")[0]!, name);
    if (await fits(together)) return `${why}; it would fit with ${all()}`;
  }
  const least = await planned(together);
  return `${why}; even with ${all()} it takes ${showBytes(least.total)}: ` +
    `expected a smaller model, or a device with more memory`;
}

/** Sizes of the same data under a spec that may have shorter or fewer rows in a batch. */
function smaller(sizes: DataSizes, spec: RunSpec, config: ModelConfig): DataSizes {
  const most = Math.ceil(spec.batch_size / spec.gradient_accumulation_steps) *
    maxLengthOf(spec, config);
  const least = (tokens: number | undefined) => tokens && Math.min(tokens, most);
  return { ...sizes, tokens: least(sizes.tokens), evalTokens: least(sizes.evalTokens) };
}

/** Why a plan does not fit into a device; undefined where it does. */
export function misfit(
  plan: MemoryPlan,
  { kind, bytes, maxTensorBytes, limit }: DeviceMemory,
  model: string,
): string | undefined {
  if (bytes !== undefined && plan.total > bytes) {
    return `Expected at most ${showBytes(bytes)} (${limit}) but a run of ${model} takes ` +
      describePlan(plan);
  }
  // A GPU binds weights in blocks of rows; on the processor a tensor is one piece.
  if (kind === "cpu" && plan.largest.bytes > maxTensorBytes) {
    return `Expected tensors of at most ${
      showBytes(maxTensorBytes)
    } but "${plan.largest.label}" has ` +
      showBytes(plan.largest.bytes);
  }
  return undefined;
}

interface Change {
  readonly name: string;
  readonly apply: (spec: RunSpec) => RunSpec;
}

/** What can be changed without another model, the least costly for the result first. */
function changesOf(spec: RunSpec, config: ModelConfig): Change[] {
  const changes: Change[] = [];
  if (!spec.gradient_checkpointing) {
    changes.push({
      name: "gradient_checkpointing: true",
      apply: (some) => ({ ...some, gradient_checkpointing: true }),
    });
  }
  if (spec.gradient_accumulation_steps < spec.batch_size) {
    changes.push({
      name: `gradient_accumulation_steps: ${spec.batch_size}`,
      apply: (some) => ({ ...some, gradient_accumulation_steps: spec.batch_size }),
    });
  }
  const { method } = spec;
  const whole = method.kind === "full" && method.target_modules === undefined;
  if (spec.dtype === "f32" && !whole) {
    changes.push({ name: 'dtype: "bf16"', apply: (some) => ({ ...some, dtype: "bf16" }) });
  }
  if (method.kind === "lora" && spec.dtype !== "nf4") {
    changes.push({ name: 'dtype: "nf4"', apply: (some) => ({ ...some, dtype: "nf4" }) });
  }
  if (method.kind === "lora" && method.r > 1 && method.init_from === undefined) {
    const r = Math.max(1, method.r >> 3);
    changes.push({
      name: `r: ${r}`,
      apply: (some) => ({ ...some, method: { ...method, r } }),
    });
  }
  const { task } = spec;
  if (task.kind === "grpo") {
    const shorter = Math.max(1, task.max_completion_length >> 2);
    changes.push({
      name: `max_completion_length: ${shorter}`,
      apply: (some) => ({ ...some, task: { ...task, max_completion_length: shorter } }),
    });
  } else {
    const shorter = Math.max(2, maxLengthOf(spec, config) >> 2);
    changes.push({
      name: `max_length: ${shorter}`,
      apply: (some) => ({ ...some, task: { ...task, max_length: shorter } }),
    });
  }
  return changes;
}

/** A plan in one line. */
function describePlan(
  { total, largest: _, calls: _1, sampler: _2, ...parts }: MemoryPlan,
): string {
  const used = Object.entries(parts).filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${name} ${showBytes(bytes)}`);
  return `${showBytes(total)} (${used.join(", ")})`;
}
