// Which device `auto` means on this machine, asked once for a whole sweep.

import { chooseBackend } from "../../compute/backend/choose.ts";
import { readConfiguration } from "../configuration.ts";

/** The kind of device that a run with `backend: "auto"` would get here. */
export async function availableBackend(): Promise<"cpu" | "webgpu"> {
  const { gpu } = readConfiguration();
  const backend = await chooseBackend({ backend: "auto", threads: 1, gpu });
  try {
    return backend.info.kind;
  } finally {
    backend.close();
  }
}
