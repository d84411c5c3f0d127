//! Causal grouped-query attention, forward. A task is a block of queries and one key/value head:
//! keys and values are packed tile by tile and shared by the queries and heads of the task. Six
//! queries at a time are scored, weighed and mixed while their scores are in the first-level cache;
//! the softmax is online (Dao 2022).

use crate::math::{log, Exp};
use crate::pack::{self, Columns};
use crate::simd8::*;
use crate::tile::{self, cut, Panel, BY_ROW, COLS, PACKED};
use crate::{Command, Context};

/// Queries of a task.
const QUERIES: usize = 64;
/// Keys of a tile, at most.
const KEYS: usize = 512;
/// Floats from one query's scores to the next one's: no power of two, which would put all queries in
/// the same few lines of the cache.
pub const STRIDE: usize = KEYS + 16;
/// Floats of a packed tile of keys or values.
pub const TILE_FLOATS: usize = 32 * 1024;

/// Keys of a tile: whole panels, and a packed tile of bounded size.
pub fn tile_keys(dim: usize) -> usize {
    (TILE_FLOATS / dim.next_multiple_of(8) / 8 * 8).clamp(8, KEYS)
}

/// Packs the keys `from..to` of a head as columns: panels of 8 keys, dimension outermost.
pub unsafe fn pack_keys(
    head: *const f32,
    stride: usize,
    dim: usize,
    (from, to): (usize, usize),
    out: *mut f32,
) {
    let source = Columns {
        data: head,
        stride,
        bf16: false,
        by_column: true,
    };
    let mut room = out;
    let mut j = from;
    while j < to {
        // A short last panel keeps the full width, so that every panel has the same size.
        let count = COLS.min(to - j);
        if count > 4 {
            pack::panel(source, (0, dim), (j, count), room);
        } else {
            wide_panel(source, dim, (j, count), room);
        }
        room = room.add(dim * COLS);
        j += count;
    }
}

unsafe fn wide_panel(from: Columns, dim: usize, (j, count): (usize, usize), to: *mut f32) {
    for d in 0..dim {
        for column in 0..COLS {
            *to.add(d * COLS + column) = if column < count {
                *from.data.add((j + column) * from.stride + d)
            } else {
                0.0
            };
        }
    }
}

/// Packs the rows `from..to` of a head: panels of 8 dimensions (a last one of up to 4 is narrow), row
/// outermost, each `8 · (to − from)` floats from the next.
pub unsafe fn pack_rows(
    head: *const f32,
    stride: usize,
    dim: usize,
    (from, to): (usize, usize),
    out: *mut f32,
) {
    let source = Columns {
        data: head,
        stride,
        bf16: false,
        by_column: false,
    };
    let mut d = 0;
    while d < dim {
        let panel = out.add(d * (to - from));
        pack::panel(source, (from, to - from), (d, COLS.min(dim - d)), panel);
        d += COLS;
    }
}

/// scores[i, j] = rows[i] · key[j] for up to six rows and the keys of all panels that cover `from..to`;
/// keys are counted from the start of the packed tile.
#[inline(always)]
pub unsafe fn score(
    (rows, row_stride): (*const f32, usize),
    height: usize,
    dim: usize,
    keys: *const f32,
    (from, to): (usize, usize),
    scores: *mut f32,
) {
    let first = from / COLS * COLS;
    let panel = Panel::single(
        (rows, row_stride),
        (keys.add(first * dim), 0, COLS * dim),
        dim,
        (scores.add(first), STRIDE),
        to.next_multiple_of(COLS) - first,
        false,
    );
    tile::rows::<BY_ROW, PACKED>(&panel, height);
}

/// Makes scores outside `from..to` those of keys that are not seen, in all panels that cover `seen`.
/// Returns the panels' range.
#[inline(always)]
pub unsafe fn hide(
    row: *mut f32,
    (from, to): (usize, usize),
    seen: (usize, usize),
) -> (usize, usize) {
    let panels = (seen.0 / COLS * COLS, seen.1.next_multiple_of(COLS));
    for j in (panels.0..from).chain(to..panels.1) {
        *row.add(j) = f32::NEG_INFINITY;
    }
    panels
}

