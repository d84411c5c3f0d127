import { join } from "@std/path";
import assert from "@std/assert";
import fc from "fast-check";
import { BYTE_TOKENIZER } from "../../data/byte_tokenizer.ts";
import { parquetWriteBuffer } from "hyparquet-writer";
import { DATASETS, findSplit } from "../../data/datasets.ts";
import { type Example, IGNORED_TARGET } from "../../data/example.ts";
import { splitFiles } from "../../data/hub/split_files.ts";
import { datasetRows, isStream, loadExamples, openExamples } from "../../data/load.ts";
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

Deno.test("a file of any size is read in blocks, and a share of it is held out", async () => {
  const rows = Array.from({ length: 4000 }, (_, i) => ({ question: `${i % 2000}?`, answer: "x" }));
  const text = rows.map((row) => JSON.stringify({ ...row, pad: "-".repeat(200) })).join("\n");
  await withFile("rows.jsonl", text, async (folder) => {
    const dataset = { file: "rows.jsonl", test_fraction: 0.1 };
    const options = { maxLength: 32, folder, windowBytes: 300_000 };
    const opened = (await openExamples(dataset, { ...options, purpose: "train" }))!;
    if (!isStream(opened)) throw new TypeError("Expected a stream");
    assert.ok(opened.blocks.length > 1);
    const asked = ({ ids }: Example) => BYTE_TOKENIZER.decode(ids).split("?")[0]!;
    const train: string[] = [];
    for (let i = 0; i < opened.blocks.length; i++) train.push(...(await opened.read(i)).map(asked));
    const test = (await loadExamples(dataset, { ...options, purpose: "test" }))!.map(asked);
    assert.equal(train.length + test.length, rows.length);
    assert.equal(new Set(train).intersection(new Set(test)).size, 0);
    assert.equal(new Set(test).size, test.length / 2, "both answers to a question are held out");
    const all = { file: "rows.jsonl" };
    assert.equal(await loadExamples(all, { ...options, purpose: "test" }), undefined);
    const small = { ...options, windowBytes: 10_000, purpose: "train" as const };
    await assert.rejects(loadExamples(all, small), /train rows at once: .*expected a limit/);
    const found = await datasetRows(dataset, { ...options, purpose: "test" });
    assert.equal(found!.rows.length, test.length);
    assert.equal(found!.rows[0]!.pad, "-".repeat(200));
  });
});

Deno.test("a data set in hub layout is read from its folder, under its own column names", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const root = join(folder, "zwhe99", "DeepMath-103K", "data");
    await Deno.mkdir(root, { recursive: true });
    for (const part of [0, 1]) {
      const lines = Array.from({ length: 20_000 }, (_, i) => `${part} ${i}`);
      const column = (name: string, value: (line: string) => string) => ({
        name,
        data: lines.map(value),
        type: "STRING" as const,
      });
      const buffer = parquetWriteBuffer({
        columnData: [
          column("question", (line) => `q ${line}`),
          column("final_answer", () => "7"),
          column("r1_solution_1", () => "s"),
          column("r1_solution_2", () => "t"),
        ],
      });
      await Deno.writeFile(
        join(root, `train-0000${part}-of-00002.parquet`),
        new Uint8Array(buffer),
      );
    }
    const name = "zwhe99/DeepMath-103K";
    const load = (purpose: "train" | "test") =>
      loadExamples(name, { purpose, maxLength: 64, folder });
    const train = (await load("train"))!, test = (await load("test"))!;
    assert.equal(train.length + test.length, 40_000);
    // 1024 of 103,022: Binomial(40,000, 0.00994), five standard deviations are 99.
    assert.ok(Math.abs(test.length - 398) < 99, `${test.length}`);
    assert.match(BYTE_TOKENIZER.decode(train[0]!.ids), /^q 0 \d+\n\ns$/);
    const rows = (await datasetRows({ name, limit: 30_000 }, { purpose: "train", folder }))!.rows;
    assert.ok(rows.length > 29_000 && rows.length < 30_000, `${rows.length}`);
    assert.equal(rows[0]!.final_answer, "7");
    await assert.rejects(
      loadExamples("openai/gsm8k", { purpose: "train", maxLength: 64, folder }),
      /split "train" of "openai\/gsm8k": its files are not in the datasets folder/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("splitFiles() finds a split's files by the names that are in use", () => {
  const paths = [
    "README.md",
    "data/train-00000-of-00002.parquet",
    "data/train-00001-of-00002.parquet",
    "data/test-00000-of-00001.parquet",
    "data/training.parquet",
    "data/train.csv",
  ];
  assert.deepEqual(splitFiles("a/b", "train", paths), paths.slice(1, 3));
  assert.deepEqual(splitFiles("a/b", "test", paths), [paths[3]]);
  assert.deepEqual(splitFiles("a/b", "train", ["train/0.jsonl", "test/0.jsonl"]), [
    "train/0.jsonl",
  ]);
  assert.deepEqual(splitFiles("a/b", "train", ["train.jsonl.gz"]), ["train.jsonl.gz"]);
  const two = ["main/train-0.parquet", "socratic/train-0.parquet"];
  assert.throws(() => splitFiles("a/b", "train", two), /in 2 folders \(main, socratic\)/);
  assert.deepEqual(splitFiles("openai/gsm8k", "train", two), two.slice(0, 1));
});

Deno.test("a data set's name leads nowhere but into its folder", async () => {
  await withFile("train.jsonl", '{"text":"secret"}\n', async (outside) => {
    const folder = join(outside, "a", "b");
    await Deno.mkdir(folder, { recursive: true });
    for (const name of ["../..", "../../", "..", "a/../../..", "./..", outside]) {
      const options = { purpose: "train" as const, maxLength: 16, folder };
      await assert.rejects(loadExamples(name, options), { name: "RangeError" });
    }
  });
});
