import { type Fault, training } from "../fault.ts";

/** How long a full disk lasts where nobody can store that it is one, in milliseconds. */
const LASTS_MS = 3000;

/** No byte is free on the disk of the data folder, then there is room again. */
export const diskFull: Fault = {
  name: "a disk is full",
  unavailable: ({ disk, s3, server }) =>
    disk === undefined
      ? "no file system can be mounted here"
      : s3 && server
      ? "jobs have no disk in common"
      : undefined,
  async inject(world, run) {
    if (await training(run) === undefined) return false;
    const { watcher } = run;
    const before = watcher.events.at(-1)!.id;
    world.disk!.fill();
    try {
      const waits = await watcher.until(({ type }) => type === "warning", before, LASTS_MS);
      if (waits) await new Promise((resolve) => setTimeout(resolve, 1500));
      return !watcher.over;
    } finally {
      world.disk!.free();
    }
  },
  // SQLite's file is on the same disk: there is nowhere to say it.
  mark: (events, { server }) =>
    server === undefined ||
    events.some(({ type, data }) => type === "warning" && /waits for room$/.test(data.message)),
};
