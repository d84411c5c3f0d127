// A backup made while a run trains, put back elsewhere.

import assert from "@std/assert";
import { join } from "@std/path";
import { backup, restore } from "../../runs/backup.ts";
import { openSqlite } from "../../runs/store/sqlite_database.ts";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { Service } from "./service.ts";

const longSpec = () => tinySpec({ max_steps: 400, save_steps: 40, eval_steps: 100 });

Deno.test("a run goes on from a backup that was made while it trained, with the same losses", async () => {
  await using tiny = await makeTinyHome();
  const copy = join(tiny.home, "..", `noregret-copy-${crypto.randomUUID()}`);
  const next = `${copy}-restored`;
  try {
    let id: string, done: string, curve: unknown[], seen: number;
    {
      await using service = await Service.start(tiny.home);
      done = await service.post(longSpec());
      await service.events(done);
      curve = await service.curve(done);
      id = await service.post(longSpec());
      const events = await service.events(id, 0, ({ type }) => type === "checkpoint");
      seen = events.at(-1)!.data.step;
      await backup(tiny.home, copy);
      await assert.rejects(backup(tiny.home, copy), /it is there already/);
    }
    await restore(copy, next);
    await assert.rejects(restore(copy, next), /expected nothing/);
    await using service = await Service.start(next, { NOREGRET_LEASE: "2" });
    const events = await service.events(id);
    assert.equal(events.at(-1)!.type, "succeeded");
    const resumed = events.findLast(({ type }) => type === "device")!.data.resumed_from_step;
    assert(resumed >= seen, `${resumed} ≥ ${seen}`);
    assert.deepEqual(await service.curve(id), curve);
    assert.deepEqual(await service.curve(done), curve);
    const adapter = await service.json(`/v1/runs/${done}/adapter/adapter_config.json`);
    assert.equal(adapter.r, 4);
  } finally {
    for (const folder of [copy, next]) {
      await Deno.remove(folder, { recursive: true }).catch(() => {});
    }
  }
});

Deno.test("a backup goes into a volume, over what a killed restore has left, links included", async () => {
  await using tiny = await makeTinyHome();
  openSqlite(tiny.paths.database).destroy();
  await Deno.symlink("tiny", join(tiny.paths.models, "link"));
  await using other = await makeTinyHome();
  const copy = join(other.home, "copy"), volume = join(other.home, "volume");
  await backup(tiny.home, copy);
  const left = `.restoring.${crypto.randomUUID()}.tmp`;
  for (const name of ["lost+found", left]) {
    await Deno.mkdir(join(volume, name), { recursive: true });
  }
  // A mount point can be neither removed nor renamed.
  const { ino } = await Deno.stat(volume);
  await restore(copy, volume);
  assert.equal((await Deno.stat(volume)).ino, ino);
  const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assert.deepEqual(names(volume), ["lost+found", "models", "runs.db"]);
  const config = join("models", "link", "config.json");
  assert.equal(
    await Deno.readTextFile(join(volume, config)),
    await Deno.readTextFile(join(tiny.home, config)),
  );
});

Deno.test("a damaged backup is refused, and the data folder stays as it was", async () => {
  await using tiny = await makeTinyHome();
  await using other = await makeTinyHome();
  await assert.rejects(backup(tiny.home, `${tiny.home}.copy`), /there is no .*runs\.db/);
  await Deno.writeTextFile(tiny.paths.database, "SQLite format 3\0 but not really");
  const target = join(other.home, "restored");
  await assert.rejects(restore(tiny.home, target));
  await assert.rejects(Deno.stat(target), Deno.errors.NotFound);
  const left = await Array.fromAsync(Deno.readDir(other.home));
  assert.deepEqual(left.map(({ name }) => name), ["models"]);
});
