// Weights larger than a binding may be go to the device in blocks of whole rows.

import { byteLength, type Tensor, view } from "../../backend.ts";
import type { KernelName } from "../../kernels.ts";

/** Rows `first` … `first + rows` of a matrix. */
export interface RowBlock {
  readonly tensor: Tensor;
  readonly first: number;
  readonly rows: number;
}

/** Every block starts at a multiple of this: then its byte offset is one of 256 for f32 and for bf16. */
const ROW_ALIGNMENT = 128;

/**
 * Cuts a matrix into as few blocks of rows as a binding's limit allows.
 *
 * @throws {RangeError} if not even 128 rows fit.
 */
export function rowBlocks(
  kernel: KernelName,
  tensor: Tensor,
  rows: number,
  cols: number,
  limits: { readonly maxStorageBufferBindingSize: number },
): RowBlock[] {
  const limit = limits.maxStorageBufferBindingSize;
  if (tensor.dtype === "nf4") return [{ tensor, first: 0, rows }];
  if (byteLength([rows, cols], tensor.dtype) <= limit) {
    return [{ tensor: view(tensor, 0, [rows, cols]), first: 0, rows }];
  }
  const unit = byteLength([ROW_ALIGNMENT, cols], tensor.dtype);
  const height = Math.floor(limit / unit) * ROW_ALIGNMENT;
  if (height === 0) {
    throw new RangeError(
      `Cannot run ${kernel}: ${ROW_ALIGNMENT} rows of "${tensor.label}" take ${unit} bytes, ` +
        `the device binds ${limit} (maxStorageBufferBindingSize)`,
    );
  }
  const blocks: RowBlock[] = [];
  for (let first = 0; first < rows; first += height) {
    const count = Math.min(height, rows - first);
    blocks.push({ tensor: view(tensor, first * cols, [count, cols]), first, rows: count });
  }
  return blocks;
}
