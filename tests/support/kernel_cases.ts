// One call of every kernel, large enough to be split among threads and odd enough to have remainders.
// The type of CASES makes a kernel without a case an error of the type checker.

import {
  IGNORED_ROW,
  IGNORED_TARGET,
  type KernelName,
  type KernelParams,
  RING_WIDTH,
} from "../../compute/backend/kernels.ts";
import { LEVELS } from "../../compute/models/nf4.ts";
import { integers, normals } from "./random.ts";
import { bf16, blank, blankU32, f32, type Input, type Inputs, u32 } from "./run_kernel.ts";
import { chooseExperts, groupSlots } from "./reference/route.ts";
import { sequences } from "./reference/attention.ts";
import { hyperOf } from "./reference/adamw.ts";
import { ropeTable } from "./reference/rope.ts";

/** Host data for one call of a kernel. */
export interface KernelCase<K extends KernelName> {
  readonly inputs: Inputs<K>;
  readonly params: KernelParams<K>;
}

const N = 20011, ROWS = 135, COLS = 74, VOCAB = 23, RANK = 9;

function random(seed: number, shape: readonly number[], scale = 1): Input {
  return f32(shape, normals(seed, shape.reduce((product, length) => product * length, 1), scale));
}

function packed(seed: number, rows: number, cols: number): Input {
  return bf16([rows, cols], normals(seed, rows * cols, 0.2));
}

const GEMM = { m: ROWS, n: COLS, k: 122, alpha: 0.7, accumulate: 1 };
const { start, end } = sequences([60, 1, 2, 72]);
const HEADS = { tokens: ROWS, heads: 4, kv_heads: 2, head_dim: 12, scale: 0.3 };
const ATTENTION = {
  q: random(1, [ROWS, 48]),
  k: random(2, [ROWS, 24]),
  v: random(3, [ROWS, 24]),
  o: random(4, [ROWS, 48]),
  start: u32([ROWS], start),
  stats: random(5, [ROWS, 4, 2]),
};
const TARGETS = integers(6, ROWS, COLS).map((id, m) => m % 5 === 2 ? IGNORED_TARGET : id);
/** What earlier tiles leave of each row: largest logit, sum, moment, the target's logit. */
const STATE = [...normals(9, ROWS)].flatMap((x) => [x, 1 + Math.abs(x), -Math.abs(x), x - 1]);
/** Old log-probability, advantage and share of each token: every fourth is not counted. */
const SAMPLED = [...normals(8, ROWS)].flatMap((
  x,
  n,
) => [-x, start[n]! % 2 ? 0.5 : -0.5, n % 4 && 0.01]);
const LORA = { m: ROWS, n: COLS, k: 122, r: RANK };

/** Temperature, top_k, top_p, min_p. */
const SAMPLING = [[1, 0, 1, 0], [0, 0, 1, 0], [0.7, 40, 0.9, 0], [1.5, 0, 0.5, 0.1], [
  0.8,
  5,
  1,
  0,
]];
// Three experts for each of 45 tokens, one expert of the seven without a token.
const EXPERTS = 7, PER_TOKEN = 3;
const CHOSEN = Array.from({ length: ROWS / PER_TOKEN }, (_, n) => [n % 5, (n + 1) % 5, 6]).flat();
const { order, place, offsets } = groupSlots(CHOSEN, EXPERTS);
const ORDER = u32([ROWS], order), PLACE = u32([ROWS], place);
const OFFSETS = u32([EXPERTS + 1], offsets);
const LOGITS = random(20, [45, EXPERTS]);
const ROUTE = { rows: 45, cols: EXPERTS, k: PER_TOKEN, normalize: 0 };
const ROUTED = chooseExperts(LOGITS.data, { ...ROUTE, normalize: false });
const GROUPED = { rows: ROWS, n: COLS, k: 122, groups: EXPERTS, alpha: 0.7, accumulate: 1 };

