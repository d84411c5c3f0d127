// A vocabulary that comes in tiles, against all of it at once in f64.

import assert from "@std/assert";
import { createCountingBackend } from "../../../compute/backend/counting_backend.ts";
import type { HostArray } from "../../../compute/backend/backend.ts";
import { IGNORED_TARGET } from "../../../compute/backend/kernels.ts";
import { CHUNK_TOKENS, crossEntropy, TILE_COLUMNS } from "../../../compute/ops/cross_entropy.ts";
import { assertAllclose, assertSameBits } from "../../support/allclose.ts";
import { forEachBackend } from "../../support/backends.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { integers, normals } from "../../support/random.ts";
import {
  crossEntropyBackward,
  crossEntropyForward,
  entropyForward,
} from "../../support/reference/cross_entropy.ts";
import { gemmNn, gemmNt, gemmTn, linearForward } from "../../support/reference/linear.ts";
import { bf16, blank, f32, type Input, toDevice, u32, values } from "../../support/run_kernel.ts";

/** Of the artificial limit: 41 columns are two tiles and an odd rest. */
const TILE = 16;

/** Targets, every third of them ignored, except where there is but one. */
function targetsOf(rows: number, cols: number): Uint32Array {
  return integers(1, rows, cols).map((t, m) => m % 3 === 1 ? IGNORED_TARGET : t);
}

await forEachBackend(({ test }) => {
  test("cross_entropy_fold and _gradient over tiles match the f64 reference", async (backend) => {
    const cases = [[1, 1, 3], [1, 17, 3], [7, 41, 3], [130, 65, 3], [9, 41, 300]] as const;
    for (const [rows, cols, scale] of cases) {
      const L = normals(2, rows * cols, scale), targets = targetsOf(rows, cols);
      const put = (input: Input, label: string) => toDevice(backend, input, label);
      const weight = f32([rows], upstream(normals(3, rows)));
      const at = {
        targets: put(u32([rows], targets), "targets"),
        state: put(blank([rows, 4]), "state"),
      };
      const [nll, entropy] = [put(blank([rows]), "nll"), put(blank([rows]), "entropy")];
      const weights = put(weight, "weight");
      const tiles = Array.from({ length: Math.ceil(cols / TILE) }, (_, i) => {
        const first = i * TILE, width = Math.min(TILE, cols - first);
        const tile = Float32Array.from(
          { length: rows * width },
          (_, e) => L[Math.floor(e / width) * cols + first + e % width]!,
        );
        const logits = put(f32([rows, width], tile), "logits");
        return { logits, size: { rows, cols: width, first } };
      });
      for (const [index, { logits, size }] of tiles.toReversed().entries()) {
        const accumulate = index === 0 ? 0 : 1;
        backend.run("cross_entropy_fold", { logits, ...at, nll, entropy }, { ...size, accumulate });
      }
      for (const { logits, size } of tiles) {
        backend.run("cross_entropy_gradient", { logits, ...at, weight: weights }, size);
      }
      const whole = Float64Array.from(L), name = `(${rows}×${cols}, scale ${scale})`;
      const wide = { atol: scale > 3 ? 5e-4 : 2e-5, rtol: 1e-5 };
      const expectedNll = crossEntropyForward(whole, targets, cols);
      const expectedEntropy = entropyForward(whole, cols);
      assertAllclose(await backend.read(nll), expectedNll, {
        name: `nll ${name}`,
        shape: [rows],
      }, wide);
      assertAllclose(await backend.read(entropy), expectedEntropy, {
        name: `entropy ${name}`,
        shape: [rows],
      }, wide);
      const dLogits = crossEntropyBackward(whole, targets, values(weight), cols);
      for (const { logits, size } of tiles) {
        const expected = Float64Array.from(
          { length: rows * size.cols },
          (_, e) => dLogits[Math.floor(e / size.cols) * cols + size.first + e % size.cols]!,
        );
        const tensor = { name: `dLogits of tile ${size.first} ${name}`, shape: logits.shape };
        assertAllclose(await backend.read(logits), expected, tensor, wide);
      }
      const all = [...Object.values(at), nll, entropy, weights, ...tiles.map((t) => t.logits)];
      for (const tensor of all) backend.free(tensor);
    }
  });

  test("crossEntropy() in tiles equals one pass, and leaves nothing behind", async (backend) => {
    const [width, vocab] = [16, 41];
    for (const [tokens, packed] of [[1, 0], [41, 1], [CHUNK_TOKENS + 7, 0]] as const) {
      const before = backend.memory().buffers;
      const make = packed ? bf16 : f32;
      const targets = targetsOf(tokens, vocab);
      const at = {
        h: f32([tokens, width], normals(2, tokens * width)),
        w: make([vocab, width], normals(3, vocab * width, width ** -0.5)),
        targets: u32([tokens], targets),
        weight: f32([tokens], upstream(normals(4, tokens))),
      };
      const into = normals(5, vocab * width);
      const put = (input: Input, label: string) => toDevice(backend, input, label);
      const input = {
        h: put(at.h, "h"),
        w: put(at.w, "w"),
        targets: put(at.targets, "targets"),
        weight: put(at.weight, "weight"),
      };
      const entropy = put(blank([tokens]), "entropy");
      const dH = put(blank([tokens, width]), "dH"), dW = put(f32([vocab, width], into), "dW");
      const nll = crossEntropy(backend, { ...input, entropy }, { dH, dW }, TILE);
      const alone = crossEntropy(backend, input, undefined, TILE);
      const H = values(at.h), W = values(at.w);
      const logits = gemmNt(H, W, tokens, vocab, width);
      const dLogits = crossEntropyBackward(logits, targets, values(at.weight), vocab);
      const tolerance = { atol: 1e-4, rtol: 2e-5 };
      const expected = [
        ["nll", nll, crossEntropyForward(logits, targets, vocab)],
        ["entropy", entropy, entropyForward(logits, vocab)],
        ["dH", dH, gemmNn(dLogits, W, tokens, width, vocab)],
        ["dW", dW, gemmTn(dLogits, H, vocab, width, tokens).map((d, i) => d + into[i]!)],
      ] as const;
      for (const [name, tensor, reference] of expected) {
        const named = { name: `${name} (${tokens} tokens)`, shape: tensor.shape };
        assertAllclose(await backend.read(tensor), reference, named, tolerance);
      }
      const bits: HostArray = await backend.read(nll);
      assertSameBits(await backend.read(alone), bits, { name: "nll alone", shape: nll.shape });
      const all = [...Object.values(input), entropy, dH, dW, nll, alone];
      for (const tensor of all) backend.free(tensor);
      assert.equal(backend.memory().buffers, before);
    }
  });

  test("crossEntropy() in tiles with LoRA on the output projection matches finite differences", async (backend) => {
    const [tokens, width, vocab, r, scaling] = [5, 8, 41, 4, 0.8];
    const targets = targetsOf(tokens, vocab);
    const weight = f32([tokens], upstream(normals(4, tokens)));
    const put = (input: Input, label: string) => toDevice(backend, input, label);
    const h = f32([tokens, width], normals(2, tokens * width));
    const w = f32([vocab, width], normals(3, vocab * width, width ** -0.5));
    const a = f32([r, width], normals(6, r * width)), b = f32([vocab, r], normals(7, vocab * r));
    const lora = { a: put(a, "a"), b: put(b, "b"), scaling };
    const input = {
      h: put(h, "h"),
      w: put(w, "w"),
      targets: put(u32([tokens], targets), "targets"),
      weight: put(weight, "weight"),
    };
    const gradients = {
      dH: put(blank([tokens, width]), "dH"),
      dA: put(f32([r, width], new Float32Array(r * width)), "dA"),
      dB: put(f32([vocab, r], new Float32Array(vocab * r)), "dB"),
    };
    const nll = crossEntropy(backend, { ...input, lora }, gradients, TILE);
    const size = { m: tokens, n: vocab, k: width, r };
    const W = values(w), H = values(h), A = values(a), B = values(b);
    const loss = (h: Float64Array, a: Float64Array, b: Float64Array) => {
      const logits = linearForward(h, W, a, b, scaling, size);
      return lossAfter(weight.data, crossEntropyForward(logits, targets, vocab));
    };
    const expected = {
      dH: numericGradient((h) => loss(h, A, B), H),
      dA: numericGradient((a) => loss(H, a, B), A),
      dB: numericGradient((b) => loss(H, A, b), B),
    };
    for (const name of ["dH", "dA", "dB"] as const) {
      const tensor = gradients[name];
      assertAllclose(await backend.read(tensor), expected[name], { name, shape: tensor.shape });
    }
    const all = [...Object.values(input), lora.a, lora.b, ...Object.values(gradients), nll];
    for (const tensor of all) backend.free(tensor);
  });
});

