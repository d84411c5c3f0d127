// Threads over one shared memory. The caller's thread is number 0 and works too; the others are
// Workers that park between plans.

import {
  compileKernels,
  instantiateKernels,
  type KernelExports,
  kernelIds,
} from "./kernel_module.ts";
import type { CpuMemory } from "./memory.ts";
import type { WorkerStart } from "./worker.ts";

const STACK_BYTES = 256 * 1024;

/** Runs lists of commands on all threads. */
export class ThreadPool {
  readonly ids: ReadonlyMap<string, number>;
  readonly threads: number;
  readonly #kernels: KernelExports;
  readonly #workers: readonly Worker[];
  readonly #control: number;
  readonly #scratch: number;
  /** What a thread needs that walks a plan alone, thread by thread. */
  readonly controls: number;

  private constructor(
    kernels: KernelExports,
    ids: ReadonlyMap<string, number>,
    workers: readonly Worker[],
    control: number,
    scratch: number,
    controls: number,
  ) {
    this.ids = ids;
    this.threads = workers.length + 1;
    this.#kernels = kernels;
    this.#workers = workers;
    this.#control = control;
    this.#scratch = scratch;
    this.controls = controls;
  }

  /** Compiles the kernels and starts the workers; memory is handed out from then on. */
  static async open(memory: CpuMemory, threads: number, wide: boolean): Promise<ThreadPool> {
    const module = await compileKernels();
    const kernels = instantiateKernels(module, memory.memory);
    if (wide) kernels.use_wide_tiles();
    memory.open(kernels.__heap_base.value);
    // One for all threads together, then one for each.
    const control = memory.take((1 + threads) * kernels.control_bytes(), "thread control");
    new Uint8Array(memory.memory.buffer, control.address, control.bytes).fill(0);
    const scratch = Array.from(
      { length: threads },
      (_, thread) => memory.take(kernels.scratch_bytes(), `scratch of thread ${thread}`).address,
    );
    const workers: Worker[] = [];
    try {
      const ready = scratch.slice(1).map((address, index) => {
        const stack = memory.take(STACK_BYTES, "stack");
        const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
        workers.push(worker);
        return started(worker, {
          module,
          memory: memory.memory,
          thread: index + 1,
          threads,
          control: control.address,
          scratch: address,
          stack: stack.address + stack.bytes,
        });
      });
      await Promise.all(ready);
    } catch (error) {
      for (const worker of workers) worker.terminate();
      throw error;
    }
    const ids = kernelIds(kernels, memory.memory);
    const controls = control.address + kernels.control_bytes();
    return new ThreadPool(kernels, ids, workers, control.address, scratch[0]!, controls);
  }

  /** Runs commands in order and returns when all threads are done. Their times go to `times`, if that is an address. */
  execute(commands: number, count: number, times = 0): void {
    if (count === 0) return;
    this.#kernels.execute(this.#control, commands, count, this.threads, this.#scratch, times);
  }

  /** Ends the workers. */
  close(): void {
    this.#kernels.stop(this.#control);
    for (const worker of this.#workers) worker.terminate();
  }
}

function started(worker: Worker, start: WorkerStart): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Cannot start thread ${start.thread}: ${event.message}`));
    };
    worker.postMessage(start);
  });
}
