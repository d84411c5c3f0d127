// Models in several files: their index, what is wrong with it, and the memory that loading takes.

import assert from "@std/assert";
import { join } from "@std/path";
import { parseModelConfig, weightShapes } from "../../../compute/models/config.ts";
import { encodeSafetensors } from "../../../compute/models/safetensors.ts";
import { openModel } from "../../../runs/worker/stored_models.ts";

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 10,
  max_position_embeddings: 16,
  tie_word_embeddings: true,
};

interface Stored {
  dtype: "BF16" | "F32" | "U32";
  shape: readonly number[];
  data: ArrayBufferView;
}

/** Writes a model's weights in `files` files with an index, after `change`. */
async function write(
  folder: string,
  config: object,
  files: number,
  change: (shards: Map<string, Stored>[], index: Record<string, string>) => void = () => {},
): Promise<void> {
  const shapes = [...weightShapes(parseModelConfig(config))];
  const shards = Array.from({ length: files }, () => new Map<string, Stored>());
  const index: Record<string, string> = {};
  const total = shapes.reduce((sum, [, shape]) => sum + shape.reduce((n, d) => n * d, 1), 0);
  let done = 0;
  for (const [name, shape] of shapes) {
    const count = shape.reduce((n, d) => n * d, 1);
    const shard = Math.min(Math.floor(done / total * files), files - 1);
    shards[shard]!.set(name, { dtype: "BF16", shape, data: new Uint16Array(count).fill(0x3c00) });
    index[name] = shardName(shard, files);
    done += count;
  }
  change(shards, index);
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
  for (const [i, shard] of shards.entries()) {
    await Deno.writeFile(join(folder, shardName(i, files)), encodeSafetensors(shard));
  }
  const json = JSON.stringify({ metadata: {}, weight_map: index });
  await Deno.writeTextFile(join(folder, "model.safetensors.index.json"), json);
}

const shardName = (i: number, of: number) =>
  `model-${String(i + 1).padStart(5, "0")}-of-${String(of).padStart(5, "0")}.safetensors`;

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const NORM = "model.norm.weight";
const BROKEN: readonly [
  string,
  (shards: Map<string, Stored>[], index: Record<string, string>) => void,
  RegExp,
][] = [
  [
    "a tensor that is in no file",
    (shards) => void shards[1]!.delete(NORM),
    /model-00002-of-00002.safetensors: it has no "model.norm.weight", which its index lists/,
  ],
  [
    "a tensor that the index does not list",
    (_, index) => void delete index[NORM],
    /its index does not list "model.norm.weight" there/,
  ],
  [
    "a tensor in another file than the index says",
    (_, index) => void (index[NORM] = shardName(0, 2)),
    /00001-of-00002.safetensors: it has no "model.norm.weight"/,
  ],
  [
    "a file that is not there",
    (_, index) => void (index[NORM] = "model-00003-of-00003.safetensors"),
    /1 of 3 files that its index lists are not there: "model-00003-of-00003.safetensors"/,
  ],
  [
    "a file outside the folder",
    (_, index) => void (index[NORM] = "../other.safetensors"),
    /"model.norm.weight" lies in "..\/other.safetensors", expected a .safetensors file/,
  ],
  [
    "a tensor of another shape",
    (shards) => void (shards[1]!.set(NORM, { ...shards[1]!.get(NORM)!, shape: [2, 4] })),
    /"model.norm.weight" is \[2,4\], config.json asks for \[8\]/,
  ],
  [
    "a tensor of integers",
    (shards) => void shards[1]!.set(NORM, { dtype: "U32", shape: [8], data: new Uint32Array(8) }),
    /"model.norm.weight" is U32: expected F32, F16 or BF16, not a quantised checkpoint/,
  ],
  [
    "a tensor that the model has no place for",
    (shards, index) => {
      shards[1]!.set("model.bias", { dtype: "BF16", shape: [2], data: new Uint16Array(2) });
      index["model.bias"] = shardName(1, 2);
    },
    /its weights hold "model.bias", for which config.json has no place/,
  ],
];

for (const [what, change, message] of BROKEN) {
  Deno.test(`openModel() refuses ${what} and names it`, () =>
    inFolder(async (folder) => {
      await write(folder, CONFIG, 2, change);
      await assert.rejects(openModel(folder), message);
    }));
}

Deno.test("openModel() reads a model in several files, and a single file without an index", () =>
  inFolder(async (folder) => {
    await write(folder, CONFIG, 3);
    using open = await openModel(folder);
    assert.equal(open.weights.names.size, weightShapes(open.config).size);
    await assert.rejects(
      inFolder(async (empty) => {
        await Deno.writeTextFile(join(empty, "config.json"), JSON.stringify(CONFIG));
        using _ = await openModel(empty);
      }),
      /expected model.safetensors or model.safetensors.index.json beside config.json/,
    );
  }));

Deno.test({
  name: "loading takes no more host memory than one file and a tenth",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      const config = {
        ...CONFIG,
        hidden_size: 1024,
        intermediate_size: 4096,
        num_attention_heads: 8,
        num_hidden_layers: 6,
        vocab_size: 40_000,
      };
      const files = 3;
      await write(folder, config, files);
      const { size } = await Deno.stat(join(folder, shardName(1, files)));
      const script = new URL("../../support/load_peak.ts", import.meta.url).pathname;
      const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, folder] });
      const { stdout, stderr } = await command.output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      const { host, device } = JSON.parse(text(stdout) || `"${text(stderr)}"`);
      assert.ok(device > 2.5 * size, `${device} bytes on the device, ${size} in a file`);
      assert.ok(host < 1.1 * size, `${host} bytes more at the peak, ${size} in a file`);
    }),
});
