import assert from "@std/assert";
import { fillForm, readForm } from "../../web/form.tsx";

Deno.test("readForm() makes a spec of what was typed, without the alternatives not chosen", () => {
  const values = {
    model: "noregret/tiny",
    seed: "",
    "method.kind": "lora",
    "method[lora].r": "16",
    "method[lora].target_modules": '["q_proj"]',
    "method[full].target_modules": "mlp",
    "optimizer.learning_rate": "1e-3",
    "task.kind": "sft",
    "task[sft].dataset": '{"file":"rows.jsonl"}',
    "task[sft].packing": "false",
  };
  assert.deepEqual(readForm(values), {
    model: "noregret/tiny",
    method: { kind: "lora", r: 16, target_modules: ["q_proj"] },
    optimizer: { learning_rate: 1e-3 },
    task: { kind: "sft", dataset: { file: "rows.jsonl" }, packing: false },
  });
});

Deno.test("readForm() takes no name that leads out of the spec", () => {
  readForm({ "__proto__.polluted": "1", "constructor.prototype.polluted": "1" });
  assert.equal((({}) as Record<string, unknown>).polluted, undefined);
});

Deno.test("fillForm() is the inverse of readForm()", () => {
  const spec = {
    model: "noregret/tiny",
    method: { kind: "lora", r: 4, target_modules: ["q_proj", "v_proj"] },
    optimizer: { learning_rate: 1e-3, betas: [0.9, 0.99] },
    task: { kind: "sft", dataset: { name: "stdlib/sotu", limit: 3 }, packing: true },
    eval_steps: [1, 2, 3],
  };
  assert.deepEqual(readForm(fillForm(spec)), spec);
});
