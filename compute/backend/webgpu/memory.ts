// Device buffers, counted. A buffer is destroyed by the scope that made it: a caller's tensor by
// free(), a plan's by release(), scratch by the kernel that asked for it.

import type { MemoryUse, Storage, Tensor } from "../backend.ts";

/** A storage of this backend. */
export interface WebgpuStorage extends Storage {
  readonly buffer: GPUBuffer;
  /** The pool it goes back to; none if it is destroyed when freed. */
  readonly pool: BufferPool | undefined;
  freed: boolean;
}

/** Bytes that are read back at once: what is mapped lies in the host's memory too. */
export const STAGING_BYTES = 64 * 1024 * 1024;

/** What makes buffers: a device, or what counts as one. */
export interface BufferMaker {
  readonly limits: { readonly maxBufferSize: number };
  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer;
}

/** Makes, counts and destroys the buffers of one device. */
export class DeviceMemory {
  readonly #device: BufferMaker;
  readonly #live = new Set<GPUBuffer>();
  #bytes = 0;
  #peakBytes = 0;

  constructor(device: BufferMaker) {
    this.#device = device;
  }

  /**
   * Makes a buffer.
   *
   * @throws {RangeError} if it is larger than the device allows.
   */
  create(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const limit = this.#device.limits.maxBufferSize;
    if (bytes > limit) {
      throw new RangeError(
        `Cannot allocate "${label}": ${bytes} bytes, the device allows ${limit} (maxBufferSize)`,
      );
    }
    const buffer = this.#device.createBuffer({ label, size: bytes, usage });
    this.#live.add(buffer);
    this.#bytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
    return buffer;
  }

  /** Destroys a buffer; work already submitted still sees it. */
  destroy(buffer: GPUBuffer): void {
    if (!this.#live.delete(buffer)) return;
    this.#bytes -= buffer.size;
    buffer.destroy();
  }

  /** Destroys every buffer. */
  clear(): void {
    for (const buffer of this.#live) this.destroy(buffer);
  }

  /** Bytes and buffers alive. */
  use(): MemoryUse {
    return { bytes: this.#bytes, peakBytes: this.#peakBytes, buffers: this.#live.size };
  }
}

/** Buffers of a recording, used again by exact size. */
export class BufferPool {
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly buffers: GPUBuffer[] = [];
  readonly storages: WebgpuStorage[] = [];

  /** A buffer that was given back, if one has the size. */
  take(bytes: number): GPUBuffer | undefined {
    return this.#free.get(bytes)?.pop();
  }

  /** Gives a buffer back. */
  give(buffer: GPUBuffer): void {
    const bucket = this.#free.get(buffer.size);
    if (bucket === undefined) this.#free.set(buffer.size, [buffer]);
    else bucket.push(buffer);
  }

  /** Bytes of all its buffers. */
  get bytes(): number {
    return this.buffers.reduce((sum, buffer) => sum + buffer.size, 0);
  }
}

/**
 * The storage of a tensor.
 *
 * @throws {TypeError} if it was freed or is another backend's.
 */
export function storageOf(tensor: Tensor, action: string): WebgpuStorage {
  const storage = tensor.storage as WebgpuStorage;
  if (storage.buffer === undefined) {
    throw new TypeError(
      `Cannot ${action}: "${tensor.label}" is not a tensor of the webgpu backend`,
    );
  }
  if (storage.freed) throw new TypeError(`Cannot ${action}: "${tensor.label}" was freed`);
  return storage;
}
