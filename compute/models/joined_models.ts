// Models that differ in their adapters, run as one: a batch of K·N tokens whose k-th N rows belong to model k.
// Sequences do not see each other, so everything that is frozen takes all rows at once, and only the
// adapters know which rows are theirs.

import { Tape } from "../tape.ts";
import type { Tensor } from "../backend/backend.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { rowsOf } from "../ops/linear_each.ts";
import type { Matrix } from "../ops/matrix.ts";
import { type Decoder, type LinearLayer, mapLayers, type Model } from "./model.ts";
import { type BatchTensors, type ForwardOptions, hidden } from "./transformer.ts";

/** Several models as one decoder. */
export interface JoinedModels {
  readonly members: readonly Model[];
  readonly decoder: Decoder;
}

/**
 * Joins models that {@linkcode createModels} built on one base.
 *
 * @throws {RangeError} if they have nothing frozen in common, or a mixture of experts, whose rows are sorted anew
 *   in every layer.
 */
export function joinModels(members: readonly Model[]): JoinedModels {
  const [first] = members as [Model];
  if (first.config.experts) {
    throw new RangeError(
      "Cannot train adapters of a mixture of experts together: expected a dense model",
    );
  }
  const layers = members.map((model) => {
    const all: LinearLayer[] = [];
    mapLayers(model, (layer) => (all.push(layer), layer));
    return all;
  });
  let position = 0;
  const join = <W extends Matrix>(layer: LinearLayer<W>): LinearLayer<W> => {
    const own = layers.map((all) => all[position]!);
    position++;
    if (own.some(({ weight }) => weight !== layer.weight)) {
      throw new RangeError(
        `Cannot train models together: each has its own "${layer.weight.label}": ` +
          "expected models on one base",
      );
    }
    const each = own.map(({ lora }) => lora);
    return { weight: layer.weight, ...(each.some((lora) => lora) && { each }) };
  };
  return { members, decoder: { ...first, ...mapLayers(first, join) } };
}

/** The parts of each member, cut from a batch for all of them. */
function memberInput({ members }: JoinedModels, h: Tensor, batch: BatchTensors) {
  const part = (tensor: Tensor, index: number) => rowsOf(tensor, index, members.length);
  return members.map(({ head }, i) => ({
    h: part(h, i),
    w: head.weight,
    lora: head.lora,
    targets: part(batch.targets, i),
    weight: part(batch.weight, i),
  }));
}

/** Forward and backward: adds each member's gradients to its own and returns its nll, [N] for every member. */
export function joinedLossAndGradients(
  joined: JoinedModels,
  batch: BatchTensors,
  options: ForwardOptions = {},
): Tensor[] {
  const { members, decoder } = joined;
  const { backend } = decoder;
  const tape = new Tape(backend, "training");
  const h = hidden(tape, decoder, batch, options);
  const dH = backend.empty(h.shape, "f32", "d(hidden)");
  const nll = memberInput(joined, h, batch).map((input, i) => {
    const lora = members[i]!.head.lora;
    const gradients = { dH: rowsOf(dH, i, members.length), dA: lora?.dA, dB: lora?.dB };
    return crossEntropy(backend, input, gradients, options.tileColumns);
  });
  tape.seed(h, dH);
  tape.backward();
  return nll;
}
