// A matrix product as one dispatch: its operands, its variant and its grid. Plain and grouped products, with and
// without an adapter, are all of this form.

import groupsSource from "../../../../shaders/prelude/block_groups.wgsl" with { type: "text" };
import innerSource from "../../../../shaders/prelude/block_inner_groups.wgsl" with { type: "text" };
import rowsSource from "../../../../shaders/prelude/block_rows.wgsl" with { type: "text" };
import gemmSource from "../../../../shaders/gemm.wgsl" with { type: "text" };
import type { Tensor } from "../../backend.ts";
import type { KernelName } from "../../kernels.ts";
import type { DescribeContext, Dispatch } from "../dispatch.ts";
import { type Layout, type Operand, operandBindings, operandWgsl } from "./operands.ts";
import { defaultVariant, type ProductShape, type ProductVariant } from "./product_variants.ts";
import { type Factor, type Part, productWgsl } from "./product_wgsl.ts";

/** A product: y (=|+=) alpha · left · right, then the product with the adapter. */
export interface Product {
  readonly kernel: KernelName;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Rank of the adapter. */
  readonly r?: number;
  readonly left: Operand;
  readonly right: Operand;
  readonly adapter?: { readonly left: Operand; readonly right: Operand };
  readonly y: Tensor;
  readonly alpha?: number;
  readonly accumulate?: number;
  /** Row length of left, and its first column, where a block of its inner columns is multiplied. */
  readonly ldx?: number;
  readonly x0?: number;
  /** Row length of y, and its first column, where a block of its columns is written. */
  readonly ldy?: number;
  readonly y0?: number;
  /** Inner length of a slice, each with a result of its own. */
  readonly slice?: number;
  /** Groups of rows with a matrix each, or of inner rows with a result each. */
  readonly groups?: {
    readonly along: "rows" | "inner";
    readonly offsets: Tensor;
    /** The groups of this dispatch, and how many there are in all. */
    readonly first: number;
    readonly count: number;
    readonly total: number;
  };
}

const BLOCKS = { plain: rowsSource, rows: groupsSource, inner: innerSource };

/** The dispatch of a product. */
export function product(product: Product, context: DescribeContext): Dispatch {
  const { kernel, m, n, k, r = 0, left, right, adapter, y, groups, slice = k } = product;
  const shape: ProductShape = {
    m: groups?.along === "rows" ? Math.ceil(m / Math.max(groups.total, 1)) : m,
    n,
    k,
    dtype: right.tensor.dtype as ProductShape["dtype"],
  };
  const variant = context.variantOf?.(kernel, shape) ?? defaultVariant(shape, context);
  let binding = groups ? 3 : 2;
  let operands = "";
  const bindings: Record<string, Tensor> = groups ? { y, offsets: groups.offsets } : { y };
  for (const operand of [left, right, ...(adapter ? [adapter.left, adapter.right] : [])]) {
    const declared = operandWgsl(operand, binding);
    operands += declared.wgsl;
    Object.assign(bindings, declared.bindings);
    binding += operandBindings(operand);
  }
  const tail = groups?.along === "inner" || k % 4 !== 0 || slice % 4 !== 0;
  const parts: Part[] = [{
    left: { ...factor(left, "0u", "params.ldx"), offset: "params.x0" },
    right: factor(right, "block.matrix", "params.ldw"),
    first: "block.inner0",
    end: "block.inner_end",
    tail,
  }];
  if (adapter) {
    parts.push({
      left: factor(adapter.left, "0u", "params.r"),
      right: factor(
        adapter.right,
        "block.stacked",
        adapter.right.layout === "inner" ? "params.r" : "params.n",
      ),
      first: "0u",
      end: "params.r",
      tail: r % 4 !== 0,
    });
  }
  const { ldy = n, y0 = 0 } = product;
  const vectors = [n, ldy, y0].every((length) => length % 4 === 0);
  const height = variant.wy * variant.tm;
  const blocks = groups?.along === "rows"
    ? Math.floor(m / height) + Math.min(m, groups.total)
    : Math.ceil(m / height);
  return {
    shader: { name: "gemm", source: gemmSource },
    enables: [
      ...(variant.f16 ? ["f16"] : []),
      ...(variant.kind === "subgroup" ? ["subgroups"] : []),
    ],
    prelude: BLOCKS[groups?.along ?? "plain"] + operands + productWgsl(variant, parts, vectors),
    bindings,
    params: {
      m,
      n,
      k,
      r,
      ldx: product.ldx ?? (left.layout === "inner" ? k : m),
      x0: product.x0 ?? 0,
      ldw: right.layout === "inner" ? k : n,
      ldy,
      y0,
      slice,
      first: groups?.first ?? 0,
      groups: groups?.count ?? 0,
      alpha: product.alpha ?? 1,
    },
    constants: { WX: variant.wx, WY: variant.wy, ACCUMULATE: product.accumulate ?? 0 },
    grid: [
      Math.ceil(n / (variant.wx * variant.tn)),
      blocks,
      groups?.along === "inner" ? groups.count : Math.max(1, Math.ceil(k / Math.max(slice, 1))),
    ],
  };
}

function factor({ name, layout }: Operand, matrix: string, rowLength: string): Factor {
  return { name, layout, matrix, rowLength };
}

/** The WGSL of products: what is the same in all, and every kind and layout of a small one. */
export function productSources(): string {
  const texts = [gemmSource, ...Object.values(BLOCKS)];
  for (const kind of ["direct", "tiled", "subgroup"] as const) {
    const variant: ProductVariant = { kind, wx: 8, wy: 1, tm: 4, tn: 4, bk4: 1 };
    for (const left of ["inner", "outer"] as const) {
      for (const right of ["inner", "outer"] as const) {
        const of = (name: string, layout: Layout) => ({
          name,
          layout,
          matrix: "0u",
          rowLength: "1u",
        });
        const part = { first: "0u", end: "1u", tail: true };
        texts.push(
          productWgsl(
            variant,
            [{ left: of("left", left), right: of("right", right), ...part }],
            true,
          ),
        );
      }
    }
  }
  return texts.join("\n");
}
