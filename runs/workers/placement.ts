// Which device may take which run.

import type { MemoryNeeds, Worker, WorkerDevice } from "../spec/worker.ts";

/** What a run asks of a device. */
export interface Requirements {
  /** Its spec's backend. */
  readonly wants: "auto" | "cpu" | "webgpu";
  readonly needs: MemoryNeeds;
}

/** What a device offers. */
export type Offer = Pick<WorkerDevice, "backend" | "takes_auto" | "memory_bytes">;

/** Whether a run may go to a device. What is not known of either does not keep it from there. */
export function fits({ wants, needs }: Requirements, offer: Offer): boolean {
  if (!suits(wants, offer)) return false;
  const need = needs[offer.backend];
  return need === null || offer.memory_bytes === null || need <= offer.memory_bytes;
}

/** Why no living worker could ever take a queued run; null where one could. */
export function waitingFor(run: Requirements, workers: readonly Worker[]): string | null {
  const devices = workers.filter(({ status }) => status === "ready")
    .flatMap(({ devices }) => devices);
  if (devices.some((device) => fits(run, device))) return null;
  if (devices.length === 0) return "a worker: none is alive";
  const suitable = devices.filter((device) => suits(run.wants, device));
  if (suitable.length === 0) {
    return `a worker with backend "${run.wants}": none that is alive has it`;
  }
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(3)} GB`;
  const each = suitable.map(({ backend, memory_bytes }) => ({
    need: run.needs[backend]!,
    has: memory_bytes!,
  })).sort((a, b) => a.need - a.has - (b.need - b.has));
  const { need, has } = each[0]!;
  return `a worker with a device of ${gigabytes(need)}: the largest has ${gigabytes(has)}`;
}

function suits(wants: Requirements["wants"], { backend, takes_auto }: Offer): boolean {
  return wants === "auto" ? takes_auto : wants === backend;
}
