import assert from "@std/assert";
import fc from "fast-check";
import { ALIGNMENT, blockBytes, FreeList } from "../../../compute/backend/cpu/allocator.ts";
import { CpuMemory, sharedMemory } from "../../../compute/backend/cpu/memory.ts";

const SIZE = 64 * ALIGNMENT;

Deno.test("FreeList never hands out memory twice and joins what comes back", () => {
  const step = fc.record({ take: fc.boolean(), pick: fc.nat(1000) });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const free = new FreeList();
    free.give({ address: 0, bytes: SIZE });
    const live: { address: number; bytes: number }[] = [];
    for (const { take, pick } of steps) {
      if (take) {
        const bytes = (1 + pick % 9) * ALIGNMENT;
        const address = free.take(bytes);
        if (address === undefined) continue;
        assert(address >= 0 && address + bytes <= SIZE, "outside of the range");
        for (const other of live) {
          const apart = address + bytes <= other.address || other.address + other.bytes <= address;
          assert(apart, "overlaps a live block");
        }
        live.push({ address, bytes });
      } else if (live.length > 0) {
        free.give(live.splice(pick % live.length, 1)[0]!);
      }
    }
    for (const block of live) free.give(block);
    assert.equal(free.take(SIZE), 0, "what came back is not one block");
  }));
});

Deno.test("FreeList takes the smallest block that is large enough", () => {
  const free = new FreeList();
  free.give({ address: 0, bytes: 640 });
  free.give({ address: 1024, bytes: 128 });
  free.give({ address: 2048, bytes: 256 });
  assert.equal(free.take(128), 1024);
  assert.equal(free.take(192), 2048);
  assert.equal(free.take(64), 2048 + 192);
  assert.equal(free.take(1024), undefined);
});

Deno.test("blockBytes() rounds up to cache lines and is never 0", () => {
  assert.deepEqual([0, 1, 64, 65].map(blockBytes), [64, 64, 64, 128]);
});

Deno.test("CpuMemory grows, counts what is alive and its peak", () => {
  const memory = new CpuMemory(sharedMemory());
  memory.open(100_000);
  const small = memory.take(10, "small"), large = memory.take(50_000_000, "large");
  assert.equal(small.address % ALIGNMENT, 0);
  assert(small.address >= 100_000);
  assert(memory.memory.buffer.byteLength >= large.address + large.bytes + 65_536);
  assert.deepEqual(memory.use(), {
    bytes: small.bytes + large.bytes,
    peakBytes: small.bytes + large.bytes,
    buffers: 2,
  });
  memory.give(large);
  assert.equal(memory.use().bytes, small.bytes);
  assert.equal(memory.use().peakBytes, small.bytes + large.bytes);
  const again = memory.take(50_000_000, "again");
  assert.equal(again.address, large.address, "freed memory is used again");
});

Deno.test("CpuMemory names what did not fit and how much is alive", () => {
  const memory = new CpuMemory(sharedMemory());
  memory.open(0);
  const held = memory.take(64, "held");
  assert.throws(
    () => memory.take(2 ** 32 - 65_536, "everything"),
    (error: unknown) =>
      error instanceof RangeError &&
      /"everything" \(4294901760 bytes\): 64 bytes live of at most 4 GiB/.test(error.message),
  );
  assert.equal(memory.use().bytes, held.bytes);
});
