// The policy must find what is rewarded, and a run must be the same however it is cut in pieces.

import assert from "@std/assert";
import { createModel, type Model, randomWeights } from "../../../compute/models/model.ts";
import { referenceModel } from "../../../compute/models/reference.ts";
import { logits } from "../../../compute/models/transformer.ts";
import type { Batch } from "../../../compute/train/batch.ts";
import { bytesSource } from "../../../compute/models/safetensors.ts";
import { createGenerator } from "../../../compute/train/generate.ts";
import { GrpoStep } from "../../../compute/train/grpo_step.ts";
import { IGNORED_TARGET } from "../../../compute/backend/kernels.ts";
import { readState, stateFiles } from "../../../compute/train/checkpoint.ts";
import type { Completion } from "../../../compute/train/generation.ts";
import {
  type Grade,
  type GrpoEvent,
  type GrpoOptions,
  NoRewardError,
  type Problem,
  type ProblemSource,
  trainGrpo,
} from "../../../compute/train/grpo.ts";
import { assertAllclose, assertSameBits } from "../../support/allclose.ts";
import { forEachBackend } from "../../support/backends.ts";
import { numericsCase } from "../../support/numerics.ts";
import { integers } from "../../support/random.ts";
import { slowGenerator } from "../../support/slow_generator.ts";
import { LORA, TINY, tinyBatch, tinyModel } from "../../support/tiny_model.ts";

interface Arm extends Problem {
  /** The token that is rewarded. */
  readonly answer: number;
}

const ADAMW = {
  learning_rate: 2e-2,
  betas: [0.9, 0.999] as const,
  eps: 1e-8,
  weight_decay: 0,
  max_grad_norm: 1,
};
/** Ends a completion. */
const STOP = 0;

/** Two problems by turns, each with an answer of its own. */
function arms(): ProblemSource<Arm, number> {
  let position = 0;
  const problem = (i: number): Arm =>
    i % 2
      ? { prompt: Uint32Array.of(5, 6), answer: 28 }
      : { prompt: Uint32Array.of(9), answer: 26 };
  return {
    next: (count) => Array.from({ length: count }, () => problem(position++)),
    cursor: () => position,
    seek: (cursor) => void (position = cursor),
  };
}

/** Right if the first token is the answer. */
function grade(problems: readonly Arm[], completions: readonly Completion[]): Grade[] {
  return completions.map(({ ids }, i) => {
    const correct = ids[0] === problems[i]!.answer;
    return { reward: correct ? 1 : 0, correct };
  });
}

function run(model: Model, changes: Partial<GrpoOptions<Arm>> = {}) {
  return trainGrpo<Arm>({
    model,
    generator: slowGenerator(model),
    problems: arms(),
    grade,
    evalProblems: arms().next(2)!,
    batch_size: 32,
    num_generations: 16,
    num_iterations: 1,
    temperature: 0.8,
    eval_temperature: 0,
    max_completion_length: 2,
    mask_truncated_completions: false,
    stopTokens: [STOP],
    scale_rewards: false,
    loss_type: "grpo",
    importance_sampling_level: "token",
    epsilon: 0.2,
    epsilon_high: 0.2,
    beta: 0,
    log_kl: true,
    max_steps_without_reward: 100,
    tokensPerBatch: 32,
    optimizer: ADAMW,
    seed: 11,
    max_steps: 6,
    eval_steps: 3,
    save_steps: 3,
    ...changes,
  });
}

type Event = GrpoEvent<Arm>;
type Step = Extract<Event, { type: "step" }>;

async function collect(events: AsyncIterable<Event>): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const steps = (events: Event[]) => events.filter((event): event is Step => event.type === "step");

async function parameters(model: Model): Promise<Float32Array> {
  const parts: number[] = [];
  for (const { value } of model.trainable.parameters) {
    parts.push(...await model.backend.read(value));
  }
  return Float32Array.from(parts);
}

