import assert from "@std/assert";
import fc from "fast-check";
import type { MemoryNeeds, Worker, WorkerDevice } from "../../../runs/spec/worker.ts";
import { fits, type Requirements, waitingFor } from "../../../runs/workers/placement.ts";
import { parseRunSpec } from "../../../runs/spec/parse_spec.ts";
import { specHash } from "../../../runs/spec/spec_hash.ts";
import { LEASE_MS, type TestDatabase, testDatabases } from "../../support/databases.ts";
import { tinySpec } from "../tiny_home.ts";

const GB = 1e9;

function device(
  backend: "cpu" | "webgpu",
  takes_auto: boolean,
  memory_bytes: number | null,
): WorkerDevice {
  return { name: backend, backend, takes_auto, memory_bytes, limits: {} };
}

function worker(devices: WorkerDevice[], status: Worker["status"] = "ready"): Worker {
  const at = new Date(0).toISOString();
  return {
    id: "a:1",
    host: "a",
    pid: 1,
    version: "0",
    status,
    devices,
    run_ids: [],
    started_at: at,
    heartbeat_at: at,
  };
}

const asks = (wants: Requirements["wants"], cpu: number | null, webgpu: number | null) => ({
  wants,
  needs: { cpu, webgpu },
});

Deno.test("waitingFor() names what no living worker has", () => {
  const cpu = worker([device("cpu", true, 4 * GB)]);
  const gpu = worker([device("webgpu", true, 80 * GB), device("cpu", false, 4 * GB)]);
  assert.equal(waitingFor(asks("auto", 1 * GB, 1 * GB), [cpu]), null);
  assert.equal(waitingFor(asks("auto", 60 * GB, 50 * GB), [cpu, gpu]), null);
  assert.equal(waitingFor(asks("auto", null, null), [cpu]), null);
  assert.equal(waitingFor(asks("auto", 1 * GB, 1 * GB), []), "a worker: none is alive");
  assert.equal(
    waitingFor(asks("auto", 1 * GB, 1 * GB), [worker(gpu.devices, "draining")]),
    "a worker: none is alive",
  );
  assert.equal(
    waitingFor(asks("webgpu", null, 1 * GB), [cpu]),
    'a worker with backend "webgpu": none that is alive has it',
  );
  assert.equal(
    waitingFor(asks("auto", 60 * GB, 50 * GB), [cpu]),
    "a worker with a device of 60.0 GB: the largest has 4.00 GB",
  );
  assert.equal(
    waitingFor(asks("auto", 600 * GB, 500 * GB), [cpu, gpu]),
    "a worker with a device of 500 GB: the largest has 80.0 GB",
  );
  // With a GPU the processor takes what asks for it by name alone.
  assert.match(waitingFor(asks("auto", 1 * GB, 90 * GB), [gpu])!, /90\.0 GB/);
  assert.equal(waitingFor(asks("cpu", 1 * GB, null), [gpu]), null);
});

const newRun = (backend: "auto" | "cpu" | "webgpu", needs?: MemoryNeeds) => {
  const spec = parseRunSpec(tinySpec({ backend }));
  return { spec, needs, specHash: specHash(spec), codeVersion: "0.0.1" };
};

async function post(
  one: TestDatabase,
  { wants, needs }: Requirements,
): Promise<string> {
  return (await one.store.create(newRun(wants, needs))).run.id;
}

