// Every kind of data set that ships, trained on as a client would: by its name, with the model's own template.

import assert from "@std/assert";
import { makeTinyHome } from "../runs/tiny_home.ts";
import { Service } from "./service.ts";

const NAMES = [
  "noregret/chat",
  "noregret/reasoning",
  "noregret/grade-school-1",
  "noregret/grade-school-4",
  "noregret/competition",
] as const;

Deno.test("each data set that ships is learnt from, and its held-out split is measured", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const ids = new Map<string, string>();
  for (const name of NAMES) {
    ids.set(
      name,
      await service.post({
        model: "noregret/tiny",
        backend: "cpu",
        method: { kind: "lora", r: 16 },
        task: {
          kind: "sft",
          dataset: { name, limit: 64 },
          eval_dataset: { name, split: "test", limit: 8 },
          num_epochs: 10,
        },
        optimizer: { learning_rate: 2e-3 },
        batch_size: 2,
        max_steps: 8,
        logging_steps: 1,
      }),
    );
  }
  for (const [name, id] of ids) {
    const last = (await service.events(id)).at(-1)!;
    assert.equal(last.type, "succeeded", `${name}: ${JSON.stringify(last)}`);
    const { result } = await service.json(`/v1/runs/${id}`);
    assert.equal(result.steps, 8, name);
    assert(result.eval_tokens > 100, `${name}: ${result.eval_tokens}`);
    const gain = result.initial_eval_nll - result.eval_nll;
    assert(gain > 0.05, `${name}: ${JSON.stringify(result)}`);
  }
});

Deno.test("ten short rows with the default max_length take a small batch's time and memory", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const input_ids = Array.from(
    { length: 10 },
    (_, row) => [...new TextEncoder().encode(`row ${row} is short`)],
  );
  const id = await service.post({
    model: "noregret/tiny",
    backend: "cpu",
    method: { kind: "lora", r: 4 },
    task: { kind: "sft", dataset: { inline: { input_ids } }, packing: false },
  });
  const events = await service.events(id);
  assert.equal(events.at(-1)!.type, "succeeded", JSON.stringify(events.at(-1)));
  const { result } = await service.json(`/v1/runs/${id}`);
  assert.equal(result.steps, 1);
  // 32 rows of 512 tokens would keep over 100 MB for the backward pass.
  assert(result.peak_memory_bytes < 40e6, `${result.peak_memory_bytes}`);
  const { data } = events.find(({ type }) => type === "device")!;
  assert(data.planned_memory_bytes < 40e6, `${data.planned_memory_bytes}`);
});
