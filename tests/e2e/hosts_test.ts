// Hosts that share a database and a store of artifacts, and no disk.

import assert from "@std/assert";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { noPostgres, startPostgres } from "../support/postgres.ts";
import { noS3, startS3 } from "../support/s3.ts";
import { permissionFlags } from "../../runs/permissions.ts";
import { readConfiguration } from "../../runs/configuration.ts";
import { exists } from "../../runs/write_file.ts";
import { Service } from "./service.ts";

const skipped = noPostgres
  ? `postgres: skipped, ${noPostgres}: `
  : noS3 && `s3: skipped, ${noS3}: `;
const isCheckpoint = ({ type }: { type: string }) => type === "checkpoint";

Deno.test({
  name: `${
    skipped ?? ""
  }hosts: a run whose host dies goes on at another, bit for bit, from the store`,
  ignore: skipped !== undefined,
  async fn() {
    await using postgres = await startPostgres();
    await using s3 = await startS3();
    await using api = await makeTinyHome();
    await using first = await makeTinyHome();
    await using second = await makeTinyHome();
    const env = { ...s3.env, DATABASE_URL: await postgres.createDatabase(), NOREGRET_LEASE: "2" };
    await using service = await Service.start(api.home, { ...env, NOREGRET_JOBS: "0" });
    const workers = [Service.startWorker(first.home, env)];
    try {
      const spec = tinySpec({ max_steps: 200, save_steps: 20, eval_steps: 100 });
      const undisturbed = await service.post(spec);
      await service.events(undisturbed);
      const id = await service.post(spec);
      let checkpoints = 0;
      await service.events(id, 0, (event) => isCheckpoint(event) && ++checkpoints === 3);
      workers[0]!.kill("SIGKILL");
      // Its disk goes with it.
      await workers[0]!.status;
      workers.push(Service.startWorker(second.home, env));
      const events = await service.events(id);
      assert.equal(events.at(-1)!.type, "succeeded");
      const device = events.findLast(({ type }) => type === "device")!;
      assert(device.data.resumed_from_step >= 60, JSON.stringify(device));
      assert.deepEqual(await service.curve(id), await service.curve(undisturbed));

      // What they made is at neither the service's disk nor a worker's, and can be had.
      const { checkpoints: kept } = await service.json(`/v1/runs/${id}/checkpoints`);
      assert.deepEqual(kept.map(({ step }: { step: number }) => step), [160, 180, 200]);
      assert(!(await exists(api.paths.checkpoints)));
      assert(!(await exists(`${second.paths.checkpoints}/${id}/step-000000180`)));
      for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
        const [one, other] = await Promise.all([id, undisturbed].map(async (each) => {
          const answer = await fetch(`${service.url}/v1/runs/${each}/adapter/${file}`);
          assert.equal(answer.status, 200);
          return await answer.bytes();
        }));
        assert(one!.length > 100);
        assert.deepEqual(one, other);
      }
      const next = await service.post(tinySpec({
        max_steps: 5,
        method: { kind: "lora", r: 4, init_from: id },
      }));
      assert.equal((await service.events(next)).at(-1)!.type, "succeeded");
      const archive = await fetch(`${service.url}/v1/runs/${id}/archive`);
      assert((await archive.bytes()).length > 1000);
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

Deno.test("permissions: a process reaches the store of artifacts at its own address only", () => {
  const variables: Record<string, string> = {
    NOREGRET_ARTIFACTS: "s3://bucket/some/where",
    AWS_ENDPOINT_URL: "https://store.example.com:9000",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
    HF_HUB_OFFLINE: "1",
  };
  const configuration = readConfiguration((name) => variables[name]);
  assert.equal(configuration.s3!.prefix, "some/where/");
  const flags = permissionFlags("job", configuration);
  assert(flags.includes("--allow-net=store.example.com:9000"), flags.join(" "));
  assert(flags.some((flag) => flag.startsWith("--allow-env=") && flag.endsWith(",AWS_*")));
  const local = permissionFlags("job", { ...configuration, s3: undefined });
  assert(!local.some((flag) => flag.includes("AWS") || flag.includes("--allow-net")));
});