for (const kind of ["cpu", "webgpu"] as const) {
  Deno.test(`the loss's memory does not depend on a vocabulary above ${TILE_COLUMNS} (${kind})`, () => {
    /** Bytes of logits and all else that a forward and backward pass makes. */
    const bytes = (vocab: number) => {
      const backend = createCountingBackend({ kind });
      const [tokens, width, r] = [2 * CHUNK_TOKENS, 64, 8];
      const make = (...shape: number[]) => backend.empty(shape, "f32", "input");
      const h = make(tokens, width), dH = make(tokens, width);
      const targets = backend.empty([tokens], "u32", "targets"), weight = make(tokens);
      const lora = { a: make(r, width), b: make(vocab, r), scaling: 1 };
      const gradients = { dH, dA: make(r, width), dB: make(vocab, r), dW: make(vocab, width) };
      const input = { h, w: make(vocab, width), lora, targets, weight };
      return backend.record("loss", () => void crossEntropy(backend, input, gradients))
        .workspaceBytes;
    };
    const least = bytes(TILE_COLUMNS + 1);
    for (const vocab of [128_256, 2 * 128_256, 4 * TILE_COLUMNS]) assert.equal(bytes(vocab), least);
    // What is left beside the logits: some numbers a token.
    const logits = 4 * CHUNK_TOKENS * TILE_COLUMNS;
    assert.ok(least > logits && least < 1.02 * logits, `${least} of ${logits}`);
  });
}
