import { join } from "@std/path";
import assert from "@std/assert";
import fc from "fast-check";
import { BYTE_TOKENIZER } from "../../data/byte_tokenizer.ts";
import { DATASETS, findSplit } from "../../data/datasets.ts";
import { IGNORED_TARGET } from "../../data/example.ts";
import { loadExamples } from "../../data/load.ts";
import { rowExamples } from "../../data/rows.ts";

const rules = { tokenizer: BYTE_TOKENIZER, maxLength: 16, completionOnly: true };

async function withFile(name: string, text: string, body: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a text's windows count every byte but the first once, and the end", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 20 }), (text, n) => {
      const examples = rowExamples({ text }, { ...rules, maxLength: n }, "row");
      const bytes = [...new TextEncoder().encode(text), 0];
      assert.deepEqual(examples.flatMap(({ targets }) => [...targets]), bytes.slice(1));
      assert.deepEqual(examples.flatMap(({ ids }) => [...ids]), bytes.slice(0, -1));
      assert.ok(examples.every(({ ids }) => ids.length <= n));
    }),
  );
});

Deno.test("BYTE_TOKENIZER gives back any text", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assert.equal(BYTE_TOKENIZER.decode(BYTE_TOKENIZER.encode(text)), text);
  }));
});

Deno.test("a prompt's tokens are not counted unless asked for", () => {
  const row = { prompt: "ab", completion: "c" };
  const [example] = rowExamples(row, rules, "row");
  assert.deepEqual([...example!.targets], [IGNORED_TARGET, 99, 0]);
  const [whole] = rowExamples(row, { ...rules, completionOnly: false }, "row");
  assert.deepEqual([...whole!.targets], [98, 99, 0]);
});

Deno.test("the shipped texts have the sizes that the registry gives, and share no passage", async () => {
  for (const name of ["stdlib/sotu", "stdlib/moby-dick"]) {
    const info = DATASETS.get(name)!;
    const passages = new Set<string>();
    for (const split of ["train", "test"] as const) {
      const options = { purpose: split, maxLength: 256, folder: "" };
      const examples = (await loadExamples(name, options))!;
      const positions = examples.reduce((sum, { ids }) => sum + ids.length, 0);
      assert.equal(positions + info.splits[split]!.rows, info.splits[split]!.tokens);
      const texts = examples.filter(({ ids }) => ids.length === 256).map(({ ids }) =>
        BYTE_TOKENIZER.decode(ids.subarray(64, 192))
      );
      if (split === "test") assert.ok(texts.every((text) => !passages.has(text)));
      texts.forEach((text) => passages.add(text));
    }
  }
});

Deno.test("a limit draws from the whole text", async () => {
  const read = (limit?: number) =>
    loadExamples({ name: "stdlib/moby-dick", split: "test", limit }, {
      purpose: "test",
      maxLength: 128,
      folder: "",
    });
  const all = (await read())!, some = (await read(8))!;
  assert.equal(some.length, 8);
  const places = some.map((one) => all.findIndex(({ ids }) => ids.join() === one.ids.join()));
  assert.ok(places.at(-1)! > all.length * 0.8, `${places} of ${all.length}`);
});

Deno.test("a jsonl file is read row by row, and a bad row is named", async () => {
  const good = '{"text":"abc"}\n\n{"input_ids":[1,2,3],"labels":[-100,-100,3]}\n';
  await withFile("rows.jsonl", good, async (folder) => {
    const examples = (await loadExamples({ file: "rows.jsonl" }, {
      purpose: "train",
      maxLength: 16,
      folder,
    }))!;
    assert.deepEqual(examples.map(({ targets }) => [...targets]), [
      [98, 99, 0],
      [IGNORED_TARGET, 3],
    ]);
  });
  const load = (folder: string) =>
    loadExamples({ file: "rows.jsonl" }, { purpose: "train", maxLength: 16, folder });
  await withFile("rows.jsonl", '{"text":"a"}\n{"text":', async (folder) => {
    await assert.rejects(load(folder), { name: "SyntaxError", message: /rows\.jsonl:2/ });
  });
  await withFile("rows.jsonl", '{"text":"a"}\n{"txt":"b"}', async (folder) => {
    await assert.rejects(load(folder), { name: "RangeError", message: /rows\.jsonl:2.*"txt"/ });
  });
});

Deno.test("a file outside the datasets folder is not read, by whatever way a name leads there", async () => {
  await withFile("secret.jsonl", '{"text":"secret"}\n', async (outside) => {
    const folder = join(outside, "datasets");
    await Deno.mkdir(join(folder, "a"), { recursive: true });
    await Deno.mkdir(join(folder, "folder.jsonl"));
    const secret = join(outside, "secret.jsonl");
    await Deno.symlink(secret, join(folder, "link.jsonl"));
    await Deno.symlink("circle.jsonl", join(folder, "circle.jsonl"));
    const options = { purpose: "train" as const, maxLength: 16, folder };
    for (
      const file of [
        "../secret.jsonl",
        "a/../../secret.jsonl",
        secret,
        "link.jsonl",
        "circle.jsonl",
        "folder.jsonl",
      ]
    ) {
      await assert.rejects(loadExamples({ file }, options), {
        name: "RangeError",
        message: /no such file in the datasets folder/,
      });
    }
  });
});

Deno.test("an unknown dataset or split is answered with the known ones", async () => {
  const options = { purpose: "train" as const, maxLength: 16, folder: "" };
  await assert.rejects(loadExamples("moby", options), {
    message: /expected one of "stdlib\/sotu"/,
  });
  assert.throws(() => findSplit(DATASETS.get("stdlib/sotu")!, "dev", "train"), {
    message: 'Cannot read split "dev" of "stdlib/sotu": expected one of "train", "test"',
  });
});

Deno.test("loadExamples() refuses tokens that the model does not know", async () => {
  const inline = { inline: { input_ids: [[1, 2], [3, 300]] } };
  const options = { purpose: "train" as const, maxLength: 16, folder: "", vocabSize: 256 };
  await assert.rejects(loadExamples(inline, options), {
    message: "Cannot use row 1: it has token 300, the model knows 0 to 255",
  });
  assert.equal((await loadExamples(inline, { ...options, vocabSize: 301 }))!.length, 2);
});
