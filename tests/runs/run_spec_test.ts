import assert from "@std/assert";
import fc from "fast-check";
import { parseRunSpec } from "../../runs/spec/parse_spec.ts";
import { InvalidSpecError, type Problem } from "../../runs/spec/problems.ts";
import { RunSpec } from "../../runs/spec/run_spec.ts";
import { canonicalJson, specHash } from "../../runs/spec/spec_hash.ts";

const minimal = {
  model: "noregret/tiny",
  method: { kind: "lora", r: 8 },
  task: { kind: "sft", dataset: "stdlib/moby-dick" },
};

function problemsOf(input: unknown): readonly Problem[] {
  try {
    parseRunSpec(input);
  } catch (error) {
    if (!(error instanceof InvalidSpecError)) throw error;
    return error.problems;
  }
  throw new assert.AssertionError({ message: "The spec was accepted" });
}

Deno.test("parseRunSpec() fills in the defaults of DESIGN's wire names", () => {
  const spec = parseRunSpec(minimal);
  assert.deepEqual(spec.optimizer, {
    learning_rate: 3e-4,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weight_decay: 0,
    max_grad_norm: 1,
    lr_scheduler_type: "constant",
  });
  assert.deepEqual(spec.method, {
    kind: "lora",
    r: 8,
    lora_alpha: 32,
    target_modules: "all",
    init: "peft",
  });
  assert.ok(spec.task.kind === "sft" && spec.task.packing);
  assert.equal(spec.batch_size, 32);
});

Deno.test("parseRunSpec() takes nf4 weights under a LoRA", () => {
  assert.equal(parseRunSpec({ ...minimal, dtype: "nf4" }).dtype, "nf4");
});

Deno.test("parseRunSpec() names an unknown key, where it is, and the key that was meant", () => {
  const [problem, ...rest] = problemsOf({ ...minimal, optimizer: { learning_rte: 1 } });
  assert.deepEqual(rest, []);
  assert.equal(problem!.path, "/optimizer/learning_rte");
  assert.match(problem!.message, /did you mean "learning_rate"/);
  assert(problem!.allowed!.includes("max_grad_norm"));
});

Deno.test("parseRunSpec() names the keys of the method's own kind", () => {
  const [problem] = problemsOf({ ...minimal, method: { kind: "full", r: 8 } });
  assert.deepEqual(problem, {
    path: "/method/r",
    message: 'Unknown key "r"',
    allowed: ["kind", "target_modules"],
  });
});

