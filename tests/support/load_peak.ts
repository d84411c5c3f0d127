// Loads a model on the cpu backend and prints, as JSON, by how many bytes the process grew at its
// largest beyond the memory of the device.
//
//     deno run -A tests/support/load_peak.ts FOLDER

import { createCpuBackend } from "../../compute/backend/cpu/cpu_backend.ts";
import { createModel } from "../../compute/models/model.ts";
import { openModel } from "../../runs/worker/stored_models.ts";

async function status(key: "VmRSS" | "VmHWM"): Promise<number> {
  const text = await Deno.readTextFile("/proc/self/status");
  return 1024 * Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(text)![1]);
}

const backend = await createCpuBackend({ threads: 1 });
using stored = await openModel(Deno.args[0]!);
const before = await status("VmRSS");
const { config, weights } = stored;
const model = await createModel({
  backend,
  config,
  weights,
  method: { kind: "lora", r: 1, lora_alpha: 1, target_modules: ["q_proj"], init: "peft" },
  dtype: "bf16",
  seed: 0,
});
const device = backend.memory().bytes;
console.log(JSON.stringify({ host: await status("VmHWM") - before - device, device }));
model.free();
backend.close();
Deno.exit(0);