testDatabases("a claim passes by what its device cannot hold, and keeps the order", async (one) => {
  const huge = await post(one, asks("auto", 50 * GB, 50 * GB));
  const gpuOnly = await post(one, asks("webgpu", null, 1 * GB));
  const small = await post(one, asks("auto", 1 * GB, 1 * GB));
  const unknown = await post(one, asks("cpu", null, null));
  const cpu = device("cpu", true, 4 * GB);
  assert.equal((await one.queue.claim("a", cpu))!.id, small);
  assert.equal((await one.queue.claim("a", cpu))!.id, unknown);
  assert.equal(await one.queue.claim("a", cpu), undefined);
  const gpu = device("webgpu", true, 80 * GB);
  const held = (await one.queue.claim("b", gpu))!;
  assert.equal(held.id, huge);
  assert.deepEqual(await one.workers.waiting(), [{ ...asks("webgpu", null, 1 * GB), runs: 1 }]);
  // What a worker learns of a run decides who gets it next.
  await one.store.report(held, { needs: { cpu: 50 * GB, webgpu: 90 * GB } });
  await one.queue.release(held);
  assert.equal((await one.queue.claim("b", gpu))!.id, gpuOnly);
  assert.equal(await one.queue.claim("b", gpu), undefined);
  assert.deepEqual((await one.store.get(huge))!.needs_bytes, { cpu: 50 * GB, webgpu: 90 * GB });
  assert.equal((await one.queue.claim("c", device("webgpu", true, null)))!.id, huge);
});

testDatabases("the database places runs by the same rule as fits()", async (one) => {
  const wants = fc.constantFrom<Requirements["wants"]>("auto", "cpu", "webgpu");
  const bytes = fc.option(fc.integer({ min: 1, max: 3 }), { nil: null });
  const needs = fc.record({ cpu: bytes, webgpu: bytes });
  const offers = fc.record({
    backend: fc.constantFrom<"cpu" | "webgpu">("cpu", "webgpu"),
    takes_auto: fc.boolean(),
    memory_bytes: bytes,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ wants, needs }), { minLength: 1, maxLength: 4 }),
      offers,
      async (asked, offer) => {
        const ids = [];
        for (const each of asked) ids.push(await post(one, each));
        // The test's clock stands still otherwise, and runs wait from when they were posted.
        await one.advance(1000);
        const expected = ids.filter((_, i) => fits(asked[i]!, offer));
        const taken = [];
        for (let claim; (claim = await one.queue.claim("a", offer)) !== undefined;) {
          taken.push(claim.id);
        }
        assert.deepEqual(taken.sort(), expected.sort());
        for (const id of ids) await one.store.requestCancel(id);
      },
    ),
    { numRuns: 12 },
  );
});

testDatabases("workers are listed with their runs while they are heard from", async (one) => {
  const devices = [device("cpu", true, 4 * GB)];
  await one.workers.register({ host: "a", pid: 1, version: "0.1.0", devices });
  await one.workers.register({ host: "b", pid: 2, version: "0.1.0", devices });
  const id = await post(one, asks("auto", 1, 1));
  await one.queue.claim("a:1", devices[0]);
  const [a, b] = await one.workers.list();
  assert.deepEqual([a!.id, a!.status, a!.run_ids, a!.devices], ["a:1", "ready", [id], devices]);
  assert.deepEqual([b!.host, b!.pid, b!.run_ids], ["b", 2, []]);
  await one.advance(LEASE_MS - 1000);
  await one.workers.beat("b:2", "draining");
  await one.advance(2000);
  const later = await one.workers.list();
  assert.deepEqual(later.map(({ id, status }) => [id, status]), [["b:2", "draining"], [
    "a:1",
    "gone",
  ]]);
  await one.workers.leave("b:2");
  assert.equal((await one.workers.list()).find(({ id }) => id === "b:2")!.status, "gone");
  await one.workers.register({ host: "b", pid: 2, version: "0.2.0", devices: [] });
  assert.equal((await one.workers.list())[0]!.version, "0.2.0");
  await one.advance(25 * 60 * 60 * 1000);
  await one.workers.register({ host: "c", pid: 3, version: "0.1.0", devices });
  assert.deepEqual((await one.workers.list()).map(({ id }) => id), ["c:3"]);
  assert.equal(await one.workers.beat("c:3", "ready"), true);
  assert.equal(await one.workers.beat("b:2", "ready"), false, "it is to register again");
});
