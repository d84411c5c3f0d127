import assert from "@std/assert";
import { differences } from "../../web/compare.tsx";

Deno.test("differences() names the fields that are not the same in every spec", () => {
  const found = differences([
    { model: "tiny", method: { kind: "lora", r: 4 }, eval_steps: [1, 2] },
    { model: "tiny", method: { kind: "full" }, eval_steps: [1, 2] },
    { model: "tiny", method: { kind: "lora", r: 8 }, eval_steps: [1, 3] },
  ]);
  assert.deepEqual([...found], [
    ["method.kind", ["lora", "full", "lora"]],
    ["method.r", [4, undefined, 8]],
    ["eval_steps", [[1, 2], [1, 2], [1, 3]]],
  ]);
});
