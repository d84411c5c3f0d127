import assert from "@std/assert";
import { specHash } from "../../../runs/spec/spec_hash.ts";
import { SweepRequest } from "../../../runs/spec/sweep.ts";
import { combinations, varySpec } from "../../../runs/spec/vary_spec.ts";
import { IdempotencyConflictError } from "../../../runs/store/run_store.ts";
import type { NewSweep } from "../../../runs/store/sweep_store.ts";
import { summarize } from "../../../runs/sweeps/summarize.ts";
import { testDatabases } from "../../support/databases.ts";
import { tinySpec } from "../tiny_home.ts";

function newSweep(rates: number[], idempotencyKey?: string, more = {}): NewSweep {
  const spec = { ...tinySpec() };
  const grid = { "optimizer.learning_rate": rates };
  const request = SweepRequest.parse({ spec, grid, ...more });
  const runs = combinations(grid).map((changes) => {
    const varied = varySpec(spec, changes);
    return { spec: varied, specHash: specHash(varied), codeVersion: "test", changes };
  });
  return { request, runs, idempotencyKey };
}

testDatabases("a sweep keeps its runs in order, with what sets them apart", async (one) => {
  const { id } = await one.sweeps.create(newSweep([3e-3, 1e-3, 1e-2]));
  const stored = (await one.sweeps.get(id))!;
  const rates = stored.runs.map(({ changes }) => changes["optimizer.learning_rate"]);
  assert.deepEqual(rates, [3e-3, 1e-3, 1e-2]);
  assert.deepEqual(stored.runs.map(({ run }) => run.spec.optimizer.learning_rate), rates);
  assert.deepEqual(await one.sweeps.list(10), [id]);
  const claimed = [];
  for (let claim; (claim = await one.queue.claim("a"));) claimed.push(claim.id);
  assert.deepEqual(claimed, stored.runs.map(({ run }) => run.id));
  assert.equal((await one.store.list({ limit: 10 })).length, 3);
});

testDatabases(
  "the runs of a sweep are claimed like any other, and the best one is named",
  async (one) => {
    const { id } = await one.sweeps.create(newSweep([1e-3, 1e-2]));
    assert.equal(summarize((await one.sweeps.get(id))!).best, null);
    for (const eval_nll of [2.5, 2.25]) {
      const claim = (await one.queue.claim("a"))!;
      await one.store.finish(claim, {
        status: "succeeded",
        result: {
          steps: 1,
          tokens: 1,
          train_nll: 2,
          initial_eval_nll: 3,
          eval_nll,
          eval_bits: null,
          best_eval_nll: eval_nll,
          eval_tokens: 1,
          trainable_parameters: 1,
          peak_memory_bytes: 1,
          seconds: 1,
          adapter: null,
        },
      });
    }
    const sweep = summarize((await one.sweeps.get(id))!);
    assert.deepEqual([sweep.status, sweep.finished, sweep.progress], ["done", 2, 1]);
    assert.equal(sweep.best!.value, 2.25);
  },
);

testDatabases(
  "the same key gives the same sweep, and none for a different request",
  async (one) => {
    const first = await one.sweeps.create(newSweep([1e-3], "key"));
    const again = await one.sweeps.create(newSweep([1e-3], "key"));
    assert.deepEqual([first.created, again.created], [true, false]);
    assert.equal(again.id, first.id);
    await assert.rejects(one.sweeps.create(newSweep([2e-3], "key")), IdempotencyConflictError);
    assert.equal((await one.store.list({ limit: 10 })).length, 1);
  },
);

testDatabases("only sweeps that ask for early stopping and train are looked after", async (one) => {
  await one.sweeps.create(newSweep([1e-3]));
  const { id } = await one.sweeps.create(newSweep([2e-3], undefined, { early_stopping: {} }));
  assert.deepEqual(await one.sweeps.withEarlyStopping(), []);
  for (let i = 0; i < 2; i++) await one.queue.claim("a");
  assert.deepEqual(await one.sweeps.withEarlyStopping(), [id]);
  const [run] = (await one.sweeps.get(id))!.runs;
  await one.sweeps.markStoppedEarly(id, run!.run.id);
  assert.equal((await one.sweeps.get(id))!.runs[0]!.stoppedEarly, true);
  const error = { type: "DivergedError", message: "" };
  await one.store.finish({ id: run!.run.id, attempt: 1 }, { status: "failed", error });
  assert.equal((await one.sweeps.get(id))!.runs[0]!.stoppedEarly, false, "it was faster");
});

testDatabases(
  "a run that has failed shares its base again from its next checkpoint",
  async (one) => {
    const { id } = await one.sweeps.create(newSweep([1e-3], undefined, { shared_base: true }));
    const claim = (await one.queue.claim("a"))!;
    assert.equal((await one.sweeps.sharing(claim.id))!.id, id);
    await one.queue.retry(claim, { type: "Killed", message: "" });
    await one.advance(1_000_000);
    const again = (await one.queue.claim("a"))!;
    assert.equal(await one.sweeps.sharing(again.id), undefined);
    await one.store.report(again, { checkpointed: true });
    assert.equal((await one.sweeps.sharing(again.id))!.id, id);
  },
);
