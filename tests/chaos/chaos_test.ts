// Each fault once, on each kind of database, with one set of rules for what must hold afterwards.
// `deno task chaos` lets the same faults loose at random, on many runs.

import assert from "@std/assert";
import { fileURLToPath } from "node:url";
import { noPostgres } from "../support/postgres.ts";
import { tinySpec } from "../runs/tiny_home.ts";
import { checkRuns, checkWorld } from "./check.ts";
import { FAULTS } from "./faults.ts";
import { World, type WorldOptions } from "./world.ts";

/** Damages the first file of a checkpoint by cutting it in half: what is tried here is the same each time. */
const FIRST = () => 0;

function testFaults(
  name: string,
  skip: string | undefined,
  options: WorldOptions,
  changes: Parameters<typeof tinySpec>[0],
  only: (fault: typeof FAULTS[number]) => boolean,
): void {
  Deno.test({
    name: skip ? `${name}: skipped, ${skip}` : `${name}: faults lose, double and change nothing`,
    ignore: skip !== undefined,
    async fn(t) {
      await using world = await World.open(options);
      const spec = tinySpec({ max_steps: 600, save_steps: 40, eval_steps: 200, ...changes });
      await world.reference(spec);
      for (const fault of FAULTS.filter(only)) {
        const missing = fault.unavailable?.(world);
        await t.step({
          name: missing ? `skipped, ${missing}: ${fault.name}` : fault.name,
          ignore: missing !== undefined,
          async fn() {
            const run = await world.submit(spec);
            assert(await fault.inject(world, run, FIRST), "the run was over before the fault");
            await world.heal();
            assert.deepEqual(await checkRuns(world, [run]), []);
            const { events } = run.watcher;
            assert(fault.mark?.(events, world) ?? true, JSON.stringify(events.filter(isNotStep)));
          },
        });
      }
      assert.deepEqual(await checkWorld(world), []);
    },
  });
}

const isNotStep = ({ type }: { type: string }) => type !== "step";
const onGpu = ({ name }: { name: string }) => name === "a device is lost";

testFaults("sqlite", undefined, { database: "sqlite", workers: 1 }, {}, (fault) => !onGpu(fault));
testFaults(
  "postgres",
  noPostgres,
  { database: "postgres", workers: 2 },
  {},
  (fault) => !onGpu(fault),
);
testFaults(
  "webgpu",
  await navigator.gpu?.requestAdapter() ? undefined : "no adapter",
  {
    database: "sqlite",
    workers: 1,
    program: fileURLToPath(new URL("./device_program.ts", import.meta.url)),
  },
  { backend: "webgpu", max_steps: 60, save_steps: 10, eval_steps: 50 },
  onGpu,
);
