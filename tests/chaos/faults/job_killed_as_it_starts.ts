import { type Fault, processOf, signal, training } from "../fault.ts";

/** The next attempt begins within so long, in milliseconds. */
const LONGEST_MS = 30_000;
/** A job of a small model trains after about this long, in milliseconds. */
const STARTS_MS = 1500;

/** kill -9 of a job, and of the next attempt before it has trained: it may hold what it has told nobody. */
export const jobKilledAsItStarts: Fault = {
  name: "a job is killed, and again as it starts",
  async inject(_world, run, random) {
    const pid = await training(run);
    const before = run.watcher.events.at(-1)!.id;
    if (pid === undefined || !signal(pid, "SIGKILL")) return false;
    const started = await run.watcher.until(({ type }) => type === "started", before, LONGEST_MS);
    if (started?.type !== "started") return false;
    await new Promise((resolve) => setTimeout(resolve, random() * STARTS_MS));
    const job = await processOf(["run-job", run.id]);
    return job !== undefined && signal(job, "SIGKILL");
  },
};
