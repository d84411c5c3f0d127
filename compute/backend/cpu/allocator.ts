// Which parts of an address range are free. Knows numbers only; the memory itself is elsewhere.

/** Every block starts on a cache line and is a whole number of them. */
export const ALIGNMENT = 64;

/** Bytes that a block of at least `bytes` takes. */
export function blockBytes(bytes: number): number {
  return Math.max(Math.ceil(bytes / ALIGNMENT), 1) * ALIGNMENT;
}

/** A part of the address range. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** Free blocks in order of address; neighbours are joined, the smallest that fits is taken. */
export class FreeList {
  readonly #blocks: Block[] = [];

  /** Takes `bytes` from the smallest block that has them; `undefined` if none has. */
  take(bytes: number): number | undefined {
    let best = -1;
    for (let i = 0; i < this.#blocks.length; i++) {
      const size = this.#blocks[i]!.bytes;
      if (size >= bytes && (best < 0 || size < this.#blocks[best]!.bytes)) best = i;
    }
    if (best < 0) return undefined;
    const block = this.#blocks[best]!;
    if (block.bytes === bytes) this.#blocks.splice(best, 1);
    else this.#blocks[best] = { address: block.address + bytes, bytes: block.bytes - bytes };
    return block.address;
  }

  /** Gives a block back. */
  give({ address, bytes }: Block): void {
    let low = 0, high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle]!.address < address) low = middle + 1;
      else high = middle;
    }
    let from = address, to = address + bytes, first = low, count = 0;
    const before = this.#blocks[low - 1], after = this.#blocks[low];
    if (before !== undefined && before.address + before.bytes === from) {
      from = before.address;
      first--;
      count++;
    }
    if (after !== undefined && after.address === to) {
      to += after.bytes;
      count++;
    }
    this.#blocks.splice(first, count, { address: from, bytes: to - from });
  }
}
