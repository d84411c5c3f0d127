// Generation against transformers' greedy decoding, against the training forward pass, and against itself: what
// else is in the batch, where a sequence lies in the cache and when others end must not change a token.

import assert from "@std/assert";
import type { Backend } from "../../../compute/backend/backend.ts";
import { IGNORED_TARGET } from "../../../compute/backend/kernels.ts";
import { stackAdapters } from "../../../compute/models/adapter_bank.ts";
import { createModel, type Model } from "../../../compute/models/model.ts";
import { loss } from "../../../compute/models/transformer.ts";
import { BatchGenerator, createGenerator } from "../../../compute/train/generate.ts";
import type { Completion } from "../../../compute/train/generation.ts";
import { TrainStep } from "../../../compute/train/step.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { forEachBackend } from "../../support/backends.ts";
import { adapted, NUMERICS_CASES, numericsCase } from "../../support/numerics.ts";
import { integers } from "../../support/random.ts";
import { LORA, TINY, TINY_EXPERTS, tinyBatch, tinyModel } from "../../support/tiny_model.ts";

const SIZES = { batch: 4, maxPromptLength: 40, maxCompletionLength: 24 };
const ids = (completions: readonly Completion[]) => completions.map((c) => [...c.ids]);

function prompt(seed: number, length: number): Uint32Array {
  return integers(seed, length, TINY.vocab_size);
}

/** A tiny model whose adapter is not zero. */
async function trained(backend: Backend): Promise<Model> {
  const model = await tinyModel(backend);
  const step = new TrainStep(model, 32);
  const optimizer = {
    learning_rate: 0.02,
    betas: [0.9, 0.999] as const,
    eps: 1e-8,
    weight_decay: 0,
    max_grad_norm: 1,
  };
  for (let t = 1; t <= 3; t++) step.run([tinyBatch(t, 2, 16)], optimizer, t);
  await step.drain();
  step.free();
  return model;
}

/** −nll of each token of a sequence but the first, by the training forward pass. */
async function logprobsOf(model: Model, tokens: readonly number[]): Promise<number[]> {
  const { backend } = model, n = tokens.length;
  const make = (values: readonly number[], dtype: "u32" | "f32") => {
    const tensor = backend.empty([n], dtype, "input");
    backend.write(tensor, dtype === "u32" ? Uint32Array.from(values) : Float32Array.from(values));
    return tensor;
  };
  const batch = {
    ids: make(tokens, "u32"),
    targets: make(tokens.map((_, i) => tokens[i + 1] ?? IGNORED_TARGET), "u32"),
    weight: make(tokens.map(() => 1), "f32"),
    start: make(tokens.map(() => 0), "u32"),
    end: make(tokens.map(() => n), "u32"),
  };
  const nll = loss(model, batch);
  const values = await backend.read(nll);
  [nll, ...Object.values(batch)].forEach((tensor) => backend.free(tensor));
  return Array.from(values.slice(0, n - 1), (x) => -x);
}

