// A backend that allocates nothing and computes nothing: it counts what another one would allocate. The
// code that lays out a run is run against it, so that a plan of its memory is made by the same steps as
// the run itself, by the same rules of reuse.

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
  type ShapedCall,
  type Storage,
  type Tensor,
} from "./backend.ts";
import { FreeList } from "./cpu/allocator.ts";
import { COMMAND_BYTES } from "./cpu/commands.ts";
import { type Arena, CpuMemory, type CpuStorage, type Pages } from "./cpu/memory.ts";
import type { KernelName, KernelParams } from "./kernels.ts";
import { describe } from "./webgpu/descriptions/describe.ts";
import { isEmpty } from "./webgpu/dispatch.ts";
import { UNIFORM_ALIGNMENT } from "./webgpu/encode.ts";
import { BufferPool, DeviceMemory, STAGING_BYTES } from "./webgpu/memory.ts";

/** The largest tensor that was asked for. */
export interface LargestTensor {
  readonly label: string;
  readonly bytes: number;
}

/** A backend whose tensors are numbers in a book. */
export interface CountingBackend extends Backend {
  readonly largest: LargestTensor;
  /** Every call that differs in its shapes. */
  readonly calls: readonly ShapedCall[];
}

/** Which device's rules are followed. */
export interface CountedDevice {
  readonly kind: "cpu" | "webgpu";
  /** Of a WebGPU device: a GPU emulated on the processor. */
  readonly software?: boolean;
  /** Largest tensor that is laid out in one piece, in bytes; where a set may be cut, it is cut there. */
  readonly maxTensorBytes?: number;
}

/** Memory of a recording. */
interface Pool {
  readonly bytes: number;
}

/** How a device's memory is handed out. */
interface Rules<P extends Pool> {
  pool(): P;
  take(bytes: number, label: string, pool: P | undefined): Storage;
  free(storage: Storage): void;
  /** Runs a kernel's share of the book: scratch memory, and returns the bytes its call takes in a plan. */
  call<K extends KernelName>(
    kernel: K,
    tensors: KernelTensors<K>,
    params: KernelParams<K>,
    scratch: (shape: readonly number[], dtype: DType, label: string) => Tensor,
  ): number;
  /** Takes the memory of a plan's calls. */
  calls(bytes: number): () => void;
  release(pool: P): void;
  /** Reads so many bytes back. */
  read(bytes: number): void;
  use(): MemoryUse;
}

/** Opens a book for a device. */
export function createCountingBackend(device: CountedDevice): CountingBackend {
  return device.kind === "cpu"
    ? new Counter(device, cpuRules())
    : new Counter(device, webgpuRules(device.software ?? false));
}

class Counter<P extends Pool> implements CountingBackend {
  readonly info: DeviceInfo;
  readonly #rules: Rules<P>;
  #recording: { readonly pool: P; bytes: number; readonly calls: KernelCall[] } | undefined;
  readonly #plans = new Map<Plan, () => void>();
  #largest: LargestTensor = { label: "", bytes: 0 };
  readonly #calls = new Map<string, ShapedCall>();

  constructor(
    { kind, software = false, maxTensorBytes = 2 ** 31 }: CountedDevice,
    rules: Rules<P>,
  ) {
    const device = `${kind}, counted`;
    this.info = { kind, software, device, lanes: 1, maxTensorBytes, readsNf4: true };
    this.#rules = rules;
  }

  get largest(): LargestTensor {
    return this.#largest;
  }

