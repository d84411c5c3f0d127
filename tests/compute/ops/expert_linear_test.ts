import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { normals } from "../../support/random.ts";
import { bf16, f32, type Input, toDevice, u32, values } from "../../support/run_kernel.ts";
import {
  expertLinear,
  groupedLora,
  groupedNn,
  groupedNt,
  type GroupedSize,
  groupedTn,
} from "../../support/reference/expert_linear.ts";
import { expertLinearBackward, expertLinearForward } from "../../../compute/ops/expert_linear.ts";
import type { Backend, Tensor } from "../../../compute/backend/backend.ts";

interface Layer {
  readonly x: Input;
  readonly w: Input;
  readonly a: Input;
  readonly b: Input;
  readonly dY: Input;
  readonly scaling: number;
  readonly size: GroupedSize;
}

type Gradients = "dX" | "dW" | "dA" | "dB";

/** A layer of groups of `counts` rows. */
function layer(counts: readonly number[], n: number, k: number, r: number, pack = f32): Layer {
  const offsets = [0];
  for (const count of counts) offsets.push(offsets.at(-1)! + count);
  const rows = offsets.at(-1)!, groups = counts.length;
  return {
    x: f32([rows, k], normals(1, rows * k)),
    w: pack([groups, n, k], normals(2, groups * n * k, k ** -0.5)),
    a: f32([groups, r, k], normals(3, groups * r * k, k ** -0.5)),
    b: f32([groups, n, r], normals(4, groups * n * r, r ** -0.5)),
    dY: f32([rows, n], upstream(normals(5, rows * n))),
    scaling: 1.3,
    size: { n, k, r, offsets },
  };
}

/** Runs forward and backward of the op; gradients start from `into`. */
async function run(
  backend: Backend,
  { x, w, a, b, dY, scaling, size: { offsets } }: Layer,
  adapted: boolean,
  into: Partial<Record<Gradients, Input>>,
): Promise<Record<string, ArrayLike<number>>> {
  const put = (input: Input, label: string) => toDevice(backend, input, label);
  const X = put(x, "x"), W = put(w, "w"), D = put(dY, "dY");
  const table = put(u32([offsets.length], offsets), "offsets");
  const groups = { order: table, place: table, offsets: table, perToken: 1 };
  const lora = adapted ? { a: put(a, "a"), b: put(b, "b"), scaling } : undefined;
  const { y, xa } = expertLinearForward(backend, X, W, groups, lora);
  const out: Partial<Record<Gradients, Tensor>> = {};
  for (const [name, input] of Object.entries(into)) out[name as Gradients] = put(input, name);
  const { dX, ...rest } = out;
  const slot = dX && { tensor: dX, accumulate: true };
  expertLinearBackward(backend, X, W, groups, D, { dX: slot, ...rest }, lora, { xa });
  const result: Record<string, ArrayLike<number>> = { y: await backend.read(y) };
  for (const [name, tensor] of Object.entries(out)) result[name] = await backend.read(tensor);
  const adapter = lora === undefined ? [] : [lora.a, lora.b, xa!];
  for (const tensor of [X, W, D, table, y, ...adapter, ...Object.values(out)]) backend.free(tensor);
  return result;
}

function start(seed: number, like: Input): Input {
  return f32(like.shape, normals(seed, like.shape.reduce((product, n) => product * n, 1)));
}

