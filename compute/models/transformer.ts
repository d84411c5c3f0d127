// The decoder: embedding, blocks, norm, and the loss at its end. Llama, Qwen3 with its norm of
// queries and keys, and Qwen3-MoE with a mixture of experts for its feed-forward network.

import type { Tensor } from "../backend/backend.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import type { HeadShape, SequenceBounds } from "../ops/attention.ts";
import { linearForward } from "../ops/linear.ts";
import { Tape } from "../tape.ts";
import { mixture } from "./experts.ts";
import { attention, embed, linear, residual, rmsnorm, rope, swiglu } from "./layers.ts";
import type { BlockLayers, Decoder, Model } from "./model.ts";

/** A batch on the device; see compute/train/batch.ts. */
export interface BatchTensors extends SequenceBounds {
  readonly ids: Tensor;
  readonly targets: Tensor;
  readonly weight: Tensor;
}

/** How a forward pass is run. */
export interface ForwardOptions {
  /** Keep only each block's input and run the block again when going backward. */
  readonly gradientCheckpointing?: boolean;
  /** Logits of a token that exist at once; TILE_COLUMNS unless told otherwise. */
  readonly tileColumns?: number;
}

/** What a block does with its queries, keys and values, rotated: o [N, H·D]. `layer` is the block's number. */
export type Attend = (tape: Tape, q: Tensor, k: Tensor, v: Tensor, layer: number) => Tensor;

/** Heads and their size. */
export function headShape({ config }: Decoder): HeadShape {
  return {
    heads: config.num_attention_heads,
    kvHeads: config.num_key_value_heads,
    headDim: config.head_dim,
  };
}

/** Hidden states after the last norm, [N, C]. Tokens attend to each other inside sequences, unless told otherwise. */
export function hidden(
  tape: Tape,
  model: Decoder,
  batch: Pick<BatchTensors, "ids" | "start" | "end">,
  options: ForwardOptions,
  attend: Attend = (tape, q, k, v) => attention(tape, q, k, v, batch, headShape(model)),
): Tensor {
  let x = embed(tape, batch.ids, model.embedding);
  for (const [layer, layers] of model.blocks.entries()) {
    const run = (inner: Tape, input: Tensor) =>
      block(
        inner,
        model,
        layers,
        input,
        batch,
        (tape, q, k, v) => attend(tape, q, k, v, layer),
      );
    const next = options.gradientCheckpointing ? tape.checkpoint(x, run) : run(tape, x);
    tape.done(x);
    x = next;
  }
  const h = rmsnorm(tape, x, model.norm, model.config.rms_norm_eps);
  tape.done(x);
  return h;
}

function block(
  tape: Tape,
  model: Decoder,
  layers: BlockLayers,
  x: Tensor,
  { start }: SequenceBounds,
  attend: (tape: Tape, q: Tensor, k: Tensor, v: Tensor) => Tensor,
): Tensor {
  const { rms_norm_eps: eps, head_dim: headDim } = model.config;

  const h = rmsnorm(tape, x, layers.inputNorm, eps);
  let q = linear(tape, h, layers.q);
  let k = linear(tape, h, layers.k);
  const v = linear(tape, h, layers.v);
  tape.done(h);
  if (layers.qNorm) {
    const normed = rmsnorm(tape, q, layers.qNorm, eps);
    tape.done(q);
    q = normed;
  }
  if (layers.kNorm) {
    const normed = rmsnorm(tape, k, layers.kNorm, eps);
    tape.done(k);
    k = normed;
  }
  rope(tape, q, start, model.ropeTable, headDim);
  rope(tape, k, start, model.ropeTable, headDim);
  const o = attend(tape, q, k, v);
  tape.done(q, k, v);
  const attended = linear(tape, o, layers.o);
  tape.done(o);
  const middle = residual(tape, x, attended);

  const g = rmsnorm(tape, middle, layers.postNorm, eps);
  const down = feedForward(tape, model, layers.mlp, g);
  const y = residual(tape, middle, down);
  tape.done(middle);
  return y;
}

/** The feed-forward part of a block; done with `x` afterwards. */
export function feedForward(
  tape: Tape,
  { config: { experts } }: Decoder,
  mlp: BlockLayers["mlp"],
  x: Tensor,
): Tensor {
  if ("router" in mlp) {
    const { num_experts_per_tok: perToken, norm_topk_prob: normalize } = experts!;
    const y = mixture(tape, x, mlp, { perToken, normalize });
    tape.done(x);
    return y;
  }
  const gate = linear(tape, x, mlp.gate);
  const up = linear(tape, x, mlp.up);
  tape.done(x);
  const activated = swiglu(tape, gate, up);
  tape.done(gate, up);
  const y = linear(tape, activated, mlp.down);
  tape.done(activated);
  return y;
}

/** Forward and backward: adds the gradients of Σ weight · nll to the trained parameters' and returns nll [N]. */
export function lossAndGradients(
  model: Model,
  batch: BatchTensors,
  options: ForwardOptions = {},
): Tensor {
  const { backend, head } = model;
  const tape = new Tape(backend, "training");
  const h = hidden(tape, model, batch, options);
  const dH = backend.empty(h.shape, "f32", "d(hidden)");
  const nll = crossEntropy(
    backend,
    {
      h,
      w: head.weight,
      lora: head.lora,
      targets: batch.targets,
      weight: batch.weight,
    },
    { dH, dW: head.dW, dA: head.lora?.dA, dB: head.lora?.dB },
    options.tileColumns,
  );
  tape.seed(h, dH);
  tape.backward();
  return nll;
}

/** Forward only: nll [N] in nats, 0 where ignored. */
export function loss(model: Model, batch: BatchTensors): Tensor {
  const { backend, head } = model;
  const h = hidden(new Tape(backend, "inference"), model, batch, {});
  const nll = crossEntropy(backend, {
    h,
    w: head.weight,
    lora: head.lora,
    targets: batch.targets,
    weight: batch.weight,
  });
  backend.free(h);
  return nll;
}

/** Forward only: logits [N, V]. For tests and short inputs; training never forms them whole. */
export function logits(
  model: Model,
  batch: Pick<BatchTensors, "ids" | "start" | "end">,
): Tensor {
  const { backend, head } = model;
  const h = hidden(new Tape(backend, "inference"), model, batch, {});
  const { y, xa } = linearForward(backend, h, head.weight, head.lora);
  backend.free(h);
  if (xa) backend.free(xa);
  return y;
}
