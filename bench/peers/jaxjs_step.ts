// The same LoRA step as bench/step.ts in jax-js on WebGPU: takes the same options, prints the same JSON line.
// Llama with tied embeddings; adapters on all seven matrices; mean loss over all tokens, gradients clipped to
// norm 1, AdamW; forward, backward and update are one jit.

import {
  type Array,
  defaultDevice,
  init,
  jit,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "npm:@jax-js/jax@0.1.25";
import { parseStepOptions } from "../step_options.ts";

type Adapter = { a: Array; b: Array };
type Layer = Record<string, Adapter>;

const options = parseStepOptions(Deno.args);
const { hidden: C, layers, intermediate: F, vocab: V, heads: H, kvHeads: K, batch, seq, r } =
  options;
const D = C / H, WARMUP_STEPS = 2, SCALING = 32 / r;
const LEARNING_RATE = 1e-4, BETA1 = 0.9, BETA2 = 0.999, EPS = 1e-8;

if (!(await init()).includes("webgpu")) {
  console.error("Cannot bench jax-js: it has no WebGPU adapter");
  Deno.exit(2);
}
defaultDevice("webgpu");

let state = 1;
function uniform(shape: number[], bound: number): Array {
  const length = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * bound;
  });
  return np.array(values).reshape(shape);
}

const MATRICES: Record<string, [outputs: number, inputs: number]> = {
  q: [C, C],
  k: [K * D, C],
  v: [K * D, C],
  o: [C, C],
  gate: [F, C],
  up: [F, C],
  down: [C, F],
};
const each = <T>(make: (shape: [number, number]) => T) =>
  Object.fromEntries(Object.entries(MATRICES).map(([name, shape]) => [name, make(shape)]));
const base = {
  embed: uniform([V, C], 0.03),
  norm: np.ones([C]),
  layers: globalThis.Array.from({ length: layers }, () => ({
    norm1: np.ones([C]),
    norm2: np.ones([C]),
    w: each((shape) => uniform(shape, shape[1] ** -0.5)),
  })),
  cos: table(Math.cos),
  sin: table(Math.sin),
};
let adapters: Layer[] = base.layers.map(() =>
  each(([outputs, inputs]) => ({
    a: uniform([r, inputs], inputs ** -0.5),
    b: np.zeros([outputs, r]),
  }))
);

/** [seq, 1, D]: rotary angles, the same for both halves. */
function table(f: (angle: number) => number): Array {
  const values = Float32Array.from(
    { length: seq * D },
    (_, i) => f(Math.floor(i / D) * 10_000 ** (-2 * (i % D % (D / 2)) / D)),
  );
  return np.array(values).reshape([seq, 1, D]);
}

function norm(x: Array, w: Array): Array {
  const scale = np.sqrt(np.mean(np.square(x.ref), -1, { keepdims: true }).add(1e-5));
  return x.div(scale).mul(w);
}

/** x Wᵀ + scaling · (x Aᵀ) Bᵀ. */
function linear(x: Array, w: Array, { a, b }: Adapter): Array {
  const low = np.matmul(np.matmul(x.ref, np.transpose(a)), np.transpose(b));
  return np.matmul(x, np.transpose(w)).add(low.mul(SCALING));
}

function rotate(x: Array, cos: Array, sin: Array): Array {
  const [left, right] = np.split(x.ref, 2, -1) as [Array, Array];
  const half = np.concatenate([right.mul(-1), left], -1);
  return x.mul(cos).add(half.mul(sin));
}

