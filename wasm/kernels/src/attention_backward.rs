//! Causal grouped-query attention, backward (Dao 2022, alg. 4). A task is one sequence and one
//! key/value head, with all the query heads that read it: nobody else writes its dQ, dK and dV.
//! Scores are computed again from q, k and the saved log-sum-exp.

use crate::attention::{
    combine, hide, pack_keys, pack_rows, score, tile_keys, STRIDE, TILE_FLOATS,
};
use crate::math::Exp;
use crate::simd8::*;
use crate::tile::{BY_COLUMN, BY_ROW, ROWS};
use crate::{Command, Context};

/// Queries between two visits to dK and dV.
const QUERIES: usize = 48;

/// Largest head.
const MAX_DIM: usize = 256;

pub const SCRATCH_FLOATS: usize = 3 * TILE_FLOATS + 2 * QUERIES * (STRIDE + MAX_DIM);

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
/// own rows and those of dO, packed too.
struct Room {
    keys: *mut f32,
    values: *mut f32,
    key_rows: *mut f32,
    weights: *mut f32,
    d_scores: *mut f32,
    q_rows: *mut f32,
    d_o_rows: *mut f32,
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
        q_rows: keys.add(3 * TILE_FLOATS + 2 * QUERIES * STRIDE),
        d_o_rows: keys.add(3 * TILE_FLOATS + QUERIES * (2 * STRIDE + MAX_DIM)),
    };
    let (mut sequence, mut s0) = (0, 0);
    let mut task = context.ticket();
    while s0 < tokens {
        let s1 = (*end.add(s0) as usize).clamp(s0 + 1, tokens);
        while task / call.kv_heads == sequence {
            one_sequence(&call, &room, task % call.kv_heads, (s0, s1));
            task = context.ticket();
        }
        sequence += 1;
        s0 = s1;
    }
}

unsafe fn one_sequence(call: &Call, room: &Room, kv: usize, (s0, s1): (usize, usize)) {
    let (heads, kv_heads, dim) = (call.heads, call.kv_heads, call.dim);
    let (q_stride, kv_stride) = (heads * dim, kv_heads * dim);
    let (h0, h1) = (
        (kv * heads).div_ceil(kv_heads),
        ((kv + 1) * heads).div_ceil(kv_heads),
    );
    for i in s0..s1 {
        for h in h0..h1 {
            let at = i * q_stride + h * dim;
            let mut products = zero();
            each8(0, dim, |d, count| {
                let up = load_up_to(call.d_o.add(at + d), count);
                products = madd(up, load_up_to(call.o.add(at + d), count), products);
            });
            *call.stats.add((i * heads + h) * 2 + 1) = sum(products);
        }
        let at = i * kv_stride + kv * dim;
        each8(0, dim, |d, count| {
            store_up_to(call.d_k.add(at + d), zero(), count);
            store_up_to(call.d_v.add(at + d), zero(), count);
        });
    }
    let length = tile_keys(dim);
    let (k, v) = (call.k.add(kv * dim), call.v.add(kv * dim));
    let mut t0 = s0;
    while t0 < s1 {
        let t1 = s1.min(t0 + length);
        pack_keys(k, kv_stride, dim, (t0, t1), room.keys);
        pack_keys(v, kv_stride, dim, (t0, t1), room.values);
        pack_rows(k, kv_stride, dim, (t0, t1), room.key_rows);
        for h in h0..h1 {
            let mut i0 = t0;
            while i0 < s1 {
                let i1 = s1.min(i0 + QUERIES);
                pack_rows(call.q.add(h * dim), q_stride, dim, (i0, i1), room.q_rows);
                pack_rows(
                    call.d_o.add(h * dim),
                    q_stride,
                    dim,
                    (i0, i1),
                    room.d_o_rows,
                );
                let mut i = i0;
                while i < i1 {
                    let end = i1.min(i + ROWS);
                    few_queries(call, room, h, i0, (i, end), (t0, t1), t0 == s0);
                    i = end;
                }
                let at = t0 * kv_stride + kv * dim;
                let (d_k, d_v) = (call.d_k.add(at), call.d_v.add(at));
                keys(
                    room.weights,
                    (room.d_o_rows, dim),
                    (d_v, kv_stride),
                    (i0, i1),
                    (t0, t1),
                );
                keys(
                    room.d_scores,
                    (room.q_rows, dim),
                    (d_k, kv_stride),
                    (i0, i1),
                    (t0, t1),
                );
                i0 = i1;
            }
        }
        t0 = t1;
    }
}

/// Up to six queries against a tile of keys: weights = exp(scale · s − lse),
/// d_scores = scale · weights · (dP − delta), dQ (=|+=) d_scores · keys. Past the diagonal weights and
/// d_scores are 0, as far as a register tile that crosses it can read.
unsafe fn few_queries(
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
    combine::<BY_ROW>(
        (d_scores, STRIDE),
        height,
        (room.key_rows, t1 - t0, dim),
        (0, end.min(t1) - t0),
        (call.d_q.add(at), stride),
        !first,
    );
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
