import { readdirSync } from "node:fs";
import { join } from "@std/path";
import { checkpointName } from "../../../runs/checkpoint_files.ts";
import { type Fault, signal, training } from "../fault.ts";

/** What may happen to a file. */
const DAMAGES: readonly ((path: string) => Promise<void>)[] = [
  async (path) => await Deno.truncate(path, Math.floor((await Deno.stat(path)).size / 2)),
  async (path) => {
    const bytes = await Deno.readFile(path);
    bytes[bytes.length >> 1]! ^= 1;
    await Deno.writeFile(path, bytes);
  },
  async (path) => await Deno.truncate(path, 0),
  async (path) => await Deno.remove(path),
];

/** A job dies and the disk has lost a part of its newest checkpoint. */
export const checkpointDamaged: Fault = {
  name: "the newest checkpoint is truncated",
  async inject(world, run, random) {
    const pid = await training(run);
    if (pid === undefined || !signal(pid, "SIGSTOP")) return false;
    // All that it stored before it stood still has come by then.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { step } = run.watcher.last("checkpoint")!.data;
    const folder = join(world.artifactFolder, checkpointName(run.id, step));
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
      .sort();
    const damage = DAMAGES[Math.floor(random() * DAMAGES.length)]!;
    await damage(files[Math.floor(random() * files.length)]!);
    signal(pid, "SIGKILL");
    return true;
  },
  mark: (events) => {
    const warning = events.find(({ type, data }) =>
      type === "warning" && data.message.includes("damaged")
    );
    const [, step] = /step (\d+)/.exec(warning?.data.message ?? "") ?? [];
    const resumed = events.find(({ id, type }) => type === "device" && id > (warning?.id ?? 0));
    return (resumed?.data.resumed_from_step ?? 0) < Number(step);
  },
};