function lossOf(adapters: Layer[], base_: typeof base, ids: Array, targets: Array): Array {
  let x = np.take(base_.embed.ref, ids, 0);
  base_.layers.forEach(({ norm1, norm2, w }, i) => {
    const lora = adapters[i]!;
    const h = norm(x.ref, norm1);
    const heads = (name: string, count: number, input: Array) =>
      linear(input, w[name]!, lora[name]!).reshape([batch, seq, count, D]);
    const q = rotate(heads("q", H, h.ref), base_.cos.ref, base_.sin.ref);
    const k = rotate(heads("k", K, h.ref), base_.cos.ref, base_.sin.ref);
    const v = heads("v", K, h);
    const o = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([batch * seq, C]);
    x = x.add(linear(o, w.o!, lora.o!));
    const h2 = norm(x.ref, norm2);
    const gate = nn.silu(linear(h2.ref, w.gate!, lora.gate!));
    x = x.add(linear(gate.mul(linear(h2, w.up!, lora.up!)), w.down!, lora.down!));
  });
  base_.cos.dispose();
  base_.sin.dispose();
  const logits = np.matmul(norm(x, base_.norm), np.transpose(base_.embed));
  // takeAlongAxis() would do, but its gradient does not compile: "routine primitive scatter input is not imm".
  const picked = np.sum(logits.ref.mul(nn.oneHot(targets, V)), -1);
  return np.mean(nn.logsumexp(logits, -1)).sub(np.mean(picked));
}

const step = jit(
  (
    p: Layer[],
    m: Layer[],
    v: Layer[],
    base_: typeof base,
    ids: Array,
    targets: Array,
    t: Array,
  ) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(p), base_, ids, targets);
    const [g, structure] = tree.flatten<Array>(gradients);
    const squares = g.map((one) => np.sum(np.square(one.ref))).reduce((a, b) => a.add(b));
    const clip = np.minimum(np.reciprocal(np.sqrt(squares).add(1e-6)), 1);
    const clipped = g.map((one) => one.mul(clip.ref));
    clip.dispose();
    const rate1 = np.power(BETA1, t.ref).mul(-1).add(1), rate2 = np.power(BETA2, t).mul(-1).add(1);
    const olds = tree.leaves<Array>(p);
    const m1 = tree.leaves<Array>(m).map((one, i) =>
      one.mul(BETA1).add(clipped[i]!.ref.mul(1 - BETA1))
    );
    const v1 = tree.leaves<Array>(v).map((one, i) =>
      one.mul(BETA2).add(np.square(clipped[i]!).mul(1 - BETA2))
    );
    const p1 = olds.map((one, i) =>
      one.sub(
        m1[i]!.ref.div(rate1.ref).mul(LEARNING_RATE).div(
          np.sqrt(v1[i]!.ref.div(rate2.ref)).add(EPS),
        ),
      )
    );
    rate1.dispose();
    rate2.dispose();
    const of = (leaves: Array[]) => tree.unflatten(structure, leaves) as unknown as Layer[];
    return [loss, of(p1), of(m1), of(v1)] as [Array, Layer[], Layer[], Layer[]];
  },
);

const tokens = batch * seq;
const ids = globalThis.Array.from({ length: tokens }, (_, n) => (n * 7919 + (n >> 3) * 31) % V);
const targets = ids.map((_, n) => ids[(n + 1) % tokens]!);
const indices = (values: number[]) => np.array(Int32Array.from(values));
const ids_ = indices(ids), targets_ = indices(targets);
const zeros = () => tree.map((x: Array) => np.zeros(x.shape), adapters) as unknown as Layer[];
let m = zeros(), v = zeros();
const times: number[] = [];
let loss = NaN;
for (let t = 1; t <= WARMUP_STEPS + options.steps; t++) {
  const started = performance.now();
  const result = step(adapters, m, v, tree.ref(base), ids_.ref, targets_.ref, np.array(t));
  [, adapters, m, v] = result;
  loss = (await result[0].data())[0]!;
  if (t > WARMUP_STEPS) times.push(performance.now() - started);
}
const ms = times.sort((a, b) => a - b)[times.length >> 1]!;
console.log(JSON.stringify({ tokens_per_s: tokens / ms * 1000, ms_per_step: ms, loss, options }));
Deno.exit();
