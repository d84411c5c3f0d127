//! Causal grouped-query attention, backward (Dao 2022, alg. 4). A task is one sequence and one
//! key/value head, with all the query heads that read it: nobody else writes its dQ, dK and dV. Where
//! there are too few of those for the threads, tasks are blocks of queries, for dQ, and then blocks of
//! keys, for dK and dV: scores are formed twice, and every sum goes in the same order, to the same
//! bits. Scores are computed again from q, k and the saved log-sum-exp.

use crate::attention::{
    combine, hide, pack_keys, pack_rows, score, tile_keys, STRIDE, TILE_FLOATS,
};
use crate::math::Exp;
use crate::reduce::chunk_sum;
use crate::simd8::*;
use crate::tile::{BY_COLUMN, BY_ROW, ROWS};
use crate::{Command, Context};

/// Queries between two visits to dK and dV.
const QUERIES: usize = 48;

/// Largest head.
const MAX_DIM: usize = 256;

pub const SCRATCH_FLOATS: usize = 3 * TILE_FLOATS + QUERIES * (2 * STRIDE + MAX_DIM);

struct Call {
    q: *const f32,
    k: *const f32,
    v: *const f32,
    o: *const f32,
    d_o: *const f32,
    stats: *mut f32,
    d_q: *mut f32,
    d_k: *mut f32,
    d_v: *mut f32,
    heads: usize,
    kv_heads: usize,
    dim: usize,
    scale: f32,
}

/// Packed keys, packed values, keys by row; of some queries, weights, gradients of the scores, and their
/// own rows or those of dO, packed.
struct Room {
    keys: *mut f32,
    values: *mut f32,
    key_rows: *mut f32,
    weights: *mut f32,
    d_scores: *mut f32,
    rows: *mut f32,
}

pub unsafe fn backward(context: &Context, command: &Command) {
    let call = Call {
        q: command.tensor(0),
        k: command.tensor(1),
        v: command.tensor(2),
        o: command.tensor(3),
        d_o: command.tensor(6),
        stats: command.tensor(7),
        d_q: command.tensor(8),
        d_k: command.tensor(9),
        d_v: command.tensor(10),
        heads: command.size(1),
        kv_heads: command.size(2),
        dim: command.size(3),
        scale: command.float(4),
    };
    let end: *const u32 = command.tensor(5);
    let tokens = command.size(0);
    let keys = context.scratch;
    let room = Room {
        keys,
        values: keys.add(TILE_FLOATS),
        key_rows: keys.add(2 * TILE_FLOATS),
        weights: keys.add(3 * TILE_FLOATS),
        d_scores: keys.add(3 * TILE_FLOATS + QUERIES * STRIDE),
        rows: keys.add(3 * TILE_FLOATS + 2 * QUERIES * STRIDE),
    };
    let task = |d_q, d_kv| Task { d_q, d_kv };
    if !is_split(context, &call, end, tokens) {
        each_task(context, &call, (end, tokens), usize::MAX, |kv, s, own| {
            task(true, true).run(&call, &room, kv, s, own, own)
        });
        return;
    }
    let tile = tile_keys(call.dim);
    each_task(context, &call, (end, tokens), tile, |kv, s, own| {
        task(true, false).run(&call, &room, kv, s, own, s)
    });
    context.barrier();
    each_task(context, &call, (end, tokens), tile, |kv, s, own| {
        task(false, true).run(&call, &room, kv, s, s, own)
    });
}

/// Whether blocks are shared out sooner than sequences: 7 products instead of 5, without idle threads.
unsafe fn is_split(context: &Context, call: &Call, end: *const u32, tokens: usize) -> bool {
    let (mut tasks, mut s0) = (0, 0);
    while s0 < tokens {
        tasks += call.kv_heads;
        s0 = (*end.add(s0) as usize).clamp(s0 + 1, tokens);
    }
    7 * tasks < 5 * context.threads * tasks.div_ceil(context.threads)
}

/// Calls `body(kv, sequence, block)` for this thread's share of the blocks of all sequences and heads:
/// whole sequences, or blocks of [`QUERIES`] within tiles of so many tokens.
#[inline(always)]
unsafe fn each_task(
    context: &Context,
    call: &Call,
    (end, tokens): (*const u32, usize),
    tile: usize,
    body: impl Fn(usize, (usize, usize), (usize, usize)),
) {
    let size = if tile == usize::MAX { tile } else { QUERIES };
    let (mut index, mut s0) = (0, 0);
    let mut task = context.ticket();
    while s0 < tokens {
        let s1 = (*end.add(s0) as usize).clamp(s0 + 1, tokens);
        let mut t0 = s0;
        while t0 < s1 {
            let t1 = s1.min(t0.saturating_add(tile));
            let mut from = t0;
            while from < t1 {
                let to = t1.min(from.saturating_add(size));
                while task / call.kv_heads == index {
                    body(task % call.kv_heads, (s0, s1), (from, to));
                    task = context.ticket();
                }
                index += 1;
                from = to;
            }
            t0 = t1;
        }
        s0 = s1;
    }
}

/// Which gradients a task forms.
struct Task {
    d_q: bool,
    d_kv: bool,
}

