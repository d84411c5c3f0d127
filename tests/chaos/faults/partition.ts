import { type Fault, training, wasRetried } from "../fault.ts";

/** Another worker has the run long before; where all are busy it takes longer, in milliseconds. */
const LONGEST_MS = 30_000;

function partition(name: string, heal: "flow" | "reset"): Fault {
  return {
    name,
    unavailable: ({ server }) => server === undefined ? "there is no network" : undefined,
    async inject(world, run) {
      if (await training(run) === undefined) return false;
      const proxy = world.workerOf(run)?.proxy;
      if (proxy === undefined) return false;
      const before = run.watcher.last("started")!.id;
      proxy.stall();
      const taken = await run.watcher.until(({ type }) => type === "started", before, LONGEST_MS);
      if (taken) await run.watcher.until(({ type }) => type === "device", taken.id, LONGEST_MS);
      proxy[heal]();
      return taken !== undefined;
    },
    mark: wasRetried("LeaseExpired"),
  };
}

/** Longer than the lease; then what was sent before arrives after all. */
export const partitionThatDelays: Fault = partition(
  "a worker is cut off from the database, and its words arrive late",
  "flow",
);

/** Longer than the lease; then every connection is found broken. */
export const partitionThatBreaks: Fault = partition(
  "a worker is cut off from the database, and its connections break",
  "reset",
);
