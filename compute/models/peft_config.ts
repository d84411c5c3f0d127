// adapter_config.json, both ways: what PEFT writes as a method, and a method as PEFT reads it.

import { type ModelConfig, ROUTER_MODULE } from "./config.ts";
import { fusedSites, fusesByItself } from "./fused_adapter.ts";
import { type AdapterSite, adapterSites, type LoraMethod, trainedWeights } from "./method.ts";
import { leafOf, parameterOf, targetModules } from "./target_modules.ts";

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
  const wholes = typeof saved === "string" ? [saved] : saved;
  const parameters = names(json, "target_parameters");
  if (typeof parameters === "string") fail("target_parameters", parameters, "names");
  return {
    kind: "lora",
    r,
    lora_alpha: positive(json, "lora_alpha"),
    target_modules: names(json, "target_modules") ?? (parameters ? [] : fail(
      "target_modules",
      json.target_modules,
      "module names",
    )),
    target_parameters: parameters,
    exclude_modules: names(json, "exclude_modules"),
    layers_to_transform: layers(json),
    layers_pattern: names(json, "layers_pattern"),
    use_rslora: json.use_rslora === true,
    rank_pattern: {
      ...pattern(json, "rank_pattern"),
      ...!parameters && { [EXPERT_MATRICES]: r },
    },
    alpha_pattern: pattern(json, "alpha_pattern"),
    init: "peft",
    modules_to_save: wholes,
    untied: json.ensure_weight_tying !== true &&
      (wholes ?? []).some((name) => ["embed_tokens", "lm_head"].includes(leafOf(name))),
  };
}

const escaped = (path: string) => path.replaceAll(".", "\\.");

/** What has an adapter in PEFT's eyes: a module, or a parameter. */
interface Target {
  readonly path: string;
  readonly r: number;
  readonly lora_alpha: number;
}

/** The end of a path that modules of a kind have in common: with what tells them from others of that leaf. */
function nameOf(path: string): string {
  return /experts\.\\d\+\.\w+$/.exec(path)?.[0] ?? /\w+\.weight$/.exec(path)?.[0] ?? leafOf(path);
}

/** Values by path that differ from a default: by name where all of that name agree, else by path. */
function patternOf(
  targets: readonly Target[],
  value: (target: Target) => number,
  usual?: number,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const target of targets) {
    if (value(target) === usual) continue;
    const name = nameOf(target.path);
    const alike = targets.every((other) =>
      nameOf(other.path) !== name || value(other) === value(target)
    );
    const key = escaped(alike ? name : target.path);
    found[key] = value(target);
    // Newer transformers holds a router as a parameter.
    if (name === ROUTER_MODULE) found[`${key}\\.weight`] = value(target);
  }
  return found;
}

/** A method's adapters as PEFT reads them. `baseModel` may end in `@` and a revision. */
export function peftConfig(
  config: ModelConfig,
  method: LoraMethod,
  baseModel: string,
): Record<string, unknown> {
  const sites = adapterSites(config, method);
  const { modules, parameters, fused, usual } = targetsOf(config, sites, method);
  const leaves = [...new Set(modules.map(({ path }) => leafOf(path)))];
  const byName = targetModules(config, { target_modules: leaves }).length === modules.length;
  // Whole paths: PEFT takes a name for every module that ends in it, "norm" for "input_layernorm" too.
  const saved = [...trainedWeights(config, method).keys()]
    .map((name) => name.replace(/\.weight$/, ""));
  const targets = [...modules, ...parameters];
  const [base, revision = null] = baseModel.split("@");
  return {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: base,
    revision,
    r: usual.r,
    lora_alpha: usual.lora_alpha,
    target_modules: byName ? leaves : modules.map(({ path }) => path),
    ...(parameters.length > 0 && { target_parameters: parameters.map(({ path }) => path) }),
    modules_to_save: saved.length > 0 ? saved : null,
    ensure_weight_tying: config.tie_word_embeddings && saved.includes("model.embed_tokens"),
    lora_dropout: 0,
    bias: "none",
    use_rslora: method.use_rslora ?? false,
    use_dora: false,
    fan_in_fan_out: false,
    init_lora_weights: true,
    inference_mode: true,
    rank_pattern: {
      ...patternOf(targets, ({ r }) => r, usual.r),
      ...patternOf(fused, ({ r }) => r),
    },
    alpha_pattern: {
      ...patternOf(targets, ({ lora_alpha }) => lora_alpha, usual.lora_alpha),
      ...patternOf(fused, ({ lora_alpha }) => lora_alpha),
    },
  };
}

/** What PEFT attaches to, and the rank and scale that are its defaults. */
function targetsOf(config: ModelConfig, sites: readonly AdapterSite[], method: LoraMethod) {
  const asModules = (some: readonly AdapterSite[]) =>
    some.map(({ module, r, lora_alpha }): Target => ({ path: module, r, lora_alpha }));
  if (fusesByItself(config, sites, method)) {
    // It fuses experts to one parameter with newer transformers, for which it takes the default rank.
    const usual = sites.find(({ module }) => module.includes(".experts.")) ?? method;
    return { modules: asModules(sites), parameters: [], fused: [], usual };
  }
  const { fused, single, rest } = fusedSites(sites);
  const parameters = [
    ...fused.map(({ parameter, r, scaling }): Target => ({
      path: parameter,
      r,
      lora_alpha: scaling * (method.use_rslora ? Math.sqrt(r) : r),
    })),
    ...asModules(single).map((target) => ({ ...target, path: parameterOf(target.path) })),
  ];
  // What each was before it was fused: PEFT passes over these keys, and we go on from there.
  const before = fused.flatMap(({ leaves }) =>
    [...leaves.values()].map(([site]): Target => {
      const { module, r, lora_alpha } = site!;
      return { path: module.replace(/\.experts\.\d+\./, ".experts.\\d+."), r, lora_alpha };
    })
  );
  return { modules: asModules(rest), parameters, fused: before, usual: method };
}