  get calls(): readonly ShapedCall[] {
    return [...this.#calls.values()];
  }

  empty(shape: readonly number[], dtype: DType, label: string): Tensor {
    const bytes = byteLength(shape, dtype);
    if (bytes > this.#largest.bytes) this.#largest = { label, bytes };
    const storage = this.#rules.take(bytes, label, this.#recording?.pool);
    return { storage, offset: 0, shape: [...shape], dtype, label };
  }

  free(tensor: Tensor): void {
    this.#rules.free(tensor.storage);
  }

  write(): void {}

  read(tensor: Tensor): Promise<HostArray> {
    this.#rules.read(byteLength(tensor.shape, tensor.dtype));
    return Promise.resolve(tensor.dtype === "f32" ? new Float32Array(0) : new Uint32Array(0));
  }

  run<K extends KernelName>(kernel: K, tensors: KernelTensors<K>, params: KernelParams<K>): void {
    const shapes = Object.entries<Tensor>(tensors).map(([name, tensor]) =>
      `${name} ${tensor.dtype} ${tensor.shape}`
    );
    this.#calls.set(`${kernel} ${JSON.stringify(params)} ${shapes}`, { kernel, tensors, params });
    const scratch: Tensor[] = [];
    const bytes = this.#rules.call(kernel, tensors, params, (shape, dtype, label) => {
      const tensor = this.empty(shape, dtype, `${kernel} ${label}`);
      scratch.push(tensor);
      return tensor;
    });
    scratch.forEach((tensor) => this.free(tensor));
    if (this.#recording === undefined) return;
    this.#recording.bytes += bytes;
    this.#recording.calls.push(kernelCall(kernel, tensors, params));
  }

  record(label: string, body: () => void): Plan {
    const pool = this.#rules.pool();
    const recording = { pool, bytes: 0, calls: [] as KernelCall[] };
    this.#recording = recording;
    try {
      body();
    } finally {
      this.#recording = undefined;
    }
    const giveCalls = this.#rules.calls(recording.bytes);
    const plan = { label, calls: recording.calls, workspaceBytes: pool.bytes };
    this.#plans.set(plan, () => {
      this.#rules.release(pool);
      giveCalls();
    });
    return plan;
  }

  replay(): void {}

  replayEach(): void {}

  time(): Promise<PlanTiming | undefined> {
    return Promise.resolve(undefined);
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  release(plan: Plan): void {
    this.#plans.get(plan)!();
    this.#plans.delete(plan);
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  memory(): MemoryUse {
    return this.#rules.use();
  }

  close(): void {}
}

interface CpuPool extends Pool, Arena {}

function cpuRules(): Rules<CpuPool> {
  const PAGE = 65_536;
  let pages = 64;
  const memory = new CpuMemory<Pages>({
    buffer: { byteLength: pages * PAGE },
    grow: (more) => pages += more,
  }, Infinity);
  memory.open(0);
  return {
    pool() {
      const arena: Arena = { free: new FreeList(), blocks: [], storages: [] };
      return Object.defineProperty(arena, "bytes", {
        get: () => arena.blocks.reduce((sum, { bytes }) => sum + bytes, 0),
      }) as CpuPool;
    },
    take: (bytes, label, pool) => memory.storage(bytes, label, pool),
    free: (storage) => memory.free(storage as CpuStorage),
    call: () => COMMAND_BYTES,
    calls(bytes) {
      const block = memory.take(bytes, "plan");
      return () => memory.give(block);
    },
    release: (pool) => memory.dispose(pool),
    read() {},
    use: () => memory.use(),
  };
}

interface CountedBuffer extends Storage {
  readonly buffer: GPUBuffer;
  readonly pool: BufferPool | undefined;
}

function webgpuRules(software: boolean): Rules<BufferPool> {
  const memory = new DeviceMemory({
    limits: { maxBufferSize: Infinity },
    createBuffer: ({ size }) => ({ size, destroy() {} }) as unknown as GPUBuffer,
  });
  let id = 0;
  // What a description asks of the limits: how much it may bind and keep in a workgroup.
  const limits = {
    maxStorageBufferBindingSize: Infinity,
    maxComputeWorkgroupStorageSize: 32_768,
    maxComputeInvocationsPerWorkgroup: 1024,
  } as unknown as GPUSupportedLimits;
  const buffer = (bytes: number, label: string) => memory.create(label, bytes, 0);
  return {
    pool: () => new BufferPool(),
    take(bytes, label, pool): CountedBuffer {
      const size = Math.max(Math.ceil(bytes / 16) * 16, 16);
      const reused = pool?.take(size);
      const made = reused ?? buffer(size, label);
      if (reused === undefined) pool?.buffers.push(made);
      return { id: id++, bytes, buffer: made, pool };
    },
    free(storage) {
      const { buffer, pool } = storage as CountedBuffer;
      if (pool === undefined) memory.destroy(buffer);
      else pool.give(buffer);
    },
    call: (kernel, tensors, params, scratch) =>
      describe(kernel, tensors, params, { limits, software, features: { f16: false }, scratch })
        .filter((dispatch) => !isEmpty(dispatch) && Object.keys(dispatch.params).length > 0)
        .length * UNIFORM_ALIGNMENT,
    calls(bytes) {
      const uniforms = buffer(bytes, "uniforms");
      return () => memory.destroy(uniforms);
    },
    release: (pool) => pool.buffers.forEach((each) => memory.destroy(each)),
    read: (bytes) => memory.destroy(buffer(Math.min(bytes, STAGING_BYTES), "staging")),
    use: () => memory.use(),
  };
}
