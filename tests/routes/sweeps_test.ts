import assert from "@std/assert";
import { tinySpec } from "../runs/tiny_home.ts";
import { makeApp, problemOf } from "./make_app.ts";

const request = (changes = {}) => ({
  spec: tinySpec(),
  grid: { "optimizer.learning_rate": [1e-3, 1e-2], "method.r": [1, 2, 4] },
  ...changes,
});

Deno.test("POST /v1/sweeps queues every combination and says where the sweep is", async () => {
  await using service = await makeApp();
  const response = await service.post("/v1/sweeps", request());
  assert.equal(response.status, 202);
  const sweep = await response.json();
  assert.equal(response.headers.get("Location"), `/v1/sweeps/${sweep.id}`);
  assert.deepEqual([sweep.total, sweep.finished, sweep.status], [6, 0, "running"]);
  assert.deepEqual(sweep.runs[1].changes, { "optimizer.learning_rate": 1e-3, "method.r": 2 });
  const { runs } = await (await service.app.request("/v1/runs")).json();
  assert.equal(runs.length, 6);

  const page = await (await service.app.request("/v1/sweeps")).json();
  assert.deepEqual(page.sweeps.map(({ id }: { id: string }) => id), [sweep.id]);
  const cancelled = await service.post(`/v1/sweeps/${sweep.id}/cancel`, {});
  assert.equal((await cancelled.json()).finished, 6);
});

Deno.test("POST /v1/sweeps takes a list of changes", async () => {
  await using service = await makeApp();
  const list = [{ seed: 1 }, { seed: 2, "method.r": 8 }];
  const response = await service.post("/v1/sweeps", request({ grid: undefined, list }));
  assert.equal(response.status, 202);
  const { runs } = await response.json();
  assert.deepEqual(runs.map(({ changes }: { changes: unknown }) => changes), list);
});

Deno.test("POST /v1/sweeps refuses the whole sweep for one bad run, and says which", async () => {
  await using service = await makeApp();
  const cases: [object, RegExp][] = [
    [{ grid: { "optimizer.learning_rte": [1] } }, /learning_rte.*did you mean "learning_rate"/],
    [{ grid: { "method.r": [1, 0] } }, /at least 1.*"method\.r":0/],
    [{ grid: { seed: [1, 1] } }, /different runs/],
    [{ grid: { model: ["tiny", "huge"] } }, /Unknown model "huge".*with.*"model":"huge"/],
    [{ grid: undefined }, /either grid or list/],
    [{ metric: "loss" }, /"eval_nll"/],
  ];
  for (const [changes, message] of cases) {
    const { errors } = await problemOf(service.post("/v1/sweeps", request(changes)), 422);
    assert.match(errors[0].message, message);
  }
  const { runs } = await (await service.app.request("/v1/runs")).json();
  assert.deepEqual(runs, []);
});

Deno.test("a sweep that is not there is a problem", async () => {
  await using service = await makeApp();
  await problemOf(service.app.request("/v1/sweeps/none"), 404);
  await problemOf(service.post("/v1/sweeps/none/cancel", {}), 404);
});
