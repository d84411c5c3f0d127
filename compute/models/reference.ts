// The model that a run started from, to measure how far the policy has moved. With LoRA it is the same
// weights with the adapter switched off, and costs no memory; trained weights are copied.

import type { Tensor } from "../backend/backend.ts";
import type { BlockLayers, LinearLayer, Model, Weight } from "./model.ts";

/** A model that is only read. Freeing it frees what it has of its own. */
export type ReferenceModel = Model;

/** The base of a model as it is now: without its adapters, and with copies of the weights that will be trained. */
export async function referenceModel(model: Model): Promise<ReferenceModel> {
  const { backend, trainable } = model;
  const copies = new Map<Tensor, Tensor>();
  const used = new Set<Tensor>();
  eachWeight(model, ({ weight }) => used.add(weight));
  for (const { name, value } of trainable.parameters) {
    if (!used.has(value)) continue;
    const copy = backend.empty(value.shape, value.dtype, `reference.${name}`);
    backend.write(copy, await backend.read(value));
    copies.set(value, copy);
  }
  const still = ({ weight }: LinearLayer): Weight => ({ weight: copies.get(weight) ?? weight });
  return {
    ...model,
    embedding: still(model.embedding),
    blocks: model.blocks.map((block) =>
      Object.fromEntries(
        Object.entries(block).map(([name, layer]) => [name, layer && still(layer)]),
      ) as unknown as BlockLayers
    ),
    norm: still(model.norm),
    head: still(model.head),
    free: () => copies.forEach((copy) => backend.free(copy)),
  };
}

function eachWeight(model: Model, visit: (weight: Weight) => void): void {
  [model.embedding, model.norm, model.head].forEach(visit);
  for (const block of model.blocks) {
    Object.values(block as unknown as Record<string, Weight | undefined>)
      .forEach((layer) => layer && visit(layer));
  }
}
