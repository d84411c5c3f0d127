// Tensor sizes against a kernel's numbers. A buffer that is too short would not fail on the device:
// WebGPU clamps reads and drops writes, and the result would only be wrong.

import { size, type Tensor } from "../../backend.ts";
import type { KernelName } from "../../kernels.ts";

/**
 * Checks that every tensor holds the elements that the kernel touches.
 *
 * @throws {RangeError} naming the tensor, its shape and the elements needed.
 */
export function checkSizes(
  kernel: KernelName,
  needed: readonly (readonly [name: string, tensor: Tensor, elements: number])[],
): void {
  for (const [name, tensor, elements] of needed) {
    if (size(tensor) < elements) {
      throw new RangeError(
        `Cannot run ${kernel}: ${name} "${tensor.label}" is [${tensor.shape}], ` +
          `expected ${elements} elements`,
      );
    }
  }
}

/**
 * Checks that rows of a packed matrix start on a word.
 *
 * @throws {RangeError} if they do not.
 */
export function checkPacked(kernel: KernelName, name: string, tensor: Tensor, cols: number): void {
  if (tensor.dtype === "bf16" && cols % 2 !== 0) {
    throw new RangeError(
      `Cannot run ${kernel}: ${name} "${tensor.label}" is bf16 with rows of ${cols}, expected an even length`,
    );
  }
}