await forEachBackend(({ test }) => {
  for (const name of NUMERICS_CASES) {
    test(`${name}: greedy decoding gives transformers' tokens`, async (backend) => {
      const c = await numericsCase(name);
      const model = await adapted(backend, c);
      const generator = createGenerator(model, {
        batch: 3,
        maxPromptLength: 8,
        maxCompletionLength: 12,
      });
      const start = Uint32Array.from(c.greedy.slice(0, 8));
      const completions = await generator.generate([start, start.subarray(0, 3), start], {
        temperature: 0,
      });
      assert.deepEqual(ids([completions[0]!, completions[2]!]), [
        c.greedy.slice(8),
        c.greedy.slice(8),
      ]);
      assert(completions.every(({ finish_reason }) => finish_reason === "length"));
      generator.free();
      model.free();
    });
  }

  test("log-probabilities are those of the training forward pass", async (backend) => {
    const model = await trained(backend);
    const generator = createGenerator(model, SIZES);
    const prompts = [prompt(1, 5), prompt(2, 33), prompt(3, 1)];
    const completions = await generator.generate(prompts, { seed: 11, num_generations: 2 });
    for (const [i, { ids, logprobs }] of completions.entries()) {
      const own = prompts[Math.floor(i / 2)]!;
      const all = await logprobsOf(model, [...own, ...ids]);
      const expected = all.slice(own.length - 1);
      const off = expected.map((x, t) => Math.abs(Math.exp(x - logprobs[t]!) - 1));
      assert.equal(off.length, SIZES.maxCompletionLength);
      assert(Math.max(...off) < 1e-4, `largest |ratio − 1| is ${Math.max(...off)}`);
    }
    generator.free();
    model.free();
  });

  test("a request gives the same tokens whatever else is in the batch", async (backend) => {
    const model = await trained(backend);
    const asked = [prompt(1, 7), prompt(2, 20), prompt(3, 1), prompt(4, 39), prompt(5, 13)];
    const options = { seed: 5, temperature: 1.2, top_k: 20, top_p: 0.95, stop_token_ids: [3] };
    const alone = createGenerator(model, { ...SIZES, batch: 1 });
    const expected: Completion[] = [];
    for (const [index, each] of asked.entries()) {
      // The fifth prompt of a call draws with the fifth key.
      const all = await alone.generate(asked.map((p, i) => i === index ? p : each), options);
      expected.push(all[index]!);
    }
    alone.free();
    for (const stepsPerRead of [1, 5, 16]) {
      const generator = createGenerator(model, { ...SIZES, batch: 3, stepsPerRead });
      const [together, others] = await Promise.all([
        generator.generate(asked, options),
        generator.generate([prompt(8, 30), prompt(9, 3)], { num_generations: 3 }),
      ]);
      assert.deepEqual(together, expected, `stepsPerRead ${stepsPerRead}`);
      assert.equal(others.length, 6);
      generator.free();
    }
    assert(new Set(expected.map(({ finish_reason }) => finish_reason)).size === 2);
    model.free();
  });

  test("seed, stream and place in the call each change what is drawn", async (backend) => {
    const model = await tinyModel(backend);
    const generator = createGenerator(model, SIZES);
    const run = async (options: object) => ids(await generator.generate([prompt(1, 4)], options));
    const base = await run({ num_generations: 2, seed: 1, stream: 1 });
    assert.deepEqual(await run({ num_generations: 2, seed: 1, stream: 1 }), base);
    assert.notDeepEqual(base[0], base[1]);
    assert.notDeepEqual(await run({ num_generations: 2, seed: 2, stream: 1 }), base);
    assert.notDeepEqual(await run({ num_generations: 2, seed: 1, stream: 2 }), base);
    generator.free();
    model.free();
  });

  test("a stop token ends a completion and is its last token", async (backend) => {
    const model = await tinyModel(backend);
    const generator = createGenerator(model, SIZES);
    const [free] = await generator.generate([prompt(6, 9)], { temperature: 0 });
    const stop = free!.ids[3]!;
    const [stopped] = await generator.generate([prompt(6, 9)], {
      temperature: 0,
      stop_token_ids: [TINY.vocab_size - 1, stop],
    });
    const first = free!.ids.indexOf(stop);
    assert.deepEqual([...stopped!.ids], [...free!.ids.slice(0, first + 1)]);
    assert.equal(stopped!.finish_reason, "stop");
    generator.free();
    model.free();
  });

  test("sequences take turns where the cache is smaller than the batch", async (backend) => {
    const model = await tinyModel(backend);
    const wide = createGenerator(model, SIZES);
    const prompts = [prompt(1, 30), prompt(2, 4), prompt(3, 17), prompt(4, 40), prompt(5, 2)];
    const options = { seed: 3, max_new_tokens: 20, num_generations: 2 };
    const expected = await wide.generate(prompts, options);
    wide.free();
    // The longest alone takes 5 pages.
    for (const pages of [5, 7]) {
      const narrow = createGenerator(model, { ...SIZES, pages });
      assert.deepEqual(await narrow.generate(prompts, options), expected, `${pages} pages`);
      narrow.free();
    }
    model.free();
  });

  test("a generator sees the weights as they are trained", async (backend) => {
    const model = await tinyModel(backend);
    const generator = createGenerator(model, SIZES);
    const greedy = async () =>
      (await generator.generate([prompt(2, 12)], { temperature: 0 }))[0]!.logprobs;
    const before = await greedy();
    const step = new TrainStep(model, 32);
    const optimizer = {
      learning_rate: 0.05,
      betas: [0.9, 0.999] as const,
      eps: 1e-8,
      weight_decay: 0,
      max_grad_norm: 1,
    };
    for (let t = 1; t <= 3; t++) step.run([tinyBatch(t, 2, 16)], optimizer, t);
    await step.drain();
    assert.notDeepEqual([...await greedy()], [...before]);
    step.free();
    generator.free();
    model.free();
  });

  for (const [what, config] of [["", TINY], [" of experts", TINY_EXPERTS]] as const) {
    test(`adapters${what} side by side give what each gives alone, and none gives the base`, async (backend) => {
      // An expert has the rank over the experts of a token.
      const methods = [
        { ...LORA, r: 6, lora_alpha: 9 },
        { ...LORA, r: 4, lora_alpha: 2, target_modules: what ? "all-linear" : "attention" },
      ];
      const base = await tinyModel(backend, { ...LORA, target_modules: [] }, { config });
      const prompts = [prompt(1, 9), prompt(2, 5), prompt(3, 14)];
      const greedy = { temperature: 0, max_new_tokens: 12 };
      const expected: number[][] = [];
      const banked = [];
      for (const [i, method] of methods.entries()) {
        const model = await tinyModel(backend, method, { config, seed: 40 + i });
        const values = new Map<string, Float32Array>();
        for (const { name, value } of model.trainable.parameters) {
          // B is 0 at the start: an adapter that does something has another.
          const n = value.shape.reduce((a, b) => a * b, 1);
          const noise = integers(name.length + i, n, 200);
          const data = Float32Array.from(noise, (x) => (x - 100) / 200);
          backend.write(value, data);
          values.set(name, data);
        }
        const alone = createGenerator(model, SIZES);
        expected.push(...ids(await alone.generate([prompts[i]!], greedy)));
        alone.free();
        banked.push({
          method,
          weights: {
            names: new Set(values.keys()),
            shape: (name: string) => model.trainable.get(name)!.value.shape,
            read: (name: string) => Promise.resolve(values.get(name)!),
          },
        });
        const bank = i === 1 ? await stackAdapters(base, banked) : undefined;
        model.free();
        if (!bank) continue;
        const plain = createGenerator(base, SIZES);
        expected.push(...ids(await plain.generate([prompts[2]!], greedy)));
        plain.free();
        const together = new BatchGenerator(base, SIZES, bank);
        const adapters = [0, 1, undefined];
        assert.deepEqual(ids(await together.generate(prompts, { ...greedy, adapters })), expected);
        together.free();
        bank.free();
      }
      base.free();
    });
  }

  test("a sequence waits for a page in the middle and goes on as if it had not", async (backend) => {
    const model = await tinyModel(backend);
    const sizes = { batch: 4, maxPromptLength: 4, maxCompletionLength: 60, stepsPerRead: 4 };
    const request = (index: number) => ({
      prompt: prompt(index, 3),
      sampling: {},
      maxNewTokens: 60,
      stopTokenIds: [],
      seed: 0,
      stream: 0,
      index,
    });
    const wide = new BatchGenerator(model, sizes);
    const expected = [1, 2].map((i) => wide.add(request(i)));
    while (!wide.idle) await wide.step();
    wide.free();
    // Each may take 1 + 4 pages, so 7 are enough for both only because one before them ended early.
    const narrow = new BatchGenerator(model, { ...sizes, pages: 7 });
    narrow.add({ ...request(0), endsAt: (ids) => ids.length === 8 ? 8 : undefined });
    while (!narrow.idle) await narrow.step();
    const pair = [1, 2].map((i) => narrow.add(request(i)));
    const lengths: number[][] = [];
    while (!narrow.idle) {
      await narrow.step();
      lengths.push(pair.map(({ ids }) => ids.length));
    }
    const first = Array.from({ length: 15 }, (_, i) => 4 * (i + 1));
    assert.deepEqual(lengths, [
      ...first.map((n) => [n, Math.min(n, 16)]),
      ...first.slice(4).map((n) => [60, n]),
    ]);
    assert.deepEqual(
      pair.map((sequence) => sequence.completion()),
      expected.map((sequence) => sequence.completion()),
    );
    narrow.free();
    model.free();
  });

  test("sequences of one prompt share its pages", async (backend) => {
    const model = await tinyModel(backend);
    const generator = new BatchGenerator(model, { ...SIZES, pages: 7 });
    const long = prompt(1, 40);
    const request = (index: number) => ({
      prompt: long,
      sampling: {},
      maxNewTokens: 6,
      stopTokenIds: [],
      seed: 0,
      stream: 0,
      index,
    });
    // 3 + 4 · 1 of 7 pages; apart they would take 4 · 4.
    const sequences = [0, 1, 2, 3].map((i) => generator.add(request(i)));
    await generator.step();
    assert(sequences.every(({ ids }) => ids.length > 0));
    while (!generator.idle) await generator.step();
    // All is given back: as much fits again.
    const again = [0, 1, 2, 3].map((i) => generator.add(request(i)));
    await generator.step();
    assert(again.every(({ ids }) => ids.length > 0));
    generator.free();
    model.free();
  });

  test("a cancelled sequence leaves at once, and the others go on", async (backend) => {
    const model = await tinyModel(backend);
    const generator = new BatchGenerator(model, { ...SIZES, batch: 2, stepsPerRead: 2 });
    const request = (index: number) => ({
      prompt: prompt(index, 6),
      sampling: {},
      maxNewTokens: 20,
      stopTokenIds: [],
      seed: 0,
      stream: 0,
      index,
    });
    const [first, second, third] = [0, 1, 2].map((i) => generator.add(request(i)));
    await generator.step();
    first!.cancelled = true;
    while (!generator.idle) await generator.step();
    assert.equal(first!.ids.length, 2);
    assert.deepEqual([second!.ids.length, third!.ids.length], [20, 20]);
    generator.free();
    model.free();
  });

  test("endsAt decides after each token, and says how many stay", async (backend) => {
    const model = await tinyModel(backend);
    const generator = new BatchGenerator(model, SIZES);
    const sequence = generator.add({
      prompt: prompt(1, 6),
      sampling: {},
      maxNewTokens: 20,
      stopTokenIds: [],
      seed: 0,
      stream: 0,
      index: 0,
      endsAt: (ids) => ids.length === 7 ? 5 : undefined,
    });
    while (!generator.idle) await generator.step();
    assert.deepEqual([sequence.ids.length, sequence.finish], [5, "stop"]);
    assert.equal(sequence.completion().logprobs.length, 5);
    generator.free();
    model.free();
  });

  test("generate() refuses what does not fit, and the generator goes on", async (backend) => {
    const model = await tinyModel(backend);
    const generator = createGenerator(model, SIZES);
    const bad: [Uint32Array, object, RegExp][] = [
      [prompt(1, 0), {}, /0 tokens, expected 1 to 40/],
      [prompt(1, 41), {}, /41 tokens, expected 1 to 40/],
      [Uint32Array.of(TINY.vocab_size), {}, /token 31, the model knows 0 to 30/],
      [prompt(1, 3), { max_new_tokens: 25 }, /max_new_tokens is 25/],
      [prompt(1, 3), { max_new_tokens: 0 }, /max_new_tokens is 0/],
      [prompt(1, 3), { temperature: -1 }, /temperature is -1/],
      [prompt(1, 3), { temperature: NaN }, /temperature is NaN/],
      [prompt(1, 3), { top_k: 1.5 }, /top_k is 1.5/],
      [prompt(1, 3), { top_p: 2 }, /top_p is 2/],
      [prompt(1, 3), { min_p: -0.1 }, /min_p is -0.1/],
      [prompt(1, 3), { stop_token_ids: Array(9).fill(1) }, /9 stop tokens/],
      [prompt(1, 3), { adapters: [0] }, /adapter 0 is none of the 0/],
    ];
    for (const [tokens, options, message] of bad) {
      await assert.rejects(generator.generate([tokens], options), (error: Error) => {
        assert(error instanceof RangeError);
        assert.match(error.message, message);
        return true;
      });
    }
    assert.equal((await generator.generate([prompt(1, 3)])).length, 1);
    generator.free();
    assert.throws(() => createGenerator(model, { ...SIZES, batch: 0 }), /batch is 0/);
    assert.throws(() => createGenerator(model, { ...SIZES, maxPromptLength: 41 }), /64 positions/);
    assert.throws(() => createGenerator(model, { ...SIZES, pages: 4 }), /4 pages.* need 5/);
    model.free();
  });

  test("a freed generator leaves no buffer behind", async (backend) => {
    const model = await tinyModel(backend);
    const before = backend.memory().buffers;
    const generator = createGenerator(model, SIZES);
    for (const [n, length] of [[1, 3], [2, 30], [4, 39], [3, 2], [4, 10]] as const) {
      await generator.generate([prompt(n, length)], { num_generations: n, max_new_tokens: 3 });
    }
    await backend.sync();
    generator.free();
    assert.equal(backend.memory().buffers, before);
    model.free();
  });

  for (const dtype of ["bf16", "nf4"] as const) {
    test(`${dtype} weights generate too`, async (backend) => {
      const { config, weights, lora: method } = await numericsCase("qwen3-all");
      const model = await createModel({ backend, config, weights, method, dtype, seed: 0 });
      const generator = createGenerator(model, SIZES);
      const [{ ids, logprobs }] = await generator.generate([prompt(1, 10)], { temperature: 0 }) as [
        Completion,
      ];
      const expected = (await logprobsOf(model, [...prompt(1, 10), ...ids])).slice(9);
      assertAllclose(logprobs, expected, { name: "logprobs", shape: [ids.length] }, {
        atol: 1e-4,
        rtol: 1e-4,
      });
      generator.free();
      model.free();
    });
  }
});
