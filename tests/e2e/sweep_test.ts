import assert from "@std/assert";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { Service } from "./service.ts";

Deno.test("a sweep names its best run and gives up on one that learns nothing", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home, { NOREGRET_JOBS: "1" });
  // The second run would take minutes: it is stopped long before.
  const request = {
    spec: tinySpec({ eval_steps: 10 }),
    list: [
      { "optimizer.learning_rate": 0.01, max_steps: 60 },
      { "optimizer.learning_rate": 1e-9, batch_size: 1, max_steps: 8000 },
    ],
    early_stopping: { margin: 0.05 },
  };
  const { id } = await service.json("/v1/sweeps", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  }, 202);
  const sweep = await service.sweep(id);
  const [good, bad] = sweep.runs;
  assert.deepEqual([good.status, bad.status], ["succeeded", "cancelled"]);
  assert.deepEqual([good.stopped_early, bad.stopped_early], [false, true]);
  assert.equal(sweep.best.run_id, good.run_id);
  assert(bad.value > good.value + 0.05);
});
