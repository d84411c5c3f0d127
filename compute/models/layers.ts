// Layers on a tape: each runs an op forward and pushes its backward. Forward contracts are in ops/.

import type { Tensor } from "../backend/backend.ts";
import { attentionBackward, attentionForward } from "../ops/attention.ts";
import type { HeadShape, SequenceBounds } from "../ops/attention.ts";
import { embeddingBackward, embeddingForward } from "../ops/embedding.ts";
import { linearBackward, linearForward } from "../ops/linear.ts";
import { linearEachBackward, linearEachForward, type LoraEach } from "../ops/linear_each.ts";
import type { Matrix } from "../ops/matrix.ts";
import { rmsnormBackward, rmsnormForward } from "../ops/rmsnorm.ts";
import { ropeBackward, ropeForward } from "../ops/rope.ts";
import { swigluBackward, swigluForward } from "../ops/swiglu.ts";
import type { Tape } from "../tape.ts";
import type { LinearLayer, TrainedLora, Weight } from "./model.ts";

/** y = table[ids]. */
export function embed(tape: Tape, ids: Tensor, { weight, dW }: Weight): Tensor {
  const y = embeddingForward(tape.backend, ids, weight);
  if (dW) {
    const backward = () => embeddingBackward(tape.backend, ids, tape.gradient(y), dW);
    tape.push({ outputs: [y], backward });
  } else tape.pushConstant([y]);
  return y;
}

/** y = x Wᵀ (+ adapter). */
export function linear(tape: Tape, x: Tensor, layer: LinearLayer): Tensor {
  const { weight, dW, lora, each } = layer;
  if (each) return linearEach(tape, x, weight, each);
  const { y, xa } = linearForward(tape.backend, x, weight, lora);
  const saved = xa ? [xa] : [];
  if (dW || lora || tape.requires(x)) {
    const backward = () =>
      linearBackward(
        tape.backend,
        x,
        weight,
        tape.gradient(y),
        { dX: tape.slot(x), dW, dA: lora?.dA, dB: lora?.dB },
        lora,
        { xa },
      );
    tape.push({ outputs: [y], saved, backward });
  } else tape.pushConstant([y], saved);
  return y;
}

/** y = x Wᵀ, and in each part of the rows its own adapter. */
function linearEach(tape: Tape, x: Tensor, weight: Matrix, each: LoraEach<TrainedLora>): Tensor {
  const { backend } = tape;
  const { y, saved } = linearEachForward(backend, x, weight, each);
  const backward = () => {
    const gradients = each.map((lora) => ({ dA: lora?.dA, dB: lora?.dB }));
    const dY = tape.gradient(y);
    linearEachBackward(backend, x, weight, dY, { dX: tape.slot(x), each: gradients }, each, saved);
  };
  tape.push({ outputs: [y], saved: saved.flatMap(({ xa }) => xa ?? []), backward });
  return y;
}

/** y = RMSNorm(x) over the length of the weight. */
export function rmsnorm(tape: Tape, x: Tensor, { weight, dW }: Weight, eps: number): Tensor {
  const { y, rstd } = rmsnormForward(tape.backend, x, weight, eps);
  if (dW || tape.requires(x)) {
    const backward = () =>
      rmsnormBackward(tape.backend, x, weight, rstd, tape.gradient(y), { dX: tape.slot(x), dW });
    tape.push({ outputs: [y], saved: [rstd], backward });
  } else tape.pushConstant([y], [rstd]);
  return y;
}

/** Rotates queries or keys in place. */
export function rope(
  tape: Tape,
  x: Tensor,
  start: Tensor,
  table: Tensor,
  headDim: number,
): void {
  ropeForward(tape.backend, x, start, table, headDim);
  if (!tape.requires(x)) return;
  const backward = () => ropeBackward(tape.backend, tape.gradient(x), start, table, headDim);
  tape.push({ outputs: [], backward });
}

/**
 * Places for gradients that a kernel forms all at once with `=`: their slots, or scratch memory for
 * those that nobody wants. Its inputs have no other reader, which this checks.
 */
export function withPlaces(
  tape: Tape,
  inputs: readonly Tensor[],
  fill: (places: readonly Tensor[]) => void,
): void {
  const scratch: Tensor[] = [];
  fill(inputs.map((x) => {
    const slot = tape.slot(x);
    if (slot?.accumulate) throw new TypeError(`Cannot overwrite d(${x.label}): it has two readers`);
    if (slot) return slot.tensor;
    const tensor = tape.backend.empty(x.shape, "f32", `d(${x.label})`);
    scratch.push(tensor);
    return tensor;
  }));
  scratch.forEach((tensor) => tape.backend.free(tensor));
}

/** o = attention(q, k, v). */
export function attention(
  tape: Tape,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  bounds: SequenceBounds,
  shape: HeadShape,
): Tensor {
  const { backend } = tape;
  const { o, stats } = attentionForward(backend, q, k, v, bounds, shape);
  if (!tape.requires(q, k, v)) {
    tape.pushConstant([o], [stats]);
    return o;
  }
  const backward = () =>
    withPlaces(
      tape,
      [q, k, v],
      ([dQ, dK, dV]) =>
        attentionBackward(backend, { q, k, v, o, stats }, bounds, shape, tape.gradient(o), {
          dQ: dQ!,
          dK: dK!,
          dV: dV!,
        }),
    );
  tape.push({ outputs: [o], saved: [stats], backward });
  return o;
}

/** y = silu(gate) · up. */
export function swiglu(tape: Tape, gate: Tensor, up: Tensor): Tensor {
  const { backend } = tape;
  const y = swigluForward(backend, gate, up);
  if (!tape.requires(gate, up)) {
    tape.pushConstant([y]);
    return y;
  }
  const backward = () =>
    withPlaces(
      tape,
      [gate, up],
      ([dGate, dUp]) => swigluBackward(backend, gate, up, tape.gradient(y), dGate!, dUp!),
    );
  tape.push({ outputs: [y], backward });
  return y;
}

/** stream + branch, where branch was computed from stream. The branch's values are not needed again. */
export function residual(tape: Tape, stream: Tensor, branch: Tensor): Tensor {
  const { backend } = tape;
  const y = backend.empty(stream.shape, "f32", "residual");
  backend.run("add", { a: stream, b: branch, y }, { n: stream.shape[0]! * stream.shape[1]! });
  tape.discard(branch);
  if (tape.requires(stream, branch)) {
    tape.push({ outputs: [y], backward: () => tape.passThrough(y, stream, branch) });
  } else tape.pushConstant([y]);
  return y;
}
