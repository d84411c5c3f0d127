import assert from "@std/assert";
import { LEVELS, quantizeScales, quantizeValues } from "../../../compute/models/nf4.ts";
import { readSafetensorsHeader } from "../../../compute/models/safetensors.ts";
import { assertSameBits } from "../../support/allclose.ts";
import { dequantizeNf4 } from "../../support/reference/nf4.ts";

const FILE = new URL("../../fixtures/nf4/expected.safetensors", import.meta.url);

/** Tensors of a file that bitsandbytes' results were written to. */
async function expected(): Promise<(name: string) => Uint8Array<ArrayBuffer>> {
  const bytes = await Deno.readFile(FILE);
  const header = await readSafetensorsHeader({
    name: FILE.pathname,
    size: bytes.length,
    read: (at, length) => Promise.resolve(bytes.subarray(at, at + length)),
  });
  return (name) => {
    const { offset, bytes: length } = header.get(name)!;
    return bytes.slice(offset, offset + length);
  };
}

const floats = (bytes: Uint8Array<ArrayBuffer>) => new Float32Array(bytes.buffer);

Deno.test("levels are bitsandbytes'", async () => {
  const stored = await expected();
  const all = Float32Array.of(...floats(stored("levels")), ...floats(stored("scale_levels")));
  assertSameBits(LEVELS, all, { name: "levels", shape: [272] });
});

Deno.test("values and scales are quantised as bitsandbytes does, and come back as its own", async () => {
  const stored = await expected();
  const x = floats(stored("x"));
  const { codes, scales } = quantizeValues(x);
  const bytes = stored("codes");
  const theirs = Array.from(x, (_, i) => i % 2 === 0 ? bytes[i >> 1]! >> 4 : bytes[i >> 1]! & 15);
  assert.deepEqual(Array.from(x, (_, i) => codes[i >> 3]! >>> 4 * (i % 8) & 15), theirs);
  const packed = quantizeScales(scales);
  const [mean, ...ranges] = packed.ranges;
  // They sum the scales in another order.
  const offset = floats(stored("offset"))[0]!, theirRanges = floats(stored("ranges"));
  assert.ok(Math.abs(mean! - offset) <= 2 ** -22 * offset, `${mean} ${offset}`);
  theirRanges.forEach((range, group) =>
    assert.ok(Math.abs(ranges[group]! - range) <= 2 ** -21 * range, `${ranges[group]} ${range}`)
  );
  // On a processor they look for the nearest level in a table of bins, which may miss it by one.
  const theirScales = stored("scales");
  const ours = new Uint8Array(packed.scales.buffer).subarray(0, scales.length);
  const missed = [...ours].filter((code, block) => {
    const error = (level: number) =>
      Math.abs((scales[block]! - offset) / theirRanges[block >> 8]! - LEVELS[16 + level]!);
    assert.ok(error(code) <= error(theirScales[block]!) + 1e-6, `block ${block}`);
    return code !== theirScales[block];
  });
  assert.ok(missed.length <= 2, `${missed.length} of ${ours.length} scales differ`);
  const theirWords = new Uint32Array(packed.scales.length);
  new Uint8Array(theirWords.buffer).set(theirScales);
  const theirMatrix = {
    codes,
    scales: theirWords,
    ranges: Float32Array.of(offset, ...theirRanges),
  };
  const y = dequantizeNf4(theirMatrix, LEVELS, x.length);
  assertSameBits(y, floats(stored("y")), { name: "y", shape: [67, 250] });
});

Deno.test("blocks of zeros, equal blocks and short ones come back exactly", () => {
  const x = new Float32Array(150).fill(-3, 0, 64).fill(3, 64, 128);
  const { codes, scales } = quantizeValues(x);
  assert.deepEqual([...scales], [3, 3, 0]);
  const packed = { codes, ...quantizeScales(scales) };
  const y = dequantizeNf4(packed, LEVELS, x.length);
  // The mean of the scales is 2: distances 1, 1 and -2 in a range of 2.
  assert.deepEqual(packed.ranges, Float32Array.of(2, 2));
  assert.ok(y.subarray(0, 64).every((value) => Math.abs(value + 3) < 0.02), `${y[0]}`);
  assert.ok(y.subarray(128).every((value) => value === 0));
  assert.deepEqual(quantizeScales(Float32Array.of(5, 5)), {
    scales: Uint32Array.of(0x7f7f),
    ranges: Float32Array.of(5, 0),
  });
});

Deno.test("a value that is not a number is not hidden", () => {
  const x = new Float32Array(64).fill(1);
  x[5] = NaN;
  const { codes, scales } = quantizeValues(x);
  const y = dequantizeNf4({ codes, ...quantizeScales(scales) }, LEVELS, 64);
  assert.ok(y.every(Number.isNaN));
});
