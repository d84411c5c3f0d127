// The kernel contract: one name per kernel, its tensors in order and its numbers by name. Both
// backends implement exactly this table; ops call `backend.run(name, tensors, params)` and know
// nothing else of a device. A backend may use several dispatches for one kernel.
//
// Legend: N tokens (all sequences of a batch laid end to end), C hidden, H heads, K key/value heads,
// D head size, V vocabulary, R rank, [M, N, K] a product's rows, columns and inner length.
// Mixture of experts: token n's j-th of k choices is slot n·k + j; rows of experts are the slots sorted
// by expert, each expert's rows next to each other: `order[row]` is a row's slot, `place[slot]` a slot's
// row, and expert g has the rows offsets[g] … offsets[g + 1] − 1.
//
// Sequences: there is no batch axis. `start[n]` is the index of the first token of n's sequence and
// `end[n]` one past its last; token n sits at position n − start[n] and attends to start[n] … n.
// So packed, padded and batched inputs are the same thing: packed sequences do not see each other.
//
// Accumulation: parameter gradients `+=`, activation gradients `=` unless `accumulate` is 1.
// Matrices are row-major f32. A tensor named in `packable` may also be bf16, two values to a u32 (low half
// first, the row length is even). Sums are in f32 in an order that depends on the shapes alone,
// never on the number of threads; there are no float atomics.

/** How a kernel uses a tensor: `in` is only read, `out` is fully overwritten, `inout` is read and written. */
export type Access = "in" | "out" | "inout";

/** The type of a number handed to a kernel. */
export type ParamType = "u32" | "f32";

/** What a kernel takes: tensors in order, numbers by name. */
export interface KernelSpec {
  readonly tensors: Readonly<Record<string, Access>>;
  readonly params: Readonly<Record<string, ParamType>>;
  /** Names of the tensors that may be packed bf16. */
  readonly packable?: readonly string[];
}

/** `targets` holds this for a token that is not counted. */
export const IGNORED_TARGET = 0xffffffff;

/** Length of the `hyper` tensor of {@linkcode KERNELS}.adamw. */
export const HYPER_LENGTH = 8;

/** Values per slot of the metrics ring: Σ weight·nll and the gradient norm before clipping. */
export const RING_WIDTH = 2;

/** `to` of copy_rows holds this for a row that is not copied. */
export const IGNORED_ROW = 0xffffffff;

/** Cells of a page of the cache of keys and values. */
export const PAGE = 16;

/** Numbers a row in the `options` tensor of {@linkcode KERNELS}.sample. */
export const SAMPLE_OPTIONS = 4;

/** Stop tokens a row in the `stops` tensor of {@linkcode KERNELS}.advance; unused ones hold IGNORED_TARGET. */
export const MAX_STOPS = 8;

/** Values a token in the `state` tensor of {@linkcode KERNELS}.cross_entropy_fold. */
export const FOLD_WIDTH = 4;

/** Values a token in the `sampled` tensor of {@linkcode KERNELS}.grpo_loss: old log-probability, advantage, share. */
export const SAMPLED_WIDTH = 3;

/** Values a token in its `terms` tensor: share · loss, |ratio − 1|, clipped, KL, entropy. */
export const TERMS_WIDTH = 5;

/** Values of a matrix in 4 bits that share a scale (Dettmers et al. 2023, "QLoRA", section 3). */
export const NF4_BLOCK = 64;

/** Blocks whose scales share one in turn. */
export const NF4_GROUP = 256;

/** Levels of a value in 4 bits, and of a block's scale in 8. */
export const NF4_LEVELS = 16, NF4_SCALE_LEVELS = 256;

