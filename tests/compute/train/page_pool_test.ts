import assert from "@std/assert";
import fc from "fast-check";
import { type Holding, type Lease, PagePool, pagesOf } from "../../../compute/train/page_pool.ts";

Deno.test("pagesOf rounds up", () => {
  assert.deepEqual([0, 1, 16, 17, 32].map(pagesOf), [0, 1, 1, 2, 2]);
});

Deno.test("a page is given only while every sequence can still become as long as it may", () => {
  const pool = new PagePool(1, 6);
  // Sequences have been short so far.
  pool.close(pool.open(0, 1, 1)!.lease);
  const first = pool.open(1, 1, 4)!;
  assert.deepEqual([first.fixed.pages, first.lease.pages], [[5], [1]]);
  // 4 pages are free: the first may take 3 more, and what it then has the second takes after it.
  const second = pool.open(0, 1, 5)!;
  assert.equal(second.lease.pages.length, 1);
  assert.equal(pool.grow(second.lease, 2), false, "the first could not come to its end");
  assert.equal(pool.grow(first.lease, 4), true);
  assert.deepEqual([first.lease.pages.length, pool.free], [4, 0]);
  pool.close(first.lease);
  assert.equal(pool.grow(second.lease, 5), true);
  pool.close(second.lease);
  pool.give(first.fixed);
  assert.equal(pool.free, 6);
  assert.equal(pool.open(3, 1, 4), undefined, "more than there is");
});

Deno.test("sequences begin side by side as far as they are likely to fit", () => {
  const pool = new PagePool(1, 8);
  const begin = () => pool.open(0, 1, 5)?.lease;
  const first = begin()!;
  assert.equal(begin(), undefined, "nothing is known: both may take 5");
  pool.close(first);
  // 1 · 1.5 pages, rounded up, each.
  const some = [begin(), begin(), begin(), begin()];
  assert(some.every((lease) => lease !== undefined));
  assert.equal(begin(), undefined);
  some.forEach((lease) => pool.grow(lease!, 2));
  some.forEach((lease) => pool.close(lease!));
  assert.equal(pool.free, 8);
});

Deno.test("where all can be long, pages of a sequence lie in a row", () => {
  const pool = new PagePool(1, 2 * (3 + 4));
  for (let round = 0; round < 3; round++) {
    const some = [pool.open(3, 1, 4)!, pool.open(3, 1, 4)!];
    for (let count = 2; count <= 4; count++) {
      some.forEach(({ lease }) => assert(pool.grow(lease, count)));
    }
    for (const { pages } of some.flatMap(({ fixed, lease }) => [fixed, lease])) {
      assert.deepEqual(pages, pages.map((_, i) => pages[0]! + i));
    }
    some.forEach(({ fixed, lease }) => {
      pool.close(lease);
      pool.give(fixed);
    });
  }
});

Deno.test("whatever sequences ask for and when, no page is given twice and all come to their end", () => {
  const sequence = fc.record({
    fixed: fc.nat(3),
    most: fc.integer({ min: 1, max: 9 }),
    /** Where it does end. */
    ends: fc.integer({ min: 1, max: 9 }),
  });
  const order = fc.infiniteStream(fc.nat(1000));
  fc.assert(
    fc.property(fc.array(sequence, { maxLength: 20 }), order, fc.nat(20), (asked, picks, more) => {
      const pages = 12 + more, pool = new PagePool(1, pages), waiting = [...asked];
      const active: { fixed: Holding; lease: Lease; ends: number }[] = [];
      while (waiting.length + active.length > 0) {
        const next = waiting[0];
        const opened = next && pool.open(next.fixed, 1, next.most);
        if (opened) {
          active.push({ ...opened, ends: Math.min(next.ends, next.most) });
          waiting.shift();
        }
        const held = active.flatMap(({ fixed, lease }) => [...fixed.pages, ...lease.pages]);
        assert.equal(new Set(held).size, held.length);
        assert.equal(held.length + pool.free, pages);
        assert(held.every((page) => page >= 1 && page <= pages));
        // They ask in any order, and somebody always goes on.
        const { value: from } = picks.next();
        let moved = opened !== undefined;
        for (const [i] of [...active].entries()) {
          const one = active[(i + from!) % active.length]!;
          if (one.lease.pages.length === one.ends) {
            pool.close(one.lease);
            pool.give(one.fixed);
            active.splice(active.indexOf(one), 1);
            moved = true;
            break;
          }
          if (pool.grow(one.lease, one.lease.pages.length + 1)) moved = true;
        }
        assert(moved, "nobody can go on");
      }
      assert.equal(pool.free, pages);
    }),
  );
});
