// A 10 MB document and random bytes in one piece, by checksum.

import assert from "@std/assert";
import { Tokenizer } from "../../wasm/tokenizer.ts";
import { expected, REAL } from "./tokenizer_fixtures.ts";

/** How many texts by hand the expected answers begin with; large_expected.py repeats those. */
const HAND_TEXTS = 29;

interface Sums {
  utf8_bytes: number;
  count: number;
  ids: number;
  offsets: number;
}

const EXPECTED: Record<string, { document: Sums; bytes: Sums }> = JSON.parse(
  Deno.readTextFileSync(
    new URL("../fixtures/tokenizer/large.expected.json", import.meta.url),
  ),
);

/** Eight million code points, as large_expected.py builds them. */
function document(): string {
  const texts = expected("qwen3").slice(0, HAND_TEXTS).map((row) => row.text);
  const block = Array.from(texts.join("\n"));
  const whole = block.join("");
  const repeats = Math.floor(8_000_000 / block.length);
  return whole.repeat(repeats) + block.slice(0, 8_000_000 % block.length).join("");
}

/** A million bytes of a generator, read as UTF-8. */
function randomBytes(): string {
  let state = 1;
  const bytes = Uint8Array.from({ length: 1_000_000 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return new TextDecoder().decode(bytes);
}

function checksum(numbers: Iterable<number>): number {
  let total = 0;
  for (const n of numbers) total = (Math.imul(total, 31) + n) >>> 0;
  return total;
}

for (const [name, sums] of Object.entries(EXPECTED)) {
  Deno.test(`${name} gives the native library's ids for a 10 MB document and random bytes`, async () => {
    using tokenizer = Tokenizer.load((await REAL[name]!()).default);
    for (const [kind, text] of [["document", document()], ["bytes", randomBytes()]] as const) {
      const { ids, offsets } = tokenizer.encode(text, { offsets: "code_points" });
      assert.deepEqual({
        utf8_bytes: new TextEncoder().encode(text).length,
        count: ids.length,
        ids: checksum(ids),
        offsets: checksum(offsets!.flat()),
      }, sums[kind]);
      assert.equal(tokenizer.decode(ids, false), name === "qwen3" ? text.normalize("NFC") : text);
    }
  });
}
