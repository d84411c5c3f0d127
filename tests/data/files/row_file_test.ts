import assert from "@std/assert";
import { join } from "@std/path";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openRowFile, type PlacedRow, type RowFile } from "../../../data/files/row_file.ts";

interface Folder extends AsyncDisposable {
  readonly path: string;
  write(name: string, data: Uint8Array | string): Promise<string>;
  open(name: string, limit?: number): Promise<RowFile>;
}

async function temporaryFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir();
  return {
    path,
    async write(name, data) {
      const file = join(path, name);
      await Deno.writeFile(file, typeof data === "string" ? new TextEncoder().encode(data) : data);
      return file;
    },
    open: (name, limit) =>
      openRowFile(join(path, name), { name, limit, cache: join(path, ".cache") }),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

async function allRows(file: RowFile): Promise<PlacedRow[]> {
  const rows: PlacedRow[] = [];
  for (let block = 0; block < file.blocks.length; block++) rows.push(...await file.read(block));
  return rows;
}

const texts = Array.from({ length: 3000 }, (_, i) => `${i} ${"wörd ".repeat(i % 97)}`);
const jsonl = texts.map((text) => JSON.stringify({ text })).join("\n\n") + "\n";
const encoded = new TextEncoder().encode(jsonl);

const parquet = (codec: "UNCOMPRESSED" | "SNAPPY" = "SNAPPY", rowGroupSize = 500) =>
  new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "text", data: texts, type: "STRING" },
      { name: "other", data: texts.map((_, i) => i), type: "INT32" },
    ],
    codec,
    rowGroupSize,
  }));

Deno.test("the same rows come from .jsonl, .jsonl.gz, .jsonl.zst and .parquet", async () => {
  await using folder = await temporaryFolder();
  await folder.write("a.jsonl", encoded);
  await folder.write("a.jsonl.gz", gzipSync(encoded));
  await folder.write("a.jsonl.zst", zstdCompressSync(encoded));
  await folder.write("a.parquet", parquet());
  for (const name of ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"]) {
    const file = await folder.open(name);
    assert.ok(file.blocks.length > 1, name);
    assert.equal(file.blocks.reduce((sum, { rows }) => sum + rows, 0), texts.length, name);
    const rows = await allRows(file);
    assert.deepEqual(rows.map(({ row }) => row.text), texts, name);
    const place = name.endsWith("parquet") ? `${name}, row 2001` : `${name}:4001`;
    assert.equal(rows[2000]!.where, place);
    // Blocks can be read in any order.
    assert.deepEqual((await file.read(1))[0]!.row.text, texts[file.blocks[0]!.rows]);
  }
});

Deno.test("packed files that were appended to are read to their end", async () => {
  await using folder = await temporaryFolder();
  const [first, second] = [encoded.subarray(0, 50_000), encoded.subarray(50_000)];
  for (const [ending, pack] of [["gz", gzipSync], ["zst", zstdCompressSync]] as const) {
    const name = `a.jsonl.${ending}`;
    await folder.write(name, Buffer.concat([pack(first), pack(second)]));
    const rows = await allRows(await folder.open(name));
    assert.deepEqual(rows.map(({ row }) => row.text), texts, name);
  }
});

Deno.test("texts that a parquet file has once count as often as its rows have them", async () => {
  await using folder = await temporaryFolder();
  const long = "long ".repeat(1000);
  const data = Array.from({ length: 4000 }, (_, i) => long + i % 3);
  const buffer = parquetWriteBuffer({
    columnData: [{ name: "text", data, type: "STRING" }],
    rowGroupSize: 500,
  });
  assert.ok(buffer.byteLength < 100_000);
  await folder.write("a.parquet", new Uint8Array(buffer));
  const { blocks } = await folder.open("a.parquet");
  const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
  assert.ok(bytes >= 4000 * 5000 && bytes < 1.1 * 4000 * 5000, `${bytes}`);
});

Deno.test("a limit takes the first rows, and reads no further", async () => {
  await using folder = await temporaryFolder();
  await folder.write("a.jsonl", jsonl.slice(0, 200_000) + "\n{ broken");
  await folder.write("a.parquet", parquet());
  for (const name of ["a.jsonl", "a.parquet"]) {
    for (const limit of [1, 7, 501]) {
      const rows = await allRows(await folder.open(name, limit));
      assert.deepEqual(rows.map(({ row }) => row.text), texts.slice(0, limit));
    }
  }
});

Deno.test("a file is unpacked once, and again when it has changed", async () => {
  await using folder = await temporaryFolder();
  const unpacked = async () =>
    (await Array.fromAsync(Deno.readDir(join(folder.path, ".cache")))).map(({ name }) => name);
  await folder.write("a.jsonl.gz", gzipSync(encoded));
  await folder.open("a.jsonl.gz");
  const before = await unpacked();
  await folder.open("a.jsonl.gz");
  assert.deepEqual(await unpacked(), before);
  await folder.write("a.jsonl.gz", gzipSync('{"text":"new"}\n'));
  const rows = await allRows(await folder.open("a.jsonl.gz"));
  assert.deepEqual(rows.map(({ row }) => row.text), ["new"]);
  assert.equal((await unpacked()).length, 1);
  assert.notDeepEqual(await unpacked(), before);
});

