import assert from "@std/assert";
import { join } from "@std/path";
import { createCpuBackend } from "../../../compute/backend/cpu/cpu_backend.ts";
import { createModel } from "../../../compute/models/model.ts";
import { logits } from "../../../compute/models/transformer.ts";
import { merge } from "../../../runs/worker/merge.ts";
import { openModel } from "../../../runs/worker/stored_models.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { numericsCase } from "../../support/numerics.ts";

const FIXTURES = new URL("../../fixtures/numerics/", import.meta.url).pathname;

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const name of ["llama-untied-all", "llama-tied-attn", "qwen3-moe-experts"]) {
  Deno.test({
    name: `${name}: the merged model gives the adapter's logits`,
    // Workers of the backend end in their own time.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      inFolder(async (folder) => {
        const [model, adapter] = ["model", "adapter"].map((part) => join(FIXTURES, name, part));
        const out = join(folder, "merged");
        await merge({ model: model!, adapter: adapter!, out, shardBytes: 60_000 });
        const files = Array.from(Deno.readDirSync(out), (entry) => entry.name);
        assert.ok(files.filter((file) => file.endsWith(".safetensors")).length > 1, `${files}`);
        assert.deepEqual(Array.from(Deno.readDirSync(folder), (entry) => entry.name), ["merged"]);
        const c = await numericsCase(name);
        using stored = await openModel(out);
        const backend = await createCpuBackend({ threads: 1 });
        const { config, weights } = stored;
        const merged = await createModel({
          backend,
          config,
          weights,
          method: { kind: "full" },
          dtype: "f32",
          seed: 0,
        });
        const make = (key: "ids" | "start" | "end") => {
          const tensor = backend.empty([c.batch.ids.length], "u32", key);
          backend.write(tensor, c.batch[key]);
          return tensor;
        };
        const batch = { ids: make("ids"), start: make("start"), end: make("end") };
        const actual = await backend.read(logits(merged, batch));
        const expected = await c.expected.read("logits", "f32");
        const tolerance = { atol: 1e-4, rtol: 1e-4 };
        assertAllclose(actual, expected, { name: "logits", shape: [actual.length] }, tolerance);
        backend.close();
      }),
  });
}

Deno.test("merge() leaves a folder that is there alone, and nothing where it fails", () =>
  inFolder(async (folder) => {
    const model = join(FIXTURES, "llama-untied-all/model");
    const adapter = join(FIXTURES, "qwen3-all/adapter");
    await assert.rejects(merge({ model, adapter, out: folder }), /it is there already/);
    await assert.rejects(
      merge({ model, adapter, out: join(folder, "merged") }),
      /Cannot merge the adapter: expected its "base_model.*" to be \[/,
    );
    assert.deepEqual(Array.from(Deno.readDirSync(folder)), []);
  }));
