// Several adapters of one base at once (Chen et al. 2023, "Punica"): the matrices of each module's adapters are
// stacked, and every row of a batch uses the part that is its own. Rows of all adapters, and of the base, share
// the product with the frozen weight.

import type { Backend, Tensor } from "../backend/backend.ts";
import type { LoraWeights } from "../ops/linear.ts";
import type { Matrix } from "../ops/matrix.ts";
import { expertStack } from "./config.ts";
import { splitFusedAdapter } from "./fused_adapter.ts";
import { adapterNames, adapterSites, type LoraMethod } from "./method.ts";
import {
  type BlockLayers,
  type FeedForward,
  isCopy,
  type LinearLayer,
  type Model,
} from "./model.ts";
import type { WeightSource } from "./weights.ts";

/** `choice` of a row that uses no adapter. */
export const NO_ADAPTER = 0xffffffff;

/** A stored adapter of matrices alone: nothing trained in full beside it. */
export interface BankedAdapter {
  readonly method: LoraMethod;
  readonly weights: WeightSource;
}

/** One adapter's matrices of a module; of a layer's experts, one pair an expert. */
interface Part {
  readonly owner: number;
  readonly r: number;
  readonly scaling: number;
  readonly pairs: { readonly a: Float32Array; readonly b: Float32Array }[];
}

type Stack = Omit<LoraWeights, "scaling" | "select"> & {
  readonly owner: Tensor;
  readonly scale: Tensor;
};

/** Stacked adapters on a device. */
export interface AdapterBank {
  /** The number of adapters; a row chooses one by its position, or {@linkcode NO_ADAPTER}. */
  readonly size: number;
  /** The model with the adapters on, for inputs whose n-th row uses adapter choice[n]. `choice` is u32[N]. */
  attach(model: Model, choice: Tensor): Model;
  free(): void;
}

/**
 * Uploads adapters for a base model.
 *
 * @throws {RangeError} if an adapter lacks a matrix, or has weights that no matrix of it is.
 */
export async function stackAdapters(
  model: Model,
  adapters: readonly BankedAdapter[],
): Promise<AdapterBank> {
  const { backend, config } = model;
  const members = new Map<string, Part[]>();
  for (const [owner, { method, weights: stored }] of adapters.entries()) {
    const weights = splitFusedAdapter(stored, config, method);
    const known = new Set<string>();
    for (const { module, shape: [outputs, inputs], r, scaling } of adapterSites(config, method)) {
      const names = adapterNames(module);
      const read = async (name: string, shape: readonly number[]) => {
        known.add(name);
        const actual = weights.names.has(name) ? weights.shape(name) : undefined;
        if (actual?.join() !== shape.join()) {
          throw new RangeError(
            `Cannot load adapter ${owner}: its "${name}" is ` +
              `${actual ? `[${actual}]` : "missing"}, expected [${shape}]`,
          );
        }
        return await weights.read(name, "f32") as Float32Array;
      };
      const a = await read(names.a, [r, inputs]);
      const b = await read(names.b, [outputs, r]);
      const place = expertStack(module) ?? module;
      const parts = members.get(place) ?? [];
      members.set(place, parts);
      const last = parts.at(-1);
      if (last?.owner === owner) last.pairs.push({ a, b });
      else parts.push({ owner, r, scaling, pairs: [{ a, b }] });
    }
    const extra = [...weights.names].find((name) => !known.has(name) && !isCopy(name, config));
    if (extra !== undefined) {
      throw new RangeError(
        `Cannot load adapter ${owner} beside others: it holds "${extra}", which is no part of a LoRA`,
      );
    }
  }
  const stacks = new Map(
    [...members].map(([module, parts]) => [module, stack(backend, module, parts)]),
  );
  return {
    size: adapters.length,
    attach: (model, choice) => attach(model, choice, stacks),
    free: () =>
      stacks.forEach(({ a, b, owner, scale }) =>
        [a, b, owner, scale].forEach((tensor) => backend.free(tensor))
      ),
  };
}

/** A [ΣR, I] and B [O, ΣR] of one module; of a layer's experts, [E, ΣR, I] and [E, O, ΣR]. */
function stack(backend: Backend, module: string, parts: readonly Part[]): Stack {
  const r = parts.reduce((sum, part) => sum + part.r, 0);
  const [{ pairs, r: first }] = parts as [Part];
  const inputs = pairs[0]!.a.length / first, outputs = pairs[0]!.b.length / first;
  const a = new Float32Array(pairs.length * r * inputs);
  const b = new Float32Array(pairs.length * outputs * r);
  const owner = new Uint32Array(r), scale = new Float32Array(r);
  let at = 0;
  parts.forEach((part) => {
    const rank = part.r;
    part.pairs.forEach((pair, expert) => {
      a.set(pair.a, (expert * r + at) * inputs);
      for (let row = 0; row < outputs; row++) {
        const own = pair.b.subarray(row * rank, (row + 1) * rank);
        b.set(own, (expert * outputs + row) * r + at);
      }
    });
    owner.fill(part.owner, at, at + rank);
    scale.fill(part.scaling, at, at + rank);
    at += rank;
  });
  const experts = module.includes(".experts.") ? [pairs.length] : [];
  const upload = (data: Float32Array | Uint32Array, shape: readonly number[], label: string) => {
    const dtype = data instanceof Float32Array ? "f32" : "u32";
    const tensor = backend.empty(shape, dtype, `${module}.${label}`);
    backend.write(tensor, data);
    return tensor;
  };
  return {
    a: upload(a, [...experts, r, inputs], "lora_A"),
    b: upload(b, [...experts, outputs, r], "lora_B"),
    owner: upload(owner, [r], "owner"),
    scale: upload(scale, [r], "scale"),
  };
}

function attach(model: Model, choice: Tensor, stacks: ReadonlyMap<string, Stack>): Model {
  const on = <W extends Matrix>(layer: LinearLayer<W>, module: string): LinearLayer<W> => {
    const found = stacks.get(module);
    if (!found) return layer;
    const { a, b, owner, scale } = found;
    return { ...layer, lora: { a, b, scaling: 1, select: { choice, owner, scale } } };
  };
  const feedForward = ({ gate, up, down }: FeedForward, path: string): FeedForward => ({
    gate: on(gate, `${path}.gate_proj`),
    up: on(up, `${path}.up_proj`),
    down: on(down, `${path}.down_proj`),
  });
  return {
    ...model,
    blocks: model.blocks.map((block, i): BlockLayers => {
      const attention = `model.layers.${i}.self_attn`, mlp = `model.layers.${i}.mlp`;
      return {
        ...block,
        q: on(block.q, `${attention}.q_proj`),
        k: on(block.k, `${attention}.k_proj`),
        v: on(block.v, `${attention}.v_proj`),
        o: on(block.o, `${attention}.o_proj`),
        mlp: "router" in block.mlp
          ? {
            ...feedForward(block.mlp, `${mlp}.experts`),
            router: on(block.mlp.router, `${mlp}.gate`),
          }
          : feedForward(block.mlp, mlp),
      };
    }),
    head: on(model.head, "lm_head"),
  };
}
