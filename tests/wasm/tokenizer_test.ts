// The tokeniser's own promises, on small files.

import assert from "@std/assert";
import fc from "fast-check";
import { Tokenizer, trainTokenizer } from "../../wasm/tokenizer.ts";
import { expected, SMALL, smallFile } from "./tokenizer_fixtures.ts";
import { processorMs } from "../support/processor_time.ts";

/** How many texts by hand the expected answers begin with. */
const HAND_TEXTS = 29;

/** Every byte a token of its own, as the base model has them: no merges. */
function byteTokenizer(): Tokenizer {
  const file = JSON.parse(trainTokenizer([], { vocabSize: 257, specialTokens: ["<|end|>"] }));
  assert.deepEqual(file.model.merges, []);
  return Tokenizer.load(file);
}

Deno.test("a file without merges encodes bytes", () => {
  using tokenizer = byteTokenizer();
  assert.equal(tokenizer.vocabSize, 257);
  assert.equal(tokenizer.encode("é<|end|>").ids.length, 3);
  assert.equal(tokenizer.decode(tokenizer.encode("é😀").ids), "é😀");
});

Deno.test("any text comes back from a byte-level tokenizer, lone surrogates as U+FFFD", () => {
  using tokenizer = byteTokenizer();
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    const { ids, offsets } = tokenizer.encode(text, { offsets: "utf16", allowSpecial: false });
    assert.equal(tokenizer.decode(ids, false), text.toWellFormed());
    assert.equal(offsets!.at(-1)?.[1] ?? 0, text.length);
  }));
  assert.equal(tokenizer.decode(tokenizer.encode("a\ud83d b\ude00").ids), "a\ufffd b\ufffd");
});

Deno.test("any ids decode, and a stream of them says the same in whole characters", () => {
  for (const name of ["o200k", "roberta"]) {
    using tokenizer = Tokenizer.load(smallFile(name));
    const id = fc.integer({ min: 0, max: tokenizer.vocabSize + 5 });
    fc.assert(fc.property(fc.array(id, { maxLength: 60 }), fc.boolean(), (ids, skip) => {
      const stream = tokenizer.decodeStream(skip);
      const pieces = [...ids.map((id) => stream.push(id)), stream.finish()];
      assert.equal(pieces.join(""), tokenizer.decode(ids, skip));
      assert(pieces.every((piece) => piece.isWellFormed()));
    }));
  }
});

Deno.test("truncation counts special tokens and cuts on the asked side", () => {
  using tokenizer = Tokenizer.load(smallFile("roberta"));
  const all = [...tokenizer.encode("one two three").ids];
  const right = [...tokenizer.encode("one two three", { maxLength: 5 }).ids];
  assert.deepEqual(right, [0, ...all.slice(1, 4), 1]);
  const options = { maxLength: 5, truncationSide: "left", offsets: "code_points" } as const;
  const left = tokenizer.encode("one two three", options);
  assert.deepEqual([...left.ids], [0, ...all.slice(-4, -1), 1]);
  assert.deepEqual(left.offsets!.length, 5);
  assert.throws(() => tokenizer.encode("one", { maxLength: 1 }), RangeError);
  assert.throws(() => tokenizer.encode("one", { maxLength: 1.5 }), RangeError);
});

Deno.test("a batch is its texts one by one", () => {
  using tokenizer = Tokenizer.load(smallFile("o200k"));
  const texts = ["one", "", "two <think>"];
  assert.deepEqual(tokenizer.encodeBatch(texts), texts.map((text) => tokenizer.encode(text)));
  const ids = tokenizer.encodeBatch(texts).map((each) => each.ids);
  assert.deepEqual(tokenizer.decodeBatch(ids), ["one", "", "two <think>"]);
});

Deno.test("UTF-16 offsets slice the text they name", () => {
  using tokenizer = byteTokenizer();
  const text = "a😀é\u{10ffff}b";
  const { offsets } = tokenizer.encode(text, { offsets: "utf16" });
  const slices = new Set(offsets!.map(([start, end]) => text.slice(start, end)));
  assert.deepEqual([...slices], ["a", "😀", "é", "\u{10ffff}", "b"]);
});