Deno.test("parseRunSpec() says what a value may be and what it was", () => {
  const cases: [Record<string, unknown>, string, RegExp][] = [
    [{ method: { kind: "lora", r: 0 } }, "/method/r", /at least 1 but found 0/],
    [{ method: { kind: "lora", r: 513 } }, "/method/r", /at most 512 but found 513/],
    [{ method: { kind: "lora", r: 1.5 } }, "/method/r", /int but found 1.5/],
    [{ method: { kind: "lora" } }, "/method/r", /Missing: expected number/],
    [{ method: { kind: "dora", r: 1 } }, "/method/kind", /one of "lora", "full"/],
    [{ method: undefined }, "/method", /Missing: expected object/],
    [{ backend: "cuda" }, "/backend", /one of "auto", "cpu", "webgpu" but found "cuda"/],
    [{ backend: "webpgu" }, "/backend", /did you mean "webgpu"/],
    [{ model: "../secrets" }, "/model", /Expected letters/],
    [{ model: "a/../../b" }, "/model", /Expected letters/],
    [{ batch_size: 8, gradient_accumulation_steps: 3 }, "/gradient_accumulation_steps", /divisor/],
    [
      { method: { kind: "full" }, dtype: "nf4" },
      "/dtype",
      /Expected "f32" or "bf16" with method "full" but found "nf4": only frozen weights/,
    ],
    [
      { method: { kind: "lora", r: 1, target_modules: 7 } },
      "/method/target_modules",
      /Expected "all" or "attention".* but found 7/,
    ],
    [
      { task: { kind: "sft", dataset: { file: "../../etc/passwd.jsonl" } } },
      "/task/dataset/file",
      /relative path/,
    ],
    [
      { task: { kind: "sft", dataset: { inline: { input_ids: [[1, 2]], labels: [[1]] } } } },
      "/task/dataset/inline/labels/0",
      /Expected 2 labels/,
    ],
    [
      { task: { kind: "sft", dataset: { inline: { input_ids: [[1, 2]], labels: [[1, 2, 3]] } } } },
      "/task/dataset/inline/labels/0",
      /Expected 2 labels/,
    ],
    [
      { task: { kind: "sft", dataset: { inline: { input_ids: [[1, 2]], labels: [[1, -100]] } } } },
      "/task/dataset/inline/labels",
      /a label that counts/,
    ],
    [
      { task: { kind: "sft", dataset: { inline: { input_ids: [[1, -2]] } } } },
      "/task/dataset/inline/input_ids/0/1",
      /at least 0 but found -2/,
    ],
    [
      { task: { kind: "sft", dataset: { inline: { input_ids: [[1, 2]], labels: [[1, -1]] } } } },
      "/task/dataset/inline/labels/0/1",
      /Expected -100 or an integer of at least 0 but found -1/,
    ],
    [
      { task: { kind: "sft", dataset: { inline: { input_ids: [[1, 2], [3]] } } } },
      "/task/dataset/inline/input_ids/1",
      /at least 2 token ids but found 1/,
    ],
    [
      { task: { kind: "sft", dataset: { inline: { input_ids: [[1, 2], "x"] } } } },
      "/task/dataset/inline/input_ids/1",
      /Expected an array but found "x"/,
    ],
    [
      { task: { kind: "sft", dataset: { inline: { labels: [[1, 2]] } } } },
      "/task/dataset/inline/input_ids",
      /an array of rows/,
    ],
  ];
  for (const [change, path, message] of cases) {
    const problems = problemsOf({ ...minimal, ...change });
    assert.deepEqual(problems.map((problem) => problem.path), [path], JSON.stringify(problems));
    assert.match(problems[0]!.message, message);
  }
});

Deno.test("parseRunSpec() reports every bad field at once", () => {
  const problems = problemsOf({ ...minimal, seed: -1, method: { kind: "lora", r: 0 }, extra: 1 });
  assert.deepEqual(problems.map(({ path }) => path).sort(), ["/extra", "/method/r", "/seed"]);
});

/** Specs as clients may write them. */
const specs = fc.record({
  model: fc.constantFrom("noregret/tiny", "my-model", "a.b/c_d"),
  backend: fc.constantFrom("auto", "cpu", "webgpu"),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
  method: fc.oneof(
    fc.record({
      kind: fc.constant("lora"),
      r: fc.integer({ min: 1, max: 512 }),
      lora_alpha: fc.double({ min: 0.01, max: 1000, noNaN: true }),
      target_modules: fc.oneof(
        fc.constantFrom("all", "attention", "mlp"),
        fc.array(fc.constantFrom("q_proj", "down_proj"), { minLength: 1, maxLength: 3 }),
      ),
    }, { requiredKeys: ["kind", "r"] }),
    fc.record({ kind: fc.constant("full") }),
  ),
  task: fc.record({
    kind: fc.constant("sft"),
    dataset: fc.oneof(
      fc.constant("stdlib/sotu"),
      fc.record({ name: fc.string({ minLength: 1 }), limit: fc.integer({ min: 1, max: 9999 }) }, {
        requiredKeys: ["name"],
      }),
      fc.constant({ file: "data/rows.jsonl" }),
      fc.constant({ inline: { input_ids: [[1, 2, 3]], labels: [[-100, 2, 3]] } }),
    ),
    packing: fc.boolean(),
  }, { requiredKeys: ["kind", "dataset"] }),
  max_steps: fc.integer({ min: 1, max: 100000 }),
}, { requiredKeys: ["model", "method", "task"] });