Deno.test("a cut file is named, and leaves nothing half unpacked behind", async () => {
  await using folder = await temporaryFolder();
  const cut = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1);
  await folder.write("a.jsonl.gz", cut(gzipSync(encoded)));
  await folder.write("a.jsonl.zst", cut(zstdCompressSync(encoded)));
  await folder.write("a.parquet", cut(parquet()));
  for (const name of ["a.jsonl.gz", "a.jsonl.zst", "a.parquet"]) {
    await assert.rejects(folder.open(name), (error: Error) => {
      assert.equal(error.name, "SyntaxError", error.stack);
      assert.match(error.message, new RegExp(`${name.replaceAll(".", "\\.")}: .*(cut|damaged)`));
      return true;
    });
  }
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(folder.path, ".cache"))), []);
});

Deno.test("a parquet file with a damaged middle names the rows that cannot be read", async () => {
  await using folder = await temporaryFolder();
  const bytes = parquet();
  bytes.fill(0xff, 5000, 5400);
  await folder.write("a.parquet", bytes);
  const damaged = async () => allRows(await folder.open("a.parquet"));
  await assert.rejects(damaged(), {
    name: "SyntaxError",
    message: /^Cannot read a\.parquet, rows \d+ to \d+, columns text: .*damaged$/,
  });
});

Deno.test("bytes that are not UTF-8 are refused where they are, in both formats", async () => {
  await using folder = await temporaryFolder();
  const marked = new TextEncoder().encode('{"text":"a"}\n\n{"text":"@"}\n');
  await folder.write("a.jsonl", marked.map((byte) => byte === 0x40 ? 0xc3 : byte));
  await assert.rejects(allRows(await folder.open("a.jsonl")), {
    name: "SyntaxError",
    message: "Cannot read a.jsonl:3: it is not valid UTF-8, expected JSON in UTF-8",
  });
  const data = Array.from({ length: 50 }, (_, i) => `text ${i} ` + "@".repeat(i % 7));
  const plain = new Uint8Array(parquetWriteBuffer({
    columnData: [{ name: "text", data, type: "STRING" }],
    codec: "UNCOMPRESSED",
    statistics: false,
  }));
  await folder.write("a.parquet", plain.map((byte) => byte === 0x40 ? 0xff : byte));
  await assert.rejects(folder.open("a.parquet"), {
    message: /a\.parquet, rows 1 to 50, columns text: .*not valid UTF-8/,
  });
});

Deno.test("missing columns, another ending and a broken line are named with what is allowed", async () => {
  await using folder = await temporaryFolder();
  await folder.write(
    "a.parquet",
    new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "body", data: ["a"] }] })),
  );
  await assert.rejects(folder.open("a.parquet"), {
    name: "RangeError",
    message: /a\.parquet: it has the columns "body", expected "input_ids", or "messages"/,
  });
  await folder.write("a.csv", "text\na\n");
  await assert.rejects(folder.open("a.csv"), {
    message:
      'Cannot read "a.csv": expected a file that ends in .jsonl, .jsonl.gz, .jsonl.zst, .parquet',
  });
  await folder.write("a.jsonl", '{"text":"a"}\n[1]\n');
  await assert.rejects(allRows(await folder.open("a.jsonl")), {
    message: "Cannot parse a.jsonl:2: expected a JSON object",
  });
});

Deno.test("nested columns and token ids come out of parquet as they do out of JSON", async () => {
  await using folder = await temporaryFolder();
  const schema = [
    { name: "root", num_children: 1 },
    { name: "input_ids", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", type: "INT64", repetition_type: "OPTIONAL" },
  ] as const;
  const ids = [[1n, 2n, 3n], [4n, 5n]];
  await folder.write(
    "ids.parquet",
    new Uint8Array(parquetWriteBuffer({
      columnData: [{ name: "input_ids", data: ids }],
      // deno-lint-ignore no-explicit-any -- the writer's schema type is not exported.
      schema: schema as any,
    })),
  );
  const rows = await allRows(await folder.open("ids.parquet"));
  assert.deepEqual(rows.map(({ row }) => row.input_ids), [[1, 2, 3], [4, 5]]);
});

Deno.test("64-bit integers come out of parquet as numbers", async () => {
  await using folder = await temporaryFolder();
  await folder.write(
    "a.parquet",
    new Uint8Array(parquetWriteBuffer({
      columnData: [
        { name: "question", data: ["1+1?", "2+2?"], type: "STRING" },
        { name: "answer", data: ["#### 2", "#### 4"], type: "STRING" },
        { name: "final_answer", data: [2n, 4n], type: "INT64" },
        { name: "level", data: [1n, 2n], type: "INT64" },
      ],
    })),
  );
  const rows = await allRows(await folder.open("a.parquet"));
  assert.deepEqual(rows.map(({ row }) => row), [
    { question: "1+1?", answer: "#### 2", final_answer: 2, level: 1 },
    { question: "2+2?", answer: "#### 4", final_answer: 4, level: 2 },
  ]);
});
