// Every fault there is.

import type { Fault } from "./fault.ts";
import { apiKilled } from "./faults/api_killed.ts";
import { checkpointDamaged } from "./faults/checkpoint_damaged.ts";
import { deviceLost } from "./faults/device_lost.ts";
import { diskFull } from "./faults/disk_full.ts";
import { generatorKilled } from "./faults/generator_killed.ts";
import { jobKilled } from "./faults/job_killed.ts";
import { jobKilledAsItStarts } from "./faults/job_killed_as_it_starts.ts";
import { killedWhileSaving } from "./faults/killed_while_saving.ts";
import { partitionThatBreaks, partitionThatDelays } from "./faults/partition.ts";
import { postgresKilled } from "./faults/postgres_killed.ts";
import { storeKilled } from "./faults/store_killed.ts";
import { workerAskedToEnd } from "./faults/worker_asked_to_end.ts";
import { workerCutOff } from "./faults/worker_cut_off.ts";
import { workerKilled } from "./faults/worker_killed.ts";

/** In the order in which they are tried where each is tried once. */
export const FAULTS: readonly Fault[] = [
  jobKilled,
  killedWhileSaving,
  checkpointDamaged,
  workerKilled,
  workerAskedToEnd,
  workerCutOff,
  partitionThatDelays,
  partitionThatBreaks,
  diskFull,
  apiKilled,
  postgresKilled,
  deviceLost,
];

/** Those that need company to be felt: other runs, other requests, or a store of artifacts. */
export const RANDOM_FAULTS: readonly Fault[] = [
  ...FAULTS,
  jobKilledAsItStarts,
  generatorKilled,
  storeKilled,
];
