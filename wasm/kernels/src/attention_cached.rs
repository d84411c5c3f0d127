//! Attention of single tokens to a cache of keys and values. A task is a row and a key/value head, whose
//! keys are read once for all query heads of the group; tiles of keys with an online softmax (Dao 2022).

use crate::math::exp;
use crate::simd::*;
use crate::{Command, Context};

/// Keys of a tile, a multiple of 4.
const KEYS: usize = 512;

/// What a head carries from one tile of keys to the next.
#[derive(Clone, Copy)]
struct Running {
    top: f32,
    sum: f32,
}

pub unsafe fn forward(context: &Context, command: &Command) {
    let (q, k): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (v, first): (*const f32, *const u32) = (command.tensor(2), command.tensor(3));
    let (last, o): (*const u32, *mut f32) = (command.tensor(4), command.tensor(5));
    let (rows, heads) = (command.size(0), command.size(2));
    let (kv_heads, dim) = (command.size(3), command.size(4));
    let scale = command.float(5);
    let stride = kv_heads * dim;
    loop {
        let task = context.ticket();
        if task >= rows * kv_heads {
            return;
        }
        let (row, kv) = (task / kv_heads, task % kv_heads);
        let (from, end) = (*first.add(row) as usize, *last.add(row) as usize + 1);
        // Heads h with floor(h · kv_heads / heads) = kv.
        let (h0, h1) = (
            (kv * heads).div_ceil(kv_heads),
            ((kv + 1) * heads).div_ceil(kv_heads),
        );
        for h in h0..h1 {
            let query = q.add((row * heads + h) * dim);
            let out = o.add((row * heads + h) * dim);
            each4(0, dim, |d, count| store_up_to(out.add(d), zero(), count));
            let mut running = Running {
                top: f32::NEG_INFINITY,
                sum: 0.0,
            };
            let mut t0 = from;
            while t0 < end {
                let count = KEYS.min(end - t0);
                let offset = t0 * stride + kv * dim;
                let scores = context.scratch;
                score(query, k.add(offset), stride, dim, count, scale, scores);
                running = weigh(scores, count, running, out, dim);
                mix(scores, v.add(offset), stride, dim, count, out);
                t0 += count;
            }
            let inverse = splat(1.0 / running.sum);
            each4(0, dim, |d, count| {
                store_up_to(
                    out.add(d),
                    mul(load_up_to(out.add(d), count), inverse),
                    count,
                )
            });
        }
    }
}

/// scores[j] = scale · query · key[j], four keys at a time.
#[inline(always)]
unsafe fn score(
    query: *const f32,
    keys: *const f32,
    stride: usize,
    dim: usize,
    count: usize,
    scale: f32,
    scores: *mut f32,
) {
    let mut j = 0;
    while j < count {
        let lanes = 4.min(count - j);
        // A key past the end is the last one again.
        let key = |lane: usize| keys.add((j + lane.min(lanes - 1)) * stride);
        let at = [key(0), key(1), key(2), key(3)];
        let mut sums = [zero(); 4];
        each4(0, dim, |d, width| {
            let part = load_up_to(query.add(d), width);
            for (sum, key) in sums.iter_mut().zip(at) {
                *sum = madd(part, load_up_to(key.add(d), width), *sum);
            }
        });
        let columns = transpose(sums);
        let total = add(add(columns[0], columns[1]), add(columns[2], columns[3]));
        store_up_to(scores.add(j), mul(total, splat(scale)), lanes);
        j += lanes;
    }
}

/// Turns scores into exp(score − top) and scales what was summed before.
#[inline(always)]
unsafe fn weigh(
    scores: *mut f32,
    count: usize,
    before: Running,
    out: *mut f32,
    dim: usize,
) -> Running {
    let mut top = before.top;
    for j in 0..count {
        if *scores.add(j) > top {
            top = *scores.add(j);
        }
    }
    let shift = splat(top);
    let mut sums = zero();
    each4(0, count, |j, lanes| {
        let e = exp(sub(load_up_to(scores.add(j), lanes), shift));
        store_up_to(scores.add(j), e, lanes);
        sums = add(sums, load_up_to(scores.add(j), lanes));
    });
    if before.sum == 0.0 {
        return Running {
            top,
            sum: sum(sums),
        };
    }
    let kept = f32x4_extract_lane::<0>(exp(splat(before.top - top)));
    each4(0, dim, |d, lanes| {
        store_up_to(
            out.add(d),
            mul(load_up_to(out.add(d), lanes), splat(kept)),
            lanes,
        )
    });
    Running {
        top,
        sum: before.sum * kept + sum(sums),
    }
}

/// out += weights · values.
#[inline(always)]
unsafe fn mix(
    weights: *const f32,
    values: *const f32,
    stride: usize,
    dim: usize,
    count: usize,
    out: *mut f32,
) {
    each4(0, dim, |d, lanes| {
        let mut total = load_up_to(out.add(d), lanes);
        for j in 0..count {
            let value = load_up_to(values.add(j * stride + d), lanes);
            total = madd(load_splat(weights.add(j)), value, total);
        }
        store_up_to(out.add(d), total, lanes);
    });
}
