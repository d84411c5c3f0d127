// The webgpu backend: tensors, kernels and plans on one device.

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
import {
  adapterName,
  type AdapterOptions,
  deviceFeatures,
  findAdapter,
  isSoftware,
  requestDevice,
} from "./adapter.ts";
import { checkCall } from "../check_call.ts";
import { describe } from "./descriptions/describe.ts";
import { type DescribeContext, type DeviceFeatures, isEmpty } from "./dispatch.ts";
import { bind, type BoundDispatch, prepare, type PreparedDispatch, submit } from "./encode.ts";
import { Failures } from "./failures.ts";
import {
  BufferPool,
  DeviceMemory,
  STAGING_BYTES,
  storageOf,
  type WebgpuStorage,
} from "./memory.ts";
import { PipelineCache } from "./pipelines.ts";
import { timeCalls } from "./timing.ts";

/** Options of {@linkcode createWebgpuBackend}. */
export interface WebgpuBackendOptions extends AdapterOptions {
  /**
   * Whether products with bf16 and nf4 weights may hold their operands in f16 on the way to f32 sums.
   *
   * @default {false}
   */
  readonly f16?: boolean;
  /** How products are computed, instead of the default. */
  readonly variantOf?: DescribeContext["variantOf"];
}

/** Storage buffers of a grouped product with a weight in 4 bits and an adapter. */
const NF4_BINDINGS = 9;

/**
 * Opens a WebGPU device.
 *
 * @returns the backend, or `undefined` if there is no adapter.
 * @throws {Error} if the provider cannot be loaded or the adapter gives no device.
 */
export async function createWebgpuBackend(
  options: WebgpuBackendOptions = {},
): Promise<Backend | undefined> {
  const adapter = await findAdapter(options);
  if (adapter === undefined) return undefined;
  const device = await requestDevice(adapter);
  const features = deviceFeatures(adapter, device);
  return new WebgpuBackend(
    device,
    {
      kind: "webgpu",
      device: adapterName(adapter),
      software: isSoftware(adapter),
      lanes: 1,
      maxTensorBytes: device.limits.maxStorageBufferBindingSize,
      readsNf4: device.limits.maxStorageBuffersPerShaderStage >= NF4_BINDINGS,
    },
    { ...features, f16: features.f16 && options.f16 === true },
    options,
  );
}

/** Usage of every tensor's buffer. */
const TENSOR_USAGE = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

interface Recording {
  readonly pool: BufferPool;
  readonly calls: KernelCall[];
  readonly prepared: PreparedDispatch[];
  /** Dispatches of each call. */
  readonly counts: number[];
  /** Storages made before the recording, which must outlive the plan. */
  readonly borrowed: Set<WebgpuStorage>;
}

interface WebgpuPlan extends Plan {
  readonly pool: BufferPool;
  readonly borrowed: ReadonlySet<WebgpuStorage>;
  readonly uniforms: GPUBuffer | undefined;
  readonly dispatches: readonly BoundDispatch[];
  readonly counts: readonly number[];
  released: boolean;
}

class WebgpuBackend implements Backend {
  readonly info: DeviceInfo;
  readonly #device: GPUDevice;
  readonly #failures: Failures;
  readonly #pipelines: PipelineCache;
  readonly #memory: DeviceMemory;
  readonly #context: Omit<DescribeContext, "scratch">;
  #recording: Recording | undefined;
  #nextId = 0;

  constructor(
    device: GPUDevice,
    info: DeviceInfo,
    features: DeviceFeatures,
    { provider, variantOf }: WebgpuBackendOptions,
  ) {
    this.info = info;
    this.#context = { limits: device.limits, software: info.software, features, variantOf };
    this.#device = device;
    this.#failures = new Failures(device);
    const extensions = provider === "dawn" ? ["f16", "subgroups"] : ["f16"];
    this.#pipelines = new PipelineCache(device, this.#failures, extensions);
    this.#memory = new DeviceMemory(device);
  }

