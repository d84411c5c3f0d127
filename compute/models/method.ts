// Which parameters a method trains: LoRA adapters (with PEFT's meaning of each option) or the weights
// themselves. Names follow PEFT: an adapter on model.layers.0.mlp.up_proj is
// base_model.model.model.layers.0.mlp.up_proj.lora_A.weight and ….lora_B.weight.

import { expertStack, type ModelConfig, weightShapes } from "./config.ts";
import {
  endsIn,
  isParameter,
  leafOf,
  parameterOf,
  patternValue,
  quoted,
  type TargetModule,
  type TargetModules,
  targetModules,
  type TargetOptions,
} from "./target_modules.ts";
import type { ParameterShape } from "./trainable.ts";

/** LoRA, named as in a run spec. */
export interface LoraMethod extends TargetOptions {
  readonly kind: "lora";
  /** Rank; that of an expert's matrices is r / num_experts_per_tok (Schulman et al. 2025). */
  readonly r: number;
  readonly lora_alpha: number;
  /** `peft`: A ~ U(±1/√in); `guide`: A ~ U(±1/√r). B = 0 in both. */
  readonly init: "peft" | "guide";
  /** Scale by lora_alpha / √r instead of lora_alpha / r (Kalajdzievski 2023). */
  readonly use_rslora?: boolean | undefined;
  /** Ranks of modules whose path ends in a match of the key; experts' too, which are not divided then. */
  readonly rank_pattern?: Readonly<Record<string, number>> | undefined;
  /** The same for lora_alpha. */
  readonly alpha_pattern?: Readonly<Record<string, number>> | undefined;
  /** Modules trained in full beside the adapters. */
  readonly modules_to_save?: readonly string[] | undefined;
  /** Whether a tied embedding that it saves is no longer the other one; of PEFT's adapters, see untie.ts. */
  readonly untied?: boolean | undefined;
}

/** Full fine-tuning of every parameter, or of some matrices only. */
export interface FullMethod {
  readonly kind: "full";
  readonly target_modules?: TargetModules | undefined;
}

/** Nothing is trained: a model that only runs. */
export const FROZEN: LoraMethod = {
  kind: "lora",
  r: 1,
  lora_alpha: 1,
  target_modules: [],
  init: "peft",
};

/** How a model is tuned. */
export type Method = LoraMethod | FullMethod;

/** One adapted matrix. */
export interface AdapterSite extends TargetModule {
  readonly r: number;
  readonly lora_alpha: number;
  /** What the product of A and B is multiplied with. */
  readonly scaling: number;
}

/** Prefix that PEFT puts before a causal language model's names. */
export const PEFT_PREFIX = "base_model.model.";

/**
 * The matrices that a method adapts, in the order of the weights.
 *
 * @throws {RangeError} if a name is not in the model, an expert's rank is no whole number, or the
 *   experts of a layer would differ.
 */
export function adapterSites(config: ModelConfig, method: LoraMethod): AdapterSite[] {
  const sites = targetModules(config, method).map((target): AdapterSite => {
    const { module } = target;
    // PEFT gives the experts of a fused parameter the rank itself.
    const fused = isParameter(method, module);
    const paths = fused ? [parameterOf(module)] : [module];
    if (fused && expertStack(module)) paths.unshift(module);
    const found = (option: "rank_pattern" | "alpha_pattern") =>
      paths.map((path) => patternValue(method[option], path, option))
        .find((value) => value !== undefined);
    const r = found("rank_pattern") ??
      (expertStack(module) && !fused ? expertRank(config, method.r) : method.r);
    const lora_alpha = found("alpha_pattern") ?? method.lora_alpha;
    return { ...target, r, lora_alpha, scaling: lora_alpha / (method.use_rslora ? r ** 0.5 : r) };
  });
  checkExperts(config, sites);
  return sites;
}

function expertRank(config: ModelConfig, r: number): number {
  const perToken = config.experts!.num_experts_per_tok;
  if (r % perToken === 0) return r / perToken;
  throw new RangeError(
    `Cannot attach LoRA of rank ${r} to experts: a token passes through ${perToken} of them and each ` +
      `gets r / ${perToken}: expected a multiple of ${perToken}, or a rank_pattern for experts`,
  );
}

