//! Causal grouped-query attention, backward (Dao 2022, alg. 4). A task is one sequence and one
//! key/value head, with all the query heads that read it: nobody else writes its dQ, dK and dV.
//! Scores are computed again from q, k and the saved log-sum-exp.

use crate::attention::{pack_keys, pack_rows, score, tile_keys, KEYS, TILE_FLOATS};
use crate::math::exp;
use crate::simd::*;
use crate::tile::{self, Panel, BY_COLUMN, BY_ROW, COLS, PACKED, ROWS, STRIDED};
use crate::{Command, Context};

/// Queries between two visits to dK and dV.
const QUERIES: usize = 48;

pub const SCRATCH_FLOATS: usize = 3 * TILE_FLOATS + 2 * QUERIES * KEYS;

struct Call {
    q: *const f32,
    k: *const f32,
    v: *const f32,
    o: *const f32,
    start: *const u32,
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

/// Packed keys, packed values, keys by row, weights, gradients of the scores.
struct Room {
    keys: *mut f32,
    values: *mut f32,
    key_rows: *mut f32,
    weights: *mut f32,
    d_scores: *mut f32,
}

pub unsafe fn backward(context: &Context, command: &Command) {
    let call = Call {
        q: command.tensor(0),
        k: command.tensor(1),
        v: command.tensor(2),
        o: command.tensor(3),
        start: command.tensor(4),
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
        d_scores: keys.add(3 * TILE_FLOATS + QUERIES * KEYS),
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
            each4(0, dim, |d, count| {
                let up = load_up_to(call.d_o.add(at + d), count);
                products = madd(up, load_up_to(call.o.add(at + d), count), products);
            });
            *call.stats.add((i * heads + h) * 2 + 1) = sum(products);
        }
        let at = i * kv_stride + kv * dim;
        each4(0, dim, |d, count| {
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
                let seen = t1.min(i1);
                let q = (call.q.add(h * dim), q_stride);
                let d_o = (call.d_o.add(h * dim), q_stride);
                score(
                    q,
                    dim,
                    (i0, i1),
                    (t0, seen),
                    room.keys,
                    room.weights,
                    call.start,
                );
                score(
                    d_o,
                    dim,
                    (i0, i1),
                    (t0, seen),
                    room.values,
                    room.d_scores,
                    call.start,
                );
                weigh(call, room, h, (i0, i1), (t0, t1));
                queries(call, room, h, (i0, i1), (t0, t1), t0 == s0);
                let from = kv * dim;
                keys(
                    room.weights,
                    d_o,
                    (call.d_v.add(from), kv_stride),
                    dim,
                    (i0, i1),
                    (t0, t1),
                );
                keys(
                    room.d_scores,
                    q,
                    (call.d_k.add(from), kv_stride),
                    dim,
                    (i0, i1),
                    (t0, t1),
                );
                i0 = i1;
            }
        }
        t0 = t1;
    }
}

/// weights = exp(scale · s − lse), d_scores = scale · weights · (dP − delta); 0 just past the diagonal,
/// as far as a register tile that crosses it can read.
unsafe fn weigh(
    call: &Call,
    room: &Room,
    h: usize,
    (i0, i1): (usize, usize),
    (t0, t1): (usize, usize),
) {
    let factor = splat(call.scale);
    for i in i0..i1 {
        let stats = call.stats.add((i * call.heads + h) * 2);
        let (shift, delta) = (splat(-*stats), load_splat(stats.add(1)));
        let weights = room.weights.add((i - i0) * KEYS);
        let d_scores = room.d_scores.add((i - i0) * KEYS);
        let count = (i + 1).min(t1) - t0;
        each4(0, count, |j, lanes| {
            let p = exp(madd(factor, load_up_to(weights.add(j), lanes), shift));
            let d = sub(load_up_to(d_scores.add(j), lanes), delta);
            store_up_to(weights.add(j), p, lanes);
            store_up_to(d_scores.add(j), mul(factor, mul(p, d)), lanes);
        });
        for j in count..(count + ROWS).min(t1 - t0) {
            *weights.add(j) = 0.0;
            *d_scores.add(j) = 0.0;
        }
    }
}

/// dQ (=|+=) dS k, six queries at a time, over the keys that they see.
unsafe fn queries(
    call: &Call,
    room: &Room,
    h: usize,
    (i0, i1): (usize, usize),
    (t0, t1): (usize, usize),
    first: bool,
) {
    let stride = call.heads * call.dim;
    let mut i = i0;
    while i < i1 {
        let end = i1.min(i + ROWS);
        let panel = Panel::single(
            (room.d_scores.add((i - i0) * KEYS), KEYS),
            (room.key_rows, 0, COLS * (t1 - t0)),
            end.min(t1) - t0,
            (call.d_q.add(i * stride + h * call.dim), stride),
            call.dim,
            !first,
        );
        tile::rows::<BY_ROW, PACKED>(&panel, end - i);
        i = end;
    }
}

/// out[j, :] += Σ_i scores[i, j] · rows[i, :], six keys at a time, over the queries that see them.
unsafe fn keys(
    scores: *const f32,
    rows: (*const f32, usize),
    out: (*mut f32, usize),
    dim: usize,
    (i0, i1): (usize, usize),
    (t0, t1): (usize, usize),
) {
    let mut j = t0;
    while j < t1.min(i1) {
        let end = t1.min(j + ROWS);
        let from = i0.max(j);
        let panel = Panel::single(
            (scores.add((from - i0) * KEYS + (j - t0)), KEYS),
            (rows.0.add(from * rows.1), rows.1, COLS),
            i1 - from,
            (out.0.add(j * out.1), out.1),
            dim,
            true,
        );
        tile::rows::<BY_COLUMN, STRIDED>(&panel, end - j);
        j = end;
    }
}
