// Kernel name → its description.

import type { KernelTensors } from "../../backend.ts";
import type { KernelName, KernelParams } from "../../kernels.ts";
import type { DescribeContext, Dispatch } from "../dispatch.ts";
import { attentionBackward, attentionForward } from "./attention.ts";
import { crossEntropy, crossEntropyFold, crossEntropyGradient } from "./cross_entropy.ts";
import {
  advance,
  attentionCached,
  copyRows,
  findCells,
  sample,
  selectColumns,
} from "./decoding.ts";
import { adamw, add, fill, scale, swigluBackward, swigluForward } from "./elementwise.ts";
import { embeddingBackward, embeddingForward } from "./embedding.ts";
import { gemmNn, gemmNt, gemmTn, loraBackward, loraForward } from "./gemm.ts";
import { entropy, grpoLoss } from "./policy.ts";
import {
  groupedGemmNn,
  groupedGemmNt,
  groupedGemmTn,
  groupedLoraBackward,
  groupedLoraForward,
} from "./grouped_gemm.ts";
import { dequantizeNf4 } from "./nf4.ts";
import { dot, recordMetrics, sumSquares } from "./reductions.ts";
import { rmsnormBackward, rmsnormBackwardWeight, rmsnormForward } from "./rmsnorm.ts";
import { rope } from "./rope.ts";
import {
  gatherChoice,
  gatherRows,
  groupRows,
  route,
  routeBackward,
  scaleRows,
  scaleRowsBackward,
  scatterRows,
} from "./routing.ts";

/** Describes a call of a kernel; throws a RangeError if a tensor is too small or too large. */
export type Describe<K extends KernelName> = (
  tensors: KernelTensors<K>,
  params: KernelParams<K>,
  context: DescribeContext,
) => readonly Dispatch[];

const DESCRIPTIONS: { readonly [K in KernelName]: Describe<K> } = {
  fill,
  scale,
  add,
  embedding_forward: embeddingForward,
  embedding_backward: embeddingBackward,
  rmsnorm_forward: rmsnormForward,
  rmsnorm_backward: rmsnormBackward,
  rmsnorm_backward_weight: rmsnormBackwardWeight,
  rope,
  gemm_nt: gemmNt,
  gemm_nn: gemmNn,
  gemm_tn: gemmTn,
  lora_forward: loraForward,
  lora_backward: loraBackward,
  dequantize_nf4: dequantizeNf4,
  route,
  route_backward: routeBackward,
  group_rows: groupRows,
  gather_rows: gatherRows,
  gather_choice: gatherChoice,
  scatter_rows: scatterRows,
  scale_rows: scaleRows,
  scale_rows_backward: scaleRowsBackward,
  grouped_gemm_nt: groupedGemmNt,
  grouped_gemm_nn: groupedGemmNn,
  grouped_gemm_tn: groupedGemmTn,
  grouped_lora_forward: groupedLoraForward,
  grouped_lora_backward: groupedLoraBackward,
  swiglu_forward: swigluForward,
  swiglu_backward: swigluBackward,
  attention_forward: attentionForward,
  attention_backward: attentionBackward,
  find_cells: findCells,
  copy_rows: copyRows,
  attention_cached: attentionCached,
  select_columns: selectColumns,
  sample,
  advance,
  cross_entropy: crossEntropy,
  cross_entropy_fold: crossEntropyFold,
  cross_entropy_gradient: crossEntropyGradient,
  entropy,
  grpo_loss: grpoLoss,
  dot,
  sum_squares: sumSquares,
  adamw,
  record_metrics: recordMetrics,
};

/** The dispatches of a kernel call. */
export function describe<K extends KernelName>(
  kernel: K,
  tensors: KernelTensors<K>,
  params: KernelParams<K>,
  context: DescribeContext,
): readonly Dispatch[] {
  return DESCRIPTIONS[kernel](tensors, params, context);
}
