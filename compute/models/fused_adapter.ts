// Adapters of experts that PEFT holds fused, one pair of matrices for all experts of a layer: the form
// that it makes with newer transformers, where a layer's experts are two parameters, gate_up_proj
// [E, 2F, C] (gate above up) and down_proj [E, C, F]. PEFT (peft/tuners/lora/layer.py, ParamWrapper):
//   ΔW[e] = scaling · B[e] A[e],  A [E·R, inputs]: expert by expert,  B [outputs, R·E]: column r·E + e is B[e][:, r]
// Where both parameters of a layer have adapters, the wrapper of down_proj lies around that of gate_up_proj:
// "….mlp.experts" names the former, "….mlp.experts.base_layer" the latter.

import { expertStack, type ModelConfig } from "./config.ts";
import { adapterNames, type AdapterSite, adapterSites, type LoraMethod } from "./method.ts";
import { leafOf } from "./target_modules.ts";
import type { WeightSource } from "./weights.ts";

/** A fused pair in a file. */
interface FusedPair {
  /** Names of A and B. */
  readonly a: string;
  readonly b: string;
  /** Of an expert's gate and up together, or of its down. */
  readonly r: number;
}

/** A single expert's matrix: the part of a fused one that it is. */
interface Part {
  readonly pair: FusedPair;
  readonly matrix: "a" | "b";
  readonly expert: number;
  /** The first of its rows among those of B[e], and of its ranks. */
  readonly row: number;
  readonly rank: number;
  readonly shape: readonly [number, number];
  /** What B was multiplied with when it was fused. */
  readonly factor: number;
  /** Whether no other matrix is read from the pair: what is left of B must be zeros then. */
  readonly alone: boolean;
}

/**
 * A stored adapter with fused experts under the names of single ones, as the method wants them; anything else as
 * it is. Gate and up share A, or each has ranks of its own: as many in all as the fused matrix has.
 *
 * @throws {RangeError} if a fused matrix does not have the shape or the rank that the method asks for.
 */
export function splitFusedAdapter(
  source: WeightSource,
  config: ModelConfig,
  method: LoraMethod,
): WeightSource {
  if (config.experts === undefined) return source;
  const sites = new Map(adapterSites(config, method).map((site) => [site.module, site]));
  const parts = new Map<string, Part>();
  for (const layer of config.experts.layers) {
    for (const [leaves, pair] of pairsOf(source, config, layer)) {
      addParts(parts, source, config, { layer, leaves, pair, sites });
    }
  }
  if (parts.size === 0) return source;
  const fused = new Set([...parts.values()].flatMap(({ pair: { a, b } }) => [a, b]));
  const names = new Set(
    [...source.names].filter((name) => !fused.has(name)).concat(...parts.keys()),
  );
  const whole = lastRead(source);
  return {
    names,
    shape: (name) => parts.get(name)?.shape ?? source.shape(name),
    storedAs: (name) => {
      const part = parts.get(name);
      return source.storedAs?.(part ? part.pair[part.matrix] : name) ?? "F32";
    },
    async read(name, dtype) {
      const part = parts.get(name);
      if (part === undefined) return await source.read(name, dtype);
      if (dtype !== "f32") throw new TypeError(`Cannot read "${name}" as ${dtype}: expected f32`);
      const values = await whole(part.pair[part.matrix]);
      return part.matrix === "a"
        ? partOfA(values, part)
        : partOfB(values, part, config.experts!.num_experts);
    },
  };
}

/** Reads matrices whole and keeps the last pair: its parts are asked for one after the other. */
function lastRead(source: WeightSource): (name: string) => Promise<Float32Array> {
  const kept = new Map<string, Promise<Float32Array>>();
  return (name) => {
    const found = kept.get(name);
    if (found) return found;
    if (kept.size === 2) kept.delete(kept.keys().next().value!);
    const read = source.read(name, "f32") as Promise<Float32Array>;
    kept.set(name, read);
    return read;
  };
}

/** The fused pairs of a layer, with the matrices of an expert that each is made of. */
function pairsOf(
  source: WeightSource,
  config: ModelConfig,
  layer: number,
): [string[], FusedPair][] {
  const module = `model.layers.${layer}.mlp.experts`;
  const pairAt = (path: string): FusedPair | undefined => {
    const names = adapterNames(path);
    if (!source.names.has(names.a) || !source.names.has(names.b)) return undefined;
    return { ...names, r: source.shape(names.a)[0]! / config.experts!.num_experts };
  };
  const outer = pairAt(module), inner = pairAt(`${module}.base_layer`);
  if (outer === undefined) return [];
  if (inner) return [[["gate_proj", "up_proj"], inner], [["down_proj"], outer]];
  // Alone it may be either; gate and up together have twice as many outputs.
  const outputs = 2 * config.experts!.moe_intermediate_size;
  const both = source.shape(outer.a)[1] === config.hidden_size &&
    source.shape(outer.b)[0] === outputs;
  return [[both ? ["gate_proj", "up_proj"] : ["down_proj"], outer]];
}

