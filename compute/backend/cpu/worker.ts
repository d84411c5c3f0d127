/// <reference lib="deno.worker" />
// One thread of the cpu backend: it gets its place, says that it is ready, and lives in wasm.

import { instantiateKernels } from "./kernel_module.ts";

/** What a worker is told, once. */
export interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
  readonly threads: number;
  readonly control: number;
  readonly scratch: number;
  /** The end of its stack, which grows down. */
  readonly stack: number;
}

self.onmessage = ({ data }: MessageEvent<WorkerStart>) => {
  const kernels = instantiateKernels(data.module, data.memory);
  kernels.__stack_pointer.value = data.stack;
  self.postMessage("ready");
  kernels.work(data.control, data.thread, data.threads, data.scratch);
  self.close();
};