Deno.test("parseRunSpec() gives the same spec when its own answer is parsed again", () => {
  fc.assert(fc.property(specs, (input) => {
    const once = parseRunSpec(input);
    assert.deepEqual(parseRunSpec(JSON.parse(JSON.stringify(once))), once);
  }));
});

Deno.test("parseRunSpec() either accepts what it is given or throws InvalidSpecError with a path", () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.tuple(specs, fc.constantFrom("method", "task", "model", "seed", "optimizer"), fc.jsonValue())
      .map(([spec, key, value]) => ({ ...spec, [key]: value })),
  );
  fc.assert(
    fc.property(anything, (input) => {
      try {
        parseRunSpec(input);
      } catch (error) {
        if (!(error instanceof InvalidSpecError)) throw error;
        assert(error.problems.length > 0);
        for (const { path } of error.problems) assert.match(path, /^(\/.*)?$/);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("specHash() depends on the values alone, not on the order of keys or on written-out defaults", () => {
  const reversed = (value: unknown): unknown =>
    Array.isArray(value) || typeof value !== "object" || value === null
      ? value
      : Object.fromEntries(Object.entries(value).reverse().map(([k, v]) => [k, reversed(v)]));
  fc.assert(fc.property(specs, (input) => {
    const spec = parseRunSpec(input);
    const again = parseRunSpec(reversed(JSON.parse(JSON.stringify(spec))));
    assert.equal(specHash(again), specHash(spec));
    assert.notEqual(specHash({ ...spec, seed: (spec.seed + 1) % 2 ** 32 }), specHash(spec));
  }));
});

Deno.test("canonicalJson() parses back to the value it was made from", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
  }));
});

Deno.test("RunSpec's defaults are themselves valid", () => {
  assert.equal(RunSpec.safeParse(parseRunSpec(minimal)).success, true);
});

Deno.test("parseRunSpec() answers a million wrong token ids with the first of them", () => {
  const input_ids = Array.from({ length: 20_000 }, () => Array.from({ length: 50 }, () => "x"));
  const problems = problemsOf({
    ...minimal,
    task: { kind: "sft", dataset: { inline: { input_ids } } },
  });
  assert.deepEqual(problems.map(({ path }) => path), ["/task/dataset/inline/input_ids/0/0"]);
});

Deno.test("parseRunSpec() gives a grpo task TRL's names and the paper's defaults", () => {
  const spec = parseRunSpec({
    ...minimal,
    task: { kind: "grpo", dataset: "openai/gsm8k" },
  });
  if (spec.task.kind !== "grpo") throw new TypeError("It is another task");
  const { num_generations, temperature, beta, epsilon, scale_rewards, loss_type } = spec.task;
  assert.deepEqual([num_generations, temperature, beta, epsilon], [32, 0.8, 0, 0.2]);
  assert.deepEqual([scale_rewards, loss_type], [false, "grpo"]);
});

Deno.test("parseRunSpec() refuses a group of one, and a batch that is no whole number of groups", () => {
  const grpo = (changes: Record<string, unknown>, rest: Record<string, unknown> = {}) => ({
    ...minimal,
    task: { kind: "grpo", dataset: "openai/gsm8k", ...changes },
    ...rest,
  });
  const [alone] = problemsOf(grpo({ num_generations: 1 }));
  assert.equal(alone!.path, "/task/num_generations");
  assert.match(alone!.message, /at least 2/);
  const [uneven] = problemsOf(grpo({ num_generations: 8 }, { batch_size: 20 }));
  assert.equal(uneven!.path, "/batch_size");
  assert.match(uneven!.message, /a multiple of num_generations \(8\) but found 20/);
  const [unknown] = problemsOf(grpo({ num_generation: 8 }));
  assert.match(unknown!.message, /did you mean "num_generations"/);
});
