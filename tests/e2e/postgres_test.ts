// Several processes on one PostgreSQL server, and what may break between them. The data folder is
// one that all of them see.

import assert from "@std/assert";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { noPostgres, type PostgresServer, startPostgres } from "../support/postgres.ts";
import { Service } from "./service.ts";

/** Long enough to be disturbed in the middle. */
const longSpec = () => tinySpec({ max_steps: 400, save_steps: 40, eval_steps: 100 });

const isCheckpoint = ({ type }: { type: string }) => type === "checkpoint";

interface Hosts {
  readonly service: Service;
  readonly server: PostgresServer;
  /** Starts a worker and returns it; all are killed in the end. */
  startWorker(): Deno.ChildProcess;
}

/** A test with a server, a service that trains nothing itself, and workers beside it. */
function testHosts(name: string, test: (hosts: Hosts) => Promise<void>): void {
  Deno.test({
    name: noPostgres ? `postgres: skipped, ${noPostgres}: ${name}` : `postgres: ${name}`,
    ignore: noPostgres !== undefined,
    async fn() {
      await using server = await startPostgres();
      await using tiny = await makeTinyHome();
      const env = { DATABASE_URL: await server.createDatabase(), NOREGRET_LEASE: "2" };
      await using service = await Service.start(tiny.home, { ...env, NOREGRET_JOBS: "0" });
      const workers: Deno.ChildProcess[] = [];
      try {
        await test({
          service,
          server,
          startWorker() {
            workers.push(Service.startWorker(tiny.home, env));
            return workers.at(-1)!;
          },
        });
      } finally {
        for (const worker of workers) {
          try {
            worker.kill("SIGKILL");
          } catch {
            // Killed by the test.
          }
          await worker.status;
        }
      }
    },
  });
}

/** The run has succeeded, its events have no gap and its curve is that of an undisturbed run. */
async function assertUndisturbed({ service }: Hosts, id: string, undisturbed: string) {
  const events = await service.events(id);
  assert.deepEqual(events.map((event) => event.id), events.map((_, index) => index + 1));
  assert.equal(events.at(-1)!.type, "succeeded");
  assert.equal(events.filter(({ type }) => type === "succeeded").length, 1);
  assert.deepEqual(await service.curve(id), await service.curve(undisturbed));
  return events;
}

testHosts("a run whose worker is killed is finished by another", async (hosts) => {
  const { service } = hosts;
  const first = hosts.startWorker();
  const undisturbed = await service.post(longSpec());
  await service.events(undisturbed);
  const id = await service.post(longSpec());
  await service.events(id, 0, isCheckpoint);
  first.kill("SIGKILL");
  hosts.startWorker();
  const events = await assertUndisturbed(hosts, id, undisturbed);
  const started = events.filter(({ type }) => type === "started");
  assert.deepEqual(started.map(({ data }) => data.attempt), [1, 2]);
  assert.notEqual(started[0]!.data.worker, started[1]!.data.worker);
});

testHosts("a worker that is cut off for longer than its lease loses the run", async (hosts) => {
  const { service } = hosts;
  const first = hosts.startWorker();
  const undisturbed = await service.post(longSpec());
  await service.events(undisturbed);
  const id = await service.post(longSpec());
  const before = await service.events(id, 0, isCheckpoint);
  const job = before.find(({ type }) => type === "device")!.data.pid;
  for (const pid of [first.pid, job]) Deno.kill(pid, "SIGSTOP");
  hosts.startWorker();
  await service.events(id, before.at(-1)!.id, ({ type }) => type === "device");
  // Both go on at once from here: what the first one writes is refused.
  for (const pid of [first.pid, job]) Deno.kill(pid, "SIGCONT");
  await assertUndisturbed(hosts, id, undisturbed);
  assert.equal((await service.json(`/v1/runs/${id}`)).attempts, 2);
});

testHosts("a database server that is killed loses nothing", async (hosts) => {
  const { service, server } = hosts;
  hosts.startWorker();
  const undisturbed = await service.post(longSpec());
  await service.events(undisturbed);
  const id = await service.post(longSpec());
  await service.events(id, 0, isCheckpoint);
  Deno.kill(await server.pid(), "SIGKILL");
  await server.restart();
  await assertUndisturbed(hosts, id, undisturbed);
});

testHosts("a worker that is asked to end hands its run on at once", async (hosts) => {
  const { service } = hosts;
  const first = hosts.startWorker();
  const undisturbed = await service.post(longSpec());
  await service.events(undisturbed);
  const id = await service.post(longSpec());
  await service.events(id, 0, isCheckpoint);
  first.kill("SIGTERM");
  assert.equal((await first.status).code, 0);
  assert.equal((await service.json(`/v1/runs/${id}`)).status, "queued");
  hosts.startWorker();
  const events = await assertUndisturbed(hosts, id, undisturbed);
  assert(events.some(({ type }) => type === "released"));
});