/// What a task carries from one tile of keys to the next.
struct Running {
    top: [f32; QUERIES],
    sum: [f32; QUERIES],
}

pub unsafe fn forward(context: &Context, command: &Command) {
    let (q, k): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (v, start): (*const f32, *const u32) = (command.tensor(2), command.tensor(3));
    let (o, stats): (*mut f32, *mut f32) = (command.tensor(4), command.tensor(5));
    let (tokens, heads) = (command.size(0), command.size(1));
    let (kv_heads, dim) = (command.size(2), command.size(3));
    let scale = command.float(4);
    let (q_stride, kv_stride) = (heads * dim, kv_heads * dim);
    let tile_length = tile_keys(dim);
    let keys = context.scratch;
    let values = keys.add(TILE_FLOATS);
    let scores = values.add(TILE_FLOATS);
    let tasks = tokens.div_ceil(QUERIES) * kv_heads;
    loop {
        let task = context.ticket();
        if task >= tasks {
            return;
        }
        let kv = task % kv_heads;
        let i0 = task / kv_heads * QUERIES;
        let i1 = tokens.min(i0 + QUERIES);
        let lowest = *start.add(i0) as usize;
        // Heads h with floor(h · kv_heads / heads) = kv.
        let (h0, h1) = (
            (kv * heads).div_ceil(kv_heads),
            ((kv + 1) * heads).div_ceil(kv_heads),
        );
        // With one tile (the usual case) keys are packed once for all heads; else once for each.
        let single = i1 - lowest <= tile_length;
        for h in h0..h1 {
            let mut running = Running {
                top: [f32::NEG_INFINITY; QUERIES],
                sum: [0.0; QUERIES],
            };
            let out = o.add(h * dim);
            let mut t0 = lowest;
            while t0 < i1 {
                let t1 = i1.min(t0 + tile_length);
                if !single || h == h0 {
                    pack_keys(k.add(kv * dim), kv_stride, dim, (t0, t1), keys);
                    pack_rows(v.add(kv * dim), kv_stride, dim, (t0, t1), values);
                }
                let (height, taller, others) = cut(i1 - i0);
                let mut i = i0;
                for index in 0..taller + others {
                    let end = i + height + usize::from(index < taller);
                    let block = Block {
                        i0,
                        rows: (i, end),
                        keys: (t0, t1),
                        first: t0 == lowest,
                        out: (out.add(i * q_stride), q_stride),
                        dim,
                    };
                    let rows = (q.add(i * q_stride + h * dim), q_stride);
                    score(rows, end - i, dim, keys, block.seen(start), scores);
                    block.weigh(start, scale, scores, &mut running);
                    block.mix(start, scores, values);
                    i = end;
                }
                t0 = t1;
            }
            finish(&running, (i0, i1), (out, q_stride, dim), |i| {
                stats.add((i * heads + h) * 2)
            });
        }
    }
}

/// Divides the sums and stores log-sum-exp and a zero for each query.
#[inline(always)]
unsafe fn finish(
    running: &Running,
    (i0, i1): (usize, usize),
    (out, stride, dim): (*mut f32, usize, usize),
    stats: impl Fn(usize) -> *mut f32,
) {
    let mut lse = [0f32; QUERIES];
    each8(0, QUERIES, |slot, _| {
        let sums = load(running.sum.as_ptr().add(slot));
        let tops = load(running.top.as_ptr().add(slot));
        store(lse.as_mut_ptr().add(slot), add(each(sums, log), tops));
    });
    for i in i0..i1 {
        let inverse = splat(1.0 / running.sum[i - i0]);
        let out = out.add(i * stride);
        each8(0, dim, |d, count| {
            let scaled = mul(load_up_to(out.add(d), count), inverse);
            store_up_to(out.add(d), scaled, count);
        });
        *stats(i) = lse[i - i0];
        *stats(i).add(1) = 0.0;
    }
}

