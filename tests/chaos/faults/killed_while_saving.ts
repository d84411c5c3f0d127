import { join } from "@std/path";
import { type Fault, signal, training, wasRetried } from "../fault.ts";

/** Whether an upload has come to its end. */
function hasManifest(folder: string): boolean {
  try {
    return Deno.statSync(join(folder, "manifest.json")).isFile;
  } catch {
    return false;
  }
}

/** kill -9 of a job whose checkpoint is half written. */
export const killedWhileSaving: Fault = {
  name: "a job is killed in the middle of a checkpoint",
  async inject(world, run) {
    const folder = join(world.artifactFolder, "checkpoints", run.id);
    const isHalf = () =>
      Array.from(Deno.readDirSync(folder)).some(({ name }) =>
        world.s3 === undefined ? name[0] === "." : !hasManifest(join(folder, name))
      );
    const pid = await training(run);
    if (pid === undefined) return false;
    while (!run.watcher.over) {
      const until = performance.now() + 20;
      while (performance.now() < until) {
        if (!isHalf()) continue;
        // It may be whole by now: only a job that stands still can be looked at.
        if (!signal(pid, "SIGSTOP")) return false;
        const caught = isHalf();
        if (caught) return signal(pid, "SIGKILL");
        signal(pid, "SIGCONT");
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (run.watcher.last("device")?.data.pid !== pid) return false;
    }
    return false;
  },
  mark: wasRetried("Killed"),
};
