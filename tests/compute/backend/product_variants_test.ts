// Every way to compute a product against the f64 reference, on whatever adapter there is: tiles of any size, with
// and without workgroup memory, handed around in a subgroup, in f16, with weights in f32, bf16 and 4 bits.

import assert from "@std/assert";
import type { Tensor } from "../../../compute/backend/backend.ts";
import { deviceFeatures, requestDevice } from "../../../compute/backend/webgpu/adapter.ts";
import {
  defaultVariant,
  formOf,
  type ProductVariant,
  tileBytes,
  variantName,
  variantsOf,
} from "../../../compute/backend/webgpu/descriptions/product_variants.ts";
import { createWebgpuBackend } from "../../../compute/backend/webgpu/webgpu_backend.ts";
import { assertAllclose, assertSameBits } from "../../support/allclose.ts";
import { normals } from "../../support/random.ts";
import { groupedLora, groupedNn, groupedTn } from "../../support/reference/expert_linear.ts";
import { gemmNn, gemmNt, gemmTn, loraForward } from "../../support/reference/linear.ts";
import { f32, type Input, toDevice, u32, values } from "../../support/run_kernel.ts";
import { weight } from "../../support/weight.ts";
import { adapter, testWithAdapter } from "./webgpu_device.ts";

const device = adapter === undefined ? undefined : await requestDevice(adapter);
const features = device && deviceFeatures(adapter!, device);
device?.destroy();
const lanes = features?.subgroup?.size;

/** Small, so that software adapters compile them in no time; the text is written by the same code. */
const VARIANTS: ProductVariant[] = [
  { kind: "direct", wx: 4, wy: 4, tm: 4, tn: 4 },
  { kind: "direct", wx: 8, wy: 1, tm: 8, tn: 4 },
  { kind: "tiled", wx: 4, wy: 4, tm: 4, tn: 8, bk4: 2 },
  { kind: "tiled", wx: 8, wy: 2, tm: 8, tn: 4, bk4: 1 },
  ...(lanes ? [{ kind: "subgroup", wx: lanes, wy: 1, tm: 4, tn: 4 } as const] : []),
  ...(lanes && lanes >= 8 ? [{ kind: "subgroup", wx: lanes, wy: 1, tm: 8, tn: 4 } as const] : []),
  ...(features?.f16
    ? [{ kind: "tiled", wx: 4, wy: 4, tm: 4, tn: 4, bk4: 2, f16: true } as const]
    : []),
];

/** [m, n, k]: no multiples of 4, then multiples of 4 that no tile divides, then one of one row. */
const SIZES = [[37, 42, 27], [36, 44, 52], [1, 6, 130]] as const;

const even = (n: number, dtype: string) => dtype === "bf16" ? n + n % 2 : n;

