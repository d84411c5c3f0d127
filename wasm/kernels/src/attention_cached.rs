//! Attention of single tokens to a cache of keys and values in pages (Kwon et al. 2023), with an online softmax
//! (Dao 2022). A task is a key/value head and a few rows; rows that share a prompt read its tiles of keys while
//! they are in the cache of the processor. What a row gets depends neither on the rows beside it nor on where its
//! pages lie.

use crate::math::Exp;
use crate::pages::{Row, PAGE};
use crate::simd::*;
use crate::{Command, Context};
use core::arch::wasm32::{i32x4_add as u32x4_add, u32x4, u32x4_splat, v128_store};

/// Rows of a task.
const ROWS: usize = 8;
/// Floats of a tile of keys, about.
const TILE_FLOATS: usize = 8192;
/// Vectors of an output that stay in registers.
const WIDTH: usize = 8;

/// What a row carries from one tile of keys to the next.
#[derive(Clone, Copy)]
struct Running {
    top: f32,
    sum: f32,
}

/// One head of the cache.
#[derive(Clone, Copy)]
struct Cache {
    k: *const f32,
    v: *const f32,
    stride: usize,
    dim: usize,
    scale: f32,
    scores: *mut f32,
    places: *mut u32,
}

pub unsafe fn forward(context: &Context, command: &Command) {
    let (q, k): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (v, pages): (*const f32, *const u32) = (command.tensor(2), command.tensor(3));
    let (prompt, last): (*const u32, *const u32) = (command.tensor(4), command.tensor(5));
    let o: *mut f32 = command.tensor(6);
    let (rows, width) = (command.size(0), command.size(2));
    let (heads, kv_heads, dim) = (command.size(3), command.size(4), command.size(5));
    let paged = |row: usize| Row::new(pages, width, row);
    let tile = (TILE_FLOATS / dim / 4 * 4).max(16);
    let tasks = rows.div_ceil(ROWS) * kv_heads;
    loop {
        let task = context.ticket();
        if task >= tasks {
            return;
        }
        let (block, kv) = (task / kv_heads * ROWS, task % kv_heads);
        let end = rows.min(block + ROWS);
        let cache = Cache {
            k: k.add(kv * dim),
            v: v.add(kv * dim),
            stride: kv_heads * dim,
            dim,
            scale: command.float(6),
            scores: context.scratch,
            places: context.scratch.add(tile) as *mut u32,
        };
        // Heads h with floor(h · kv_heads / heads) = kv.
        let (h0, h1) = (
            (kv * heads).div_ceil(kv_heads),
            ((kv + 1) * heads).div_ceil(kv_heads),
        );
        for h in h0..h1 {
            let at = |row: usize| (row * heads + h) * dim;
            let mut running = [Running {
                top: f32::NEG_INFINITY,
                sum: 0.0,
            }; ROWS];
            let mut from = block;
            while from < end {
                // Rows with one prompt go over it together.
                let stop = *prompt.add(from) as usize;
                let mut to = from + 1;
                while to < end
                    && *prompt.add(to) as usize == stop
                    && paged(to).first() == paged(from).first()
                {
                    to += 1;
                }
                for row in from..to {
                    let out = o.add(at(row));
                    each4(0, dim, |d, count| store_up_to(out.add(d), zero(), count));
                }
                let mut t0 = 0;
                while t0 < stop {
                    let count = tile.min(stop - t0);
                    find(&cache, paged(from), t0, count);
                    for row in from..to {
                        let state = &mut running[row - block];
                        attend(&cache, count, q.add(at(row)), o.add(at(row)), state);
                    }
                    t0 += count;
                }
                from = to;
            }
            for row in block..end {
                let (query, out) = (q.add(at(row)), o.add(at(row)));
                let state = &mut running[row - block];
                // Its own tokens begin at a page of their own.
                let mut t0 = (*prompt.add(row) as usize).next_multiple_of(PAGE);
                let stop = *last.add(row) as usize + 1;
                while t0 < stop {
                    let count = tile.min(stop - t0);
                    find(&cache, paged(row), t0, count);
                    attend(&cache, count, query, out, state);
                    t0 += count;
                }
                let inverse = splat(1.0 / state.sum);
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
}

/// A row and the `count` keys that were found.
unsafe fn attend(
    cache: &Cache,
    count: usize,
    query: *const f32,
    out: *mut f32,
    running: &mut Running,
) {
    score(cache, query, count);
    weigh(cache, count, running, out);
    mix(cache, count, out);
}

/// places[j] = where the key and the value of a row's token t0 + j begin; t0 is a multiple of four, so that four at
/// a time are in one page.
#[inline(always)]
unsafe fn find(cache: &Cache, row: Row, t0: usize, count: usize) {
    let stride = cache.stride as u32;
    let steps = u32x4(0, stride, 2 * stride, 3 * stride);
    let mut j = 0;
    while j < count {
        let place = u32x4_splat(row.cell(t0 + j) as u32 * stride);
        v128_store(cache.places.add(j) as *mut v128, u32x4_add(place, steps));
        j += 4;
    }
}

/// scores[j] = scale · query · key[j], four keys at a time, two sums each.
#[inline(always)]
unsafe fn score(cache: &Cache, query: *const f32, count: usize) {
    let dim = cache.dim;
    let whole = dim / 8 * 8;
    let mut j = 0;
    while j < count {
        let lanes = 4.min(count - j);
        // A key past the end is the last one again.
        let key = |lane: usize| {
            cache
                .k
                .add(*cache.places.add(j + lane.min(lanes - 1)) as usize)
        };
        let at = [key(0), key(1), key(2), key(3)];
        let mut sums = [[zero(); 2]; 4];
        let mut d = 0;
        while d < whole {
            let parts = [load(query.add(d)), load(query.add(d + 4))];
            for (sum, key) in sums.iter_mut().zip(at) {
                sum[0] = madd(parts[0], load(key.add(d)), sum[0]);
                sum[1] = madd(parts[1], load(key.add(d + 4)), sum[1]);
            }
            d += 8;
        }
        each4(whole, dim, |d, width| {
            let part = load_up_to(query.add(d), width);
            for (sum, key) in sums.iter_mut().zip(at) {
                sum[0] = madd(part, load_up_to(key.add(d), width), sum[0]);
            }
        });
        let columns = transpose(sums.map(|[a, b]| add(a, b)));
        let total = add(add(columns[0], columns[1]), add(columns[2], columns[3]));
        store_up_to(cache.scores.add(j), mul(total, splat(cache.scale)), lanes);
        j += lanes;
    }
}

/// Turns scores into exp(score − top) and scales what was summed before.
#[inline(always)]
unsafe fn weigh(cache: &Cache, count: usize, running: &mut Running, out: *mut f32) {
    let scores = cache.scores;
    let mut tops = splat(running.top);
    let whole = count / 4 * 4;
    let mut j = 0;
    while j < whole {
        tops = max(tops, load(scores.add(j)));
        j += 4;
    }
    let mut top = largest(tops);
    for j in whole..count {
        if *scores.add(j) > top {
            top = *scores.add(j);
        }
    }
    let shift = splat(top);
    let (mut sums, exp) = (zero(), Exp::new());
    each4(0, count, |j, lanes| {
        let e = exp.of(sub(load_up_to(scores.add(j), lanes), shift));
        store_up_to(scores.add(j), e, lanes);
        sums = add(sums, load_up_to(scores.add(j), lanes));
    });
    let kept = if running.sum == 0.0 {
        0.0
    } else {
        exp.scalar(running.top - top)
    };
    if running.sum != 0.0 && kept != 1.0 {
        each4(0, cache.dim, |d, lanes| {
            store_up_to(
                out.add(d),
                mul(load_up_to(out.add(d), lanes), splat(kept)),
                lanes,
            )
        });
    }
    running.top = top;
    running.sum = running.sum * kept + sum(sums);
}

/// out += weights · values, a few vectors of the output at a time.
#[inline(always)]
unsafe fn mix(cache: &Cache, count: usize, out: *mut f32) {
    let dim = cache.dim;
    let mut d = 0;
    while d + 4 * WIDTH <= dim {
        let mut sums = [zero(); WIDTH];
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = load(out.add(d + 4 * i));
        }
        for j in 0..count {
            let weight = load_splat(cache.scores.add(j));
            let value = cache.v.add(*cache.places.add(j) as usize + d);
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = madd(weight, load(value.add(4 * i)), *sum);
            }
        }
        for (i, sum) in sums.iter().enumerate() {
            store(out.add(d + 4 * i), *sum);
        }
        d += 4 * WIDTH;
    }
    each4(d, dim, |d, lanes| {
        let mut total = load_up_to(out.add(d), lanes);
        for j in 0..count {
            let value = load_up_to(cache.v.add(*cache.places.add(j) as usize + d), lanes);
            total = madd(load_splat(cache.scores.add(j)), value, total);
        }
        store_up_to(out.add(d), total, lanes);
    });
}
