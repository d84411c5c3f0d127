import assert from "@std/assert";
import { expandGrid } from "../../experiments/grid.ts";
import { endedLines, progressLine } from "../../experiments/progress.ts";
import type { SweepProgress } from "../../experiments/runner.ts";
import type { Run } from "../../runs/spec/run.ts";

const [spec] = expandGrid({
  model: "noregret/tiny",
  method: { kind: "lora", r: 4 },
  task: { kind: "sft", dataset: "stdlib/moby-dick" },
}, {});

const run = (change: Partial<Run>): Run => ({
  id: "run",
  status: "running",
  spec: spec!,
  spec_hash: "",
  code_version: "test",
  backend: "cpu",
  device: "cpu",
  attempts: 1,
  progress: null,
  metrics: null,
  result: null,
  error: null,
  created_at: "2026-01-01T00:00:00.000Z",
  started_at: null,
  finished_at: null,
  ...change,
});

const progress: SweepProgress = {
  total: 8,
  finished: 3,
  skipped: 1,
  running: [run({ metrics: { step: 8, train_nll: 1.9 } }), run({})],
  ended: [],
  share: 0.5,
  tokensPerSecond: 9_000.4,
  secondsLeft: 61,
};

Deno.test("progressLine() says runs done, losses, speed and time left", () => {
  assert.equal(
    progressLine(progress),
    `${"█".repeat(12)}${"░".repeat(12)} 3/8 runs · loss 1.900 · 9000 tokens/s · 1:01 left`,
  );
  assert.equal(
    progressLine({
      ...progress,
      running: [],
      tokensPerSecond: 0,
      secondsLeft: undefined,
      share: 1,
    }),
    `${"█".repeat(24)} 3/8 runs`,
  );
});

Deno.test("endedLines() counts runs that end together one by one, and says how each ended", () => {
  const result = {
    steps: 8,
    tokens: 2048,
    train_nll: 1.9,
    initial_eval_nll: 2,
    eval_nll: 1.81234,
    eval_bits: 2.6,
    best_eval_nll: 1.81234,
    eval_tokens: 100,
    trainable_parameters: 10,
    peak_memory_bytes: 1,
    seconds: 2.04,
    adapter: null,
  };
  const ended = [
    run({ status: "succeeded", result }),
    run({ status: "failed", error: { type: "DivergedError", message: "", step: 5 } }),
  ];
  assert.deepEqual(endedLines({ ...progress, ended, secondsLeft: undefined }), [
    "2/8 LoRA r=4, lr 0.0003: test NLL 1.8123 in 2.0 s",
    "3/8 LoRA r=4, lr 0.0003: diverged at step 5",
  ]);
});
