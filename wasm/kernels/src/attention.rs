//! Causal grouped-query attention, forward. A task is a block of queries and one key/value head:
//! keys and values are packed tile by tile and shared by the queries and heads of the task; scores
//! outside a query's sequence or after it are not computed; the softmax is online (Dao 2022).

use crate::math::{exp, ln};
use crate::pack::{self, Columns};
use crate::simd::*;
use crate::tile::{self, Panel, BY_ROW, COLS, PACKED, ROWS};
use crate::{Command, Context};

/// Queries of a task.
const QUERIES: usize = 64;
/// Keys of a tile, at most, and the row length of the scores.
pub const KEYS: usize = 512;
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

/// scores[i − i0, j − t0] = rows[i] · key[j] for the causal part of queries `i0..i1` and keys `t0..t1`:
/// panels of 8 keys, from the first query that sees one of them to `last(panel's last key)`.
#[inline(always)]
pub unsafe fn score(
    rows: (*const f32, usize),
    dim: usize,
    (i0, i1): (usize, usize),
    (t0, t1): (usize, usize),
    keys: *const f32,
    scores: *mut f32,
    start: *const u32,
) {
    let mut i_end = i0;
    let mut j = t0;
    while j < t1 {
        let first = i0.max(j);
        // Queries of later sequences do not see these keys; starts ascend.
        let last_key = (j + COLS).min(t1) - 1;
        while i_end < i1 && *start.add(i_end) as usize <= last_key {
            i_end += 1;
        }
        if first < i_end {
            let panel = Panel::single(
                (rows.0.add(first * rows.1), rows.1),
                (keys.add((j - t0) * dim), 0, 0),
                dim,
                (scores.add((first - i0) * KEYS + (j - t0)), KEYS),
                COLS,
                false,
            );
            tile::rows::<BY_ROW, PACKED>(&panel, i_end - first);
        }
        j += COLS;
    }
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
            let mut t0 = lowest;
            while t0 < i1 {
                let t1 = i1.min(t0 + tile_length);
                if !single || h == h0 {
                    pack_keys(k.add(kv * dim), kv_stride, dim, (t0, t1), keys);
                    pack_rows(v.add(kv * dim), kv_stride, dim, (t0, t1), values);
                }
                let rows = (q.add(h * dim), q_stride);
                score(rows, dim, (i0, i1), (t0, t1), keys, scores, start);
                let mut i = i0;
                while i < i1 {
                    let end = i1.min(i + ROWS);
                    let out = o.add(i * q_stride + h * dim);
                    let block = Block {
                        i0,
                        rows: (i, end),
                        keys: (t0, t1),
                        first: t0 == lowest,
                    };
                    weigh(
                        &block,
                        start,
                        scale,
                        scores,
                        &mut running,
                        (out, q_stride),
                        dim,
                    );
                    mix(&block, start, scores, values, (out, q_stride), dim);
                    i = end;
                }
                t0 = t1;
            }
            for i in i0..i1 {
                let out = o.add(i * q_stride + h * dim);
                let sum = running.sum[i - i0];
                let inverse = splat(1.0 / sum);
                each4(0, dim, |d, count| {
                    store_up_to(
                        out.add(d),
                        mul(load_up_to(out.add(d), count), inverse),
                        count,
                    );
                });
                let own = stats.add((i * heads + h) * 2);
                *own = (ln(sum) + running.top[i - i0] as f64) as f32;
                *own.add(1) = 0.0;
            }
        }
    }
}

/// Up to six queries against a tile of keys.
struct Block {
    i0: usize,
    rows: (usize, usize),
    keys: (usize, usize),
    first: bool,
}

impl Block {
    /// The keys of the tile that some query of the block sees.
    #[inline(always)]
    unsafe fn seen(&self, start: *const u32) -> (usize, usize) {
        let from = (*start.add(self.rows.0) as usize).max(self.keys.0);
        (from, self.rows.1.min(self.keys.1).max(from))
    }
}

/// Turns a block's scores into weights exp(scale · s − top) and scales what was summed before.
unsafe fn weigh(
    block: &Block,
    start: *const u32,
    scale: f32,
    scores: *mut f32,
    running: &mut Running,
    (out, out_stride): (*mut f32, usize),
    dim: usize,
) {
    let seen = block.seen(start);
    let t0 = block.keys.0;
    for i in block.rows.0..block.rows.1 {
        let row = scores.add((i - block.i0) * KEYS);
        let from = (*start.add(i) as usize).clamp(seen.0, seen.1);
        let to = (i + 1).clamp(from, seen.1);
        for j in (seen.0..from).chain(to..seen.1) {
            *row.add(j - t0) = 0.0;
        }
        let slot = i - block.i0;
        if from == to {
            continue;
        }
        let (row, count) = (row.add(from - t0), to - from);
        let mut tops = splat(f32::NEG_INFINITY);
        let mut j = 0;
        while j + 4 <= count {
            tops = max(tops, load(row.add(j)));
            j += 4;
        }
        let mut top = largest(tops);
        while j < count {
            if *row.add(j) > top {
                top = *row.add(j);
            }
            j += 1;
        }
        // The scale is positive, so the largest product is the largest score.
        let before = running.top[slot];
        let top = if scale * top > before {
            scale * top
        } else {
            before
        };
        let (factor, shift) = (splat(scale), splat(-top));
        let mut sums = zero();
        each4(0, count, |j, lanes| {
            let e = exp(madd(factor, load_up_to(row.add(j), lanes), shift));
            if lanes == 4 {
                store(row.add(j), e);
                sums = add(sums, e);
            } else {
                store_part(row.add(j), e, lanes);
                sums = add(sums, load_part(row.add(j), lanes));
            }
        });
        let kept = if block.first || before == top {
            1.0
        } else {
            f32x4_extract_lane::<0>(exp(splat(before - top)))
        };
        if kept != 1.0 {
            let out = out.add((i - block.rows.0) * out_stride);
            each4(0, dim, |d, count| {
                store_up_to(
                    out.add(d),
                    mul(load_up_to(out.add(d), count), splat(kept)),
                    count,
                );
            });
        }
        running.top[slot] = top;
        running.sum[slot] = running.sum[slot] * kept + sum(sums);
    }
}

/// o (=|+=) weights · values for a block.
unsafe fn mix(
    block: &Block,
    start: *const u32,
    scores: *const f32,
    values: *const f32,
    out: (*mut f32, usize),
    dim: usize,
) {
    let (from, to) = block.seen(start);
    let length = block.keys.1 - block.keys.0;
    let weights = scores.add((block.rows.0 - block.i0) * KEYS + (from - block.keys.0));
    // A last narrow panel steps by 4.
    let whole = dim / COLS * COLS;
    let skipped = from - block.keys.0;
    let strip = |first: usize, columns: usize, width: usize| {
        if columns == 0 {
            return;
        }
        let panel = Panel::single(
            (weights, KEYS),
            (
                values.add(first * length + skipped * width),
                0,
                COLS * length,
            ),
            to - from,
            (out.0.add(first), out.1),
            columns,
            !block.first,
        );
        tile::rows::<BY_ROW, PACKED>(&panel, block.rows.1 - block.rows.0);
    };
    strip(0, whole, COLS);
    strip(whole, dim - whole, if dim - whole > 4 { 8 } else { 4 });
}
