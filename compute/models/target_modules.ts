// Which matrices a method takes, with PEFT's meaning: `target_modules` is a list of names (a module is
// taken if its path is a name or ends in `.name`), a regular expression for whole paths, or
// "all-linear"; beside these one word each for the layers of a block. `exclude_modules` and
// `layers_to_transform` take modules out again.

import {
  ATTENTION_MODULES,
  MLP_MODULES,
  type ModelConfig,
  ROUTER_MODULE,
  weightShapes,
} from "./config.ts";

/** `all` | `attention` | `mlp` | `all-linear`, a regular expression for whole paths, or names. */
export type TargetModules = string | readonly string[];

/** What takes a module, and what takes it out again. */
export interface TargetOptions {
  readonly target_modules: TargetModules;
  /** Paths, or ends of paths, of parameters that are taken whatever the other options say. */
  readonly target_parameters?: readonly string[] | undefined;
  readonly exclude_modules?: string | readonly string[] | undefined;
  /** Indices of the layers that are taken; all if absent. Needs a list of names. */
  readonly layers_to_transform?: readonly number[] | undefined;
  /** What stands before a layer's index in a path. */
  readonly layers_pattern?: string | readonly string[] | undefined;
}

/** A matrix that can be a target. */
export interface TargetModule {
  /** The weight's name without ".weight". */
  readonly module: string;
  readonly shape: readonly [outputs: number, inputs: number];
}

/** Words for `target_modules`, with the module names that they stand for. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  all: [...ATTENTION_MODULES, ...MLP_MODULES],
  attention: ATTENTION_MODULES,
  mlp: MLP_MODULES,
  // PEFT's word: every linear layer but the output projection, routers too.
  "all-linear": [...ATTENTION_MODULES, ...MLP_MODULES, ROUTER_MODULE],
};

/** Longest regular expression that is tried. */
const MAX_PATTERN = 256;

/** Last part of a module's path. */
export function leafOf(module: string): string {
  return module.slice(module.lastIndexOf(".") + 1);
}

/** Module names that can be targets, in order. */
function targetableModules(config: ModelConfig): string[] {
  const router = config.experts ? [ROUTER_MODULE] : [];
  return [...ATTENTION_MODULES, ...MLP_MODULES, ...router, "lm_head"];
}

/** Every matrix that can be a target, in the order of the weights, `lm_head` (tied or not) last. */
function candidates(config: ModelConfig): TargetModule[] {
  const allowed = targetableModules(config);
  const shapes = weightShapes(config);
  const found = [...shapes]
    .map(([name, shape]) => ({ module: name.replace(/\.weight$/, ""), shape }))
    .filter(({ module }) => allowed.includes(leafOf(module)) && module !== "lm_head");
  const head = { module: "lm_head", shape: shapes.get("model.embed_tokens.weight")! };
  return [...found, head] as unknown as TargetModule[];
}

/**
 * The matrices that options take, in the order of the weights.
 *
 * @throws {RangeError} if a name or an expression takes none, or cannot be read.
 */
export function targetModules(config: ModelConfig, options: TargetOptions): TargetModule[] {
  const { target_modules: targets, exclude_modules: excluded } = options;
  const all = candidates(config);
  const takes = typeof targets === "string"
    ? takesByWord(config, all, targets)
    : takesByName(config, all, targets);
  const leavesOut = excluded === undefined ? () => false : excludes(all, excluded);
  const inLayers = layerFilter(config, options);
  const taken = all.filter(({ module }) =>
    isParameter(options, module) || (takes(module) && !leavesOut(module) && inLayers(module))
  );
  checkParameters(all, options);
  // An empty list takes nothing, on purpose.
  if (taken.length > 0 || targets.length === 0) return taken;
  throw new RangeError(
    `Cannot attach to ${JSON.stringify(targets)}: ` +
      "exclude_modules and layers_to_transform leave no module of it",
  );
}

/** The parameter that holds a matrix in transformers: experts' are fused. */
export function parameterOf(module: string): string {
  const expert = /^(.*\.experts)\.\d+\.(gate|up|down)_proj$/.exec(module);
  if (!expert) return `${module}.weight`;
  return `${expert[1]}.${expert[2] === "down" ? "down_proj" : "gate_up_proj"}`;
}

/** Whether a matrix is taken by the name of its parameter. */
export function isParameter({ target_parameters: names }: TargetOptions, module: string): boolean {
  return names !== undefined && names.some((name) => endsIn(parameterOf(module), name));
}

function checkParameters(
  all: readonly TargetModule[],
  { target_parameters: names = [] }: TargetOptions,
): void {
  for (const name of names) {
    if (all.some(({ module }) => endsIn(parameterOf(module), name))) continue;
    throw new RangeError(
      `Cannot attach to the parameter "${name}": no such parameter: expected some of ` +
        quoted(new Set(all.map(({ module }) => endOf(parameterOf(module))))),
    );
  }
}

