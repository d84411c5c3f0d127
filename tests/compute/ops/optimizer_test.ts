import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { normals } from "../../support/random.ts";
import { blank, f32, runKernel, toDevice, values } from "../../support/run_kernel.ts";
import { adamwHyper, gradientSumOfSquares } from "../../../compute/ops/optimizer.ts";
import {
  adamw,
  type AdamwOptions,
  type AdamwState,
  hyperOf,
} from "../../support/reference/adamw.ts";
import { dot } from "../../support/reference/reduce.ts";

const LENGTHS = [1, 7, 41, 123, 257, 4099];
const OPTIONS: AdamwOptions = {
  learningRate: 3e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
  step: 1,
};
const STATE = ["p", "g", "m", "v"] as const;

Deno.test("adamwHyper() lays the options out as the kernel reads them", () => {
  for (const step of [1, 2, 977]) {
    const hyper = adamwHyper({
      learning_rate: OPTIONS.learningRate,
      betas: [OPTIONS.beta1, OPTIONS.beta2],
      eps: OPTIONS.eps,
      weight_decay: OPTIONS.weightDecay,
      max_grad_norm: OPTIONS.maxGradNorm,
    }, step);
    assert.deepEqual(hyper, hyperOf({ ...OPTIONS, step }));
  }
});

await forEachBackend(({ test }) => {
  test("gradientSumOfSquares() sums over all buffers and forgets the step before", async (backend) => {
    const parts = [normals(7, 41), normals(8, 1), normals(9, 257)];
    const gradients = parts.map((g) => toDevice(backend, f32([g.length], g), "g"));
    const sumsq = toDevice(backend, blank([1]), "sumsq");
    const expected = parts.reduce((sum, g) => sum + dot(g, g), 0);
    for (let step = 0; step < 2; step++) {
      gradientSumOfSquares(backend, gradients, sumsq);
      assertAllclose(await backend.read(sumsq), [expected], { name: "sumsq", shape: [1] });
    }
    for (const tensor of [...gradients, sumsq]) backend.free(tensor);
  });

  const cases: readonly [string, AdamwOptions, number][] = [
    ["clips a large gradient", OPTIONS, 1],
    ["leaves a small gradient as it is", { ...OPTIONS, maxGradNorm: 1e6 }, 1],
    ["does not clip with a max_grad_norm of 0", { ...OPTIONS, maxGradNorm: 0 }, 1],
    ["scales the learning rate of its group", { ...OPTIONS, weightDecay: 0 }, 16],
    ["corrects the bias of a late step", { ...OPTIONS, step: 977, beta2: 0.95, eps: 1e-3 }, 0.5],
  ];
  for (const [what, options, lrScale] of cases) {
    test(`adamw() ${what}`, async (backend) => {
      for (const n of LENGTHS) {
        const g = normals(2, n, 0.5), hyper = hyperOf(options);
        const state = {
          p: f32([n], normals(1, n)),
          g: f32([n], g),
          m: f32([n], normals(3, n, 0.1)),
          v: f32([n], normals(4, n, 0.1).map((x) => x * x)),
        };
        const sumsq = f32([1], [dot(g, g)]);
        const inputs = { ...state, hyper: f32([8], hyper), sumsq };
        const actual = await runKernel(backend, "adamw", inputs, { n, lr_scale: lrScale });
        const before = {
          p: values(state.p),
          g: values(state.g),
          m: values(state.m),
          v: values(state.v),
        };
        const expected = adamw(before, hyper, sumsq.data[0]!, lrScale);
        for (const name of STATE) {
          assertAllclose(actual[name], expected[name], { name, shape: [n] }, {
            atol: 1e-6,
            rtol: 1e-5,
          });
        }
        assert(before.p.some((value, i) => value !== actual.p[i]), "p did not move");
      }
    });
  }

  test("adamw() keeps up with the reference over five steps", async (backend) => {
    const n = 123;
    let expected: AdamwState = {
      p: Float64Array.from(normals(5, n)),
      g: new Float64Array(n),
      m: new Float64Array(n),
      v: new Float64Array(n),
    };
    let state = { p: f32([n], expected.p), m: f32([n], expected.m), v: f32([n], expected.v) };
    for (let step = 1; step <= 5; step++) {
      const g = normals(5 + step, n), hyper = hyperOf({ ...OPTIONS, step });
      const sumsq = f32([1], [dot(g, g)]);
      const inputs = { ...state, g: f32([n], g), hyper: f32([8], hyper), sumsq };
      const actual = await runKernel(backend, "adamw", inputs, { n, lr_scale: 1 });
      state = { p: f32([n], actual.p), m: f32([n], actual.m), v: f32([n], actual.v) };
      expected = adamw({ ...expected, g: Float64Array.from(g) }, hyper, sumsq.data[0]!, 1);
    }
    assertAllclose(state.p.data, expected.p, { name: "p", shape: [n] }, { atol: 2e-6, rtol: 2e-5 });
  });
});
