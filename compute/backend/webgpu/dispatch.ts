// The plain data that a kernel is described with: which WGSL, over which tensors, with which
// numbers, on which grid. Nothing here touches a device.

import type { DType, Tensor } from "../backend.ts";
import type { KernelName } from "../kernels.ts";
import type { ProductShape, ProductVariant } from "./descriptions/product_variants.ts";

/** A WGSL file with its name, for labels and error messages. */
export interface Shader {
  readonly name: string;
  readonly source: string;
}

/** One dispatch. Names are those of the WGSL file. */
export interface Dispatch {
  readonly shader: Shader;
  /** WGSL appended after the file: element types, register tiles, the helpers they need and their bindings. */
  readonly prelude?: string;
  /** WGSL extensions that it needs. */
  readonly enables?: readonly string[];
  /** Tensors by the name of their `var<storage>`. */
  readonly bindings: Readonly<Record<string, Tensor>>;
  /** Numbers by the name of their field in `struct Params`. */
  readonly params: Readonly<Record<string, number>>;
  /** Values of `override`s. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Workgroups in x, y and z. */
  readonly grid: readonly [number, number, number];
}

/** What not every device has. */
export interface DeviceFeatures {
  /** WGSL `enable f16`. */
  readonly f16: boolean;
  /** Subgroups of one size, and that size. */
  readonly subgroup?: { readonly size: number } | undefined;
}

/** What a description may ask the backend for. */
export interface DescribeContext {
  readonly limits: GPUSupportedLimits;
  /** True for a GPU emulated on the processor: smaller tiles, whose loops its compiler unrolls in less time. */
  readonly software: boolean;
  readonly features: DeviceFeatures;
  /** The variant that a product is computed with, where it was measured; a default otherwise. */
  readonly variantOf?:
    | ((kernel: KernelName, shape: ProductShape) => ProductVariant | undefined)
    | undefined;
  /** Memory that lives until the kernel's last dispatch. */
  scratch(shape: readonly number[], dtype: DType, label: string): Tensor;
}

/** Largest number of workgroups along one dimension of a grid, in every implementation. */
export const MAX_GRID = 65_535;

/** A one-dimensional grid, folded into two where it is too long: the kernel's index is `y · groups.x + x`. */
export function foldedGrid(groups: number): readonly [number, number, number] {
  if (groups <= MAX_GRID) return [groups, 1, 1];
  const y = Math.ceil(groups / MAX_GRID);
  return [Math.ceil(groups / y), y, 1];
}

/** Whether a dispatch would do nothing: WebGPU allows an empty grid, drivers are not asked to show it. */
export function isEmpty(dispatch: Dispatch): boolean {
  return dispatch.grid.some((groups) => groups === 0);
}
