// A stored adapter as PEFT describes it, ready to be loaded.

import type { LoraMethod } from "../../compute/models/method.ts";
import { type Problem, suggestion } from "../spec/problems.ts";
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  type OpenAdapter,
  openAdapter,
} from "./stored_adapters.ts";
import { foldersWith, inputMessage, parseJsonFile } from "./stored_models.ts";

/** An adapter's method and its open weights. */
export interface ReadAdapter extends OpenAdapter {
  readonly method: LoraMethod;
}

/**
 * Opens an adapter. Adds a problem at `path` and returns undefined where there is none of this name, or it is one
 * that cannot be run.
 */
export async function readAdapter(
  adapters: string,
  name: string,
  path: string,
  problems: Problem[],
): Promise<ReadAdapter | undefined> {
  const stored = await foldersWith(ADAPTER_WEIGHTS, adapters);
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
    const method = methodOf(await parseJsonFile(found.folder, ADAPTER_CONFIG));
    return { method, ...await openAdapter(adapters, name) };
  } catch (error) {
    problems.push({ path, message: inputMessage(error) });
  }
}

/** What adapter_config.json says, as a method. */
function methodOf(config: unknown): LoraMethod {
  const json = (config ?? {}) as Record<string, unknown>;
  const number = (key: string): number => {
    const value = json[key];
    if (typeof value === "number" && value > 0) return value;
    throw new RangeError(
      `Cannot read ${ADAPTER_CONFIG}: "${key}" is ${JSON.stringify(value)}, expected a number > 0`,
    );
  };
  const filled = (value: unknown) =>
    typeof value === "object" && value !== null && Object.keys(value).length > 0;
  for (const key of ["use_dora", "rank_pattern", "alpha_pattern", "layers_to_transform"]) {
    if (json[key] !== true && !filled(json[key])) continue;
    throw new RangeError(`Cannot run the adapter: its "${key}" is set`);
  }
  const targets = json.target_modules;
  if (!Array.isArray(targets) && targets !== "all-linear") {
    throw new RangeError(
      `Cannot read ${ADAPTER_CONFIG}: "target_modules" is ${JSON.stringify(targets)}, ` +
        `expected module names`,
    );
  }
  const saved = json.modules_to_save;
  const r = number("r");
  // A rank-stabilised adapter is scaled by lora_alpha / sqrt(r).
  const alpha = number("lora_alpha") * (json.use_rslora === true ? Math.sqrt(r) : 1);
  return {
    kind: "lora",
    r,
    lora_alpha: alpha,
    target_modules: Array.isArray(targets) ? targets.map(String) : "all",
    init: "peft",
    ...(filled(saved) && {
      modules_to_save: (saved as unknown[]).map((name) => String(name).split(".").at(-1)!),
    }),
  };
}
