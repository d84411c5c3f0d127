import assert from "@std/assert";
import { expandGrid } from "../../experiments/grid.ts";

const base = {
  model: "noregret/tiny",
  method: { kind: "lora" as const, r: 4 },
  task: { kind: "sft" as const, dataset: "stdlib/moby-dick" },
};

Deno.test("expandGrid() makes every combination, the last axis fastest, and changes nothing else", () => {
  const specs = expandGrid(base, { "method.r": [1, 8], "optimizer.learning_rate": [1e-3, 2e-3] });
  assert.deepEqual(
    specs.map((
      spec,
    ) => [spec.method.kind === "lora" && spec.method.r, spec.optimizer.learning_rate]),
    [[1, 1e-3], [1, 2e-3], [8, 1e-3], [8, 2e-3]],
  );
  assert.ok(specs.every(({ optimizer, task }) => optimizer.eps === 1e-8 && task.kind === "sft"));
  assert.equal(expandGrid(base, {}).length, 1);
});

Deno.test("expandGrid() answers an unknown axis with the fields there are", () => {
  assert.throws(() => expandGrid(base, { "method.rank": [1] }), {
    name: "RangeError",
    message: /^Cannot vary "method\.rank": .* method\.r, .*optimizer\.learning_rate/,
  });
  assert.throws(() => expandGrid(base, { seed: [] }), /has no values/);
});

Deno.test("expandGrid() refuses a value that the spec does not allow", () => {
  assert.throws(() => expandGrid(base, { "method.r": [0] }), { name: "InvalidSpecError" });
});