/// Up to six queries against a tile of keys.
struct Block {
    i0: usize,
    rows: (usize, usize),
    keys: (usize, usize),
    first: bool,
    /// Of the first query.
    out: (*mut f32, usize),
    dim: usize,
}

impl Block {
    /// The keys that some query of the block sees, counted from the start of the tile.
    #[inline(always)]
    unsafe fn seen(&self, start: *const u32) -> (usize, usize) {
        let from = (*start.add(self.rows.0) as usize).max(self.keys.0);
        let to = self.rows.1.min(self.keys.1).max(from);
        (from - self.keys.0, to - self.keys.0)
    }

    /// Turns scores into weights exp(scale · s − top) and scales what was summed before.
    unsafe fn weigh(&self, start: *const u32, scale: f32, scores: *mut f32, running: &mut Running) {
        let seen = self.seen(start);
        let t0 = self.keys.0;
        for i in self.rows.0..self.rows.1 {
            let row = scores.add((i - self.rows.0) * STRIDE);
            let from = (*start.add(i) as usize).clamp(t0 + seen.0, t0 + seen.1) - t0;
            let to = (i + 1).clamp(t0 + from, t0 + seen.1) - t0;
            if from == to {
                each8(seen.0, seen.1, |j, count| {
                    store_up_to(row.add(j), zero(), count)
                });
                continue;
            }
            let (first, last) = hide(row, (from, to), seen);
            let mut tops = splat(f32::NEG_INFINITY);
            each8(first, last, |j, _| tops = max(tops, load(row.add(j))));
            // The scale is positive, so the largest product is the largest score.
            let slot = i - self.i0;
            let (before, now) = (running.top[slot], scale * largest(tops));
            let top = if now > before { now } else { before };
            let (factor, shift, exp) = (splat(scale), splat(-top), Exp::new());
            let mut sums = zero();
            each8(first, last, |j, _| {
                let e = each(madd(factor, load(row.add(j)), shift), |x| exp.of(x));
                store(row.add(j), e);
                sums = add(sums, e);
            });
            if self.first || before == top {
                running.sum[slot] += sum(sums);
            } else {
                let kept = exp.scalar(before - top);
                let out = self.out.0.add((i - self.rows.0) * self.out.1);
                each8(0, self.dim, |d, count| {
                    let scaled = mul(load_up_to(out.add(d), count), splat(kept));
                    store_up_to(out.add(d), scaled, count);
                });
                running.sum[slot] = running.sum[slot] * kept + sum(sums);
            }
            running.top[slot] = top;
        }
    }

    /// o (=|+=) weights · values.
    unsafe fn mix(&self, start: *const u32, scores: *const f32, values: *const f32) {
        let (from, to) = self.seen(start);
        combine::<BY_ROW>(
            (scores.add(from), STRIDE),
            self.rows.1 - self.rows.0,
            (values, self.keys.1 - self.keys.0, self.dim),
            (from, to),
            self.out,
            !self.first,
        );
    }
}

/// out[i, :] (=|+=) Σ_j weights[i, j] · rows[from + j, :] for up to six i, from a tile of so many rows
/// that [`pack_rows`] packed.
#[inline(always)]
pub unsafe fn combine<const A: bool>(
    weights: (*const f32, usize),
    height: usize,
    (rows, length, dim): (*const f32, usize, usize),
    (from, to): (usize, usize),
    (out, out_stride): (*mut f32, usize),
    accumulate: bool,
) {
    let strip = |first: usize, columns: usize, width: usize| {
        if columns == 0 {
            return;
        }
        let panel = Panel::single(
            weights,
            (rows.add(first * length + from * width), 0, COLS * length),
            to - from,
            (out.add(first), out_stride),
            columns,
            accumulate,
        );
        tile::rows::<A, PACKED>(&panel, height);
    };
    // A last narrow panel steps by 4.
    let whole = dim / COLS * COLS;
    let rest = dim - whole;
    strip(0, whole, COLS);
    strip(whole, rest, if rest > 4 { 8 } else { 4 });
}
