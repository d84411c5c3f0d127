// The cpu backend: Rust kernels in WebAssembly over one shared memory, on as many threads as asked
// for. Kernels run when they are called, so there is nothing to wait for.

import {
  type Backend,
  byteLength,
  type DeviceInfo,
  type DType,
  type HostArray,
  type KernelCall,
  kernelCall,
  type KernelTensors,
  type MemoryUse,
  type Plan,
  type PlanTiming,
  type Tensor,
} from "../backend.ts";
import type { KernelName, KernelParams } from "../kernels.ts";
import { type Block, FreeList } from "./allocator.ts";
import { type Command, COMMAND_BYTES, encodeCommand, forkCommand } from "./commands.ts";
import { hasEngineFlags } from "./engine_flags.ts";
import { type Arena, CpuMemory, type CpuStorage, sharedMemory, storageOf } from "./memory.ts";
import { ThreadPool } from "./thread_pool.ts";
import { readTiming, timingBytes } from "./timing.ts";

/** Options of {@linkcode createCpuBackend}. */
export interface CpuBackendOptions {
  /** @default {navigator.hardwareConcurrency} */
  readonly threads?: number;
  /**
   * Register tiles of twice the width, for an engine that joins vectors. Changes no bit of a result.
   *
   * @default {hasEngineFlags()}
   */
  readonly wide?: boolean;
}

/** Signed 32-bit offsets inside a tensor. */
const MAX_TENSOR_BYTES = 2 ** 31 - 65_536;
const MAX_THREADS = 64;

/**
 * Starts the threads of a cpu backend. {@linkcode Backend.close} ends them; until then they keep the process alive.
 *
 * @throws {RangeError} if `threads` is not a whole number from 1 to 64.
 */
export async function createCpuBackend(options: CpuBackendOptions = {}): Promise<Backend> {
  const threads = options.threads ?? Math.min(navigator.hardwareConcurrency, MAX_THREADS);
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new RangeError(
      `Cannot start the cpu backend: threads is ${threads}, expected a whole number from 1 to ${MAX_THREADS}`,
    );
  }
  const memory = new CpuMemory(sharedMemory());
  return new CpuBackend(
    memory,
    await ThreadPool.open(memory, threads, options.wide ?? hasEngineFlags()),
  );
}

interface CpuPlan extends Plan {
  readonly arena: Arena;
  readonly commands: Block;
  /** Storages made before the recording, which must outlive the plan. */
  readonly borrowed: ReadonlySet<CpuStorage>;
  released: boolean;
}

interface Recording {
  readonly arena: Arena;
  readonly calls: KernelCall[];
  readonly commands: Command[];
}

class CpuBackend implements Backend {
  readonly info: DeviceInfo;
  readonly #memory: CpuMemory;
  readonly #pool: ThreadPool;
  /** The command of a kernel that runs outside a recording. */
  readonly #single: Block;
  #recording: Recording | undefined;
  #closed = false;

  constructor(memory: CpuMemory, pool: ThreadPool) {
    this.#memory = memory;
    this.#pool = pool;
    this.#single = memory.take(COMMAND_BYTES, "command");
    const { threads } = pool;
    this.info = {
      kind: "cpu",
      readsNf4: true,
      device: `cpu (${threads} thread${threads === 1 ? "" : "s"}, wasm simd128)`,
      software: false,
      lanes: threads,
      maxTensorBytes: MAX_TENSOR_BYTES,
    };
  }

  empty(shape: readonly number[], dtype: DType, label: string): Tensor {
    this.#checkOpen();
    const bytes = byteLength(shape, dtype);
    if (bytes > MAX_TENSOR_BYTES) {
      throw new RangeError(
        `Cannot allocate "${label}": ${bytes} bytes, a tensor may have ${MAX_TENSOR_BYTES}`,
      );
    }
    const storage = this.#memory.storage(bytes, label, this.#recording?.arena);
    return { storage, offset: 0, shape: [...shape], dtype, label };
  }

  free(tensor: Tensor): void {
    this.#memory.free(storageOf(tensor, "free a tensor"));
  }