interface PairPlace {
  readonly layer: number;
  readonly leaves: readonly string[];
  readonly pair: FusedPair;
  readonly sites: ReadonlyMap<string, AdapterSite>;
}

function addParts(
  parts: Map<string, Part>,
  source: WeightSource,
  config: ModelConfig,
  { layer, leaves, pair, sites }: PairPlace,
): void {
  const { num_experts: experts, moe_intermediate_size: width } = config.experts!;
  const { hidden_size: hidden } = config;
  const down = leaves[0] === "down_proj";
  const inputs = down ? width : hidden, outputs = down ? hidden : width;
  const moduleOf = (expert: number, leaf: string) =>
    `model.layers.${layer}.mlp.experts.${expert}.${leaf}`;
  const wanted = leaves.flatMap((leaf, i) => {
    const site = sites.get(moduleOf(0, leaf));
    return site ? [{ leaf, row: i * outputs, r: site.r, scaling: site.scaling }] : [];
  });
  if (wanted.length === 0) return;
  const apart = wanted.reduce((sum, { r }) => sum + r, 0) === pair.r;
  const shared = wanted.length === leaves.length && wanted.every(({ r }) => r === pair.r);
  const shapes = [[experts * pair.r, inputs], [leaves.length * outputs, experts * pair.r]];
  [pair.a, pair.b].forEach((name, i) => {
    if ((apart || shared) && source.shape(name).join() === shapes[i]!.join()) return;
    throw new RangeError(
      `Cannot load the adapter: "${name}" is [${source.shape(name)}], expected a matrix of all ` +
        `${experts} experts of the layer at rank ${wanted.map(({ r }) => r).join(" + ")}`,
    );
  });
  let rank = 0;
  for (const { leaf, row, r, scaling } of wanted) {
    const common = { pair, row, rank, alone: wanted.length < leaves.length };
    // They were fused at the scale of the first.
    const factor = apart ? scaling / wanted[0]!.scaling : 1;
    for (let expert = 0; expert < experts; expert++) {
      const { a, b } = adapterNames(moduleOf(expert, leaf));
      parts.set(a, { ...common, matrix: "a", expert, shape: [r, inputs], factor });
      parts.set(b, { ...common, matrix: "b", expert, shape: [outputs, r], factor });
    }
    if (apart) rank += r;
  }
}

function partOfA(whole: Float32Array, { expert, rank, pair, shape: [r, inputs] }: Part) {
  const first = (expert * pair.r + rank) * inputs;
  return whole.slice(first, first + r * inputs);
}

function partOfB(whole: Float32Array, part: Part, experts: number): Float32Array {
  const { expert, row, rank, pair, shape: [outputs, r], factor, alone } = part;
  const at = (y: number, k: number) => whole[(y * pair.r + k) * experts + expert]!;
  if (alone) {
    for (let y = 0; y < 2 * outputs; y++) {
      for (let k = 0; (y < row || y >= row + outputs) && k < pair.r; k++) {
        if (at(y, k) === 0) continue;
        throw new RangeError(
          `Cannot load the adapter: "${pair.b}" changes gate and up, expected one of them`,
        );
      }
    }
  }
  const values = new Float32Array(outputs * r);
  for (let y = 0; y < outputs; y++) {
    for (let k = 0; k < r; k++) values[y * r + k] = at(row + y, rank + k) / factor;
  }
  return values;
}

/** Names of MLP matrices, which PEFT takes for experts' in a model that has any. */
const isMlp = ({ module }: AdapterSite) => /\.mlp\.(gate|up|down)_proj$/.test(module);

/**
 * Whether PEFT can fuse single experts' adapters by itself. It does so for gate and up together, at one
 * rank and scale in all layers, and where no layer has a feed-forward network without experts. It doubles rank and
 * alpha, which keeps the scale unless that is alpha over the root of the rank.
 */
