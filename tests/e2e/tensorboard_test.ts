// A run's event files in the hands of TensorBoard's own reader. Needs Python with tensorboard.

import assert from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { python, pythonHas } from "../support/python.ts";
import { Service } from "./service.ts";

const SCRIPT = fileURLToPath(new URL("../support/tensorboard_scalars.py", import.meta.url));

Deno.test({
  name: "TensorBoard reads the curves of a run that was killed and went on",
  ignore: !(await pythonHas("tensorboard")),
  async fn() {
    await using tiny = await makeTinyHome();
    await using service = await Service.start(tiny.home);
    const spec = { ...tinySpec({ max_steps: 300, save_steps: 20 }), report_to: ["tensorboard"] };
    const id = await service.post(spec);
    const before = await service.events(id, 0, ({ type }) => type === "checkpoint");
    Deno.kill(before.find(({ type }) => type === "device")!.data.pid, "SIGKILL");
    await service.events(id);
    const read = await python([SCRIPT, join(tiny.home, "tensorboard", id)]);
    assert(read!.out.startsWith("{"), read!.error);
    const scalars = JSON.parse(read!.out);
    const curve = await service.curve(id) as Record<string, number>[];
    for (const tag of ["train_nll", "eval_nll", "grad_norm"]) {
      const points = curve.filter((point) => point[tag] !== undefined);
      assert.deepEqual(
        scalars[tag],
        points.map((point) => [point.step, Math.fround(point[tag]!)]),
        tag,
      );
    }
  },
});
