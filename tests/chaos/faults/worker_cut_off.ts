import { type Fault, signal, training, wasRetried } from "../fault.ts";

/** Another worker has the run long before; where all are busy it takes longer, in milliseconds. */
const LONGEST_MS = 30_000;

/** A worker and its job stand still for longer than the lease, then go on as if nothing had been. */
export const workerCutOff: Fault = {
  name: "a worker stands still for longer than its lease",
  // Whoever stands still with SQLite's lock keeps everyone from writing.
  unavailable: ({ options }) => options.database === "sqlite" ? "one machine only" : undefined,
  async inject(world, run) {
    const job = await training(run);
    const worker = world.workerOf(run);
    if (job === undefined || worker === undefined) return false;
    const { pid } = worker.process;
    const before = run.watcher.last("started")!.id;
    for (const each of [pid, job]) signal(each, "SIGSTOP");
    const taken = await run.watcher.until(({ type }) => type === "started", before, LONGEST_MS);
    // Both go on at once from here: what the first one writes is refused.
    if (taken) await run.watcher.until(({ type }) => type === "device", taken.id, LONGEST_MS);
    for (const each of [pid, job]) signal(each, "SIGCONT");
    return taken !== undefined;
  },
  mark: wasRetried("LeaseExpired"),
};
