import assert from "@std/assert";
import fc from "fast-check";
import { exampleOf, IGNORED_TARGET } from "../../data/example.ts";
import { evaluationBatches, Loader, type LoaderOptions, tokensOfBatch } from "../../data/loader.ts";
import type { ExampleStream } from "../../data/load.ts";
import { shuffled } from "../../data/shuffle.ts";

const examples = Array.from(
  { length: 23 },
  (_, e) => exampleOf(Array.from({ length: 3 + e % 6 }, (_, i) => 100 * (e + 1) + i)),
);
const options: LoaderOptions = {
  examples,
  maxLength: 8,
  batchSize: 4,
  accumulation: 2,
  packing: true,
  epochs: 3,
  seed: 7,
};

const counted = (targets: Uint32Array) => targets.filter((t) => t !== IGNORED_TARGET);

async function all(loader: Loader): Promise<Uint32Array[][]> {
  const steps = [];
  for (let step = await loader.next(); step; step = await loader.next()) {
    steps.push(step.map((b) => b.ids));
  }
  return steps;
}

Deno.test("Loader gives every target once an epoch, in steps of one shape", async () => {
  await fc.assert(fc.asyncProperty(
    fc.record({
      batchSize: fc.constantFrom(1, 2, 4, 8),
      packing: fc.boolean(),
      epochs: fc.integer({ min: 1, max: 3 }),
      seed: fc.nat(),
    }),
    async (some) => {
      const loader = new Loader({ ...options, ...some, accumulation: 1 });
      const seen: number[] = [];
      let steps = 0;
      for (let step = await loader.next(); step; step = await loader.next(), steps++) {
        for (const batch of step) {
          assert.equal(batch.ids.length, loader.tokensPerBatch);
          seen.push(...counted(batch.targets));
        }
      }
      const once = examples.flatMap(({ targets }) => [...targets]);
      const expected = Array.from({ length: some.epochs }, () => once).flat();
      assert.deepEqual(seen.sort((a, b) => a - b), expected.sort((a, b) => a - b));
      assert.equal(steps, loader.steps);
    },
  ));
});

Deno.test("Loader makes batches no larger than the data needs, with the same rows in each step", async () => {
  // 23 examples of 2 to 7 tokens: 103 in all.
  const shape = async (some: Partial<LoaderOptions>) => {
    const loader = new Loader({ ...options, accumulation: 1, epochs: 1, ...some });
    return [loader.tokensPerBatch, (await all(loader)).map((step) => step.length)];
  };
  // One row holds them all; without packing there are 23 rows of 8.
  assert.deepEqual(await shape({ maxLength: 2048, batchSize: 32 }), [104, [1]]);
  assert.deepEqual(await shape({ maxLength: 2048, batchSize: 32, packing: false }), [23 * 8, [1]]);
  assert.deepEqual(await shape({ maxLength: 7, batchSize: 2, packing: false }), [
    14,
    Array.from({ length: 12 }, () => 1),
  ]);
  // Micro-batches without a row are not made.
  const rest = { maxLength: 2048, batchSize: 32, packing: false, accumulation: 4 };
  assert.deepEqual(await shape(rest), [64, [3]]);
  // A step may hold rows of several epochs.
  assert.deepEqual(await shape({ maxLength: 2048, batchSize: 2, epochs: 5 }), [208, [1, 1, 1]]);
  const some = { ...options, maxLength: 2048, batchSize: 32, accumulation: 1, epochs: 1 };
  assert.equal(tokensOfBatch(examples, some), 104);
});

Deno.test("Loader goes on from a stored cursor with the very same batches", async () => {
  const straight = await all(new Loader(options));
  for (let stop = 0; stop <= straight.length; stop++) {
    const first = new Loader(options);
    for (let i = 0; i < stop; i++) await first.next();
    const stored = JSON.parse(JSON.stringify(first.cursor()));
    const second = new Loader(options);
    second.seek(stored);
    assert.deepEqual(await all(second), straight.slice(stop));
  }
});

Deno.test("Loader splits a step into micro-batches without changing what is in it", async () => {
  const whole = await all(new Loader({ ...options, accumulation: 1 }));
  const parts = await all(new Loader({ ...options, accumulation: 4 }));
  assert.deepEqual(
    parts.map((step) => step.flatMap((ids) => [...ids.filter(Boolean)])),
    whole.map(([ids]) => [...ids!.filter(Boolean)]),
  );
});

Deno.test("Loader orders the rows differently in each epoch and for each seed", () => {
  const order = (seed: number, epoch: number) => [...shuffled(50, seed, epoch)];
  assert.deepEqual(order(1, 0), order(1, 0));
  assert.notDeepEqual(order(1, 0), order(1, 1));
  assert.notDeepEqual(order(1, 0), order(2, 0));
});

Deno.test("shuffled() puts each item at each place about equally often", () => {
  const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  for (let epoch = 0; epoch < 4000; epoch++) {
    shuffled(4, 3, epoch).forEach((item, place) => counts[item]![place]!++);
  }
  // Binomial(4000, 1/4): five standard deviations are 137.
  for (const count of counts.flat()) assert.ok(Math.abs(count - 1000) < 137, `${counts}`);
});

