// A stored adapter as PEFT describes it, ready to be loaded.

import type { LoraMethod } from "../../compute/models/method.ts";
import { parsePeftConfig } from "../../compute/models/peft_config.ts";
import type { Places } from "../places.ts";
import { type Problem, suggestion } from "../spec/problems.ts";
import { ADAPTER_CONFIG, findAdapters, type OpenAdapter, openAdapter } from "./stored_adapters.ts";
import { inputMessage, parseJsonFile } from "./stored_models.ts";

/** An adapter's method and its open weights. */
export interface ReadAdapter extends OpenAdapter {
  readonly method: LoraMethod;
}

/**
 * Opens an adapter. Adds a problem at `path` and returns undefined where there is none of this name, or it is one
 * that cannot be run.
 */
export async function readAdapter(
  places: Places,
  name: string,
  path: string,
  problems: Problem[],
): Promise<ReadAdapter | undefined> {
  const stored = await findAdapters(name, places);
  const found = stored.find((each) => each.name === name);
  if (found === undefined) {
    const allowed = stored.map((each) => each.name);
    problems.push({
      path,
      message: `Unknown adapter "${name}"${suggestion(name, allowed)}`,
      allowed,
    });
    return;
  }
  try {
    const method = parsePeftConfig(await parseJsonFile(found.folder, ADAPTER_CONFIG));
    return { method, ...await openAdapter(found.folder) };
  } catch (error) {
    problems.push({ path, message: inputMessage(error) });
  }
}
