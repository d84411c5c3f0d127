// What a job would find out from its data, found out before its spec is accepted where that is quick: data that are
// small and lie here are read as the job will read them, with the same errors.

import { join } from "@std/path";
import { createHash } from "node:crypto";
import { mostBytes } from "../../data/files/row_file.ts";
import { WINDOW_BYTES } from "../../data/load.ts";
import { realFileBelow } from "../../data/real_path.ts";
import type { Dataset } from "../spec/dataset.ts";
import type { Problem } from "../spec/problems.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { DataSizes } from "./check_memory.ts";
import { openJob } from "./open_job.ts";
import { inputMessage, type ModelFolder } from "./stored_models.ts";
import { ENDLESS } from "./training_data.ts";

/** Bytes of rows that are read before a spec is accepted: about 50 ms. */
const SMALL_BYTES = 256 * 1024;

/** What was read last, and what of: the runs of a sweep share their data. */
let last: { readonly key: string; readonly sizes: DataSizes } | undefined;

/**
 * Adds a problem for what is wrong with the data of a spec whose datasets are there.
 *
 * @param folder of the dataset files.
 * @returns what the data need of a device, where they have been read.
 */
export async function checkData(
  spec: RunSpec,
  model: ModelFolder,
  folder: string,
  problems: Problem[],
): Promise<DataSizes | undefined> {
  const { task, batch_size, gradient_accumulation_steps } = spec;
  const { dataset, eval_dataset = dataset } = task;
  const rows = await extentOf(dataset, folder), evalRows = await extentOf(eval_dataset, folder);
  const limited = typeof dataset === "object" && "limit" in dataset;
  const endless = task.kind === "sft" && spec.max_steps === undefined && !limited;
  if (endless && rows && rows.bytes > WINDOW_BYTES) {
    problems.push({ path: "/max_steps", message: ENDLESS });
    return undefined;
  }
  if (!rows || !evalRows || Math.max(rows.bytes, evalRows.bytes) > SMALL_BYTES) return undefined;
  const data = [task, batch_size, gradient_accumulation_steps, rows.version, evalRows.version];
  const key = createHash("sha256").update(JSON.stringify([model.folder, ...data])).digest("hex");
  if (last?.key === key) return last.sizes;
  try {
    const { sizes } = await openJob(spec, model, folder);
    last = { key, sizes };
    return sizes;
  } catch (error) {
    problems.push({ path: "/task/dataset", message: inputMessage(error) });
  }
}

/** A dataset's rows that are yet to be read. */
interface Extent {
  /** At most. */
  readonly bytes: number;
  /** Another one when the file has changed. */
  readonly version: unknown;
}

/** Undefined where nobody knows. */
async function extentOf(dataset: Dataset, folder: string): Promise<Extent | undefined> {
  if (typeof dataset === "string" || "name" in dataset) return undefined;
  if ("inline" in dataset) return { bytes: 0, version: undefined };
  const { file, columns, limit } = dataset;
  const path = await realFileBelow(folder, join(folder, file));
  if (path === undefined) return undefined;
  const bytes = await mostBytes(path, { name: file, columns, limit });
  if (bytes === undefined) return undefined;
  const { size, mtime, ino } = await Deno.stat(path);
  return { bytes, version: [size, mtime, ino] };
}
