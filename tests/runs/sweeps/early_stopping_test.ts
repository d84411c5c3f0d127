import assert from "@std/assert";
import { type Curve, hopeless } from "../../../runs/sweeps/early_stopping.ts";

const RULE = { margin: 0.1, min_evals: 2 };

function curve(id: string, losses: number[], status: Curve["status"] = "running"): Curve {
  return { id, status, points: losses.map((eval_nll, i) => ({ step: 10 * i, eval_nll })) };
}

Deno.test("hopeless() names the running runs that are more than the margin behind", () => {
  const curves = [
    curve("good", [4, 3, 2.5], "succeeded"),
    curve("close", [4, 3, 2.59]),
    curve("behind", [4, 3.2, 2.7]),
    curve("ended", [4, 4, 4], "succeeded"),
  ];
  assert.deepEqual(hopeless(curves, RULE), ["behind"]);
});

Deno.test("hopeless() compares at the same step, not with what others reach later", () => {
  const curves = [curve("far", [4, 3, 2.5, 1, 0.5], "succeeded"), curve("young", [4, 3, 2.55])];
  assert.deepEqual(hopeless(curves, RULE), []);
});

Deno.test("hopeless() leaves every run its first evaluations", () => {
  const curves = [curve("good", [4, 1, 1]), curve("slow start", [4, 3.9])];
  assert.deepEqual(hopeless(curves, RULE), []);
  assert.deepEqual(hopeless(curves, { ...RULE, min_evals: 1 }), ["slow start"]);
});
