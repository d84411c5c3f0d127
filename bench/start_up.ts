// How long a user waits: from starting the service to its first answer, from POST to a tiny run's first
// step, and for figure 1 in its smallest preset: deno task bench:start [--repeats N]
// Prints one JSON line; each is the median over repeats, in a fresh data folder.

import { parseArgs } from "node:util";
import { Service } from "../tests/e2e/service.ts";

const { values } = parseArgs({ options: { repeats: { type: "string", default: "5" } } });

const SPEC = {
  model: "noregret/tiny",
  method: { kind: "lora", r: 8 },
  task: { kind: "sft", dataset: "stdlib/moby-dick", max_length: 128 },
  batch_size: 8,
  max_steps: 5,
  logging_steps: 1,
};

const ready: number[] = [], firstStep: number[] = [];
for (let n = 0; n < Number(values.repeats); n++) {
  const home = await Deno.makeTempDir({ prefix: "noregret-bench-" });
  try {
    const started = performance.now();
    await using service = await Service.start(home);
    await service.json("/readyz");
    ready.push(performance.now() - started);
    const posted = performance.now();
    const id = await service.post(SPEC);
    await service.events(id, 0, ({ type }) => type === "step");
    firstStep.push(performance.now() - posted);
    await service.json(`/v1/runs/${id}/cancel`, { method: "POST" }, 202);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const figure = await new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", new URL("./fig1.ts", import.meta.url).pathname, "--preset", "smoke"],
  stderr: "inherit",
}).output();
if (!figure.success) Deno.exit(figure.code);
const { seconds } = JSON.parse(new TextDecoder().decode(figure.stdout));
const median = (times: number[]) => Math.round(times.sort((a, b) => a - b)[times.length >> 1]!);
console.log(JSON.stringify({
  ready_ms: median(ready),
  first_step_ms: median(firstStep),
  fig1_smoke_s: seconds,
}));
