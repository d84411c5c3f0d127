// A worker as clients see it: its devices and what it is doing.

import { z } from "@hono/zod-openapi";

/** A device that trains one run at a time. */
export const WorkerDevice = z.object({
  name: z.string(),
  backend: z.enum(["cpu", "webgpu"]),
  takes_auto: z.boolean().openapi({
    description: 'Whether runs with `backend: "auto"` come here: to the GPU where there is one.',
  }),
  memory_bytes: z.int().nullable().openapi({
    description: "What a run may take; null: the device does not say.",
  }),
  limits: z.record(z.string(), z.number()),
}).openapi("WorkerDevice");
/** A device that trains one run at a time. */
export type WorkerDevice = z.infer<typeof WorkerDevice>;

/** A worker. */
export const Worker = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.int(),
  version: z.string(),
  status: z.enum(["ready", "draining", "gone"]).openapi({
    description:
      "`draining`: it hands its runs back and ends. `gone`: it has ended, or is not heard from.",
  }),
  devices: z.array(WorkerDevice),
  run_ids: z.array(z.string()).openapi({ description: "Runs that it trains." }),
  started_at: z.iso.datetime(),
  heartbeat_at: z.iso.datetime().openapi({ description: "When it was last heard from." }),
}).openapi("Worker");
/** A worker. */
export type Worker = z.infer<typeof Worker>;

/** Bytes that a run takes on each kind of device; null: not known, or it does not go there. */
export const MemoryNeeds = z.object({
  cpu: z.int().nullable(),
  webgpu: z.int().nullable(),
}).openapi("MemoryNeeds");
/** Bytes that a run takes on each kind of device. */
export type MemoryNeeds = z.infer<typeof MemoryNeeds>;
