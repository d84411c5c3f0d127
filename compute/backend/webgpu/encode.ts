// Dispatches → bind groups → a compute pass.

import type { Dispatch } from "./dispatch.ts";
import type { DeviceMemory } from "./memory.ts";
import { storageOf } from "./memory.ts";
import type { CompiledKernel, PipelineCache } from "./pipelines.ts";
import { packParams } from "./reflect.ts";
import { byteLength } from "../backend.ts";

/** A dispatch with its pipeline and packed numbers, before its memory is bound. */
export interface PreparedDispatch {
  readonly kernel: CompiledKernel;
  readonly entries: readonly GPUBindGroupEntry[];
  readonly params: ArrayBuffer;
  readonly grid: readonly [number, number, number];
}

/** A dispatch that costs the host only its encoding. */
export interface BoundDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

/** Offsets of uniforms are multiples of this in every implementation. */
export const UNIFORM_ALIGNMENT = 256;

/**
 * Compiles a dispatch and resolves its bindings.
 *
 * @throws {TypeError} if a binding is missing or freed.
 * @throws {RangeError} if a tensor is larger than a binding may be, or starts at an unaligned offset.
 */
export function prepare(
  dispatch: Dispatch,
  pipelines: PipelineCache,
  limits: GPUSupportedLimits,
): PreparedDispatch {
  const { name } = dispatch.shader;
  const kernel = pipelines.get(dispatch);
  const entries = kernel.shader.storage.map(({ binding, name: variable }) => {
    const tensor = dispatch.bindings[variable];
    if (tensor === undefined) {
      throw new TypeError(`Cannot run ${name}.wgsl: ${variable} is not bound`);
    }
    const { buffer } = storageOf(tensor, `run ${name}`);
    const { offset } = tensor;
    const alignment = limits.minStorageBufferOffsetAlignment;
    if (offset % alignment !== 0) {
      throw new RangeError(
        `Cannot bind "${tensor.label}" to ${name}: it starts at byte ${offset}, ` +
          `expected a multiple of ${alignment}`,
      );
    }
    const bytes = Math.max(byteLength(tensor.shape, tensor.dtype), 4);
    if (bytes > limits.maxStorageBufferBindingSize) {
      throw new RangeError(
        `Cannot bind "${tensor.label}" to ${name}: ${bytes} bytes, the device allows ` +
          `${limits.maxStorageBufferBindingSize} (maxStorageBufferBindingSize)`,
      );
    }
    // Bound as far as the buffer goes in whole vectors, so that a short tensor still holds one element.
    const size = Math.min(Math.ceil(bytes / 16) * 16, buffer.size - offset);
    return { binding, resource: { buffer, offset, size } };
  });
  return {
    kernel,
    entries,
    params: packParams(name, kernel.shader, dispatch.params),
    grid: dispatch.grid,
  };
}

/** Puts the numbers of all dispatches in one uniform buffer and makes their bind groups. */
export function bind(
  label: string,
  prepared: readonly PreparedDispatch[],
  device: GPUDevice,
  memory: DeviceMemory,
): { uniforms: GPUBuffer | undefined; dispatches: BoundDispatch[] } {
  const offsets: number[] = [];
  let bytes = 0;
  for (const { params } of prepared) {
    offsets.push(bytes);
    bytes += Math.ceil(params.byteLength / UNIFORM_ALIGNMENT) * UNIFORM_ALIGNMENT;
  }
  let uniforms: GPUBuffer | undefined;
  if (bytes > 0) {
    uniforms = memory.create(
      `${label} uniforms`,
      bytes,
      GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    );
    const contents = new Uint8Array(bytes);
    prepared.forEach(({ params }, index) => contents.set(new Uint8Array(params), offsets[index]!));
    device.queue.writeBuffer(uniforms, 0, contents);
  }
  const dispatches = prepared.map(({ kernel, entries, params, grid }, index) => {
    const uniform = kernel.shader.uniform;
    const all = uniform === undefined ? [...entries] : [...entries, {
      binding: uniform.binding,
      resource: { buffer: uniforms!, offset: offsets[index]!, size: params.byteLength },
    }];
    const bindGroup = device.createBindGroup({
      label: kernel.label,
      layout: kernel.layout,
      entries: all,
    });
    return { pipeline: kernel.pipeline, bindGroup, grid };
  });
  return { uniforms, dispatches };
}

/** Encodes dispatches in one compute pass and submits it. */
export function submit(
  label: string,
  dispatches: readonly BoundDispatch[],
  device: GPUDevice,
): void {
  const encoder = device.createCommandEncoder({ label });
  encodePass(encoder, dispatches, { label });
  device.queue.submit([encoder.finish()]);
}

/** Encodes dispatches in one compute pass. */
export function encodePass(
  encoder: GPUCommandEncoder,
  dispatches: readonly BoundDispatch[],
  descriptor: GPUComputePassDescriptor,
): void {
  const pass = encoder.beginComputePass(descriptor);
  let current: GPUComputePipeline | undefined;
  for (const { pipeline, bindGroup, grid } of dispatches) {
    if (pipeline !== current) pass.setPipeline(pipeline);
    current = pipeline;
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
  }
  pass.end();
}
