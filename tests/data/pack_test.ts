import assert from "@std/assert";
import fc from "fast-check";
import { IGNORED_TARGET as KERNEL_IGNORED } from "../../compute/backend/kernels.ts";
import { type Example, exampleOf, IGNORED_TARGET } from "../../data/example.ts";
import { layOut, packRows, weigh } from "../../data/pack.ts";

const capacity = 40;
const lengths = fc.array(fc.integer({ min: 1, max: capacity }), { maxLength: 60 });

const examplesOf = (sizes: readonly number[]): Example[] =>
  sizes.map((size, e) => ({
    ids: Uint32Array.from({ length: size }, (_, i) => 1000 * (e + 1) + i),
    targets: Uint32Array.from(
      { length: size },
      (_, i) => (e + i) % 5 === 0 ? IGNORED_TARGET : 1000 * (e + 1) + i + 1,
    ),
  }));

Deno.test("packRows() places every example once and overfills no row", () => {
  fc.assert(fc.property(lengths, (sizes) => {
    const rows = packRows(sizes, capacity);
    assert.deepEqual(rows.flat().sort((a, b) => a - b), sizes.map((_, i) => i));
    for (const row of rows) {
      assert.ok(row.reduce((sum, i) => sum + sizes[i]!, 0) <= capacity);
      assert.ok(row.length > 0);
    }
  }));
});

Deno.test("packRows() never leaves two rows that would fit into one", () => {
  fc.assert(fc.property(lengths, (sizes) => {
    const used = packRows(sizes, capacity).map((row) => row.reduce((sum, i) => sum + sizes[i]!, 0));
    used.sort((a, b) => a - b);
    if (used.length > 1) assert.ok(used[0]! + used[1]! > capacity);
  }));
});

Deno.test("packRows() takes the tightest row that has room", () => {
  // After 7 and 6 have rows of their own, 3 fits both and goes to the one with 3 left.
  assert.deepEqual(packRows([7, 6, 3], 10), [[0, 2], [1]]);
});

Deno.test("packRows() names an example that is longer than a row", () => {
  assert.throws(() => packRows([3, 41], capacity), {
    name: "RangeError",
    message: "Cannot pack example 1: it has 41 tokens, expected 1 to 40",
  });
});

Deno.test("layOut() keeps every sequence whole, with its own start and end, and ignores the rest", () => {
  fc.assert(fc.property(lengths, fc.integer({ min: 0, max: 3 }), (sizes, missing) => {
    const examples = examplesOf(sizes);
    const rows = packRows(sizes, capacity);
    const batch = layOut(examples, rows, { rows: rows.length + missing, length: capacity });
    assert.equal(batch.ids.length, (rows.length + missing) * capacity);
    const seen = new Set<number>();
    let counted = 0;
    for (let n = 0; n < batch.ids.length;) {
      const end = batch.end[n]!;
      assert.equal(batch.start[n], n);
      for (let i = n; i < end; i++) {
        assert.equal(batch.start[i], n);
        assert.equal(batch.end[i], end);
      }
      const e = Math.floor(batch.ids[n]! / 1000) - 1;
      if (e < 0) {
        assert.equal(end, n + 1, "padding is sequences of one token");
        assert.equal(batch.targets[n], IGNORED_TARGET);
      } else {
        assert.deepEqual(batch.ids.slice(n, end), examples[e]!.ids);
        assert.deepEqual(batch.targets.slice(n, end), examples[e]!.targets);
        seen.add(e);
        counted += examples[e]!.targets.filter((t) => t !== IGNORED_TARGET).length;
      }
      n = end;
    }
    assert.equal(seen.size, sizes.length);
    assert.equal(batch.counted, counted);
  }));
});

Deno.test("weigh() makes the weights of all micro-batches of a step sum to 1", () => {
  const examples = examplesOf([9, 17, 30, 2, 40]);
  const rows = packRows(examples.map(({ ids }) => ids.length), capacity);
  const batches = weigh([
    layOut(examples, rows.slice(0, 1), { rows: 1, length: capacity }),
    layOut(examples, rows.slice(1), { rows: rows.length, length: capacity }),
  ]);
  const total = batches.flatMap(({ weight }) => [...weight]).reduce((sum, w) => sum + w, 0);
  assert.ok(Math.abs(total - 1) < 1e-5, `weights sum to ${total}`);
  for (const { weight, targets } of batches) {
    weight.forEach((w, n) => assert.equal(w === 0, targets[n] === IGNORED_TARGET));
  }
});

Deno.test("exampleOf() shifts targets by one and leaves out labels of -100", () => {
  const { ids, targets } = exampleOf([5, 6, 7, 8], [-100, -100, 7, 8]);
  assert.deepEqual([...ids], [5, 6, 7]);
  assert.deepEqual([...targets], [IGNORED_TARGET, 7, 8]);
});

Deno.test("a target that is not counted is the same number in data and in the kernels", () => {
  assert.equal(IGNORED_TARGET, KERNEL_IGNORED);
});
