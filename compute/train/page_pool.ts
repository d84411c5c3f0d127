// Who has which pages of the cache. A sequence takes pages as it grows and says before how many it may come to
// need; a page is given only if every sequence can still be brought to its end, one after the other if need be
// (Dijkstra's banker). So more sequences than could all be long go on side by side, and none is ever given up. That
// few have to wait for a page in the middle, a sequence begins only where there is room for those under way to
// become half as long again as others were on average, or as long as they may where that is less.

import { type Block, FreeList } from "../backend/cpu/allocator.ts";
import { PAGE } from "../backend/kernels.ts";

/** How much longer than those before it a sequence is expected to become. */
const MARGIN = 1.5;

/** Pages that hold this many tokens. */
export const pagesOf = (tokens: number) => Math.ceil(tokens / PAGE);

/** Pages that belong together. */
export interface Holding {
  readonly pages: readonly number[];
}

/** Pages of a growing sequence. */
export interface Lease extends Holding {
  /** As many as it may come to have. */
  readonly most: number;
}

/** Pages in a row are read faster: these are taken from `run`, as long as nobody who has none needed them. */
class OpenLease implements Lease {
  readonly pages: number[] = [];
  constructor(readonly most: number, readonly run: Block | undefined) {}
}

/** Pages numbered from `first` on. */
export class PagePool {
  readonly #free: Set<number>;
  /** What no run is set aside of, in pages. */
  readonly #runs = new FreeList();
  readonly #leases = new Set<OpenLease>();
  /** Leases that have ended, and the pages that they had. */
  readonly #ended = { leases: 0, pages: 0 };

  constructor(first: number, count: number) {
    this.#free = new Set(Array.from({ length: count }, (_, i) => first + i));
    this.#runs.give({ address: first, bytes: count });
  }

  /** Pages that nobody has. */
  get free(): number {
    return this.#free.size;
  }

  /**
   * Takes `fixed` pages, and begins a lease with `begin` pages that may grow to `most`; undefined where there is no
   * room yet.
   */
  open(
    fixed: number,
    begin: number,
    most: number,
  ): { readonly fixed: Holding; readonly lease: Lease } | undefined {
    const lease = this.#begin(most);
    this.#leases.add(lease);
    if (!this.#hasRoom(fixed) || !this.#isSafe(fixed, begin, lease)) {
      this.#leases.delete(lease);
      this.give(lease);
      return undefined;
    }
    const kept = this.#begin(fixed);
    this.#take(kept, fixed);
    this.#take(lease, begin);
    return { fixed: kept, lease };
  }

  /** Lets a lease have `count` pages in all; false where it must wait until others end. */
  grow(lease: Lease, count: number): boolean {
    const more = count - lease.pages.length;
    if (more <= 0) return true;
    const open = lease as OpenLease;
    if (!this.#isSafe(0, more, open)) return false;
    this.#take(open, more);
    return true;
  }

  /** Ends a lease: its pages are free. */
  close(lease: Lease): void {
    this.#leases.delete(lease as OpenLease);
    this.#ended.leases++;
    this.#ended.pages += lease.pages.length;
    this.give(lease);
  }

  /** Gives pages back. */
  give(holding: Holding): void {
    const { pages, run } = holding as OpenLease;
    pages.forEach((page) => this.#free.add(page));
    if (run) this.#runs.give(run);
  }

  #begin(most: number): OpenLease {
    const address = most > 0 ? this.#runs.take(most) : undefined;
    return new OpenLease(most, address === undefined ? undefined : { address, bytes: most });
  }

  #take({ pages, run }: OpenLease, count: number): void {
    for (let i = 0; i < count; i++) {
      const next = run ? run.address + pages.length : 0;
      const page = this.#free.has(next) ? next : this.#free.values().next().value!;
      this.#free.delete(page);
      pages.push(page);
    }
  }

  /** Whether, with `fixed` pages gone, all leases can become as long as is likely; nothing is known of the first. */
  #hasRoom(fixed: number): boolean {
    const { leases, pages } = this.#ended;
    const likely = leases > 0 ? Math.ceil(MARGIN * pages / leases) : Infinity;
    let free = this.#free.size - fixed;
    for (const { pages: { length }, most } of this.#leases) {
      free -= Math.max(Math.min(likely, most) - length, 0);
    }
    return free >= 0;
  }

  /** Whether, with `fixed` pages gone and `more` in `lease`, all leases can be full one after the other. */
  #isSafe(fixed: number, more: number, lease: OpenLease): boolean {
    let free = this.#free.size - fixed - more;
    if (free < 0) return false;
    let owed = -more;
    for (const { most, pages } of this.#leases) owed += most - pages.length;
    if (owed <= free) return true;
    const states = [...this.#leases].map((each) => {
      const held = each.pages.length + (each === lease ? more : 0);
      return { held, needs: each.most - held };
    });
    // Who needs least comes first: what it has helps the next one.
    states.sort((a, b) => a.needs - b.needs);
    return states.every(({ held, needs }) => {
      const enough = needs <= free;
      free += held;
      return enough;
    });
  }
}
