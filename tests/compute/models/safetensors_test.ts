import assert from "@std/assert";
import fc from "fast-check";
import {
  bytesSource,
  encodeSafetensors,
  readSafetensorsHeader,
} from "../../../compute/models/safetensors.ts";
import { checkWeights, openWeights, packBf16 } from "../../../compute/models/weights.ts";

function file(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const read = (bytes: Uint8Array) => readSafetensorsHeader(bytesSource(bytes, "m.safetensors"));
const entry = (shape: unknown, data_offsets: unknown, dtype: unknown = "F32") => ({
  w: { dtype, shape, data_offsets },
});

Deno.test("encodeSafetensors() is read back by openWeights()", async () => {
  const a = Float32Array.of(1, -2, 3.5, 0, 1e-30, 7);
  const bytes = encodeSafetensors(
    new Map([
      ["a", { dtype: "F32", shape: [2, 3], data: a }],
      ["b", { dtype: "BF16", shape: [4], data: packBf16(Float32Array.of(1, 2, -3, 0.5)) }],
    ]),
    { format: "pt" },
  );
  const weights = await openWeights([bytesSource(bytes, "m.safetensors")]);
  assert.deepEqual(weights.shape("a"), [2, 3]);
  assert.deepEqual(await weights.read("a", "f32"), a);
  assert.deepEqual(await weights.read("b", "f32"), Float32Array.of(1, 2, -3, 0.5));
});

Deno.test("f16 weights widen exactly", async () => {
  const halves = Float16Array.of(1.5, -0.25, 65504, 6e-8);
  const bytes = file(entry([4], [0, 8], "F16"), 8);
  bytes.set(new Uint8Array(halves.buffer), bytes.length - 8);
  const weights = await openWeights([bytesSource(bytes, "m")]);
  assert.deepEqual(await weights.read("w", "f32"), Float32Array.from(halves));
});

Deno.test("packBf16() rounds to nearest, ties to even, and keeps NaN and infinities", () => {
  const bits = (x: number) => new Uint32Array(Float32Array.of(x).buffer)[0]!;
  const half = (x: number) => packBf16(Float32Array.of(x, 0))[0]! & 0xffff;
  assert.equal(half(1), 0x3f80);
  assert.equal(half(1 + 2 ** -8), 0x3f80, "a tie goes to the even neighbour below");
  assert.equal(half(1 + 3 * 2 ** -8), 0x3f82, "a tie goes to the even neighbour above");
  assert.equal(half(1 + 2 ** -8 + 2 ** -20), 0x3f81, "above the tie rounds up");
  assert.equal(half(-Infinity), 0xff80);
  assert.ok(Number.isNaN(new Float32Array(Uint32Array.of(half(NaN) << 16).buffer)[0]));
  assert.equal(half(3e38) << 16 >>> 0, bits(3e38) + 0x7fff >>> 16 << 16 >>> 0);
});

const HOSTILE: readonly [name: string, bytes: Uint8Array, message: RegExp][] = [
  ["an empty file", new Uint8Array(0), /too few/],
  ["a header longer than the file", file("{}", 0).with(0, 200), /claims 200 bytes/],
  ["a header of 2^63 bytes", file("{}", 0).with(7, 0x80), /claims/],
  ["a header that is not JSON", file("{", 0), /not JSON/],
  ["a header that is a list", file([], 0), /not a JSON object/],
  ["an unknown dtype", file(entry([1], [0, 4], "F8"), 4), /"w" has dtype "F8"/],
  ["a dtype from the prototype", file(entry([1], [0, 4], "constructor"), 4), /has dtype/],
  ["a negative dimension", file(entry([-1], [0, 4]), 4), /has shape/],
  ["offsets backwards", file(entry([1], [4, 0]), 4), /data_offsets/],
  ["offsets that do not fit the shape", file(entry([3], [0, 8]), 8), /needs 12 bytes/],
  ["a shape whose product overflows", file(entry([2 ** 40, 2 ** 40], [0, 4]), 4), /needs/],
  ["a truncated file", file(entry([4], [0, 16]), 8), /truncated/],
  ["a hole before the tensor", file(entry([1], [4, 8]), 8), /holes or overlaps/],
  ["bytes after the last tensor", file(entry([1], [0, 4]), 8), /4 bytes after/],
  ["a null entry", file({ w: null }, 0), /"w" has dtype/],
];

for (const [name, bytes, message] of HOSTILE) {
  Deno.test(`readSafetensorsHeader() refuses ${name}`, async () => {
    await assert.rejects(read(bytes), { name: "SyntaxError", message });
  });
}

Deno.test("readSafetensorsHeader() fails only with SyntaxError, whatever the bytes", async () => {
  await fc.assert(fc.asyncProperty(
    fc.uint8Array({ maxLength: 64 }),
    fc.json(),
    async (noise, json) => {
      for (const bytes of [noise, file(json, noise.length)]) {
        await read(bytes).catch((error) => assert.ok(error instanceof SyntaxError, error.message));
      }
    },
  ));
});

Deno.test("checkWeights() names the weight that does not fit", async () => {
  const weights = await openWeights([bytesSource(file(entry([2], [0, 8]), 8), "m")]);
  assert.throws(() => checkWeights(weights, new Map([["v", [2]]])), /no "v" \[2\]/);
  assert.throws(() => checkWeights(weights, new Map([["w", [3]]])), /"w" is \[2\].*asks for \[3\]/);
  checkWeights(weights, new Map([["w", [2]]]));
});

Deno.test("openWeights() refuses a name that two files hold", async () => {
  const bytes = file(entry([1], [0, 4]), 4);
  const both = openWeights([bytesSource(bytes, "one"), bytesSource(bytes, "two")]);
  await assert.rejects(both, /"w" is also in one/);
});

Deno.test("parts() of a weight are the weight, whatever its type", async () => {
  // One element more than a part, and an odd number of bf16 halves.
  const count = (1 << 20) + 1;
  const halves = Uint16Array.from({ length: count }, (_, i) => 0x3c00 + i % 977);
  const words = new Uint32Array(Math.ceil(count / 2));
  new Uint16Array(words.buffer).set(halves);
  const file = encodeSafetensors(
    new Map([
      ["half", { dtype: "BF16" as const, shape: [count], data: words }],
      ["whole", {
        dtype: "F32" as const,
        shape: [count],
        data: Float32Array.from(halves, (h) => h / 7),
      }],
    ]),
  );
  const weights = await openWeights([bytesSource(file, "weights")]);
  for (const name of ["half", "whole"]) {
    for (const dtype of ["f32", "bf16"] as const) {
      const whole = await weights.read(name, dtype);
      let next = 0;
      for await (const { at, data } of weights.parts!(name, dtype)) {
        assert.equal(at, next);
        const from = dtype === "bf16" ? at / 2 : at;
        assert.deepEqual(data, whole.slice(from, from + data.length));
        next += dtype === "bf16" ? data.length * 2 : data.length;
      }
      assert.equal(Math.ceil(next / 2), Math.ceil(count / 2), `${name} as ${dtype}`);
    }
  }
});

Deno.test("openWeights() gives fused experts under the names of single ones", async () => {
  const [experts, width, hidden] = [2, 3, 4];
  const ramp = (count: number) => Float32Array.from({ length: count }, (_, i) => i);
  const prefix = "model.layers.0.mlp.experts";
  const file = encodeSafetensors(
    new Map([
      [`${prefix}.gate_up_proj`, {
        dtype: "F32" as const,
        shape: [experts, 2 * width, hidden],
        data: ramp(experts * 2 * width * hidden),
      }],
      [`${prefix}.down_proj`, {
        dtype: "F32" as const,
        shape: [experts, hidden, width],
        data: ramp(experts * hidden * width),
      }],
    ]),
  );
  const weights = await openWeights([bytesSource(file, "weights")]);
  assert.equal(weights.names.size, 6);
  const starts: Record<string, number> = {
    "0.gate_proj": 0,
    "0.up_proj": 12,
    "1.gate_proj": 24,
    "1.up_proj": 36,
    "0.down_proj": 0,
    "1.down_proj": 12,
  };
  for (const [name, start] of Object.entries(starts)) {
    const data = await weights.read(`${prefix}.${name}.weight`, "f32");
    assert.deepEqual(Array.from(data), Array.from(ramp(12), (i) => i + start), name);
  }
  assert.deepEqual(weights.shape(`${prefix}.1.up_proj.weight`), [width, hidden]);
  assert.deepEqual(weights.shape(`${prefix}.1.down_proj.weight`), [hidden, width]);
});