for (const variant of VARIANTS) {
  const tolerance = variant.f16 ? { atol: 1e-2, rtol: 1e-2 } : undefined;
  testWithAdapter(`${variantName(variant)} computes every product`, async () => {
    const backend = (await createWebgpuBackend({ variantOf: () => variant }))!;
    const input = (seed: number, ...shape: number[]) =>
      f32(shape, normals(seed, shape.reduce((a, b) => a * b, 1)));
    const put = (one: Input) => toDevice(backend, one, "x");
    const check = async (y: Tensor, expected: Float64Array, name: string) =>
      assertAllclose(
        await backend.read(y) as Float32Array,
        expected,
        { name, shape: y.shape },
        tolerance,
      );
    for (const dtype of ["f32", "bf16", "nf4"] as const) {
      for (const [m, odd_n, odd_k] of dtype === "f32" ? SIZES : SIZES.slice(0, 2)) {
        const n = even(odd_n, dtype), k = even(odd_k, dtype), r = 5;
        const x = input(1, m, k), xa = input(2, m, r), b = input(3, n, r), before = input(4, m, n);
        const plain = { m, n, k, alpha: -0.5, accumulate: 1 };
        const onTop = (product: Float64Array) =>
          product.map((value, i) => before.data[i]! - 0.5 * value);
        const name = `${dtype} [${m}, ${n}, ${k}]`;
        const nk = weight(backend, dtype, [n, k], k ** -0.5);
        const y = put(before), z = put(before), lora = backend.empty([m, n], "f32", "lora");
        backend.run("gemm_nt", { x: put(x), w: nk.tensor, y }, plain);
        await check(y, onTop(gemmNt(values(x), nk.values, m, n, k)), `gemm_nt ${name}`);
        const kn = weight(backend, dtype, [k, n], k ** -0.5);
        backend.run("gemm_nn", { x: put(x), w: kn.tensor, y: z }, plain);
        await check(z, onTop(gemmNn(values(x), kn.values, m, n, k)), `gemm_nn ${name}`);
        if (dtype !== "f32") continue;
        const adapted = { x: put(x), w: nk.tensor, xa: put(xa), b: put(b), y: lora };
        backend.run("lora_forward", adapted, { m, n, k, r });
        const expected = loraForward(values(x), nk.values, values(xa), values(b), { m, n, k, r });
        await check(lora, expected, `lora_forward ${name}`);
        const a = input(5, k, m), right = input(6, k, n), dW = put(before);
        backend.run("gemm_tn", { a: put(a), b: put(right), y: dW }, plain);
        await check(dW, onTop(gemmTn(values(a), values(right), m, n, k)), `gemm_tn ${name}`);
      }
      const offsets = [0, 9, 9, 41, 42], groups = 4, rows = 42;
      const [n, k, r] = [22, 18, 3];
      const x = input(1, rows, k), xa = input(2, rows, r), b = input(3, groups, n, r);
      const table = put(u32([groups + 1], offsets)), size = { n, k, r, offsets };
      const nk = weight(backend, dtype, [groups, n, k], k ** -0.5);
      const y = backend.empty([rows, n], "f32", "y");
      const adapted = { x: put(x), w: nk.tensor, xa: put(xa), b: put(b), offsets: table, y };
      backend.run("grouped_lora_forward", adapted, { rows, n, k, r, groups });
      const expected = groupedLora(values(x), nk.values, values(xa), values(b), size);
      await check(y, expected, `grouped_lora_forward ${dtype}`);
      const kn = weight(backend, dtype, [groups, k, n], k ** -0.5);
      const z = backend.empty([rows, n], "f32", "z");
      const params = { rows, n, k, groups, alpha: 1, accumulate: 0 };
      backend.run("grouped_gemm_nn", { x: put(x), w: kn.tensor, offsets: table, y: z }, params);
      await check(z, groupedNn(values(x), kn.values, size), `grouped_gemm_nn ${dtype}`);
      if (dtype !== "f32") continue;
      const dW = put(f32([groups, n, k], new Float32Array(groups * n * k)));
      const dY = input(8, rows, n);
      const gradient = { a: put(dY), b: put(x), offsets: table, y: dW };
      backend.run("grouped_gemm_tn", gradient, { rows, m: n, n: k, groups, alpha: 1 });
      await check(dW, groupedTn(values(dY), values(x), size), "grouped_gemm_tn");
    }
    backend.close();
  });
}

testWithAdapter("variants with f32 operands give the same sums bit for bit", async () => {
  const [m, n, k] = [36, 44, 52];
  const results: Float32Array[] = [];
  for (const variant of VARIANTS.filter(({ f16 }) => !f16)) {
    const backend = (await createWebgpuBackend({ variantOf: () => variant }))!;
    const x = toDevice(backend, f32([m, k], normals(1, m * k)), "x");
    const w = toDevice(backend, f32([n, k], normals(2, n * k)), "w");
    const y = backend.empty([m, n], "f32", "y");
    backend.run("gemm_nt", { x, w, y }, { m, n, k, alpha: 1, accumulate: 0 });
    results.push(await backend.read(y) as Float32Array);
    backend.close();
  }
  for (const result of results.slice(1)) {
    assertSameBits(result, results[0]!, { name: "y", shape: [m, n] });
  }
});

const limits = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16_384,
} as GPUSupportedLimits;

Deno.test("variantsOf() offers what a device can run, the default first", () => {
  const plain = { limits, software: false, features: { f16: false } };
  for (const [m, n] of [[4096, 8], [8, 4096], [512, 512], [2048, 2048]] as const) {
    for (const dtype of ["f32", "bf16", "nf4"] as const) {
      const shape = { m, n, k: 512, dtype };
      const variants = variantsOf(shape, plain);
      assert.deepEqual(variants[0], defaultVariant(shape, plain));
      assert.ok(variants.length > 2, formOf(m, n));
      for (const variant of variants) {
        assert.ok(variant.wx * variant.wy <= 256 && tileBytes(variant) <= 16_384);
        assert.ok(variant.kind !== "subgroup" && !variant.f16, variantName(variant));
      }
      const more = variantsOf(shape, { ...plain, features: { f16: true, subgroup: { size: 32 } } });
      assert.equal(more.some(({ f16 }) => f16), dtype !== "f32", "f16 is for inexact weights");
      const handed = more.find(({ kind }) => kind === "subgroup");
      assert.equal(handed?.wx, Math.min(m, n) > 16 ? 32 : undefined);
    }
  }
});
