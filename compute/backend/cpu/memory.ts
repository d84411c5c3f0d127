// The shared memory of the kernels: storages, counted, and the blocks of recordings.

import type { MemoryUse, Storage, Tensor } from "../backend.ts";
import { type Block, blockBytes, FreeList } from "./allocator.ts";

const PAGE = 65_536;
/** What a 32-bit address reaches. */
const MAX_PAGES = 65_536;
/** The last page is never handed out: vector loads may read past a tensor's end. */
const LIMIT = (MAX_PAGES - 1) * PAGE;
/** Memory grows by at least this much: growing is a system call. */
const GROWTH = 16 * 1024 * 1024;

/** A storage of this backend. */
export interface CpuStorage extends Storage, Block {
  readonly bytes: number;
  /** The recording that owns its block; none if the block is its own. */
  readonly arena: Arena | undefined;
  freed: boolean;
}

/** The memory that the threads of a cpu backend share. */
export function sharedMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 64, maximum: MAX_PAGES, shared: true });
}

/** Blocks of one recording, used again inside it. */
export interface Arena {
  readonly free: FreeList;
  readonly blocks: Block[];
  readonly storages: CpuStorage[];
}

/** What blocks are cut from: a memory, or what counts as one. */
export interface Pages {
  readonly buffer: { readonly byteLength: number };
  grow(pages: number): unknown;
}

/** Bytes that a cpu backend can hand out. */
export const CPU_MEMORY_BYTES = LIMIT;

/** Hands out blocks of one memory and counts them. */
export class CpuMemory<Memory extends Pages = WebAssembly.Memory> {
  readonly #free = new FreeList();
  #end: number;
  #bytes = 0;
  #peakBytes = 0;
  #buffers = 0;
  #nextId = 0;

  constructor(readonly memory: Memory, readonly limit: number = LIMIT) {
    this.#end = memory.buffer.byteLength - PAGE;
  }

  /** Everything from `base`, where the module's own data ends, may be handed out. */
  open(base: number): void {
    const address = blockBytes(base);
    this.#free.give({ address, bytes: this.#end - address });
  }

  /**
   * Takes a block. Contents are undefined.
   *
   * @throws {RangeError} if memory is exhausted.
   */
  take(bytes: number, label: string): Block {
    const size = blockBytes(bytes);
    let address = this.#free.take(size);
    if (address === undefined) {
      this.#grow(size, label);
      address = this.#free.take(size)!;
    }
    this.#bytes += size;
    this.#buffers++;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
    return { address, bytes: size };
  }

  /** Gives a block back. */
  give(block: Block): void {
    this.#free.give(block);
    this.#bytes -= block.bytes;
    this.#buffers--;
  }

  /**
   * Makes a storage, in the recording's memory if there is one.
   *
   * @throws {RangeError} if memory is exhausted.
   */
  storage(bytes: number, label: string, arena: Arena | undefined): CpuStorage {
    const size = blockBytes(bytes);
    let address = arena?.free.take(size);
    if (address === undefined) {
      const block = this.take(size, label);
      arena?.blocks.push(block);
      address = block.address;
    }
    const storage = { id: this.#nextId++, address, bytes: size, arena, freed: false };
    arena?.storages.push(storage);
    return storage;
  }

  /** Frees a storage; a recording keeps its block for later tensors of its own. */
  free(storage: CpuStorage): void {
    storage.freed = true;
    if (storage.arena === undefined) this.give(storage);
    else storage.arena.free.give(storage);
  }

  /** Gives back all memory of a recording. */
  dispose(arena: Arena): void {
    for (const storage of arena.storages) storage.freed = true;
    for (const block of arena.blocks) this.give(block);
  }

  use(): MemoryUse {
    return { bytes: this.#bytes, peakBytes: this.#peakBytes, buffers: this.#buffers };
  }

  #grow(bytes: number, label: string): void {
    const room = this.limit - this.#end;
    const more = Math.min(Math.max(Math.ceil(bytes / PAGE) * PAGE, GROWTH), room);
    const refuse = () => {
      throw new RangeError(
        `Cannot allocate "${label}" (${bytes} bytes): ${this.#bytes} bytes live of at most 4 GiB`,
      );
    };
    if (more < bytes) refuse();
    try {
      this.memory.grow(more / PAGE);
    } catch {
      refuse();
    }
    this.#free.give({ address: this.#end, bytes: more });
    this.#end += more;
  }
}

/**
 * The storage of a tensor.
 *
 * @throws {TypeError} if it was freed or is another backend's.
 */
export function storageOf(tensor: Tensor, action: string): CpuStorage {
  const storage = tensor.storage as CpuStorage;
  if (storage.address === undefined) {
    throw new TypeError(`Cannot ${action}: "${tensor.label}" is not a tensor of the cpu backend`);
  }
  if (storage.freed) throw new TypeError(`Cannot ${action}: "${tensor.label}" was freed`);
  return storage;
}