Deno.test("Loader refuses a cursor that is not in its data", () => {
  const start = { epoch: 0, window: 0, row: 0 };
  for (
    const wrong of [{ row: -1 }, { row: 1.5 }, { row: 1e9 }, { window: 1 }, { epoch: 4 }, {
      epoch: undefined,
    }]
  ) {
    assert.throws(() => new Loader(options).seek({ ...start, ...wrong }), { name: "RangeError" });
  }
  for (const cursor of [null, {}]) {
    assert.throws(() => new Loader(options).seek(cursor), { name: "RangeError" });
  }
  new Loader(options).seek({ epoch: 3, window: 0, row: 0 });
});

/** The examples as blocks of a stream, of which `fit` fit into memory. */
function stream(fit: number): ExampleStream & { reads: number[] } {
  const blocks = Array.from({ length: Math.ceil(examples.length / 3) }, () => 100);
  const reads: number[] = [];
  return {
    blocks,
    windowBytes: 100 * fit,
    reads,
    read(block) {
      reads.push(block);
      return Promise.resolve(examples.slice(3 * block, 3 * block + 3));
    },
  };
}

Deno.test("Loader reads a stream in windows: every target once an epoch, each block once", async () => {
  const source = stream(2);
  const loader = new Loader({ ...options, examples: source, accumulation: 1, epochs: 2 });
  assert.equal(loader.steps, undefined);
  const seen: number[] = [];
  for (let step = await loader.next(); step; step = await loader.next()) {
    for (const { targets } of step) seen.push(...counted(targets));
  }
  const once = examples.flatMap(({ targets }) => [...targets]);
  assert.deepEqual(seen.sort((a, b) => a - b), [...once, ...once].sort((a, b) => a - b));
  const half = source.reads.length / 2;
  const epochs = [source.reads.slice(0, half), source.reads.slice(half)];
  for (const epoch of epochs) {
    assert.deepEqual(epoch.toSorted((a, b) => a - b), source.blocks.map((_, block) => block));
  }
  assert.notDeepEqual(epochs[0], epochs[1]);
});

Deno.test("Loader goes on in a stream from a stored cursor, without reading what was before", async () => {
  const some = (examples: ExampleStream) => ({ ...options, examples, epochs: 2 });
  const straight = await all(new Loader(some(stream(2))));
  for (let stop = 0; stop <= straight.length; stop++) {
    const first = new Loader(some(stream(2)));
    for (let i = 0; i < stop; i++) await first.next();
    const source = stream(2);
    const second = new Loader(some(source));
    const cursor = JSON.parse(JSON.stringify(first.cursor()));
    second.seek(cursor);
    assert.deepEqual(await all(second), straight.slice(stop));
    const all16 = 2 * source.blocks.length;
    const passed = cursor.epoch * source.blocks.length + 2 * cursor.window;
    assert.equal(source.reads.length, Math.max(0, all16 - passed));
  }
});

Deno.test("Loader refuses a stream in which no token counts", async () => {
  const source = { ...stream(1), read: () => Promise.resolve([exampleOf([1, 2], [1, -100])]) };
  await assert.rejects(new Loader({ ...options, examples: source }).next(), {
    message: "Cannot train: no token of the dataset counts",
  });
});

Deno.test("evaluationBatches() counts every target once and weighs each batch to 1", () => {
  const batches = evaluationBatches(examples, 8, 16);
  const seen = batches.flatMap(({ targets }) => [...counted(targets)]);
  const expected = examples.flatMap(({ targets }) => [...targets]);
  assert.deepEqual(seen.sort((a, b) => a - b), expected.sort((a, b) => a - b));
  for (const { ids, weight } of batches) {
    assert.equal(ids.length, 16);
    assert.ok(Math.abs(weight.reduce((sum, w) => sum + w, 0) - 1) < 1e-5);
  }
});

Deno.test("data in which no token counts is refused, for training and for evaluation", () => {
  const ignored = [exampleOf([1, 2, 3], [1, -100, -100])];
  assert.throws(() => new Loader({ ...options, examples: ignored }), {
    name: "RangeError",
    message: "Cannot train: no token of the dataset counts",
  });
  for (const none of [ignored, []]) {
    assert.throws(() => evaluationBatches(none, 8, 16), {
      name: "RangeError",
      message: "Cannot evaluate: no token of the held-out set counts",
    });
  }
});

Deno.test("examples of which no token counts make no rows, of data in memory and of a stream", async () => {
  const ignored = exampleOf([9, 9, 9, 9, 9, 9], Array(6).fill(-100));
  const mixed = examples.flatMap((example) => [example, ignored]);
  const without = await all(new Loader(options));
  assert.deepEqual(await all(new Loader({ ...options, examples: mixed })), without);
  assert.equal(tokensOfBatch(mixed, options), tokensOfBatch(examples, options));
  assert.equal(tokensOfBatch([ignored], options), undefined);
  assert.deepEqual(evaluationBatches(mixed, 8, 16), evaluationBatches(examples, 8, 16));

  const plain = stream(20);
  const read = async (block: number) => [ignored, ...await plain.read(block), ignored];
  assert.deepEqual(
    await all(new Loader({ ...options, examples: { ...plain, read } })),
    await all(new Loader({ ...options, examples: plain })),
  );
});