await forEachBackend(({ test }) => {
  test("expertLinearBackward() with LoRA matches finite differences mid-graph", async (backend) => {
    const at = layer([3, 0, 1, 2], 5, 6, 2);
    const zero = (like: Input) => f32(like.shape, values(like).fill(0));
    const into = { dX: zero(at.x), dA: zero(at.a), dB: zero(at.b) };
    const actual = await run(backend, at, true, into);
    const X = values(at.x), W = values(at.w), A = values(at.a), B = values(at.b);
    const loss = (x: Float64Array, w: Float64Array, a: Float64Array, b: Float64Array) =>
      lossAfter(at.dY.data, expertLinear(x, w, a, b, at.scaling, at.size));
    const check = (name: Gradients, expected: Float64Array) =>
      assertAllclose(actual[name]!, expected, { name, shape: [expected.length] });
    check("dX", numericGradient((x) => loss(x, W, A, B), X));
    check("dA", numericGradient((a) => loss(X, W, a, B), A));
    check("dB", numericGradient((b) => loss(X, W, A, b), B));
    const full = await run(backend, at, false, { dX: zero(at.x), dW: zero(at.w) });
    const plain = (x: Float64Array, w: Float64Array) =>
      lossAfter(at.dY.data, groupedNt(x, w, at.size));
    const dW = numericGradient((w) => plain(X, w), W);
    assertAllclose(full.dW!, dW, { name: "dW", shape: [dW.length] });
    const dX = numericGradient((x) => plain(x, W), X);
    assertAllclose(full.dX!, dX, { name: "dX without LoRA", shape: [dX.length] });
  });

  for (const [dtype, pack] of [["f32", f32], ["bf16", bf16]] as const) {
    test(`expertLinear with ${dtype} weights matches the f64 reference and adds its gradients`, async (backend) => {
      const cases: [number[], number, number, number][] = [
        [[1], 2, 2, 1],
        [[0, 41, 0, 13, 1, 0], 130, 66, 8],
        [[67, 2], 36, 124, 1],
        [[0, 0, 5], 3, 2, 4],
      ];
      for (const [counts, n, k, r] of cases) {
        const at = layer(counts, n, k, r, pack), { offsets } = at.size;
        const into = { dX: start(6, at.x), dA: start(7, at.a), dB: start(8, at.b) };
        const actual = await run(backend, at, true, into);
        const X = values(at.x), W = values(at.w), A = values(at.a), B = values(at.b);
        const dY = values(at.dY), scale = (v: Float64Array) => v.map((x) => at.scaling * x);
        const xa = scale(groupedNt(X, A, { n: r, k, r, offsets }));
        const dXa = scale(groupedNn(dY, B, { n: r, k: n, r, offsets }));
        const low = groupedNn(dXa, A, { n: k, k: r, r, offsets });
        const plus = (name: "dX" | "dA" | "dB", v: Float64Array) =>
          v.map((d, i) => d + into[name].data[i]!);
        const expected: Record<string, Float64Array> = {
          y: groupedLora(X, W, xa, B, at.size),
          dX: plus("dX", groupedNn(dY, W, { n: k, k: n, r, offsets }).map((d, i) => d + low[i]!)),
          dA: plus("dA", groupedTn(dXa, X, { n: r, k, r, offsets })),
          dB: plus("dB", groupedTn(dY, xa, { n, k: r, r, offsets })),
        };
        for (const [name, value] of Object.entries(expected)) {
          const tensor = { name: `${name} of ${counts}`, shape: [value.length] };
          assertAllclose(actual[name]!, value, tensor, { atol: 1e-4, rtol: 2e-5 });
        }
        const weights = start(9, at.w);
        const plain = await run(backend, at, false, { dX: into.dX, dW: weights });
        const dW = groupedTn(dY, X, { n, k, r, offsets }).map((d, i) => d + weights.data[i]!);
        const tensor = { name: `dW of ${counts}`, shape: [dW.length] };
        assertAllclose(plain.dW!, dW, tensor, { atol: 1e-4, rtol: 2e-5 });
        const y = groupedNt(X, W, at.size);
        assertAllclose(plain.y!, y, { name: "y without LoRA", shape: [y.length] });
      }
    });
  }

  test("expertLinearForward() names the shapes that do not fit", (backend) => {
    const x = backend.empty([3, 4], "f32", "x"), w = backend.empty([2, 2, 5], "f32", "w");
    const groups = { order: x, place: x, offsets: x, perToken: 1 };
    assert.throws(
      () => expertLinearForward(backend, x, w, groups),
      /x \[3,4\] with "w" \[2,2,5\]: expected 5/,
    );
    backend.free(x);
    backend.free(w);
  });
});