async function logitsOf(model: Model, { ids, start, end }: Batch): Promise<Float32Array> {
  const { backend } = model;
  const upload = (data: Uint32Array) => {
    const tensor = backend.empty([data.length], "u32", "input");
    backend.write(tensor, data);
    return tensor;
  };
  const input = { ids: upload(ids), start: upload(start), end: upload(end) };
  const y = logits(model, input);
  const values = await backend.read(y) as Float32Array;
  [y, ...Object.values(input)].forEach((tensor) => backend.free(tensor));
  return values;
}

const whole = (values: Float32Array) => ({ name: "parameters", shape: [values.length] });

await forEachBackend(({ test }) => {
  test("a policy step is the same with a vocabulary in tiles", async (backend) => {
    const batch = tinyBatch(1, 3, 8);
    const counts = batch.targets.map((target) => target === IGNORED_TARGET ? 0 : 1);
    // Old log-probability, advantage, share.
    const sampled = Float32Array.from(
      [...counts].flatMap((counts, n) =>
        counts ? [-3.4, n < 8 ? 1 : -0.5, 1 / batch.counted] : [0, 0, 0]
      ),
    );
    const options = {
      importance_sampling_level: "token",
      epsilon: 0.2,
      epsilon_high: 0.3,
      beta: 0,
      temperature: 0.8,
    } as const;
    const runs = [];
    for (const tiles of [{}, { tileColumns: 16 }]) {
      const model = await tinyModel(backend, { kind: "full" });
      const step = new GrpoStep(model, batch.ids.length, { ...options, ...tiles });
      const metrics = [];
      for (let t = 1; t <= 3; t++) metrics.push(await step.run([{ ...batch, sampled }], ADAMW, t));
      runs.push(metrics.flatMap((each) => Object.values(each)));
      step.free();
      model.free();
    }
    const [whole, tiled] = runs as [number[], number[]];
    assert.ok(whole.every(Number.isFinite) && whole.at(-1)! > 1, `entropy ${whole.at(-1)}`);
    assert.notDeepEqual(whole.slice(0, 6), whole.slice(6, 12));
    assertAllclose(tiled, whole, { name: "metrics", shape: [3, 6] }, { atol: 1e-5, rtol: 1e-4 });
  });

  for (const method of [LORA, { kind: "full" }] as const) {
    const learning_rate = method.kind === "full" ? 4e-3 : 1e-2;
    const optimizer = { ...ADAMW, learning_rate };

    test(`${method.kind}: the policy finds the rewarded answer of each problem`, async (backend) => {
      // Larger weights: with a frozen output projection of small ones no answer can become likely.
      const weights = randomWeights(TINY, 7, 0.4);
      const model = await tinyModel(backend, method, { weights });
      const sizes = { batch_size: 64, num_generations: 32, max_completion_length: 1 };
      const events = await collect(
        run(model, { ...sizes, max_steps: 30, eval_steps: 30, tokensPerBatch: 64, optimizer }),
      );
      const before = events.find((event) => event.type === "eval")!;
      const after = events.findLast((event) => event.type === "eval")!;
      assert.equal(before.accuracy, 0);
      assert.equal(after.accuracy, 1);
      const all = steps(events);
      assert.ok(all[0]!.reward_mean < 0.3, `${all[0]!.reward_mean} at first`);
      assert.ok(all.at(-1)!.reward_mean > 0.9, `${all.at(-1)!.reward_mean} in the end`);
      const { kl } = all.find((step) => step.kl !== undefined)!;
      assert.ok(Math.abs(kl!) < 1e-6, `at first it is its own reference: ${kl}`);
      const end = all.findLast((step) => step.kl !== undefined)!;
      assert.ok(end.kl! > 0.1, "it has moved away from the base");
      model.free();
    });

    test(`${method.kind}: sampler and trainer give a token the same probability`, async (backend) => {
      const model = await tinyModel(backend, method);
      const odd = (_: readonly Arm[], completions: readonly Completion[]) =>
        completions.map(({ ids }) => ({ reward: ids[0]! % 2, correct: false }));
      const changes = { grade: odd, max_steps: 2, num_iterations: 2, optimizer };
      const [first, second] = steps(await collect(run(model, changes)));
      assert.ok(first!.ratio_deviation! <= 1e-3, `${first!.ratio_deviation}`);
      assert.equal(first!.clip_ratio, 0);
      assert.ok(second!.ratio_deviation! > 1e-3, "the second update is off-policy");
      model.free();
    });

    test(`${method.kind}: stop and resume equals straight through, bit for bit`, async (backend) => {
      const options = { optimizer, num_iterations: 2, max_steps: 8, save_steps: 4, eval_steps: 4 };
      const straightModel = await tinyModel(backend, method);
      const straight = await collect(run(straightModel, options));
      const expected = await parameters(straightModel);
      straightModel.free();

      const stopped = await tinyModel(backend, method);
      const half = await collect(run(stopped, { ...options, max_steps: 4 }));
      stopped.free();
      const last = half.findLast((event) => event.type === "checkpoint")!;
      const files = stateFiles(last.state);
      const resume = await readState(
        new TextDecoder().decode(files.get("trainer_state.json")!),
        bytesSource(files.get("optimizer.safetensors")!, "optimizer.safetensors"),
      );
      const resumed = await tinyModel(backend, method);
      const rest = await collect(run(resumed, { ...options, resume }));
      assertSameBits(await parameters(resumed), expected, whole(expected));
      resumed.free();
      const later = straight.filter((event) => "step" in event && event.step > 4);
      assert.deepEqual(rest.filter((event) => "step" in event && event.step > 4), later);
    });
  }

  test("two runs of one seed give the same bits, another seed does not", async (backend) => {
    const results: { values: Float32Array; rewards: number[] }[] = [];
    for (const seed of [11, 11, 12]) {
      const model = await tinyModel(backend);
      const events = await collect(run(model, { seed, max_steps: 4 }));
      results.push({
        values: await parameters(model),
        rewards: steps(events).map((step) => step.reward_mean),
      });
      model.free();
    }
    const [first, again, other] = results;
    assertSameBits(again!.values, first!.values, whole(first!.values));
    assert.deepEqual(again!.rewards, first!.rewards);
    assert.notDeepEqual(other!.values, first!.values);
  });

  test("completions are laid out in as many passes as they need, with the same result", async (backend) => {
    const results: Float32Array[] = [];
    for (const tokensPerBatch of [32, 128]) {
      const model = await tinyModel(backend);
      await collect(run(model, { tokensPerBatch, max_steps: 3 }));
      results.push(await parameters(model));
      model.free();
    }
    const furthest = results[0]!.reduce(
      (most, x, i) => Math.max(most, Math.abs(x - results[1]![i]!)),
      0,
    );
    assert.ok(furthest < 2e-4, `parameters differ by ${furthest}`);
  });

  test("completions that wait for pages are the same, and what is learnt from them", async (backend) => {
    const sizes = { batch: 8, maxPromptLength: 20, maxCompletionLength: 24 };
    const asked = [integers(1, 20, TINY.vocab_size), integers(2, 18, TINY.vocab_size)]
      .map((prompt, i): Arm => ({ prompt, answer: 26 + i }));
    const problems = { ...arms(), next: () => asked };
    const results = [];
    // Two pages of each prompt, two of each completion; then room for a prompt and two completions.
    for (const pages of [2 * 2 + 8 * 2, 2 + 2 * 2]) {
      const model = await tinyModel(backend);
      const generator = createGenerator(model, { ...sizes, pages });
      const events = await collect(run(model, {
        generator,
        problems,
        evalProblems: asked,
        batch_size: 8,
        num_generations: 4,
        max_completion_length: sizes.maxCompletionLength,
        tokensPerBatch: 8 * 44,
        grade: (_, completions) =>
          completions.map(({ ids }) => ({ reward: ids.length % 5 + ids[0]! % 3, correct: false })),
        max_steps: 2,
        eval_steps: 1,
      }));
      results.push({ events, values: await parameters(model) });
      generator.free();
      model.free();
    }
    const [roomy, tight] = results;
    assert.deepEqual(tight!.events, roomy!.events);
    assertSameBits(tight!.values, roomy!.values, whole(roomy!.values));
    const lengths = new Set(
      roomy!.events.flatMap((event) =>
        event.type === "rollout" ? event.completions.map((one) => one.completion.ids.length) : []
      ),
    );
    assert(lengths.size > 2, `completions of ${[...lengths]} tokens`);
  });

  test("a KL term holds the policy near the base", async (backend) => {
    const reached: number[] = [];
    for (const beta of [0, 1]) {
      const model = await tinyModel(backend);
      const events = await collect(run(model, { beta, max_steps: 16, eval_steps: 100 }));
      reached.push(steps(events).at(-1)!.kl!);
      model.free();
    }
    assert.ok(reached[1]! < reached[0]! / 2, `KL ${reached[0]} without, ${reached[1]} with`);
  });

  test("the reference of a mixture of experts has its experts too", async (backend) => {
    const { config, weights, lora, batch } = await numericsCase("qwen3-moe-experts");
    const options = { backend, config, weights, dtype: "f32" as const, seed: 1 };
    const base = await createModel({ ...options, method: { kind: "full", target_modules: "all" } });
    const adapted = await createModel({ ...options, method: lora });
    const expected = await logitsOf(base, batch);
    for (const model of [base, adapted]) {
      const reference = await referenceModel(model);
      const name = `logits of the reference of ${model.method.kind}`;
      assertAllclose(await logitsOf(reference, batch), expected, {
        name,
        shape: [expected.length],
      }, { atol: 1e-4, rtol: 1e-4 });
      reference.free();
      model.free();
    }
  });

  test("truncated completions count nothing where they are masked", async (backend) => {
    const model = await tinyModel(backend);
    const before = await parameters(model);
    const events = await collect(run(model, {
      stopTokens: [],
      mask_truncated_completions: true,
      max_steps: 1,
    }));
    const [step] = steps(events);
    assert.equal(step!.truncated_ratio, 1);
    assert.equal(step!.trained_tokens, 0);
    assert.equal(step!.grad_norm, 0);
    assertSameBits(await parameters(model), before, whole(before));
    model.free();
  });

  test("a run that never sees a reward ends and says so", async (backend) => {
    const model = await tinyModel(backend);
    const live = backend.memory().buffers;
    const nothing = (problems: readonly Arm[]) =>
      problems.map(() => ({ reward: 0, correct: false }));
    await assert.rejects(
      collect(run(model, { grade: nothing, max_steps_without_reward: 2, max_steps: 50 })),
      (error: unknown) => error instanceof NoRewardError && error.step === 2,
    );
    assert.equal(backend.memory().buffers, live, "the step's memory was given back");
    model.free();
  });

  test("an abort during sampling leaves a checkpoint before those completions", async (backend) => {
    const model = await tinyModel(backend);
    const stop = new AbortController();
    const slow = slowGenerator(model);
    let calls = 0;
    const generator = {
      ...slow,
      generate: (...args: Parameters<typeof slow.generate>) => {
        // The first call evaluates, the second and third sample.
        if (++calls === 3) stop.abort();
        return slow.generate(...args);
      },
    };
    const events = await collect(run(model, { generator, signal: stop.signal }));
    const end = events.at(-1)!;
    assert.ok(end.type === "end" && end.reason === "aborted" && end.step === 1);
    const { state } = events.findLast((event) => event.type === "checkpoint")!;
    assert.equal(state.step, 1);
    assert.equal((state.cursor as { problems: number }).problems, 2);
    model.free();
  });
});