Deno.test("tokens that only the companion files name are added, special where they say so", () => {
  using tokenizer = Tokenizer.load(smallFile("o200k"), {
    config: {
      added_tokens_decoder: { 900: { content: "<tool>", special: false }, 0: "ignored" },
      eos_token: "<|stop|>",
    },
    specialTokensMap: { additional_special_tokens: ["<|extra|>"], pad_token: "<|im_end|>" },
  });
  const ids = [...tokenizer.encode("<tool><|stop|><|extra|>").ids];
  assert.deepEqual(ids.map((id) => tokenizer.isSpecial(id)), [false, true, true]);
  assert.equal(tokenizer.decode(ids), "<tool>");
});

Deno.test("a broken file is a SyntaxError, never a trap", () => {
  const good = new TextDecoder().decode(smallFile("o200k"));
  for (
    const json of ["", "{", "[]", "null", '{"model":{}}', '{"model":{"type":"BPE","vocab":{}}}']
  ) {
    assert.throws(() => Tokenizer.load(json), SyntaxError, json);
  }
  const file = JSON.parse(good);
  file.model.merges.push("not-a-token x");
  assert.throws(() => Tokenizer.load(file), /is not in the vocabulary/);
  file.model.merges.pop();
  file.model.vocab.zzz = 2 ** 31;
  assert.throws(() => Tokenizer.load(file), SyntaxError);
  // Any cut and any changed byte either loads or says why.
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(127), (at, byte) => {
      for (
        const json of [
          good.slice(0, at),
          good.slice(0, at) + String.fromCharCode(byte) + good.slice(at + 1),
        ]
      ) {
        try {
          using tokenizer = Tokenizer.load(json);
          tokenizer.encode("Hello, world! 123");
        } catch (error) {
          assert(
            error instanceof SyntaxError || (error instanceof RangeError && !error.cause),
            `${error}`,
          );
        }
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test("ids that are not ids are refused", () => {
  using tokenizer = Tokenizer.load(smallFile("o200k"));
  for (const id of [-1, 1.5, NaN, 2 ** 32]) {
    assert.throws(() => tokenizer.decode([id]), RangeError);
    assert.throws(() => tokenizer.decodeStream().push(id), RangeError);
  }
  assert.equal(tokenizer.decode([2 ** 32 - 1]), "");
});

Deno.test("a long word takes time in proportion, not in its square", () => {
  using tokenizer = Tokenizer.load(smallFile("roberta"));
  const time = (n: number) => {
    const text = "ab".repeat(n / 2);
    const times = Array.from({ length: 3 }, () => {
      const start = processorMs();
      tokenizer.encode(text);
      return processorMs() - start;
    });
    return Math.min(...times);
  };
  const [small, large] = [time(1 << 16), time(1 << 20)];
  // In its square it would be 256 times the time.
  assert(large < 64 * Math.max(small, 2), `${small} ms → ${large} ms for 16 times the text`);
});

Deno.test("every kind survives any text", () => {
  for (const name of SMALL) {
    using tokenizer = Tokenizer.load(smallFile(name));
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 100 }), (text) => {
      const { ids, offsets } = tokenizer.encode(text, { offsets: "code_points" });
      assert.equal(offsets!.length, ids.length);
      tokenizer.decode(ids);
    }));
  }
});

Deno.test("training learns what the native library's trainer learns", () => {
  const file = JSON.parse(new TextDecoder().decode(smallFile("trained")));
  const hand = expected("o200k").slice(0, HAND_TEXTS).map((row) => row.text);
  const corpus = hand.filter((text) => !text.includes("<"));
  const specialTokens = ["<|endoftext|>"];
  const json = trainTokenizer([...corpus, ...corpus], { vocabSize: 600, specialTokens });
  const { model } = JSON.parse(json);
  assert(model.merges.length > 200);
  assert.deepEqual(model.merges, file.model.merges);
  assert.deepEqual(model.vocab, file.model.vocab);
});

Deno.test("training refuses what cannot be", () => {
  assert.throws(() => trainTokenizer([], { vocabSize: 255 }), RangeError);
  assert.throws(() => trainTokenizer([], { vocabSize: 1e9 }), RangeError);
  assert.throws(() => trainTokenizer([], { vocabSize: 300, pattern: "(" }), SyntaxError);
  const twice = { vocabSize: 300, specialTokens: ["a", "a"] };
  assert.throws(() => trainTokenizer([], twice), RangeError);
});
