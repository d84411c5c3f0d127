// What a fault is.

import type { ReceivedEvent } from "../e2e/service.ts";
import { isAlive, type WatchedRun, type World } from "./world.ts";

/** One way in which things break. */
export interface Fault {
  readonly name: string;
  /** Why it cannot be brought about here; undefined if it can. */
  unavailable?(world: World): string | undefined;
  /**
   * Breaks something while `run` trains and ends once the fault has passed; what died is started again by
   * the caller. Returns false where the run was over before.
   */
  inject(world: World, run: WatchedRun, random: () => number): Promise<boolean>;
  /** Whether a run's events show that it was hit. */
  readonly mark?: (events: readonly ReceivedEvent[], world: World) => boolean;
}

/**
 * True where a run was put back with an error of this type, or for its lease: where the machine is slow, another
 * worker may see the silence before its own one sees the death.
 */
export function wasRetried(type: string) {
  const types = [type, "LeaseExpired"];
  return (events: readonly ReceivedEvent[]) =>
    events.some((event) => event.type === "retry" && types.includes(event.data.error.type));
}

/** Waits until a run's newest attempt has written a checkpoint; its job's process id, or undefined if it ends. */
export async function training({ watcher }: WatchedRun): Promise<number | undefined> {
  for (;;) {
    const since = watcher.last("started")?.id ?? 0;
    const found = await watcher.until(
      ({ type }) => type === "checkpoint" || type === "retry",
      since,
    );
    if (found === undefined || watcher.over) return undefined;
    const device = watcher.last("device");
    const current = watcher.last("started")!.id;
    if (found.type === "checkpoint" && device && device.id > current) return device.data.pid;
    await watcher.until(({ type }) => type === "started", Math.max(since, found.id));
  }
}

/** Sends a signal to a process that may be gone. */
export function signal(pid: number, name: Deno.Signal): boolean {
  try {
    Deno.kill(pid, name);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof TypeError) return false;
    throw error;
  }
}

/** The process that is in the middle of a command of the program, such as `run-job ID`. */
export async function processOf(
  command: readonly string[],
  parent?: number,
): Promise<number | undefined> {
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const words = (await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")).split("\0");
    const at = words.indexOf(command[0]!);
    if (at < 0 || command.some((word, i) => words[at + i] !== word)) continue;
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    const started = Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1]);
    if ((parent === undefined || started === parent) && await isAlive(pid)) return pid;
  }
}
