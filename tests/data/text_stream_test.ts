import assert from "@std/assert";
import { TextStream } from "../../data/text_stream.ts";
import { byteTokenizerFile } from "../../wasm/byte_tokenizer.ts";
import { Tokenizer } from "../../wasm/tokenizer.ts";

const BYTES = Tokenizer.load(byteTokenizerFile());

/** Feeds a text byte by byte; gives what was told after each, and at the end. */
function stream(text: string, stops: string[]) {
  const out = new TextStream(BYTES, stops);
  const pieces: string[] = [];
  for (const byte of new TextEncoder().encode(text)) {
    out.push(byte);
    pieces.push(out.take());
  }
  out.finish();
  pieces.push(out.take());
  return { pieces, text: pieces.join(""), stopped: out.stopped };
}

Deno.test("TextStream tells a text as it comes, and splits no character", () => {
  const { pieces, text } = stream("aé🙂b", []);
  assert.equal(text, "aé🙂b");
  assert.deepEqual(pieces, ["a", "", "é", "", "", "", "🙂", "b", ""]);
});

Deno.test("TextStream holds back what may be a stop string, and tells it where it is none", () => {
  assert.deepEqual(stream("a\n\nb", ["\n\n\n"]).pieces, ["a", "", "", "\n\nb", ""]);
  assert.deepEqual(stream("a\n\n", ["\n\n\n"]).pieces, ["a", "", "", "\n\n"]);
});

Deno.test("TextStream ends before the first stop string", () => {
  assert.deepEqual(stream("one STOP two", ["STOP", "two"]), {
    pieces: ["o", "n", "e", " ", ..."        ".split("").map(() => ""), ""],
    text: "one ",
    stopped: true,
  });
  assert.equal(stream("abcabd", ["abd", "bca"]).text, "a");
  assert.equal(stream("aab", ["ab"]).text, "a");
  assert.equal(stream("STOP", ["STOP"]).text, "");
});

Deno.test("TextStream gives an unfinished character as U+FFFD at the end", () => {
  const out = new TextStream(BYTES, []);
  out.push(0xf0);
  out.push(0x9f);
  assert.equal(out.take(), "");
  out.finish();
  assert.match(out.take(), /^\ufffd+$/);
});