/** A parameter's path without what tells layers apart. */
function endOf(parameter: string): string {
  return parameter.replace(/^model\.layers\.\d+\./, "");
}

function takesByWord(
  config: ModelConfig,
  all: readonly TargetModule[],
  targets: string,
): (module: string) => boolean {
  const names = Object.hasOwn(WORDS, targets) ? WORDS[targets] : undefined;
  if (names) return (module) => names.includes(leafOf(module));
  const pattern = wholePath(targets, "target_modules");
  if (!all.some(({ module }) => pattern.test(module))) {
    throw new RangeError(
      `Cannot attach to "${targets}": as a regular expression it takes no module of ` +
        `${config.architecture}: expected one of ${
          quoted(Object.keys(WORDS))
        }, names of modules, ` +
        `or an expression for whole paths such as "${all[0]!.module}"`,
    );
  }
  return (module) => pattern.test(module);
}

function takesByName(
  config: ModelConfig,
  all: readonly TargetModule[],
  targets: readonly string[],
): (module: string) => boolean {
  for (const target of targets) {
    if (all.some(({ module }) => endsIn(module, target))) continue;
    throw new RangeError(
      `Cannot attach to "${target}": no such module in ${config.architecture}: expected some of ` +
        quoted(targetableModules(config)),
    );
  }
  return (module) => targets.some((target) => endsIn(module, target));
}

function excludes(
  all: readonly TargetModule[],
  excluded: string | readonly string[],
): (module: string) => boolean {
  if (typeof excluded === "string") {
    const pattern = wholePath(excluded, "exclude_modules");
    return (module) => pattern.test(module);
  }
  for (const name of excluded) {
    if (all.some(({ module }) => endsIn(module, name))) continue;
    throw new RangeError(`Cannot exclude "${name}": no such module: expected names of modules`);
  }
  return (module) => excluded.some((name) => endsIn(module, name));
}

function layerFilter(
  config: ModelConfig,
  { layers_to_transform: layers, layers_pattern: names = [], target_modules }: TargetOptions,
): (module: string) => boolean {
  if (layers === undefined) return () => true;
  if (typeof target_modules === "string" && !Object.hasOwn(WORDS, target_modules)) {
    throw new RangeError(
      "Cannot use layers_to_transform: target_modules is a regular expression: expected names",
    );
  }
  const outside = layers.find((layer) => layer >= config.num_hidden_layers);
  if (outside !== undefined) {
    throw new RangeError(
      `Cannot take layer ${outside}: the model has ${config.num_hidden_layers} layers: ` +
        `expected 0 to ${config.num_hidden_layers - 1}`,
    );
  }
  const patterns = (typeof names === "string" ? [names] : names).map((name) =>
    compile(`^.*\\.${name}\\.(\\d+)\\.`, "layers_pattern")
  );
  // Without a pattern PEFT takes the last index of a path; an expert's index is none of a layer.
  if (patterns.length === 0) patterns.push(/^model\.layers\.(\d+)\./);
  return (module) => {
    const index = patterns.map((pattern) => pattern.exec(module)?.[1]).find(Boolean);
    return index !== undefined && layers.includes(Number(index));
  };
}

/** The first key of a pattern map whose expression matches the end of a path, as PEFT looks them up. */
export function patternValue(
  patterns: Readonly<Record<string, number>> | undefined,
  module: string,
  option: string,
): number | undefined {
  const key = Object.keys(patterns ?? {})
    .find((key) => compile(`^(?:.*\\.)?(?:${key})$`, option).test(module));
  return key === undefined ? undefined : patterns![key];
}

/** Whether a path is a name or ends in it. */
export function endsIn(module: string, name: string): boolean {
  return module === name || module.endsWith(`.${name}`);
}

function wholePath(pattern: string, option: string): RegExp {
  return compile(`^(?:${pattern})$`, option);
}

const compiled = new Map<string, RegExp>();

/** Expressions come from outside: those that could run for ever are refused. */
function compile(source: string, option: string): RegExp {
  const known = compiled.get(source);
  if (known) return known;
  const refuse = (why: string): never => {
    throw new RangeError(`Cannot read ${option}: "${source}" ${why}`);
  };
  if (source.length > MAX_PATTERN) refuse(`has more than ${MAX_PATTERN} characters`);
  if (/\([^()]*[*+{][^()]*\)[*+{]/.test(source)) refuse("repeats a group that repeats something");
  let pattern: RegExp;
  try {
    pattern = new RegExp(source);
  } catch (error) {
    return refuse(`is no regular expression (${(error as Error).message})`);
  }
  if (compiled.size > 1000) compiled.clear();
  compiled.set(source, pattern);
  return pattern;
}

/** Names in quotes, for a message. */
export function quoted(names: Iterable<string>): string {
  return [...names].map((name) => `"${name}"`).join(", ");
}
