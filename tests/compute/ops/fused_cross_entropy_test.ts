// The output projection and the loss in chunks of tokens, against both done at once in f64.

import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { integers, normals } from "../../support/random.ts";
import { blank, f32, toDevice, u32, values } from "../../support/run_kernel.ts";
import { gemmNn, gemmNt, gemmTn, linearForward } from "../../support/reference/linear.ts";
import {
  crossEntropyBackward,
  crossEntropyForward,
} from "../../support/reference/cross_entropy.ts";
import { CHUNK_TOKENS, crossEntropy } from "../../../compute/ops/cross_entropy.ts";
import { IGNORED_TARGET } from "../../../compute/backend/kernels.ts";

/** Hidden states, an output projection and targets, every fifth of them ignored. */
function inputsOf(tokens: number, width: number, vocab: number) {
  const targets = integers(1, tokens, vocab).map((t, n) => n % 5 === 1 ? IGNORED_TARGET : t);
  return {
    targets,
    h: f32([tokens, width], normals(2, tokens * width)),
    w: f32([vocab, width], normals(3, vocab * width, width ** -0.5)),
    weight: f32([tokens], upstream(normals(4, tokens))),
  };
}

await forEachBackend(({ test }) => {
  test("crossEntropy() over several chunks equals one pass", async (backend) => {
    for (const tokens of [1, 41, CHUNK_TOKENS, 2 * CHUNK_TOKENS + 7]) {
      const [width, vocab] = [16, 41];
      const at = inputsOf(tokens, width, vocab), H = values(at.h), W = values(at.w);
      const into = normals(5, vocab * width);
      const h = toDevice(backend, at.h, "h"), w = toDevice(backend, at.w, "w");
      const targets = toDevice(backend, u32([tokens], at.targets), "targets");
      const weight = toDevice(backend, at.weight, "weight");
      const dH = toDevice(backend, blank([tokens, width]), "dH");
      const dW = toDevice(backend, f32([vocab, width], into), "dW");
      const nll = crossEntropy(backend, { h, w, targets, weight }, { dH, dW });
      const logits = gemmNt(H, W, tokens, vocab, width);
      const dLogits = crossEntropyBackward(logits, at.targets, values(at.weight), vocab);
      const expectedNll = crossEntropyForward(logits, at.targets, vocab);
      const expectedH = gemmNn(dLogits, W, tokens, width, vocab);
      const expectedW = gemmTn(dLogits, H, vocab, width, tokens).map((d, i) => d + into[i]!);
      const tolerance = { atol: 1e-4, rtol: 2e-5 };
      const name = `(${tokens} tokens)`;
      assertAllclose(await backend.read(nll), expectedNll, {
        name: `nll ${name}`,
        shape: [tokens],
      });
      assertAllclose(await backend.read(dH), expectedH, {
        name: `dH ${name}`,
        shape: [tokens, width],
      }, tolerance);
      assertAllclose(await backend.read(dW), expectedW, {
        name: `dW ${name}`,
        shape: [vocab, width],
      }, tolerance);
      for (const tensor of [h, w, targets, weight, dH, dW, nll]) backend.free(tensor);
    }
  });

  test("crossEntropy() with LoRA on the output projection matches finite differences", async (backend) => {
    const [tokens, width, vocab, r, scaling] = [5, 6, 7, 2, 0.8];
    const at = inputsOf(tokens, width, vocab), W = values(at.w);
    const a = f32([r, width], normals(6, r * width)), b = f32([vocab, r], normals(7, vocab * r));
    const put = (input: Parameters<typeof toDevice>[1], label: string) =>
      toDevice(backend, input, label);
    const input = {
      h: put(at.h, "h"),
      w: put(at.w, "w"),
      targets: put(u32([tokens], at.targets), "targets"),
      weight: put(at.weight, "weight"),
    };
    const lora = { a: put(a, "a"), b: put(b, "b"), scaling };
    const gradients = {
      dH: put(blank([tokens, width]), "dH"),
      dA: put(f32([r, width], new Float32Array(r * width)), "dA"),
      dB: put(f32([vocab, r], new Float32Array(vocab * r)), "dB"),
    };
    const nll = crossEntropy(backend, { ...input, lora }, gradients);
    const size = { m: tokens, n: vocab, k: width, r };
    const loss = (h: Float64Array, a: Float64Array, b: Float64Array) => {
      const logits = linearForward(h, W, a, b, scaling, size);
      return lossAfter(at.weight.data, crossEntropyForward(logits, at.targets, vocab));
    };
    const H = values(at.h), A = values(a), B = values(b);
    const expected = {
      dH: numericGradient((h) => loss(h, A, B), H),
      dA: numericGradient((a) => loss(H, a, B), A),
      dB: numericGradient((b) => loss(H, A, b), B),
    };
    for (const name of ["dH", "dA", "dB"] as const) {
      const tensor = gradients[name];
      assertAllclose(await backend.read(tensor), expected[name], { name, shape: tensor.shape });
    }
    const { a: loraA, b: loraB } = lora;
    const all = [...Object.values(input), loraA, loraB, ...Object.values(gradients), nll];
    for (const tensor of all) backend.free(tensor);
  });
});
