// Kernel calls by their shapes: what they would dispatch, and memory to try them on.

import { type Backend, byteLength, type DType, type ShapedCall, type Tensor } from "../backend.ts";
import type { KernelName } from "../kernels.ts";
import { describe } from "./descriptions/describe.ts";
import type { ProductShape } from "./descriptions/product_variants.ts";
import type { DescribeContext, Dispatch } from "./dispatch.ts";

/** What asks for a variant in a call. */
export interface ShapedProduct {
  readonly kernel: KernelName;
  readonly shape: ProductShape;
  readonly call: ShapedCall;
}

/** The dispatches of a call, over tensors that need no memory. */
export function dispatchesOf(
  { kernel, tensors, params }: ShapedCall,
  context: Omit<DescribeContext, "scratch">,
): readonly Dispatch[] {
  const scratch = (shape: readonly number[], dtype: DType, label: string): Tensor => ({
    storage: { id: -1, bytes: byteLength(shape, dtype) },
    offset: 0,
    shape,
    dtype,
    label,
  });
  return describe(kernel, tensors as never, params as never, { ...context, scratch });
}

/** The products of a call. */
export function productsOf(
  call: ShapedCall,
  context: Omit<DescribeContext, "scratch">,
): ShapedProduct[] {
  const products: ShapedProduct[] = [];
  dispatchesOf(call, {
    ...context,
    variantOf: (kernel, shape) => {
      products.push({ kernel, shape, call });
      return undefined;
    },
  });
  return products;
}

/** A call's tensors with memory: zeros, and where it is said whose rows are whose, shared out evenly. */
export function allocate(
  backend: Backend,
  { tensors, params }: ShapedCall,
): Record<string, Tensor> {
  const empty = ({ shape, dtype, label }: Tensor) => backend.empty(shape, dtype, label);
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const own = empty(tensor);
    if (name === "offsets") {
      const { rows = 0, groups = 1 } = params;
      const even = (_: unknown, g: number) => Math.floor(g * rows / groups);
      backend.write(own, Uint32Array.from({ length: groups + 1 }, even));
    }
    if (tensor.nf4 === undefined) return [name, own];
    const { scales, ranges, levels } = tensor.nf4;
    const nf4 = { scales: empty(scales), ranges: empty(ranges), levels: empty(levels) };
    return [name, { ...own, nf4 }];
  });
  return Object.fromEntries(entries);
}

/** Frees what {@linkcode allocate} made. */
export function freeAll(backend: Backend, tensors: Readonly<Record<string, Tensor>>): void {
  for (const tensor of Object.values(tensors)) {
    for (const part of [tensor, ...Object.values(tensor.nf4 ?? {})]) backend.free(part);
  }
}