  empty(shape: readonly number[], dtype: DType, label: string): Tensor {
    this.#failures.check();
    const bytes = byteLength(shape, dtype);
    // Whole vec4s, so that kernels may address the last elements as one.
    const size = Math.max(Math.ceil(bytes / 16) * 16, 16);
    const pool = this.#recording?.pool;
    let buffer = pool?.take(size);
    if (buffer === undefined) {
      buffer = this.#failures.watch(
        `allocate "${label}"`,
        () => this.#memory.create(label, size, TENSOR_USAGE),
      );
      pool?.buffers.push(buffer);
    }
    const storage: WebgpuStorage = { id: this.#nextId++, bytes, buffer, pool, freed: false };
    pool?.storages.push(storage);
    return { storage, offset: 0, shape: [...shape], dtype, label };
  }

  free(tensor: Tensor): void {
    const storage = storageOf(tensor, "free a tensor");
    storage.freed = true;
    if (storage.pool === undefined) this.#memory.destroy(storage.buffer);
    else storage.pool.give(storage.buffer);
  }

  write(tensor: Tensor, data: HostArray): void {
    this.#failures.check();
    const { buffer } = storageOf(tensor, "write a tensor");
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
    this.#device.queue.writeBuffer(
      buffer,
      tensor.offset,
      data.buffer as ArrayBuffer,
      data.byteOffset,
      data.byteLength,
    );
  }

  async read(tensor: Tensor): Promise<HostArray> {
    this.#failures.check();
    const { buffer } = storageOf(tensor, "read a tensor");
    const bytes = byteLength(tensor.shape, tensor.dtype);
    const HostType = tensor.dtype === "f32" ? Float32Array : Uint32Array;
    if (bytes === 0) return new HostType(0);
    const label = `read ${tensor.label}`;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#memory.create(label, Math.min(bytes, STAGING_BYTES), usage);
    const result = new Uint8Array(bytes);
    try {
      // A caller that waits for the read, as all do, submits nothing between its parts.
      for (let at = 0; at < bytes; at += STAGING_BYTES) {
        const part = Math.min(STAGING_BYTES, bytes - at);
        const encoder = this.#device.createCommandEncoder({ label });
        encoder.copyBufferToBuffer(buffer, tensor.offset + at, staging, 0, part);
        this.#device.queue.submit([encoder.finish()]);
        await this.#settle(staging.mapAsync(GPUMapMode.READ, 0, part));
        result.set(new Uint8Array(staging.getMappedRange(0, part)), at);
        staging.unmap();
      }
      return new HostType(result.buffer);
    } finally {
      this.#memory.destroy(staging);
    }
  }

  run<K extends KernelName>(kernel: K, tensors: KernelTensors<K>, params: KernelParams<K>): void {
    this.#failures.check();
    checkCall(kernel, tensors, params);
    const scratch: Tensor[] = [];
    try {
      const dispatches = describe(kernel, tensors, params, {
        ...this.#context,
        scratch: (shape, dtype, label) => {
          const tensor = this.empty(shape, dtype, `${kernel} ${label}`);
          scratch.push(tensor);
          return tensor;
        },
      });
      const prepared = dispatches.filter((dispatch) => !isEmpty(dispatch))
        .map((dispatch) => prepare(dispatch, this.#pipelines, this.#device.limits));
      if (this.#recording === undefined) this.#runNow(kernel, prepared);
      else this.#append(this.#recording, kernelCall(kernel, tensors, params), tensors, prepared);
    } finally {
      for (const tensor of scratch) this.free(tensor);
    }
  }

  record(label: string, body: () => void): Plan {
    this.#failures.check();
    if (this.#recording !== undefined) {
      throw new TypeError(`Cannot record "${label}": a recording is under way`);
    }
    const recording: Recording = {
      pool: new BufferPool(),
      calls: [],
      prepared: [],
      counts: [],
      borrowed: new Set(),
    };
    this.#recording = recording;
    try {
      body();
    } catch (error) {
      this.#dispose(recording.pool);
      throw error;
    } finally {
      this.#recording = undefined;
    }
    const { pool, calls, prepared, counts, borrowed } = recording;
    const { uniforms, dispatches } = this.#failures.watch(
      `bind the kernels of "${label}"`,
      () => bind(label, prepared, this.#device, this.#memory),
    );
    const plan: WebgpuPlan = {
      label,
      calls,
      workspaceBytes: pool.bytes,
      pool,
      borrowed,
      uniforms,
      dispatches,
      counts,
      released: false,
    };
    return plan;
  }

  replay(plan: Plan): void {
    const { label, dispatches } = this.#alive(plan);
    this.#failures.watch(`replay "${label}"`, () => submit(label, dispatches, this.#device));
  }

  async time(plan: Plan): Promise<PlanTiming | undefined> {
    const { label, dispatches, counts } = this.#alive(plan);
    if (!this.#device.features.has("timestamp-query")) return undefined;
    const calls = await this.#settle(this.#failures.watch(
      `time "${label}"`,
      () => timeCalls(label, dispatches, counts, this.#device, this.#memory),
    ));
    return { calls, waits: new Float64Array(calls.length) };
  }

  #alive(plan: Plan): WebgpuPlan {
    this.#failures.check();
    const { label, borrowed, released } = plan as WebgpuPlan;
    if (released) throw new TypeError(`Cannot replay "${label}": it was released`);
    for (const storage of borrowed) {
      if (storage.freed) {
        throw new TypeError(
          `Cannot replay "${label}": it uses tensor ${storage.id}, which was freed`,
        );
      }
    }
    return plan as WebgpuPlan;
  }

  // A queue runs one dispatch after another; what fills a GPU is in the dispatches.
  replayEach(plans: readonly Plan[]): void {
    plans.forEach((plan) => this.replay(plan));
  }

  release(plan: Plan): void {
    const own = plan as WebgpuPlan;
    if (own.released) throw new TypeError(`Cannot release "${own.label}": it was released`);
    own.released = true;
    this.#dispose(own.pool);
    if (own.uniforms !== undefined) this.#memory.destroy(own.uniforms);
  }

  async sync(): Promise<void> {
    this.#failures.check();
    // Writes wait for the next submission.
    this.#device.queue.submit([]);
    await this.#settle(this.#device.queue.onSubmittedWorkDone());
  }

  memory(): MemoryUse {
    return this.#memory.use();
  }

  close(): void {
    this.#failures.close();
    this.#memory.clear();
    this.#device.destroy();
  }

  #runNow(kernel: KernelName, prepared: readonly PreparedDispatch[]): void {
    if (prepared.length === 0) return;
    this.#failures.watch(`run ${kernel}`, () => {
      const { uniforms, dispatches } = bind(kernel, prepared, this.#device, this.#memory);
      submit(kernel, dispatches, this.#device);
      if (uniforms !== undefined) this.#memory.destroy(uniforms);
    });
  }

  #append(
    recording: Recording,
    call: KernelCall,
    tensors: Readonly<Record<string, Tensor>>,
    prepared: readonly PreparedDispatch[],
  ): void {
    recording.calls.push(call);
    recording.prepared.push(...prepared);
    recording.counts.push(prepared.length);
    for (const tensor of Object.values(tensors)) {
      for (const part of [tensor, ...Object.values(tensor.nf4 ?? {})]) {
        const storage = storageOf(part, `record ${call.kernel}`);
        if (storage.pool !== recording.pool) recording.borrowed.add(storage);
      }
    }
  }

  #dispose(pool: BufferPool): void {
    for (const storage of pool.storages) storage.freed = true;
    for (const buffer of pool.buffers) this.#memory.destroy(buffer);
  }

  /** Waits for the device, and throws what went wrong before or meanwhile. */
  async #settle<T>(done: Promise<T>): Promise<T> {
    try {
      return await Promise.race([done, this.#failures.lost]);
    } finally {
      this.#failures.check();
    }
  }
}
