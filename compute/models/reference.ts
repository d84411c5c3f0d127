// The model that a run started from, to measure how far the policy has moved. With LoRA it is the same
// weights with the adapter switched off, and costs no memory; trained weights are copied.

import type { Tensor } from "../backend/backend.ts";
import type { Matrix } from "../ops/matrix.ts";
import { type LinearLayer, mapLayers, type Model } from "./model.ts";

/** A model that is only read. Freeing it frees what it has of its own. */
export type ReferenceModel = Model;

/** The base of a model as it is now: without its adapters, and with copies of the weights that will be trained. */
export async function referenceModel(model: Model): Promise<ReferenceModel> {
  const { backend } = model;
  const trained = new Set<Tensor>();
  const copies = new Map<Matrix, Tensor>();
  const still = <W extends Matrix>({ weight, dW }: LinearLayer<W>): LinearLayer<W> => {
    // What is trained is not quantised, and its copy is what it is.
    if (dW) trained.add(weight as Tensor);
    return { weight: copies.get(weight) as W | undefined ?? weight };
  };
  mapLayers(model, still);
  for (const weight of trained) {
    const copy = backend.empty(weight.shape, weight.dtype, `reference.${weight.label}`);
    backend.write(copy, await backend.read(weight));
    copies.set(weight, copy);
  }
  return {
    ...model,
    ...mapLayers(model, still),
    free: () => copies.forEach((copy) => backend.free(copy)),
  };
}