  write(tensor: Tensor, data: HostArray): void {
    this.#checkOpen();
    const storage = storageOf(tensor, "write a tensor");
    const expected = tensor.dtype === "f32" ? Float32Array : Uint32Array;
    if (!(data instanceof expected)) {
      throw new TypeError(
        `Cannot write "${tensor.label}": data is not a ${expected.name}, dtype is ${tensor.dtype}`,
      );
    }
    const bytes = byteLength(tensor.shape, tensor.dtype);
    if (data.byteLength > bytes) {
      throw new RangeError(
        `Cannot write "${tensor.label}": data has ${data.byteLength} bytes, the tensor ${bytes}`,
      );
    }
    new expected(this.#buffer, storage.address + tensor.offset, data.length).set(data);
  }

  // deno-lint-ignore require-await -- errors reject, as on a device that is waited for.
  async read(tensor: Tensor): Promise<HostArray> {
    this.#checkOpen();
    const { address } = storageOf(tensor, "read a tensor");
    const HostType = tensor.dtype === "f32" ? Float32Array : Uint32Array;
    const length = byteLength(tensor.shape, tensor.dtype) / 4;
    const result = new HostType(length);
    result.set(new HostType(this.#buffer, address + tensor.offset, length));
    return result;
  }

  run<K extends KernelName>(kernel: K, tensors: KernelTensors<K>, params: KernelParams<K>): void {
    this.#checkOpen();
    const command = encodeCommand(this.#pool.ids, kernel, tensors, params);
    if (this.#recording === undefined) {
      this.#store([command], this.#single);
      this.#pool.execute(this.#single.address, 1);
    } else {
      this.#recording.calls.push(kernelCall(kernel, tensors, params));
      this.#recording.commands.push(command);
    }
  }

  record(label: string, body: () => void): Plan {
    this.#checkOpen();
    if (this.#recording !== undefined) {
      throw new TypeError(`Cannot record "${label}": a recording is under way`);
    }
    const arena: Arena = { free: new FreeList(), blocks: [], storages: [] };
    const recording: Recording = { arena, calls: [], commands: [] };
    this.#recording = recording;
    let block: Block;
    try {
      body();
      block = this.#memory.take(recording.commands.length * COMMAND_BYTES, `plan "${label}"`);
    } catch (error) {
      this.#memory.dispose(arena);
      throw error;
    } finally {
      this.#recording = undefined;
    }
    this.#store(recording.commands, block);
    const storages = recording.commands.flatMap((command) => command.storages);
    const plan: CpuPlan = {
      label,
      calls: recording.calls,
      workspaceBytes: arena.blocks.reduce((sum, { bytes }) => sum + bytes, 0),
      arena,
      commands: block,
      borrowed: new Set(storages.filter((storage) => storage.arena !== arena)),
      released: false,
    };
    return plan;
  }

  replay(...plans: Plan[]): void {
    for (const plan of plans) {
      this.#checkAlive(plan);
      const { commands, calls } = plan as CpuPlan;
      this.#pool.execute(commands.address, calls.length);
    }
  }

  replayEach(plans: readonly Plan[]): void {
    // A plan alone is better shared out kernel by kernel.
    if (plans.length < 2 || this.#pool.threads === 1) {
      return plans.forEach((plan) => this.replay(plan));
    }
    plans.forEach((plan) => this.#checkAlive(plan));
    const block = this.#memory.take(COMMAND_BYTES + 8 * plans.length, "fork");
    const words = new Uint32Array(this.#buffer, block.address, block.bytes / 4);
    const list = block.address + COMMAND_BYTES;
    words.set(forkCommand(list, plans.length, this.#pool.controls));
    words.set(
      (plans as CpuPlan[]).flatMap(({ commands, calls }) => [commands.address, calls.length]),
      COMMAND_BYTES / 4,
    );
    this.#pool.execute(block.address, 1);
    this.#memory.give(block);
  }

  // deno-lint-ignore require-await -- kernels run when they are called.
  async time(plan: Plan): Promise<PlanTiming> {
    this.#checkAlive(plan);
    const { commands, calls } = plan as CpuPlan;
    const { threads } = this.#pool;
    const block = this.#memory.take(timingBytes(calls.length, threads), "timing");
    this.#pool.execute(commands.address, calls.length, block.address);
    const timing = readTiming(this.#buffer, block.address, calls.length, threads);
    this.#memory.give(block);
    return timing;
  }

  #checkAlive(plan: Plan): void {
    this.#checkOpen();
    const { label, borrowed, released } = plan as CpuPlan;
    if (released) throw new TypeError(`Cannot replay "${label}": it was released`);
    for (const storage of borrowed) {
      if (storage.freed) {
        throw new TypeError(
          `Cannot replay "${label}": it uses tensor ${storage.id}, which was freed`,
        );
      }
    }
  }

  // Kernels are compiled with the module.
  prepare(): Promise<void> {
    return Promise.resolve();
  }

  release(plan: Plan): void {
    const own = plan as CpuPlan;
    if (own.released) throw new TypeError(`Cannot release "${own.label}": it was released`);
    own.released = true;
    this.#memory.dispose(own.arena);
    this.#memory.give(own.commands);
  }

  sync(): Promise<void> {
    this.#checkOpen();
    return Promise.resolve();
  }

  memory(): MemoryUse {
    return this.#memory.use();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pool.close();
  }

  /** The memory as it is now: growing it makes a new, longer buffer. */
  get #buffer(): ArrayBuffer {
    return this.#memory.memory.buffer as ArrayBuffer;
  }

  #store(commands: readonly Command[], block: Block): void {
    const words = new Uint32Array(this.#buffer, block.address, block.bytes / 4);
    commands.forEach((command, index) => words.set(command.words, index * (COMMAND_BYTES / 4)));
  }

  // Threads that ended would be waited for without end.
  #checkOpen(): void {
    if (this.#closed) throw new TypeError("Cannot use the cpu backend: it was closed");
  }
}
