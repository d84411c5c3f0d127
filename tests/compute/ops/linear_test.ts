import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { normals } from "../../support/random.ts";
import { bf16, f32, type Input, toDevice, values } from "../../support/run_kernel.ts";
import {
  gemmNn,
  gemmNt,
  gemmTn,
  linearForward as reference,
} from "../../support/reference/linear.ts";
import { linearBackward, linearForward } from "../../../compute/ops/linear.ts";
import type { Backend, Tensor } from "../../../compute/backend/backend.ts";

interface Layer {
  readonly x: Input;
  readonly w: Input;
  readonly a: Input;
  readonly b: Input;
  readonly dY: Input;
  readonly scaling: number;
}

type Gradients = "dX" | "dW" | "dA" | "dB";

/** A layer of m tokens, k inputs and n outputs; products are of order one. */
function layer(m: number, n: number, k: number, r: number, pack = f32): Layer {
  return {
    x: f32([m, k], normals(1, m * k)),
    w: pack([n, k], normals(2, n * k, k ** -0.5)),
    a: f32([r, k], normals(3, r * k, k ** -0.5)),
    b: f32([n, r], normals(4, n * r, r ** -0.5)),
    dY: f32([m, n], upstream(normals(5, m * n))),
    scaling: 1.3,
  };
}

/** Runs forward and backward of the op; gradients start from `into`. */
async function run(
  backend: Backend,
  { x, w, a, b, dY, scaling }: Layer,
  adapted: boolean,
  into: Partial<Record<Gradients, Input>>,
): Promise<Record<string, ArrayLike<number>>> {
  const put = (input: Input, label: string) => toDevice(backend, input, label);
  const X = put(x, "x"), W = put(w, "w"), D = put(dY, "dY");
  const lora = adapted ? { a: put(a, "a"), b: put(b, "b"), scaling } : undefined;
  const { y, xa } = linearForward(backend, X, W, lora);
  const out: Partial<Record<Gradients, Tensor>> = {};
  for (const [name, input] of Object.entries(into)) out[name as Gradients] = put(input, name);
  const { dX, dW, dA, dB } = out;
  linearBackward(
    backend,
    X,
    W,
    D,
    {
      ...(dX && { dX: { tensor: dX, accumulate: true } }),
      ...(dW && { dW }),
      ...(dA && { dA }),
      ...(dB && { dB }),
    },
    lora,
    xa && { xa },
  );
  const result: Record<string, ArrayLike<number>> = { y: await backend.read(y) };
  for (const [name, tensor] of Object.entries(out)) result[name] = await backend.read(tensor);
  const adapter = lora === undefined ? [] : [lora.a, lora.b, xa!];
  for (const tensor of [X, W, D, y, ...adapter, ...Object.values(out)]) backend.free(tensor);
  return result;
}

function zeros(shape: readonly number[]): Input {
  return f32(shape, new Float32Array(shape.reduce((product, length) => product * length, 1)));
}

await forEachBackend(({ test }) => {
  test("linearBackward() with LoRA matches finite differences mid-graph", async (backend) => {
    const size = { m: 5, n: 6, k: 7, r: 3 }, { m, n, k, r } = size;
    const at = layer(m, n, k, r);
    const into = { dX: zeros([m, k]), dA: zeros([r, k]), dB: zeros([n, r]) };
    const actual = await run(backend, at, true, into);
    const X = values(at.x), W = values(at.w), A = values(at.a), B = values(at.b);
    const loss = (x: Float64Array, a: Float64Array, b: Float64Array) =>
      lossAfter(at.dY.data, reference(x, W, a, b, at.scaling, size));
    const byX = numericGradient((x) => loss(x, A, B), X);
    const byA = numericGradient((a) => loss(X, a, B), A);
    const byB = numericGradient((b) => loss(X, A, b), B);
    assertAllclose(actual.dX!, byX, { name: "dX", shape: [m, k] });
    assertAllclose(actual.dA!, byA, { name: "dA", shape: [r, k] });
    assertAllclose(actual.dB!, byB, { name: "dB", shape: [n, r] });
  });

  test("linearBackward() without LoRA matches finite differences mid-graph", async (backend) => {
    const [m, n, k] = [5, 6, 7];
    const at = layer(m, n, k, 1);
    const actual = await run(backend, at, false, { dX: zeros([m, k]), dW: zeros([n, k]) });
    const X = values(at.x), W = values(at.w);
    const byX = numericGradient((x) => lossAfter(at.dY.data, gemmNt(x, W, m, n, k)), X);
    const byW = numericGradient((w) => lossAfter(at.dY.data, gemmNt(X, w, m, n, k)), W);
    assertAllclose(actual.dX!, byX, { name: "dX", shape: [m, k] });
    assertAllclose(actual.dW!, byW, { name: "dW", shape: [n, k] });
  });

  for (const [dtype, pack] of [["f32", f32], ["bf16", bf16]] as const) {
    test(`linear with LoRA and ${dtype} weights matches the f64 reference and adds its gradients`, async (backend) => {
      for (const [m, n, k, r] of [[1, 2, 2, 1], [41, 130, 66, 8], [67, 36, 124, 130]] as const) {
        const size = { m, n, k, r }, at = layer(m, n, k, r, pack);
        const into = {
          dX: f32([m, k], normals(6, m * k)),
          dA: f32([r, k], normals(7, r * k)),
          dB: f32([n, r], normals(8, n * r)),
        };
        const actual = await run(backend, at, true, into);
        const X = values(at.x), W = values(at.w), A = values(at.a), B = values(at.b);
        const dY = values(at.dY), scale = (v: Float64Array) => v.map((x) => at.scaling * x);
        const xa = scale(gemmNt(X, A, m, r, k)), dXa = scale(gemmNn(dY, B, m, r, n));
        const low = gemmNn(dXa, A, m, k, r);
        const expected = {
          y: reference(X, W, A, B, at.scaling, size),
          dX: gemmNn(dY, W, m, k, n).map((d, i) => d + low[i]! + into.dX.data[i]!),
          dA: gemmTn(dXa, X, r, k, m).map((d, i) => d + into.dA.data[i]!),
          dB: gemmTn(dY, xa, n, r, m).map((d, i) => d + into.dB.data[i]!),
        };
        // A sum over m tokens of order one: its rounding grows with them.
        const tolerance = { atol: 1e-4, rtol: 2e-5 };
        for (const [name, value] of Object.entries(expected)) {
          const tensor = { name: `${name} ${JSON.stringify(size)}`, shape: [value.length] };
          assertAllclose(actual[name]!, value, tensor, tolerance);
        }
      }
    });
  }

  test("linearForward() names the shapes that do not fit", (backend) => {
    const x = backend.empty([3, 4], "f32", "x"), w = backend.empty([2, 5], "f32", "w");
    assert.throws(() => linearForward(backend, x, w), /x \[3,4\] with "w" \[2,5\]: expected 5/);
    backend.free(x);
    backend.free(w);
  });
});
