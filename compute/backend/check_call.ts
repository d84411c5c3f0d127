// A kernel call against the kernel table: names, types and ranges. Sizes are checked by the
// kernels' descriptions.

import type { DType, Tensor } from "./backend.ts";
import { type KernelName, KERNELS, type KernelSpec } from "./kernels.ts";

/** Tensors of indices; all others are f32, or bf16 where the table says packable. */
const U32_TENSORS = new Set([
  "ids",
  "start",
  "end",
  "targets",
  "slot",
  "from",
  "to",
  "pages",
  "prompt",
  "last",
  "cell",
  "choice",
  "own",
  "owner",
  "tick",
  "drawn",
  "stops",
  "left",
  "experts",
  "order",
  "place",
  "offsets",
  "codes",
  "scales",
]);

/** Kernels that read a weight in 4 bits, on a device with `readsNf4`. */
const isProduct = (kernel: KernelName) => /gemm|lora/.test(kernel);

/** `ring` holds metrics in one kernel and tokens in another. */
const isIndex = (kernel: KernelName, name: string) =>
  U32_TENSORS.has(name) || (kernel === "advance" && name === "ring");

/**
 * Checks a call's tensors and numbers.
 *
 * @throws {TypeError} if a name is missing or unknown, or a type is not allowed.
 * @throws {RangeError} if a number does not fit its type.
 */
export function checkCall(
  kernel: KernelName,
  tensors: Readonly<Record<string, Tensor>>,
  params: Readonly<Record<string, number>>,
): void {
  const spec: KernelSpec = KERNELS[kernel];
  checkNames(kernel, "tensors", Object.keys(tensors), Object.keys(spec.tensors));
  checkNames(kernel, "params", Object.keys(params), Object.keys(spec.params));
  for (const [name, { dtype }] of Object.entries(tensors)) {
    const allowed: DType[] = isIndex(kernel, name)
      ? ["u32"]
      : spec.packable?.includes(name)
      ? (isProduct(kernel) ? ["f32", "bf16", "nf4"] : ["f32", "bf16"])
      : ["f32"];
    if (!allowed.includes(dtype)) {
      throw new TypeError(
        `Cannot run ${kernel}: ${name} is ${dtype}, expected ${allowed.join(" or ")}`,
      );
    }
  }
  for (const [name, value] of Object.entries(params)) {
    if (
      spec.params[name] === "u32" && !(Number.isInteger(value) && value >= 0 && value < 2 ** 32)
    ) {
      throw new RangeError(
        `Cannot run ${kernel}: ${name} is ${value}, expected an unsigned integer`,
      );
    }
  }
}

function checkNames(kernel: string, kind: string, given: string[], expected: string[]): void {
  if (given.length === expected.length && expected.every((name) => given.includes(name))) return;
  throw new TypeError(
    `Cannot run ${kernel}: ${kind} are ${given.join(", ") || "none"}, ` +
      `expected ${expected.join(", ") || "none"}`,
  );
}
