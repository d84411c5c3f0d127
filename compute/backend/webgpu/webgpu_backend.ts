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
  type ShapedCall,
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
import type { ProductVariant } from "./descriptions/product_variants.ts";
import { type DescribeContext, isEmpty } from "./dispatch.ts";
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
import { allocate, dispatchesOf, freeAll, productsOf } from "./shaped_calls.ts";
import { Tuner, type TuningOptions } from "./tuning.ts";
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
  /** Whether products are measured, and where what was found is kept; without it defaults are used. */
  readonly tuning?: TuningOptions | undefined;
}

type BackendContext = Omit<DescribeContext, "scratch">;

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
  const software = isSoftware(adapter);
  const context: BackendContext = {
    limits: device.limits,
    software,
    features: { ...features, f16: features.f16 && options.f16 === true },
  };
  const { vendor, architecture, device: model, description } = adapter.info;
  const identity = [vendor, architecture, model, description, navigator.userAgent].join(", ");
  const tuner = options.tuning && await Tuner.open(identity, context, options.tuning);
  return new WebgpuBackend(
    device,
    {
      kind: "webgpu",
      device: adapterName(adapter),
      software,
      lanes: 1,
      maxTensorBytes: device.limits.maxStorageBufferBindingSize,
      readsNf4: device.limits.maxStorageBuffersPerShaderStage >= NF4_BINDINGS,
    },
    context,
    options,
    tuner,
  );
}

/** Calls of a product that is measured; the first compiles. */
const TRIALS = 4;

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
  readonly #context: BackendContext;
  readonly #tuner: Tuner | undefined;
  /** The variant that is being measured. */
  #trial: ProductVariant | undefined;
  #recording: Recording | undefined;
  #nextId = 0;

  constructor(
    device: GPUDevice,
    info: DeviceInfo,
    context: BackendContext,
    { provider, variantOf }: WebgpuBackendOptions,
    tuner: Tuner | undefined,
  ) {
    this.info = info;
    this.#tuner = tuner;
    this.#context = {
      ...context,
      variantOf: (kernel, shape) =>
        this.#trial ?? variantOf?.(kernel, shape) ?? tuner?.choice(kernel, shape),
    };
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

  replay(...plans: Plan[]): void {
    const alive = plans.map((plan) => this.#alive(plan));
    const label = alive.map(({ label }) => label).join(" + ");
    const dispatches = alive.flatMap(({ dispatches }) => dispatches);
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

  async prepare(calls: readonly ShapedCall[]): Promise<void> {
    this.#failures.check();
    const context = this.#context;
    const products = calls.flatMap((call) => productsOf(call, context));
    await this.#tuner?.tune(products, (call, variant) => this.#measure(call, variant));
    const dispatches = calls.flatMap((call) => dispatchesOf(call, context));
    await this.#settle(this.#pipelines.prepare(dispatches.filter((one) => !isEmpty(one))));
  }

  /** Milliseconds of a call with a variant: the least of a few, after one that compiles; Infinity without a clock. */
  async #measure(call: ShapedCall, variant: ProductVariant): Promise<number> {
    const tensors = allocate(this, call);
    this.#trial = variant;
    try {
      const plan = this.record("tuning", () => {
        for (let i = 0; i < TRIALS; i++) {
          this.run(call.kernel, tensors as never, call.params as never);
        }
      });
      const timing = await this.time(plan);
      this.release(plan);
      return Math.min(...(timing?.calls.subarray(1) ?? []));
    } finally {
      this.#trial = undefined;
      freeAll(this, tensors);
    }
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
    this.replay(...plans);
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