/** Every kernel that a backend implements. */
export const KERNELS = {
  // y[i] = value
  fill: { tensors: { y: "out" }, params: { n: "u32", value: "f32" } },
  // y = scale · x, or y += scale · x
  scale: {
    tensors: { x: "in", y: "inout" },
    params: { n: "u32", scale: "f32", accumulate: "u32" },
  },
  // y = a + b
  add: { tensors: { a: "in", b: "in", y: "out" }, params: { n: "u32" } },

  // y[n, :] = table[ids[n], :]          ids u32[rows], table [vocab, cols], y [rows, cols]
  embedding_forward: {
    tensors: { ids: "in", table: "in", y: "out" },
    params: { rows: "u32", cols: "u32", vocab: "u32" },
    packable: ["table"],
  },
  // dTable[ids[n], :] += dY[n, :], tokens in ascending order
  embedding_backward: {
    tensors: { ids: "in", dY: "in", dTable: "inout" },
    params: { rows: "u32", cols: "u32", vocab: "u32" },
  },

  // rstd[n] = 1 / sqrt(mean(x[n, :]²) + eps), y = x · rstd · w      (Zhang & Sennrich 2019, eq. 4)
  rmsnorm_forward: {
    tensors: { x: "in", w: "in", y: "out", rstd: "out" },
    params: { rows: "u32", cols: "u32", eps: "f32" },
  },
  // dX (=|+=) rstd · (dY·w − x · rstd² · mean(dY·w·x))
  rmsnorm_backward: {
    tensors: { x: "in", w: "in", rstd: "in", dY: "in", dX: "inout" },
    params: { rows: "u32", cols: "u32", accumulate: "u32" },
  },
  // dW[c] += Σ_n dY[n, c] · x[n, c] · rstd[n]
  rmsnorm_backward_weight: {
    tensors: { x: "in", rstd: "in", dY: "in", dW: "inout" },
    params: { rows: "u32", cols: "u32" },
  },

  // In place, x [tokens, heads · head_dim], halves rotated as in Hugging Face's rotate_half:
  //   a' = a·cos − direction·b·sin,  b' = b·cos + direction·a·sin,  a = x[… i], b = x[… i + D/2]
  // table f32[positions, D]: D/2 cosines, then D/2 sines, of row position = n − start[n] (mod 2³²).
  // direction is 1 forward and −1 backward (the transpose of a rotation).
  rope: {
    tensors: { x: "inout", start: "in", table: "in" },
    params: { tokens: "u32", heads: "u32", head_dim: "u32", direction: "f32" },
  },

  // y (=|+=) alpha · x wᵀ               x [m, k], w [n, k], y [m, n]
  gemm_nt: {
    tensors: { x: "in", w: "in", y: "inout" },
    params: { m: "u32", n: "u32", k: "u32", alpha: "f32", accumulate: "u32" },
    packable: ["w"],
  },
  // y (=|+=) alpha · x w                x [m, k], w [k, n], y [m, n]
  gemm_nn: {
    tensors: { x: "in", w: "in", y: "inout" },
    params: { m: "u32", n: "u32", k: "u32", alpha: "f32", accumulate: "u32" },
    packable: ["w"],
  },
  // y (=|+=) alpha · aᵀ b               a [k, m], b [k, n], y [m, n]
  gemm_tn: {
    tensors: { a: "in", b: "in", y: "inout" },
    params: { m: "u32", n: "u32", k: "u32", alpha: "f32", accumulate: "u32" },
  },
  // y = x wᵀ + xa bᵀ, one write of y: xa is r more columns of the inner product (Hu et al. 2021, eq. 3)
  //                                     x [m, k], w [n, k], xa [m, r], b [n, r], y [m, n]
  lora_forward: {
    tensors: { x: "in", w: "in", xa: "in", b: "in", y: "out" },
    params: { m: "u32", n: "u32", k: "u32", r: "u32" },
    packable: ["w"],
  },
  // dX (=|+=) dY w + dXa a              dY [m, k], w [k, n], dXa [m, r], a [r, n], dX [m, n]
  lora_backward: {
    tensors: { dY: "in", w: "in", dXa: "in", a: "in", dX: "inout" },
    params: { m: "u32", n: "u32", k: "u32", r: "u32", accumulate: "u32" },
    packable: ["w"],
  },

  // y = matrices in 4 bits, each on its own, its elements e in row-major order (Dettmers et al. 2023, section 3):
  //   y[e] = levels[code(e)] · scale(e / NF4_BLOCK),
  //   scale(b) = levels[NF4_LEVELS + code(b)] · ranges[1 + b / NF4_GROUP] + ranges[0]
  // codes u32[⌈elements / 8⌉], scales u32[⌈blocks / 4⌉], both lowest bits first; ranges [1 + groups]: the mean of
  // the blocks' scales, then the largest distance from it in each group. levels: NF4_LEVELS, then NF4_SCALE_LEVELS.
  dequantize_nf4: {
    tensors: { codes: "in", scales: "in", ranges: "in", levels: "in", y: "out" },
    params: { elements: "u32", matrices: "u32" },
  },

  // experts[n, :] = the k largest of p = softmax(logits[n, :]), largest first, equal ones by index;
  // scale[n, j] = p[experts[n, j]], divided by their sum if normalize        (Shazeer et al. 2017, eq. 4)
  //                                     logits [rows, cols], experts u32[rows, k], scale [rows, k]
  route: {
    tensors: { logits: "in", experts: "out", scale: "out" },
    params: { rows: "u32", cols: "u32", k: "u32", normalize: "u32" },
  },
  // dLogits of route, for the choice that it made: with t = Σ_j scale[j] · dScale[j], p (dP − t), where p is
  // scale itself if normalize, else softmax(logits), and dP is dScale of a chosen expert, 0 of the others
  route_backward: {
    tensors: { logits: "in", experts: "in", scale: "in", dScale: "in", dLogits: "out" },
    params: { rows: "u32", cols: "u32", k: "u32", normalize: "u32" },
  },
  // order, place and offsets = the stable sort of slots by expert
  //                                     experts, order, place u32[slots], offsets u32[groups + 1]
  group_rows: {
    tensors: { experts: "in", order: "out", place: "out", offsets: "out" },
    params: { slots: "u32", groups: "u32" },
  },
  // y[row, :] = x[order[row] / k, :]    x [rows / k, cols], y [rows, cols]
  gather_rows: {
    tensors: { x: "in", order: "in", y: "out" },
    params: { rows: "u32", cols: "u32", k: "u32" },
  },
  // own[row] = choice[order[row] / k]   choice u32[rows / k], order, own u32[rows]
  gather_choice: {
    tensors: { choice: "in", order: "in", own: "out" },
    params: { rows: "u32", k: "u32" },
  },
  // y[n, :] (=|+=) Σ_j x[place[n·k + j], :], j ascending      x [rows · k, cols], y [rows, cols]
  scatter_rows: {
    tensors: { x: "in", place: "in", y: "inout" },
    params: { rows: "u32", cols: "u32", k: "u32", accumulate: "u32" },
  },
  // y[row, :] = scale[order[row]] · x[row, :]
  scale_rows: {
    tensors: { x: "in", scale: "in", order: "in", y: "out" },
    params: { rows: "u32", cols: "u32" },
  },
  // dX[row, :] = scale[order[row]] · dY[row, :], dScale[order[row]] = Σ_c dY[row, c] · x[row, c]
  scale_rows_backward: {
    tensors: { x: "in", scale: "in", order: "in", dY: "in", dX: "out", dScale: "out" },
    params: { rows: "u32", cols: "u32" },
  },
  // The products of a linear layer, each expert g's rows with matrices of its own: w, a and b are
  // those of the kernels above, one after the other for every group.
  // y (=|+=) alpha · x w[g]ᵀ            x [rows, k], w [groups, n, k], y [rows, n]
  grouped_gemm_nt: {
    tensors: { x: "in", w: "in", offsets: "in", y: "inout" },
    params: { rows: "u32", n: "u32", k: "u32", groups: "u32", alpha: "f32", accumulate: "u32" },
    packable: ["w"],
  },
  // y (=|+=) alpha · x w[g]             x [rows, k], w [groups, k, n], y [rows, n]
  grouped_gemm_nn: {
    tensors: { x: "in", w: "in", offsets: "in", y: "inout" },
    params: { rows: "u32", n: "u32", k: "u32", groups: "u32", alpha: "f32", accumulate: "u32" },
    packable: ["w"],
  },
  // y[g] += alpha · aᵀ b over g's rows  a [rows, m], b [rows, n], y [groups, m, n]
  grouped_gemm_tn: {
    tensors: { a: "in", b: "in", offsets: "in", y: "inout" },
    params: { rows: "u32", m: "u32", n: "u32", groups: "u32", alpha: "f32" },
  },
  // y = x w[g]ᵀ + xa b[g]ᵀ              x [rows, k], w [groups, n, k], xa [rows, r], b [groups, n, r], y [rows, n]
  grouped_lora_forward: {
    tensors: { x: "in", w: "in", xa: "in", b: "in", offsets: "in", y: "out" },
    params: { rows: "u32", n: "u32", k: "u32", r: "u32", groups: "u32" },
    packable: ["w"],
  },
  // dX (=|+=) dY w[g] + dXa a[g]        dY [rows, k], w [groups, k, n], dXa [rows, r], a [groups, r, n], dX [rows, n]
  grouped_lora_backward: {
    tensors: { dY: "in", w: "in", dXa: "in", a: "in", offsets: "in", dX: "inout" },
    params: { rows: "u32", n: "u32", k: "u32", r: "u32", groups: "u32", accumulate: "u32" },
    packable: ["w"],
  },

  // y = silu(gate) · up                 (Shazeer 2020, eq. 5)
  swiglu_forward: { tensors: { gate: "in", up: "in", y: "out" }, params: { n: "u32" } },
  swiglu_backward: {
    tensors: { gate: "in", up: "in", dY: "in", dGate: "out", dUp: "out" },
    params: { n: "u32" },
  },

  // Causal grouped-query attention inside each sequence, online softmax (Dao 2022):
  //   q, o [tokens, heads · head_dim], k, v [tokens, kv_heads · head_dim], start u32[tokens];
  //   query head h reads key/value head floor(h · kv_heads / heads)
  //   stats [tokens, heads, 2]: [.., 0] = log Σ exp(scale·q·k); [.., 1] belongs to the backward pass
  attention_forward: {
    tensors: { q: "in", k: "in", v: "in", start: "in", o: "out", stats: "out" },
    params: { tokens: "u32", heads: "u32", kv_heads: "u32", head_dim: "u32", scale: "f32" },
  },
  // delta = Σ_d dO·o goes to stats[.., 1]; then p = exp(scale·q·k − lse), dV = pᵀ dO, dS = p (dO·v − delta),
  // dQ = scale · dS k, dK = scale · dSᵀ q
  attention_backward: {
    tensors: {
      q: "in",
      k: "in",
      v: "in",
      o: "in",
      start: "in",
      end: "in",
      dO: "in",
      stats: "inout",
      dQ: "out",
      dK: "out",
      dV: "out",
    },
    params: { tokens: "u32", heads: "u32", kv_heads: "u32", head_dim: "u32", scale: "f32" },
  },

  // The cache of keys and values has cells, one a token, in pages of PAGE (Kwon et al. 2023, section 4.3): the
  // table `pages` u32[rows, width] names the pages of each row in order, and a row's token t is in cell
  //   pages[n, t / PAGE] · PAGE + t % PAGE.
  // A row's first prompt[n] tokens are its prompt's, whose pages others may have too: all of them, if their prompts
  // are as long and begin with the same page. Its own begin at the next multiple of PAGE, in pages that no other has,
  // and last[n] is the latest of them.
  //
  // cell[n] = that of token last[n], or IGNORED_ROW where left[n] is 0      last, left, cell u32[rows]
  find_cells: {
    tensors: { pages: "in", last: "in", left: "in", cell: "out" },
    params: { rows: "u32", width: "u32" },
  },
  // y[to[i], :] = x[from[i], :], where to[i] is not IGNORED_ROW; x, y [.., cols], from, to u32[rows],
  // no row of y named twice. Fills the cache of keys and values.
  copy_rows: {
    tensors: { x: "in", from: "in", to: "in", y: "inout" },
    params: { rows: "u32", cols: "u32" },
  },
  // Attention of single tokens to the cache:      q, o [rows, heads · head_dim], k, v [cells, kv_heads · head_dim]
  //   row n sees its prompt's tokens and its own up to last[n]; heads as above    prompt, last u32[rows]
  attention_cached: {
    tensors: {
      q: "in",
      k: "in",
      v: "in",
      pages: "in",
      prompt: "in",
      last: "in",
      o: "out",
    },
    params: {
      rows: "u32",
      cells: "u32",
      width: "u32",
      heads: "u32",
      kv_heads: "u32",
      head_dim: "u32",
      scale: "f32",
    },
  },
  // Several adapters stacked: column c of x belongs to adapter owner[c], row n wants adapter choice[n]:
  // x[n, c] = owner[c] = choice[n] ? scale[c] · x[n, c] : 0, in place     (Chen et al. 2023, "Punica")
  select_columns: {
    tensors: { x: "inout", choice: "in", owner: "in", scale: "in" },
    params: { rows: "u32", cols: "u32" },
  },
  // Draws a token for each row. With [temperature, top_k, top_p, min_p] = options[m, :] (top_k 0: all) and
  // e = exp((logits[m, :] − max) / temperature), which replaces the logits, T the smallest set that has
  //   the top_k largest e, then of these the largest that have top_p of their sum, then those ≥ min_p,
  // each with whatever equals its smallest member: the token is the first id of T at which the running sum
  // of e over T passes uniform[tick[m] · stride + m] · Σ_T e, uniform in [0, 1).
  // temperature 0: the token is the first of the largest logits, e as for temperature 1.
  // drawn u32[rows, 2] = [token, the bits of log(e[token] / Σ e)]: T does not change the latter.
  sample: {
    tensors: { logits: "inout", options: "in", uniform: "in", tick: "in", drawn: "out" },
    params: { rows: "u32", cols: "u32", stride: "u32" },
  },
  // Takes the tokens drawn: where left[m] > 0,
  //   ring[tick[m], m, :] = drawn[m, :], tick += 1, left −= 1 or = 0 if the token is one of stops[m, :];
  //   and while any are left, ids = token, last += 1, start −= 1 (mod 2³²): rope's position is m − start.
  // Other rows stay as they are. ring u32[.., stride, 2], stops u32[rows, MAX_STOPS]
  advance: {
    tensors: {
      drawn: "in",
      stops: "in",
      tick: "inout",
      left: "inout",
      ids: "inout",
      start: "inout",
      last: "inout",
      ring: "inout",
    },
    params: { rows: "u32", stride: "u32" },
  },

  // nll[m] = log Σ exp(logits[m, :]) − logits[m, target], 0 where target is IGNORED_TARGET.
  // With backward = 1, logits[m, :] becomes weight[m] · (softmax − onehot(target)), 0 where ignored.
  cross_entropy: {
    tensors: { logits: "inout", targets: "in", weight: "in", nll: "out" },
    params: { rows: "u32", cols: "u32", backward: "u32" },
  },
  // The same for rows whose logits come a tile of columns at a time, this one first … first + cols − 1, in any
  // order (Milakov & Gimelshein 2018, alg. 3). Of this tile's columns (and the earlier ones' if accumulate is 1),
  // with z = logits − largest: state[m, :] = (largest, Σ exp(z), Σ exp(z) · z, the target's logit or NaN),
  // nll as above, and entropy as below; they are the row's after its last tile.
  cross_entropy_fold: {
    tensors: { logits: "in", targets: "in", state: "inout", nll: "out", entropy: "out" },
    params: { rows: "u32", cols: "u32", first: "u32", accumulate: "u32" },
  },
  // logits[m, :] = weight[m] · (softmax − onehot(target)) of a tile, 0 where ignored; state is the whole row's
  cross_entropy_gradient: {
    tensors: { logits: "inout", targets: "in", weight: "in", state: "in" },
    params: { rows: "u32", cols: "u32", first: "u32" },
  },

  // entropy[m] = log Σ exp(logits[m, :]) − Σ softmax(logits[m, :]) · logits[m, :]
  entropy: { tensors: { logits: "in", entropy: "out" }, params: { rows: "u32", cols: "u32" } },
  // The clipped policy-gradient loss of sampled tokens (Shao et al. 2024, eq. 3) and its gradient:
  //   logp = −nll, ref = −ref_nll, sampled[n, :] = (old_logp, A, share)
  //   ratio = exp(logp − old_logp); by_sequence: exp of that difference's mean over the sequence's tokens
  //   with share ≠ 0 (Zheng et al. 2025, eq. 5)
  //   l = −min(ratio · A, clamp(ratio, low, high) · A) + beta · kl, kl = exp(ref − logp) − (ref − logp) − 1
  //   weight[n] = −share · dl/dlogp, so that Σ weight · nll has the gradient of Σ share · l
  //   terms[n, :] = (share · l, |ratio − 1|, 1 if clipped, kl, entropy)
  // Tokens with share 0 are not counted: weight and terms are 0. Within a sequence the other shares are equal.
  grpo_loss: {
    tensors: {
      nll: "in",
      ref_nll: "in",
      entropy: "in",
      sampled: "in",
      start: "in",
      end: "in",
      weight: "out",
      terms: "out",
    },
    params: { tokens: "u32", by_sequence: "u32", low: "f32", high: "f32", beta: "f32" },
  },

  // out[0] (=|+=) Σ a[i] · b[i]
  dot: {
    tensors: { a: "in", b: "in", out: "inout" },
    params: { n: "u32", accumulate: "u32" },
  },
  // out[0] (=|+=) Σ x[i]²
  sum_squares: {
    tensors: { x: "in", out: "inout" },
    params: { n: "u32", accumulate: "u32" },
  },
  // AdamW (Loshchilov & Hutter 2019, alg. 2, as in PyTorch), then g = 0.
  // hyper = [lr, beta1, beta2, eps, weight_decay, 1 − beta1^t, 1 − beta2^t, max_grad_norm]
  // g is first multiplied by min(1, max_grad_norm / (sqrt(sumsq[0]) + 1e-6)) if max_grad_norm > 0.
  adamw: {
    tensors: { p: "inout", g: "inout", m: "inout", v: "inout", hyper: "in", sumsq: "in" },
    params: { n: "u32", lr_scale: "f32" },
  },
  // ring[RING_WIDTH · slot[0]] = loss[0], ring[… + 1] = sqrt(sumsq[0]); then loss[0] = 0
  record_metrics: {
    tensors: { loss: "inout", sumsq: "in", slot: "in", ring: "inout" },
    params: {},
  },
} as const satisfies Record<string, KernelSpec>;

/** A kernel's name. */
export type KernelName = keyof typeof KERNELS;

/** The numbers that a kernel takes. */
export type KernelParams<K extends KernelName> = {
  readonly [P in keyof typeof KERNELS[K]["params"]]: number;
};
