// adapter_config.json, both ways: what PEFT writes as a method, and a method as PEFT reads it.

import type { ModelConfig } from "./config.ts";
import { type AdapterSite, adapterSites, type LoraMethod, trainedWeights } from "./method.ts";
import { leafOf, targetModules } from "./target_modules.ts";

type Json = Record<string, unknown>;

/** Experts' matrices: PEFT gives them the rank r itself, a run of ours a share of it. */
const EXPERT_MATRICES = "experts\\.\\d+\\.(?:gate|up|down)_proj";

/** Options that change what an adapter computes in ways that are not built. */
const UNKNOWN_OPTIONS = [
  "use_dora",
  "use_qalora",
  "lora_bias",
  "fan_in_fan_out",
  "layer_replication",
  "trainable_token_indices",
  "target_parameters",
  "alora_invocation_tokens",
  "kasa_config",
  "use_bdlora",
] as const;

/** Starts that change the base model's weights as well. */
const CHANGED_BASE = /^(pissa|olora|corda|loftq|lora_ga)/;

function fail(key: string, value: unknown, expected: string): never {
  throw new RangeError(
    `Cannot read adapter_config.json: "${key}" is ${JSON.stringify(value)}, expected ${expected}`,
  );
}

function isSet(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false;
}

function positive(json: Json, key: string): number {
  const value = json[key];
  return typeof value === "number" && value > 0 && Number.isFinite(value)
    ? value
    : fail(key, value, "a number > 0");
}

function pattern(json: Json, key: string): Record<string, number> | undefined {
  const value = json[key];
  if (!isSet(value)) return undefined;
  const numbers = typeof value === "object" && !Array.isArray(value) &&
    Object.values(value!).every((n) => typeof n === "number" && n > 0);
  return numbers ? value as Record<string, number> : fail(key, value, "numbers > 0 by module name");
}

function names(json: Json, key: string): string | string[] | undefined {
  const value = json[key];
  if (!isSet(value)) return undefined;
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((name) => typeof name === "string")
    ? value
    : fail(key, value, "a string or names");
}

function layers(json: Json): number[] | undefined {
  const value = json.layers_to_transform;
  if (value === undefined || value === null) return undefined;
  const list = Array.isArray(value) ? value : [value];
  return list.every((layer) => Number.isSafeInteger(layer) && layer >= 0)
    ? list
    : fail("layers_to_transform", value, "indices of layers");
}

/**
 * What adapter_config.json says, as a method.
 *
 * @throws {RangeError} if a field is missing, out of range or asks for what is not built.
 */
export function parsePeftConfig(config: unknown): LoraMethod {
  const json = (config ?? {}) as Json;
  if (json.peft_type !== undefined && json.peft_type !== "LORA") {
    fail("peft_type", json.peft_type, `"LORA"`);
  }
  for (const key of UNKNOWN_OPTIONS) {
    if (isSet(json[key])) throw new RangeError(`Cannot run the adapter: its ${key} is on`);
  }
  if (json.bias !== undefined && json.bias !== "none") fail("bias", json.bias, `"none"`);
  const start = json.init_lora_weights;
  if (typeof start === "string" && CHANGED_BASE.test(start)) {
    throw new RangeError(
      `Cannot run the adapter: init_lora_weights "${start}" has changed the base model's weights too: ` +
        "expected an adapter that was saved converted to LoRA",
    );
  }
  const r = positive(json, "r");
  const saved = names(json, "modules_to_save");
  return {
    kind: "lora",
    r,
    lora_alpha: positive(json, "lora_alpha"),
    target_modules: names(json, "target_modules") ??
      fail("target_modules", json.target_modules, "module names"),
    exclude_modules: names(json, "exclude_modules"),
    layers_to_transform: layers(json),
    layers_pattern: names(json, "layers_pattern"),
    use_rslora: json.use_rslora === true,
    rank_pattern: { ...pattern(json, "rank_pattern"), [EXPERT_MATRICES]: r },
    alpha_pattern: pattern(json, "alpha_pattern"),
    init: "peft",
    modules_to_save: typeof saved === "string" ? [saved] : saved,
  };
}

const escaped = (path: string) => path.replaceAll(".", "\\.");

/** Values by module that differ from a default: by name where all modules of that name agree, else by path. */
function patternOf(
  sites: readonly AdapterSite[],
  value: (site: AdapterSite) => number,
  usual: number,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const site of sites) {
    if (value(site) === usual) continue;
    const leaf = leafOf(site.module);
    const alike = sites.every((other) =>
      leafOf(other.module) !== leaf || value(other) === value(site)
    );
    found[alike ? leaf : escaped(site.module)] = value(site);
  }
  return found;
}

/** A method's adapters as PEFT reads them. */
export function peftConfig(
  config: ModelConfig,
  method: LoraMethod,
  baseModel: string,
): Record<string, unknown> {
  const sites = adapterSites(config, method);
  // PEFT fuses experts to one parameter with newer transformers, for which it takes the default rank.
  const usual = sites.find(({ module }) => module.includes(".experts.")) ?? method;
  const leaves = [...new Set(sites.map(({ module }) => leafOf(module)))];
  const byName = targetModules(config, { target_modules: leaves }).length === sites.length;
  // Whole paths: PEFT takes a name for every module that ends in it, "norm" for "input_layernorm" too.
  const saved = [...trainedWeights(config, method).keys()]
    .map((name) => name.replace(/\.weight$/, ""));
  return {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: baseModel,
    r: usual.r,
    lora_alpha: usual.lora_alpha,
    target_modules: byName ? leaves : sites.map(({ module }) => module),
    modules_to_save: saved.length > 0 ? saved : null,
    ensure_weight_tying: config.tie_word_embeddings && saved.includes("model.embed_tokens"),
    lora_dropout: 0,
    bias: "none",
    use_rslora: method.use_rslora ?? false,
    use_dora: false,
    fan_in_fan_out: false,
    init_lora_weights: true,
    inference_mode: true,
    rank_pattern: patternOf(sites, ({ r }) => r, usual.r),
    alpha_pattern: patternOf(sites, ({ lora_alpha }) => lora_alpha, usual.lora_alpha),
  };
}
