// Reinforcement learning end to end: warm-up, sampling, verifier, updates, over HTTP; killed in the
// middle and resumed.

import assert from "@std/assert";
import { makeTinyHome } from "../runs/tiny_home.ts";
import { sumsSpec, writeRows, writeSums } from "../runs/tiny_sums.ts";
import { type ReceivedEvent, Service } from "./service.ts";

const dataOf = (events: ReceivedEvent[], type: string) =>
  events.filter((event) => event.type === type).map(({ data }) => data);

Deno.test("a grpo run goes from POST to a better policy, with its completions and metrics", async () => {
  await using tiny = await makeTinyHome();
  await writeSums(tiny.home);
  await using service = await Service.start(tiny.home);
  const id = await service.post(sumsSpec());
  const events = await service.events(id);
  assert.equal(events.at(-1)!.type, "succeeded", JSON.stringify(events.at(-1)!.data));
  const [device] = dataOf(events, "device");
  assert.deepEqual(device.skipped, { unverifiable: 2, too_long: 0 });
  assert.equal(device.problems, 16);
  assert.equal(dataOf(events, "warm_up").at(-1)!.step, 20);

  const steps = dataOf(events, "step");
  assert.deepEqual(steps.map(({ step }) => step), Array.from({ length: 24 }, (_, i) => i + 1));
  const first = steps[0]!;
  assert.ok(
    first.ratio_deviation <= 1e-3,
    `sampler and learner differ by ${first.ratio_deviation}`,
  );
  assert.ok(first.reward_mean > 0 && first.reward_mean < 1, "there is something to learn");
  for (
    const name of [
      "loss",
      "grad_norm",
      "reward_std",
      "frac_reward_zero_std",
      "completion_length",
      "truncated_ratio",
      "entropy",
      "kl",
      "clip_ratio",
      "problems_per_s",
      "sampling_tokens_per_s",
      "training_tokens_per_s",
    ]
  ) assert.equal(typeof first[name], "number", name);
  assert.equal(steps.at(-1)!.episodes, 24 * 32);
  assert.ok(steps.at(-1)!.kl > 0);

  const stored = dataOf(events, "completions");
  assert.deepEqual(stored.map(({ step }) => step), [1, 8, 16, 24]);
  const [one] = stored[0]!.completions;
  assert.match(one.prompt, /^\d\+\d=\?$/);
  assert.equal(typeof one.completion, "string");
  assert.equal(one.reward, one.correct ? 1 : 0);

  const evals = dataOf(events, "eval");
  assert.deepEqual(evals.map(({ step }) => step), [0, 12, 24]);
  for (const { accuracy, accuracy_low, accuracy_high } of evals) {
    assert.ok(accuracy_low <= accuracy && accuracy <= accuracy_high);
  }
  const { result } = await service.json(`/v1/runs/${id}`);
  assert.equal(result.initial_accuracy, evals[0]!.accuracy);
  assert.equal(result.accuracy, evals[2]!.accuracy);
  assert.ok(result.accuracy > result.initial_accuracy, JSON.stringify(result));
  const csv = await (await fetch(`${service.url}/v1/runs/${id}/metrics?format=csv`)).text();
  assert.match(csv.split("\n")[0]!, /reward_mean.*accuracy/);

  // The second run of the same warm-up finds it made.
  const again = await service.post(sumsSpec({}, { max_steps: 1 }));
  const next = await service.events(again);
  assert.equal(next.at(-1)!.type, "succeeded");
  assert.deepEqual(dataOf(next, "warm_up"), []);
  assert.equal(dataOf(next, "eval")[0]!.accuracy, evals[0]!.accuracy);
});

Deno.test("a grpo run that is killed goes on from its checkpoint bit for bit", async () => {
  await using tiny = await makeTinyHome();
  await writeSums(tiny.home);
  await using service = await Service.start(tiny.home);
  const spec = () => sumsSpec({ num_iterations: 2 }, { max_steps: 160, save_steps: 16 });
  const curve = async (id: string) => {
    const { points } = await service.json(`/v1/runs/${id}/metrics`);
    return points.map((point: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(point).filter(([name]) => !name.endsWith("_per_s")))
    );
  };
  const undisturbed = await service.post(spec());
  await service.events(undisturbed);

  const killed = await service.post(spec());
  const before = await service.events(killed, 0, ({ type }) => type === "checkpoint");
  Deno.kill(dataOf(before, "device")[0]!.pid, "SIGKILL");
  const after = await service.events(killed, before.at(-1)!.id);
  assert.equal(after.at(-1)!.type, "succeeded");
  assert.ok(dataOf(after, "device")[0]!.resumed_from_step >= 16);
  assert.deepEqual(await curve(killed), await curve(undisturbed));
});

Deno.test("a grpo run without a single reward fails and says so", async () => {
  await using tiny = await makeTinyHome();
  await writeRows(tiny.home, "hopeless.jsonl", [{ question: "1+1=?", answer: "12345" }]);
  await using service = await Service.start(tiny.home);
  const id = await service.post(
    sumsSpec({
      dataset: { file: "hopeless.jsonl" },
      eval_dataset: undefined,
      warm_up: undefined,
      max_steps_without_reward: 3,
    }, { batch_size: 8 }),
  );
  const events = await service.events(id);
  assert.equal(events.at(-1)!.type, "failed");
  const run = await service.json(`/v1/runs/${id}`);
  assert.equal(run.error.type, "NoRewardError");
  assert.match(run.error.message, /none of 24 completions in 3 steps was rewarded/);
});