/** Experts of a layer share their kernels, so that they have to have the same rank and scale. */
function checkExperts(config: ModelConfig, sites: readonly AdapterSite[]): void {
  checkWholeStacks(config, sites.map(({ module }) => `${module}.weight`));
  const first = new Map<string, AdapterSite>();
  for (const site of sites) {
    const stack = expertStack(site.module);
    if (stack === undefined) continue;
    const other = first.get(stack) ?? site;
    first.set(stack, other);
    if (other.r === site.r && other.scaling === site.scaling) continue;
    throw new RangeError(
      `Cannot attach to "${site.module}": its rank or scale is not that of "${other.module}": ` +
        "expected experts of a layer to be alike",
    );
  }
}

function checkWholeStacks(config: ModelConfig, weights: Iterable<string>): void {
  const counts = new Map<string, number>();
  for (const name of weights) {
    const stack = expertStack(name);
    if (stack) counts.set(stack, (counts.get(stack) ?? 0) + 1);
  }
  for (const [stack, count] of counts) {
    if (count === config.experts!.num_experts) continue;
    throw new RangeError(
      `Cannot train "${stack}" of ${count} experts: expected all ${config.experts!.num_experts} ` +
        "of the layer, or none",
    );
  }
}

/** Names of an adapter's two matrices. */
export function adapterNames(module: string): { a: string; b: string } {
  const prefix = `${PEFT_PREFIX}${module}`;
  return { a: `${prefix}.lora_A.weight`, b: `${prefix}.lora_B.weight` };
}

/** Base weights that a method trains: name in the model → name among the trained parameters. */
export function trainedWeights(config: ModelConfig, method: Method): Map<string, string> {
  const shapes = weightShapes(config);
  const names = [...shapes.keys()];
  if (method.kind === "full") {
    const { target_modules } = method;
    if (target_modules === undefined) return new Map(names.map((name) => [name, name]));
    const modules = new Set(
      targetModules(config, { target_modules }).map(({ module }) => `${module}.weight`),
    );
    if (modules.has("lm_head.weight") && !shapes.has("lm_head.weight")) {
      modules.add("model.embed_tokens.weight");
    }
    return new Map(names.filter((name) => modules.has(name)).map((name) => [name, name]));
  }
  const saved = method.modules_to_save ?? [];
  const modules = [...names.map((name) => name.replace(/\.weight$/, "")), "lm_head"];
  for (const entry of saved) {
    if (modules.some((module) => endsIn(module, entry))) continue;
    throw new RangeError(
      `Cannot save "${entry}": no such module in ${config.architecture}: expected some of ` +
        quoted(new Set(modules.map(leafOf))),
    );
  }
  // A tied output embedding is the input embedding.
  const wanted = (name: string) =>
    saved.some((entry) => endsIn(name.replace(/\.weight$/, ""), entry)) ||
    (name === "model.embed_tokens.weight" && saved.includes("lm_head") &&
      !shapes.has("lm_head.weight"));
  return new Map(names.filter(wanted).map((name) => [name, `${PEFT_PREFIX}${name}`]));
}

/** Every parameter that a method trains, in the order in which they lie in memory. */
export function trainableShapes(config: ModelConfig, method: Method): ParameterShape[] {
  const shapes = weightShapes(config);
  const shape = (name: string, shape: readonly number[]): ParameterShape => ({
    name,
    shape,
    stack: expertStack(name),
  });
  const trained = trainedWeights(config, method);
  checkWholeStacks(config, trained.keys());
  const weights = [...trained]
    .map(([weight, name]) => shape(name, shapes.get(weight)!));
  if (method.kind === "full") return weights;
  const adapters = adapterSites(config, method).flatMap(
    ({ module, shape: [outputs, inputs], r }) => {
      const { a, b } = adapterNames(module);
      return [shape(a, [r, inputs]), shape(b, [outputs, r])];
    },
  );
  return [...adapters, ...weights];
}

/** Bound of A's uniform distribution. */
export function initBound(init: LoraMethod["init"], r: number, inputs: number): number {
  return 1 / Math.sqrt(init === "peft" ? inputs : r);
}
