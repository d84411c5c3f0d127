// The decoder as a policy: log-probabilities of sampled tokens at a temperature, and the gradient of the
// policy-gradient loss. All of it is one recording: no log-probability visits the host.

import type { Backend, Tensor } from "../backend/backend.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { grpoLoss, type PolicyOptions } from "../ops/grpo_loss.ts";
import { Tape } from "../tape.ts";
import type { Model } from "./model.ts";
import { type BatchTensors, type ForwardOptions, hidden } from "./transformer.ts";

/** How a policy is trained. */
export interface PolicyGradientOptions extends ForwardOptions, PolicyOptions {
  /** Of the sampling: the policy is softmax(logits / temperature). */
  readonly temperature: number;
  /** What the KL is measured to; absent: KL is 0. */
  readonly reference?: Model | undefined;
}

/** factor · x, new. */
function scaled(backend: Backend, x: Tensor, factor: number, label: string): Tensor {
  const y = backend.empty(x.shape, "f32", label);
  const n = x.shape[0]! * x.shape[1]!;
  backend.run("scale", { x, y }, { n, scale: factor, accumulate: 0 });
  return y;
}

/**
 * −log-probability of each target under softmax(logits / temperature), [N], 0 where ignored.
 */
function policyNll(model: Model, batch: BatchTensors, temperature: number): Tensor {
  const { backend, head } = model;
  const x = hidden(new Tape(backend, "inference"), model, batch, {});
  const h = scaled(backend, x, 1 / temperature, "hidden.tempered");
  backend.free(x);
  const { targets, weight } = batch;
  const nll = crossEntropy(backend, { h, w: head.weight, lora: head.lora, targets, weight });
  backend.free(h);
  return nll;
}

/**
 * Adds the gradients of the policy-gradient loss to the trained parameters' and returns the loss's terms
 * [N, 5]. `batch.weight` is filled on the way; `sampled` [N, 3] as in the kernel table.
 */
export function policyGradients(
  model: Model,
  batch: BatchTensors,
  sampled: Tensor,
  options: PolicyGradientOptions,
): Tensor {
  const { backend, head } = model;
  const { temperature, reference } = options;
  const refNll = reference && policyNll(reference, batch, temperature);
  const tape = new Tape(backend, "training");
  const x = hidden(tape, model, batch, options);
  // The head sees h / temperature, so that its own gradients need no second factor.
  const h = scaled(backend, x, 1 / temperature, "hidden.tempered");
  const entropy = backend.empty([h.shape[0]!], "f32", "entropy");
  const input = {
    h,
    w: head.weight,
    lora: head.lora,
    targets: batch.targets,
    weight: batch.weight,
  };
  const { tileColumns } = options;
  const nll = crossEntropy(backend, { ...input, entropy }, undefined, tileColumns);
  const { start, end } = batch;
  const { terms } = grpoLoss(
    backend,
    { nll, refNll: refNll ?? nll, entropy, sampled, start, end },
    options,
    batch.weight,
  );
  const dTempered = backend.empty(h.shape, "f32", "d(hidden.tempered)");
  const gradients = { dH: dTempered, dW: head.dW, dA: head.lora?.dA, dB: head.lora?.dB };
  const again = crossEntropy(backend, input, gradients, tileColumns);
  const dX = scaled(backend, dTempered, 1 / temperature, "d(hidden)");
  [nll, again, entropy, h, dTempered].forEach((tensor) => backend.free(tensor));
  if (refNll) backend.free(refNll);
  tape.seed(x, dX);
  tape.backward();
  return terms;
}