impl Task {
    /// Some queries and some keys of a sequence and a key/value head: dQ needs all keys, dK and dV all
    /// queries.
    unsafe fn run(
        &self,
        call: &Call,
        room: &Room,
        kv: usize,
        (s0, s1): (usize, usize),
        (q0, q1): (usize, usize),
        own_keys: (usize, usize),
    ) {
        let (heads, kv_heads, dim) = (call.heads, call.kv_heads, call.dim);
        let (q_stride, kv_stride) = (heads * dim, kv_heads * dim);
        let (h0, h1) = (
            (kv * heads).div_ceil(kv_heads),
            ((kv + 1) * heads).div_ceil(kv_heads),
        );
        if self.d_q {
            deltas(call, (h0, h1), (q0, q1));
        }
        if self.d_kv {
            for j in own_keys.0..own_keys.1 {
                let at = j * kv_stride + kv * dim;
                each8(0, dim, |d, count| {
                    store_up_to(call.d_k.add(at + d), zero(), count);
                    store_up_to(call.d_v.add(at + d), zero(), count);
                });
            }
        }
        let length = tile_keys(dim);
        let (k, v) = (call.k.add(kv * dim), call.v.add(kv * dim));
        let mut t0 = s0;
        while t0 < s1 {
            let first = t0 == s0;
            let (k0, k1) = (t0.max(own_keys.0), (t0 + length).min(own_keys.1));
            t0 += length;
            // No query of the task sees a tile behind it.
            if k0 >= k1.min(q1) {
                continue;
            }
            pack_keys(k, kv_stride, dim, (k0, k1), room.keys);
            pack_keys(v, kv_stride, dim, (k0, k1), room.values);
            if self.d_q {
                pack_rows(k, kv_stride, dim, (k0, k1), room.key_rows);
            }
            for h in h0..h1 {
                let mut i0 = k0.max(q0);
                while i0 < q1 {
                    let i1 = q1.min(i0 + QUERIES);
                    let mut i = i0;
                    while i < i1 {
                        let end = i1.min(i + ROWS);
                        self.few_queries(call, room, h, i0, (i, end), (k0, k1), first);
                        i = end;
                    }
                    if self.d_kv {
                        let (q, d_o) = (call.q.add(h * dim), call.d_o.add(h * dim));
                        pack_rows(q, q_stride, dim, (i0, i1), room.rows);
                        let at = k0 * kv_stride + kv * dim;
                        let d_k = (call.d_k.add(at), kv_stride);
                        keys(room.d_scores, (room.rows, dim), d_k, (i0, i1), (k0, k1));
                        pack_rows(d_o, q_stride, dim, (i0, i1), room.rows);
                        let d_v = (call.d_v.add(at), kv_stride);
                        keys(room.weights, (room.rows, dim), d_v, (i0, i1), (k0, k1));
                    }
                    i0 = i1;
                }
            }
        }
    }

    /// Up to six queries against a tile of keys: weights = exp(scale · s − lse),
    /// d_scores = scale · weights · (dP − delta), dQ (=|+=) d_scores · keys. Past the diagonal weights and
    /// d_scores are 0, as far as a register tile that crosses it can read.
    unsafe fn few_queries(
        &self,
        call: &Call,
        room: &Room,
        h: usize,
        i0: usize,
        (i, end): (usize, usize),
        (t0, t1): (usize, usize),
        first: bool,
    ) {
        let (dim, stride) = (call.dim, call.heads * call.dim);
        let at = i * stride + h * dim;
        let (weights, d_scores) = (
            room.weights.add((i - i0) * STRIDE),
            room.d_scores.add((i - i0) * STRIDE),
        );
        let height = end - i;
        let seen = (0, t1.min(end) - t0);
        score(
            (call.q.add(at), stride),
            height,
            dim,
            room.keys,
            seen,
            weights,
        );
        score(
            (call.d_o.add(at), stride),
            height,
            dim,
            room.values,
            seen,
            d_scores,
        );
        let (factor, exp) = (splat(call.scale), Exp::new());
        for row in 0..height {
            let stats = call.stats.add(((i + row) * call.heads + h) * 2);
            let (shift, delta) = (splat(-*stats), splat(*stats.add(1)));
            let (weights, d_scores) = (weights.add(row * STRIDE), d_scores.add(row * STRIDE));
            let count = (i + row + 1).min(t1) - t0;
            let (from, to) = hide(weights, (0, count), seen);
            store(weights.add(to), zero());
            store(d_scores.add(to), zero());
            each8(from, to, |j, _| {
                let p = each(madd(factor, load(weights.add(j)), shift), |x| exp.of(x));
                let d = sub(load(d_scores.add(j)), delta);
                store(weights.add(j), p);
                store(d_scores.add(j), mul(factor, mul(p, d)));
            });
        }
        if self.d_q {
            combine::<BY_ROW>(
                (d_scores, STRIDE),
                height,
                (room.key_rows, t1 - t0, dim),
                (0, end.min(t1) - t0),
                (call.d_q.add(at), stride),
                !first,
            );
        }
    }
}

/// delta = Σ dO · o of some queries goes to stats[.., 1].
unsafe fn deltas(call: &Call, (h0, h1): (usize, usize), (q0, q1): (usize, usize)) {
    for i in q0..q1 {
        for h in h0..h1 {
            let at = (i * call.heads + h) * call.dim;
            let delta = chunk_sum(call.d_o.add(at), call.o.add(at), 0, call.dim);
            *call.stats.add((i * call.heads + h) * 2 + 1) = delta;
        }
    }
}

/// out[j, :] += Σ_i scores[i, j] · rows[i, :], six keys at a time, over the queries that see them.
unsafe fn keys(
    scores: *const f32,
    (rows, dim): (*const f32, usize),
    (out, stride): (*mut f32, usize),
    (i0, i1): (usize, usize),
    (t0, t1): (usize, usize),
) {
    let mut j = t0;
    while j < t1.min(i1) {
        let end = t1.min(j + ROWS);
        let from = i0.max(j) - i0;
        combine::<BY_COLUMN>(
            (scores.add(from * STRIDE + (j - t0)), STRIDE),
            end - j,
            (rows, i1 - i0, dim),
            (from, i1 - i0),
            (out.add((j - t0) * stride), stride),
            true,
        );
        j = end;
    }
}