function packedStack(seed: number, rows: number, cols: number): Input {
  return bf16([EXPERTS, rows, cols], normals(seed, EXPERTS * rows * cols, 0.2));
}

/** Words of a few codes each. */
function words(seed: number, shape: readonly [number], count: number, largest: number): Input {
  const codes = integers(seed, shape[0] * count, largest + 1);
  const bits = 32 / count;
  return u32(
    shape,
    Uint32Array.from(
      { length: shape[0] },
      (_, i) =>
        codes.slice(i * count, (i + 1) * count).reduce(
          (word, code, j) => word | code << j * bits,
          0,
        ),
    ),
  );
}

/** Every kernel once. */
export const CASES: { readonly [K in KernelName]: KernelCase<K> } = {
  fill: { inputs: { y: blank([N]) }, params: { n: N, value: 0.7 } },
  scale: {
    inputs: { x: random(1, [N]), y: random(2, [N]) },
    params: { n: N, scale: 1.7, accumulate: 1 },
  },
  add: { inputs: { a: random(1, [N]), b: random(2, [N]), y: blank([N]) }, params: { n: N } },
  embedding_forward: {
    inputs: {
      ids: u32([ROWS], integers(1, ROWS, VOCAB)),
      table: packed(2, VOCAB, COLS),
      y: blank([ROWS, COLS]),
    },
    params: { rows: ROWS, cols: COLS, vocab: VOCAB },
  },
  embedding_backward: {
    inputs: {
      ids: u32([ROWS], integers(1, ROWS, VOCAB)),
      dY: random(2, [ROWS, COLS]),
      dTable: random(3, [VOCAB, COLS]),
    },
    params: { rows: ROWS, cols: COLS, vocab: VOCAB },
  },
  rmsnorm_forward: {
    inputs: {
      x: random(1, [ROWS, COLS]),
      w: random(2, [COLS]),
      y: blank([ROWS, COLS]),
      rstd: blank([ROWS]),
    },
    params: { rows: ROWS, cols: COLS, eps: 1e-5 },
  },
  rmsnorm_backward: {
    inputs: {
      x: random(1, [ROWS, COLS]),
      w: random(2, [COLS]),
      rstd: random(3, [ROWS]),
      dY: random(4, [ROWS, COLS]),
      dX: random(5, [ROWS, COLS]),
    },
    params: { rows: ROWS, cols: COLS, accumulate: 1 },
  },
  rmsnorm_backward_weight: {
    inputs: {
      x: random(1, [ROWS, COLS]),
      rstd: random(2, [ROWS]),
      dY: random(3, [ROWS, COLS]),
      dW: random(4, [COLS]),
    },
    params: { rows: ROWS, cols: COLS },
  },
  rope: {
    inputs: {
      x: random(1, [ROWS, 48]),
      start: u32([ROWS], start),
      table: f32([72, 12], ropeTable(72, 12)),
    },
    params: { tokens: ROWS, heads: 4, head_dim: 12, direction: -1 },
  },
  gemm_nt: {
    inputs: { x: random(1, [ROWS, 122]), w: packed(2, COLS, 122), y: random(3, [ROWS, COLS]) },
    params: GEMM,
  },
  gemm_nn: {
    inputs: { x: random(1, [ROWS, 122]), w: packed(2, 122, COLS), y: random(3, [ROWS, COLS]) },
    params: GEMM,
  },
  gemm_tn: {
    inputs: {
      a: random(1, [122, ROWS]),
      b: random(2, [122, COLS]),
      y: random(3, [ROWS, COLS]),
    },
    params: GEMM,
  },
  lora_forward: {
    inputs: {
      x: random(1, [ROWS, 122]),
      w: packed(2, COLS, 122),
      xa: random(3, [ROWS, RANK]),
      b: random(4, [COLS, RANK]),
      y: blank([ROWS, COLS]),
    },
    params: LORA,
  },
  lora_backward: {
    inputs: {
      dY: random(1, [ROWS, 122]),
      w: packed(2, 122, COLS),
      dXa: random(3, [ROWS, RANK]),
      a: random(4, [RANK, COLS]),
      dX: random(5, [ROWS, COLS]),
    },
    params: { ...LORA, accumulate: 1 },
  },
  dequantize_nf4: {
    // Three matrices of 262 blocks, the last block short: two groups.
    inputs: {
      codes: words(30, [3 * 2090], 8, 15),
      scales: words(31, [3 * 66], 4, 255),
      ranges: random(32, [3 * 3]),
      levels: f32([LEVELS.length], LEVELS),
      y: blank([3 * 16714]),
    },
    params: { elements: 16714, matrices: 3 },
  },
  route: {
    inputs: { logits: LOGITS, experts: u32([ROWS], CHOSEN), scale: blank([ROWS]) },
    params: ROUTE,
  },
  route_backward: {
    inputs: {
      logits: LOGITS,
      experts: u32([ROWS], ROUTED),
      scale: random(21, [ROWS]),
      dScale: random(22, [ROWS]),
      dLogits: blank([45, EXPERTS]),
    },
    params: ROUTE,
  },
  group_rows: {
    inputs: {
      experts: u32([ROWS], CHOSEN),
      order: u32([ROWS], new Uint32Array(ROWS)),
      place: u32([ROWS], new Uint32Array(ROWS)),
      offsets: u32([EXPERTS + 1], new Uint32Array(EXPERTS + 1)),
    },
    params: { slots: ROWS, groups: EXPERTS },
  },
  gather_choice: {
    inputs: {
      choice: u32([45], integers(6, 45, 3)),
      order: ORDER,
      own: u32([ROWS], new Uint32Array(ROWS)),
    },
    params: { rows: ROWS, k: PER_TOKEN },
  },
  gather_rows: {
    inputs: { x: random(1, [45, COLS]), order: ORDER, y: blank([ROWS, COLS]) },
    params: { rows: ROWS, cols: COLS, k: PER_TOKEN },
  },
  scatter_rows: {
    inputs: { x: random(1, [ROWS, COLS]), place: PLACE, y: random(2, [45, COLS]) },
    params: { rows: 45, cols: COLS, k: PER_TOKEN, accumulate: 1 },
  },
  scale_rows: {
    inputs: {
      x: random(1, [ROWS, COLS]),
      scale: random(2, [ROWS]),
      order: ORDER,
      y: blank([ROWS, COLS]),
    },
    params: { rows: ROWS, cols: COLS },
  },
  scale_rows_backward: {
    inputs: {
      x: random(1, [ROWS, COLS]),
      scale: random(2, [ROWS]),
      order: ORDER,
      dY: random(3, [ROWS, COLS]),
      dX: blank([ROWS, COLS]),
      dScale: blank([ROWS]),
    },
    params: { rows: ROWS, cols: COLS },
  },
  grouped_gemm_nt: {
    inputs: {
      x: random(1, [ROWS, 122]),
      w: packedStack(2, COLS, 122),
      offsets: OFFSETS,
      y: random(3, [ROWS, COLS]),
    },
    params: GROUPED,
  },
  grouped_gemm_nn: {
    inputs: {
      x: random(1, [ROWS, 122]),
      w: packedStack(2, 122, COLS),
      offsets: OFFSETS,
      y: random(3, [ROWS, COLS]),
    },
    params: GROUPED,
  },
  grouped_gemm_tn: {
    inputs: {
      a: random(1, [ROWS, 38]),
      b: random(2, [ROWS, COLS]),
      offsets: OFFSETS,
      y: random(3, [EXPERTS, 38, COLS]),
    },
    params: { rows: ROWS, m: 38, n: COLS, groups: EXPERTS, alpha: 0.7 },
  },
  grouped_lora_forward: {
    inputs: {
      x: random(1, [ROWS, 122]),
      w: packedStack(2, COLS, 122),
      xa: random(3, [ROWS, RANK]),
      b: random(4, [EXPERTS, COLS, RANK]),
      offsets: OFFSETS,
      y: blank([ROWS, COLS]),
    },
    params: { rows: ROWS, n: COLS, k: 122, r: RANK, groups: EXPERTS },
  },
  grouped_lora_backward: {
    inputs: {
      dY: random(1, [ROWS, 122]),
      w: packedStack(2, 122, COLS),
      dXa: random(3, [ROWS, RANK]),
      a: random(4, [EXPERTS, RANK, COLS]),
      offsets: OFFSETS,
      dX: random(5, [ROWS, COLS]),
    },
    params: { rows: ROWS, n: COLS, k: 122, r: RANK, groups: EXPERTS, accumulate: 1 },
  },
  swiglu_forward: {
    inputs: { gate: random(1, [N]), up: random(2, [N]), y: blank([N]) },
    params: { n: N },
  },
  swiglu_backward: {
    inputs: {
      gate: random(1, [N]),
      up: random(2, [N]),
      dY: random(3, [N]),
      dGate: blank([N]),
      dUp: blank([N]),
    },
    params: { n: N },
  },
  attention_forward: {
    inputs: { ...ATTENTION, o: blank([ROWS, 48]), stats: blank([ROWS, 4, 2]) },
    params: HEADS,
  },
  attention_backward: {
    inputs: {
      ...ATTENTION,
      end: u32([ROWS], end),
      dO: random(7, [ROWS, 48]),
      dQ: blank([ROWS, 48]),
      dK: blank([ROWS, 24]),
      dV: blank([ROWS, 24]),
    },
    params: HEADS,
  },
  find_cells: {
    inputs: {
      pages: u32([ROWS, 3], integers(1, ROWS * 3, 90)),
      last: u32([ROWS], integers(2, ROWS, 48)),
      left: u32([ROWS], integers(3, ROWS, 3)),
      cell: u32([ROWS], integers(4, ROWS, 9)),
    },
    params: { rows: ROWS, width: 3 },
  },
  copy_rows: {
    inputs: {
      x: random(1, [41, COLS]),
      from: u32([ROWS], integers(2, ROWS, 41)),
      to: u32([ROWS], Array.from({ length: ROWS }, (_, i) => i % 7 === 3 ? IGNORED_ROW : 200 - i)),
      y: random(3, [201, COLS]),
    },
    params: { rows: ROWS, cols: COLS },
  },
  attention_cached: {
    inputs: {
      q: random(1, [5, 48]),
      k: random(2, [2000, 24]),
      v: random(3, [2000, 24]),
      // Rows 0, 1 and 4 share the 19 pages of a prompt.
      pages: u32(
        [5, 82],
        [0, 20, 0, 60, 40].flatMap((own, n) =>
          Array.from(
            { length: 82 },
            (_, i) => [0, 1, 4].includes(n) && i < 19 ? 100 + i : own + i % 60,
          )
        ),
      ),
      prompt: u32([5], [300, 300, 0, 895, 300]),
      last: u32([5], [1003, 304, 1299, 896, 816]),
      o: blank([5, 48]),
    },
    params: { rows: 5, cells: 2000, width: 82, heads: 4, kv_heads: 2, head_dim: 12, scale: 0.3 },
  },
  select_columns: {
    inputs: {
      x: random(1, [ROWS, COLS]),
      choice: u32([ROWS], integers(2, ROWS, 4)),
      owner: u32([COLS], integers(3, COLS, 3)),
      scale: random(4, [COLS]),
    },
    params: { rows: ROWS, cols: COLS },
  },
  sample: {
    inputs: {
      logits: random(1, [ROWS, 1009], 2),
      options: f32(
        [ROWS, 4],
        Array.from({ length: ROWS }, (_, m) => SAMPLING[m % SAMPLING.length]!).flat(),
      ),
      uniform: f32([2, 140], normals(2, 280).map((x) => x - Math.floor(x))),
      tick: u32([ROWS], integers(3, ROWS, 2)),
      drawn: blankU32([ROWS, 2]),
    },
    params: { rows: ROWS, cols: 1009, stride: 140 },
  },
  advance: {
    inputs: {
      drawn: u32([ROWS, 2], integers(1, ROWS * 2, 50)),
      stops: u32([ROWS, 8], integers(2, ROWS * 8, 100)),
      tick: u32([ROWS], integers(3, ROWS, 4)),
      left: u32([ROWS], integers(4, ROWS, 3)),
      ids: u32([ROWS], integers(5, ROWS, 50)),
      start: u32([ROWS], integers(6, ROWS, 3)),
      last: u32([ROWS], integers(7, ROWS, 1000)),
      ring: u32([4, 140, 2], integers(8, 1120, 50)),
    },
    params: { rows: ROWS, stride: 140 },
  },
  cross_entropy: {
    inputs: {
      logits: random(1, [ROWS, COLS], 3),
      targets: u32([ROWS], TARGETS),
      weight: random(2, [ROWS]),
      nll: blank([ROWS]),
    },
    params: { rows: ROWS, cols: COLS, backward: 1 },
  },
  cross_entropy_fold: {
    inputs: {
      logits: random(1, [ROWS, COLS], 3),
      targets: u32([ROWS], TARGETS),
      state: f32([ROWS, 4], STATE),
      nll: blank([ROWS]),
      entropy: blank([ROWS]),
    },
    params: { rows: ROWS, cols: COLS, first: 5, accumulate: 1 },
  },
  cross_entropy_gradient: {
    inputs: {
      logits: random(1, [ROWS, COLS], 3),
      targets: u32([ROWS], TARGETS),
      weight: random(2, [ROWS]),
      state: f32([ROWS, 4], STATE),
    },
    params: { rows: ROWS, cols: COLS, first: 5 },
  },
  entropy: {
    inputs: { logits: random(1, [ROWS, COLS], 3), entropy: blank([ROWS]) },
    params: { rows: ROWS, cols: COLS },
  },
  grpo_loss: {
    inputs: {
      nll: random(1, [ROWS]),
      ref_nll: random(2, [ROWS]),
      entropy: random(3, [ROWS]),
      sampled: f32([ROWS, 3], SAMPLED),
      start: u32([ROWS], start),
      end: u32([ROWS], end),
      weight: blank([ROWS]),
      terms: blank([ROWS, 5]),
    },
    params: { tokens: ROWS, by_sequence: 1, low: 0.8, high: 1.28, beta: 0.04 },
  },
  dot: {
    inputs: { a: random(1, [N]), b: random(2, [N]), out: f32([1], [0.5]) },
    params: { n: N, accumulate: 1 },
  },
  sum_squares: {
    inputs: { x: random(1, [N]), out: f32([1], [0.5]) },
    params: { n: N, accumulate: 1 },
  },
  adamw: {
    inputs: {
      p: random(1, [N]),
      g: random(2, [N]),
      m: random(3, [N], 0.1),
      v: f32([N], normals(4, N).map((x) => x * x)),
      hyper: f32(
        [8],
        hyperOf({
          learningRate: 1e-3,
          beta1: 0.9,
          beta2: 0.999,
          eps: 1e-8,
          weightDecay: 0.1,
          maxGradNorm: 1,
          step: 3,
        }),
      ),
      sumsq: f32([1], [N]),
    },
    params: { n: N, lr_scale: 2 },
  },
  record_metrics: {
    inputs: {
      loss: f32([1], [1.5]),
      sumsq: f32([1], [4]),
      slot: u32([1], [2]),
      ring: random(1, [5, RING_WIDTH]),
    },
    params: {},
  },
};

/** The names of the kernels, in the order of the table. */
export const KERNEL_NAMES = Object.keys(CASES) as KernelName[];
