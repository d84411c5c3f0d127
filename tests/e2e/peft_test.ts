// The adapters that a run leaves, in the hands of the library whose layout they are in. Needs Python
// with torch, transformers and peft.

import assert from "@std/assert";
import { fileURLToPath } from "node:url";
import { makeTinyHome, type TinyHome } from "../runs/tiny_home.ts";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { python, pythonHas } from "../support/python.ts";
import { Service } from "./service.ts";

const MODEL = fileURLToPath(new URL("../../data/models/tiny", import.meta.url));
const SCRIPT = fileURLToPath(new URL("../support/peft_nll.py", import.meta.url));

const ignore = !(await pythonHas("torch", "transformers", "peft"));

const METHODS: readonly RunSpecInput["method"][] = [
  { kind: "lora", r: 8 },
  { kind: "lora", r: 4, modules_to_save: ["embed_tokens", "norm"] },
  { kind: "lora", r: 3, lora_alpha: 7, target_modules: ["q_proj", "down_proj"] },
];

Deno.test({
  name: "PEFT loads a run's adapter and finds the same held-out loss",
  ignore,
  async fn() {
    await using tiny: TinyHome = await makeTinyHome();
    await using service = await Service.start(tiny.home);
    const sentence = "Call me Ishmael. Some years ago, never mind how long";
    const rows = [0, 9, 23].map((at) => [...new TextEncoder().encode(sentence.slice(at))]);
    for (const method of METHODS) {
      const id = await service.post({
        model: "noregret/tiny",
        backend: "cpu",
        method,
        task: {
          kind: "sft",
          dataset: { name: "stdlib/moby-dick", limit: 40 },
          eval_dataset: { inline: { input_ids: rows } },
          max_length: 64,
        },
        optimizer: { learning_rate: 1e-2 },
        batch_size: 2,
        max_steps: 6,
      });
      await service.events(id);
      const { result, error } = await service.json(`/v1/runs/${id}`);
      assert(result, JSON.stringify(error));
      const folder = `${tiny.paths.adapters}/${id}`;
      const answer = (await python([SCRIPT, MODEL, folder, JSON.stringify(rows)]))!;
      const difference = Math.abs(Number(answer.out) - result.eval_nll);
      assert(difference < 1e-4, `${JSON.stringify(method)}: ${difference}, ${answer.error}`);
      assert(Math.abs(result.eval_nll - result.initial_eval_nll) > 1e-2);
    }
  },
});
