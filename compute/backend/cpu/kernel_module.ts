// The compiled kernels and what they export.

import { now } from "./timing.ts";

/** Exports of wasm/pkg/kernels/kernels.wasm. Addresses are bytes in the shared memory. */
export interface KernelExports extends WebAssembly.Exports {
  readonly __heap_base: WebAssembly.Global;
  readonly __stack_pointer: WebAssembly.Global;
  kernel_names(): number;
  kernel_names_length(): number;
  scratch_bytes(): number;
  control_bytes(): number;
  execute(
    control: number,
    commands: number,
    count: number,
    threads: number,
    scratch: number,
    times: number,
  ): void;
  work(control: number, thread: number, threads: number, scratch: number): void;
  stop(control: number): void;
  use_wide_tiles(): void;
}

/** Reads and compiles the kernels. */
export async function compileKernels(): Promise<WebAssembly.Module> {
  const url = new URL("../../../wasm/pkg/kernels/kernels.wasm", import.meta.url);
  return await WebAssembly.compile(await Deno.readFile(url));
}

/** An instance over a shared memory; each thread has its own. */
export function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): KernelExports {
  return new WebAssembly.Instance(module, { env: { memory, now } }).exports as KernelExports;
}

/** Kernel name → id: names are in the module, so that the two sides cannot disagree. */
export function kernelIds(
  exports: KernelExports,
  memory: WebAssembly.Memory,
): ReadonlyMap<string, number> {
  const bytes = new Uint8Array(
    memory.buffer,
    exports.kernel_names(),
    exports.kernel_names_length(),
  );
  // Copied: a decoder does not take shared memory.
  const names = new TextDecoder().decode(bytes.slice()).trim().split(" ");
  return new Map(names.map((name, id) => [name, id]));
}