export function fusesByItself(
  { experts }: ModelConfig,
  sites: readonly AdapterSite[],
  { use_rslora }: LoraMethod,
): boolean {
  if (experts === undefined) return true;
  const of = (leaf: string) =>
    sites.filter(({ module }) => expertStack(module) && leafOf(module) === leaf);
  const gate = of("gate_proj"), up = of("up_proj");
  const [first] = gate;
  if (use_rslora && gate.length > 0) return false;
  return !sites.some(isMlp) && gate.length === up.length &&
    [...gate, ...up].every(({ r, scaling }) => r === first!.r && scaling === first!.scaling);
}

/** A matrix with its shape. */
export interface FusedMatrix {
  readonly shape: readonly [number, number];
  readonly data: Float32Array;
}

/** A layer's fused parameter with an adapter. */
export interface FusedSite {
  /** The parameter's path. */
  readonly parameter: string;
  /** Path of the wrapper that holds the adapter. */
  readonly wrapper: string;
  readonly r: number;
  readonly scaling: number;
  /** The single matrices, for each leaf that has an adapter one site an expert. */
  readonly leaves: ReadonlyMap<string, readonly AdapterSite[]>;
}

/** Sites by how PEFT can be told of them. */
export interface FusedSites {
  /** Parameters of all experts of a layer. */
  readonly fused: readonly FusedSite[];
  /** Feed-forward networks without experts: by their parameters' names too. */
  readonly single: readonly AdapterSite[];
  /** By their modules' names. */
  readonly rest: readonly AdapterSite[];
}

/** Sorts sites, experts' into those of their layers. */
export function fusedSites(sites: readonly AdapterSite[]): FusedSites {
  const layers = new Map<string, Map<string, AdapterSite[]>>();
  for (const site of sites) {
    const experts = /^(.*\.experts)\.\d+\./.exec(site.module)?.[1];
    if (experts === undefined) continue;
    const leaves = layers.get(experts) ?? new Map<string, AdapterSite[]>();
    layers.set(experts, leaves);
    const leaf = leafOf(site.module);
    leaves.set(leaf, [...leaves.get(leaf) ?? [], site]);
  }
  return {
    fused: [...layers].flatMap(([experts, leaves]) => fusedOf(experts, leaves)),
    single: sites.filter(isMlp),
    rest: sites.filter((site) => !isMlp(site) && !expertStack(site.module)),
  };
}

function fusedOf(
  experts: string,
  leaves: ReadonlyMap<string, readonly AdapterSite[]>,
): FusedSite[] {
  const down = leaves.get("down_proj");
  const others = new Map([...leaves].filter(([leaf]) => leaf !== "down_proj"));
  const site = (parameter: string, wrapper: string, own: FusedSite["leaves"]): FusedSite => {
    const firsts = [...own.values()].map(([first]) => first!);
    const r = firsts.reduce((sum, each) => sum + each.r, 0);
    return { parameter, wrapper, r, scaling: firsts[0]!.scaling, leaves: own };
  };
  const found: FusedSite[] = [];
  if (others.size > 0) {
    const wrapper = down ? `${experts}.base_layer` : experts;
    found.push(site(`${experts}.gate_up_proj`, wrapper, others));
  }
  if (down) found.push(site(`${experts}.down_proj`, experts, new Map([["down_proj", down]])));
  return found;
}

/** The fused matrices of a site, from those of single experts: each leaf has ranks of its own. */
export function fuse(
  { leaves, r, scaling }: FusedSite,
  read: (name: string) => Float32Array,
): { a: FusedMatrix; b: FusedMatrix } {
  const [first] = leaves.values().next().value as [AdapterSite];
  const [height, inputs] = first.shape;
  const experts = leaves.values().next().value!.length;
  const down = leaves.has("down_proj");
  const outputs = down ? height : 2 * height;
  const a = new Float32Array(experts * r * inputs), b = new Float32Array(outputs * r * experts);
  let rank = 0;
  for (const [leaf, sites] of leaves) {
    const top = leaf === "up_proj" ? height : 0;
    sites.forEach((site, expert) => {
      const names = adapterNames(site.module);
      const ownA = read(names.a), ownB = read(names.b);
      a.set(ownA, (expert * r + rank) * inputs);
      // One scale for both: what differs goes into B.
      const factor = site.scaling / scaling;
      for (let row = 0; row < height; row++) {
        for (let k = 0; k < site.r; k++) {
          b[((top + row) * r + rank + k) * experts + expert] = factor * ownB[row * site.r + k]!;
        }
      }
    });
    rank += sites[0]!.r;
  }
  return {
    a: { shape: [experts * r, inputs], data: a },
    b: { shape: [outputs, r * experts], data: b },
  };
}
