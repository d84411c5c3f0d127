// The ways to compute a product: how many sums an invocation holds, and where operands wait for their use.

import type { DescribeContext } from "../dispatch.ts";

/** A workgroup of wx × wy invocations with tm × tn sums each; tm and tn are multiples of 4. */
export interface ProductVariant {
  /**
   * `direct`: each invocation reads its operands itself. `tiled`: a workgroup copies 4 · bk4 inner columns to its
   * memory first. `subgroup`: the lanes of a subgroup, wx of them, read the left operand once and hand it around.
   */
  readonly kind: "direct" | "tiled" | "subgroup";
  readonly wx: number;
  readonly wy: number;
  readonly tm: number;
  readonly tn: number;
  /** Of a tile, in vectors of 4 inner columns. */
  readonly bk4?: number;
  /** Whether a tile holds f16; sums stay f32. */
  readonly f16?: boolean;
}

/** What a device has that variants differ by. */
export type VariantContext = Pick<DescribeContext, "limits" | "software" | "features">;

/** Sizes of a product, its weight's type, and whether inexact operands are allowed. */
export interface ProductShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: "f32" | "bf16" | "nf4";
}

/** Results of few columns (x Aᵀ for an adapter of low rank) or few rows (dXaᵀ x) get narrow workgroups. */
type Form = "narrow" | "flat" | "large" | "square";

/** The form of a product's result. */
export function formOf(m: number, n: number): Form {
  return n <= 16 ? "narrow" : m <= 16 ? "flat" : m >= 1024 && n >= 1024 ? "large" : "square";
}

const DEFAULTS: Record<Form, ProductVariant> = {
  narrow: { kind: "tiled", wx: 4, wy: 16, tm: 4, tn: 4, bk4: 4 },
  flat: { kind: "tiled", wx: 16, wy: 4, tm: 4, tn: 4, bk4: 4 },
  square: { kind: "tiled", wx: 16, wy: 16, tm: 4, tn: 4, bk4: 4 },
  large: { kind: "tiled", wx: 16, wy: 16, tm: 8, tn: 8, bk4: 2 },
};

/**
 * On the processor workgroup memory is no faster than any other, a barrier costs a switch of contexts, and 8 × 8
 * sums are worth most of what larger tiles are, for half their time of compilation (LAB.md).
 */
const SOFTWARE: Record<Form, ProductVariant> = {
  narrow: { kind: "direct", wx: 4, wy: 8, tm: 4, tn: 4 },
  flat: { kind: "direct", wx: 8, wy: 1, tm: 4, tn: 8 },
  square: { kind: "direct", wx: 8, wy: 4, tm: 8, tn: 8 },
  large: { kind: "direct", wx: 8, wy: 4, tm: 8, tn: 8 },
};

/** The variant of a product that was not measured. */
export function defaultVariant(
  { m, n, dtype }: ProductShape,
  { software }: VariantContext,
): ProductVariant {
  const variant = (software ? SOFTWARE : DEFAULTS)[formOf(m, n)];
  // Four bits take an expression for each element that is read, written out as often as it is read.
  return software && dtype === "nf4" ? { ...variant, tn: 4 } : variant;
}

/** What a device may try for a form, the default first. */
const CANDIDATES: Record<Form, readonly ProductVariant[]> = {
  narrow: [
    DEFAULTS.narrow,
    { kind: "tiled", wx: 4, wy: 32, tm: 8, tn: 4, bk4: 4 },
    { kind: "direct", wx: 4, wy: 16, tm: 4, tn: 4 },
    { kind: "direct", wx: 2, wy: 32, tm: 4, tn: 8 },
  ],
  flat: [
    DEFAULTS.flat,
    { kind: "tiled", wx: 32, wy: 4, tm: 4, tn: 8, bk4: 4 },
    { kind: "direct", wx: 32, wy: 2, tm: 4, tn: 4 },
    { kind: "direct", wx: 64, wy: 1, tm: 8, tn: 4 },
  ],
  square: [
    DEFAULTS.square,
    { kind: "tiled", wx: 8, wy: 8, tm: 4, tn: 4, bk4: 4 },
    { kind: "tiled", wx: 8, wy: 8, tm: 8, tn: 8, bk4: 2 },
    { kind: "tiled", wx: 16, wy: 16, tm: 4, tn: 8, bk4: 4 },
    { kind: "tiled", wx: 16, wy: 16, tm: 8, tn: 8, bk4: 2 },
    { kind: "direct", wx: 16, wy: 16, tm: 4, tn: 4 },
    { kind: "direct", wx: 8, wy: 16, tm: 8, tn: 8 },
    { kind: "subgroup", wx: 0, wy: 1, tm: 8, tn: 4 },
  ],
  large: [
    DEFAULTS.large,
    { kind: "tiled", wx: 16, wy: 16, tm: 8, tn: 8, bk4: 4 },
    { kind: "tiled", wx: 16, wy: 8, tm: 8, tn: 8, bk4: 4 },
    { kind: "tiled", wx: 16, wy: 16, tm: 8, tn: 4, bk4: 4 },
    { kind: "tiled", wx: 16, wy: 16, tm: 4, tn: 8, bk4: 4 },
    { kind: "direct", wx: 8, wy: 16, tm: 8, tn: 8 },
    { kind: "subgroup", wx: 0, wy: 1, tm: 8, tn: 8 },
  ],
};

/** Bytes of workgroup memory that a variant takes. */
export function tileBytes({ kind, wx, wy, tm, tn, bk4 = 0, f16 }: ProductVariant): number {
  if (kind !== "tiled") return 0;
  return (wy * tm + wx * tn) * (bk4 + 1) * (f16 ? 8 : 16);
}

/** The variants that a device can run and that may be used for a product, the default first. */
export function variantsOf(shape: ProductShape, context: VariantContext): ProductVariant[] {
  const { limits, features } = context;
  const { size: lanes } = features.subgroup ?? {};
  const halves = features.f16 && shape.dtype !== "f32";
  return CANDIDATES[formOf(shape.m, shape.n)]
    .flatMap((variant) =>
      variant.kind === "subgroup"
        ? (lanes === undefined || lanes < variant.tm ? [] : [{ ...variant, wx: lanes }])
        : variant.kind === "tiled" && halves
        ? [variant, { ...variant, f16: true }]
        : [variant]
    )
    .filter((variant) =>
      variant.wx * variant.wy <= limits.maxComputeInvocationsPerWorkgroup &&
      tileBytes(variant) <= limits.maxComputeWorkgroupStorageSize
    );
}

/** A variant in a few characters, for caches and tables. */
export function variantName({ kind, wx, wy, tm, tn, bk4, f16 }: ProductVariant): string {
  return `${kind} ${wx}x${wy} ${tm}x${tn}` + (bk4 ? ` k${4 * bk4}` : "") + (f16 ? " f16" : "");
}
