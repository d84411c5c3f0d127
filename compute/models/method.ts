// Which parameters a method trains: LoRA adapters (with PEFT's meaning of each option) or the weights
// themselves. Names follow PEFT: an adapter on model.layers.0.mlp.up_proj is
// base_model.model.model.layers.0.mlp.up_proj.lora_A.weight and ….lora_B.weight.

import { ATTENTION_MODULES, MLP_MODULES, type ModelConfig, weightShapes } from "./config.ts";
import type { ParameterShape } from "./trainable.ts";

/** `target_modules` of a run spec. */
export type TargetModules = "all" | "attention" | "mlp" | readonly string[];

/** LoRA, named as in a run spec. */
export interface LoraMethod {
  readonly kind: "lora";
  readonly r: number;
  readonly lora_alpha: number;
  readonly target_modules: TargetModules;
  /** `peft`: A ~ U(±1/√in); `guide`: A ~ U(±1/√r). B = 0 in both. */
  readonly init: "peft" | "guide";
  /** Modules trained in full beside the adapters. */
  readonly modules_to_save?: readonly string[] | undefined;
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
export interface AdapterSite {
  /** The weight's name without ".weight". */
  readonly module: string;
  readonly shape: readonly [outputs: number, inputs: number];
}

/** Prefix that PEFT puts before a causal language model's names. */
export const PEFT_PREFIX = "base_model.model.";

const leaf = (name: string) => name.replace(/\.weight$/, "").split(".").at(-1)!;

/** Matrix names that can be targets, in order. */
export function targetableModules(): string[] {
  return [...ATTENTION_MODULES, ...MLP_MODULES, "lm_head"];
}

/**
 * The matrices that `target_modules` names.
 *
 * @throws {RangeError} if a name is not in the model.
 */
export function adapterSites(config: ModelConfig, targets: TargetModules): AdapterSite[] {
  const wanted: readonly string[] = targets === "all"
    ? [...ATTENTION_MODULES, ...MLP_MODULES]
    : targets === "attention"
    ? ATTENTION_MODULES
    : targets === "mlp"
    ? MLP_MODULES
    : targets as readonly string[];
  const shapes = new Map(weightShapes(config));
  if (!shapes.has("lm_head.weight")) {
    shapes.set("lm_head.weight", shapes.get("model.embed_tokens.weight")!);
  }
  for (const target of wanted) {
    if (!targetableModules().includes(target)) {
      throw new RangeError(
        `Cannot attach to "${target}": no such module in ${config.architecture}: expected some of ` +
          targetableModules().map((name) => `"${name}"`).join(", "),
      );
    }
  }
  return [...shapes]
    .filter(([name]) => wanted.includes(leaf(name)))
    .map(([name, shape]) => ({
      module: name.replace(/\.weight$/, ""),
      shape: shape as [number, number],
    }));
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
    const { target_modules: targets } = method;
    if (targets === undefined) return new Map(names.map((name) => [name, name]));
    const modules = new Set(adapterSites(config, targets).map((site) => `${site.module}.weight`));
    if (modules.has("lm_head.weight") && !shapes.has("lm_head.weight")) {
      modules.add("model.embed_tokens.weight");
    }
    return new Map(names.filter((name) => modules.has(name)).map((name) => [name, name]));
  }
  const saved = method.modules_to_save ?? [];
  const known = new Set([...names.map(leaf), "lm_head"]);
  for (const module of saved) {
    if (!known.has(module)) {
      throw new RangeError(
        `Cannot save "${module}": no such module in ${config.architecture}: expected some of ` +
          [...known].map((name) => `"${name}"`).join(", "),
      );
    }
  }
  // A tied output embedding is the input embedding.
  const wanted = (name: string) =>
    saved.includes(leaf(name)) ||
    (name === "model.embed_tokens.weight" && saved.includes("lm_head") &&
      !shapes.has("lm_head.weight"));
  return new Map(names.filter(wanted).map((name) => [name, `${PEFT_PREFIX}${name}`]));
}

/** Every parameter that a method trains, in the order in which they lie in memory. */
export function trainableShapes(config: ModelConfig, method: Method): ParameterShape[] {
  const shapes = weightShapes(config);
  const weights = [...trainedWeights(config, method)].map(([weight, name]) => ({
    name,
    shape: shapes.get(weight)!,
  }));
  if (method.kind === "full") return weights;
  const adapters = adapterSites(config, method.target_modules).flatMap(
    ({ module, shape: [outputs, inputs] }) => {
      const { a, b } = adapterNames(module);
      return [{ name: a, shape: [method.r, inputs] }, { name: b, shape: [outputs, method.r] }];
    },
  );
  return [...adapters, ...weights];
}

/** Bound of A's uniform distribution. */
export function initBound(init: LoraMethod["init"], r: number, inputs: number): number {
  return 1 / Math.sqrt(init === "peft" ? inputs : r);
}
