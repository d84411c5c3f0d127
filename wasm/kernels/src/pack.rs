//! Packing: panels of 8 columns (4 for a last panel of up to 4) with k outermost, so that a tile
//! reads its columns with unit stride. Missing columns are zeros.

use crate::simd::*;

/// Where the columns of a product come from. `stride` counts elements.
#[derive(Clone, Copy)]
pub struct Columns {
    pub data: *const f32,
    pub stride: usize,
    pub bf16: bool,
    /// True if element (k, j) lies at `data[j · stride + k]`, false if at `data[k · stride + j]`.
    pub by_column: bool,
}

/// Packs rows `k..k + depth` of columns `j..j + count`, count ≤ 8.
pub unsafe fn panel(
    from: Columns,
    (k, depth): (usize, usize),
    (j, count): (usize, usize),
    to: *mut f32,
) {
    match (from.bf16, from.by_column) {
        (false, true) => by_column::<false>(from, (k, depth), (j, count), to),
        (true, true) => by_column::<true>(from, (k, depth), (j, count), to),
        (false, false) => by_row::<false>(from, (k, depth), (j, count), to),
        (true, false) => by_row::<true>(from, (k, depth), (j, count), to),
    }
}

/// Packs rows `k..k + depth` of columns `j..j + count` in panels that begin `next` floats apart.
pub unsafe fn strip(
    from: Columns,
    (k, depth): (usize, usize),
    (j, count): (usize, usize),
    (to, next): (*mut f32, usize),
) {
    if !from.by_column {
        return rows_of_strip(from, (k, depth), (j, count), (to, next), 0);
    }
    let mut done = 0;
    while done < count {
        let columns = (j + done, (count - done).min(8));
        panel(from, (k, depth), columns, to.add(done / 8 * next));
        done += 8;
    }
}

/// [`strip`] of columns that lie by rows, as rows `first..` of the panels.
pub unsafe fn rows_of_strip(
    from: Columns,
    (k, depth): (usize, usize),
    (j, count): (usize, usize),
    (to, next): (*mut f32, usize),
    first: usize,
) {
    let (whole, rest) = (count / 8, count % 8);
    let start = to.add(first * 8);
    if from.bf16 {
        whole_rows::<true>(from, (k, depth), (j, whole), (start, next));
    } else {
        whole_rows::<false>(from, (k, depth), (j, whole), (start, next));
    }
    if rest > 0 {
        let width = if rest > 4 { 8 } else { 4 };
        let last = to.add(whole * next + first * width);
        panel(from, (k, depth), (j + 8 * whole, rest), last);
    }
}

/// Whole panels, row by row: each row is read from end to end.
#[inline(never)]
unsafe fn whole_rows<const BF16: bool>(
    from: Columns,
    (k, depth): (usize, usize),
    (j, panels): (usize, usize),
    (to, next): (*mut f32, usize),
) {
    for d in 0..depth {
        let mut index = (k + d) * from.stride + j;
        let mut out = to.add(d * 8);
        for _ in 0..panels {
            store(out, load_four::<BF16>(from.data, index));
            store(out.add(4), load_four::<BF16>(from.data, index + 4));
            index += 8;
            out = out.add(next);
        }
    }
}

#[inline(always)]
pub unsafe fn load_four<const BF16: bool>(data: *const f32, index: usize) -> v128 {
    if BF16 {
        load_bf16((data as *const u16).add(index))
    } else {
        load(data.add(index))
    }
}

#[inline(always)]
unsafe fn load_one<const BF16: bool>(data: *const f32, index: usize) -> f32 {
    if BF16 {
        f32::from_bits((*(data as *const u16).add(index) as u32) << 16)
    } else {
        *data.add(index)
    }
}

#[inline(never)]
unsafe fn by_column<const BF16: bool>(
    from: Columns,
    (k, depth): (usize, usize),
    (j, count): (usize, usize),
    to: *mut f32,
) {
    let width = if count > 4 { 8 } else { 4 };
    let start = j * from.stride + k;
    let lines = |d: usize, group: usize| {
        let at = start + group * from.stride + d;
        transpose([
            load_four::<BF16>(from.data, at),
            load_four::<BF16>(from.data, at + from.stride),
            load_four::<BF16>(from.data, at + 2 * from.stride),
            load_four::<BF16>(from.data, at + 3 * from.stride),
        ])
    };
    let mut both = 0;
    if count == 8 {
        while both + 4 <= depth {
            let (low, high) = (lines(both, 0), lines(both, 4));
            for u in 0..4 {
                store(to.add((both + u) * 8), low[u]);
                store(to.add((both + u) * 8 + 4), high[u]);
            }
            both += 4;
        }
    }
    let mut group = 0;
    while group < width {
        let mut d = both;
        if group + 4 <= count {
            while d + 4 <= depth {
                for (u, line) in lines(d, group).iter().enumerate() {
                    store(to.add((d + u) * width + group), *line);
                }
                d += 4;
            }
        }
        while d < depth {
            for lane in 0..4 {
                let column = group + lane;
                *to.add(d * width + column) = if column < count {
                    load_one::<BF16>(from.data, (j + column) * from.stride + k + d)
                } else {
                    0.0
                };
            }
            d += 1;
        }
        group += 4;
    }
}

#[inline(never)]
unsafe fn by_row<const BF16: bool>(
    from: Columns,
    (k, depth): (usize, usize),
    (j, count): (usize, usize),
    to: *mut f32,
) {
    let width = if count > 4 { 8 } else { 4 };
    if count == 8 {
        for d in 0..depth {
            let index = (k + d) * from.stride + j;
            store(to.add(d * 8), load_four::<BF16>(from.data, index));
            store(to.add(d * 8 + 4), load_four::<BF16>(from.data, index + 4));
        }
        return;
    }
    for d in 0..depth {
        let index = (k + d) * from.stride + j;
        for column in 0..width {
            *to.add(d * width + column) = if column < count {
                load_one::<BF16>(from.data, index + column)
            } else {
                0.0
            };
        }
    }
}

/// Packs `height` rows (up to 6) of `a`, `depth` values from each, with k outermost: `to[k · height + i]`.
#[inline(never)]
pub unsafe fn rows(a: *const f32, stride: usize, height: usize, depth: usize, to: *mut f32) {
    match height {
        1 => rows_of::<1>(a, stride, depth, to),
        2 => rows_of::<2>(a, stride, depth, to),
        3 => rows_of::<3>(a, stride, depth, to),
        4 => rows_of::<4>(a, stride, depth, to),
        5 => rows_of::<5>(a, stride, depth, to),
        _ => rows_of::<6>(a, stride, depth, to),
    }
}

#[inline(always)]
unsafe fn rows_of<const M: usize>(a: *const f32, stride: usize, depth: usize, to: *mut f32) {
    let mut d = 0;
    while d + 4 <= depth {
        let out = to.add(d * M);
        let mut i = 0;
        if M >= 4 {
            let lines = transpose([
                load(a.add(d)),
                load(a.add(stride + d)),
                load(a.add(2 * stride + d)),
                load(a.add(3 * stride + d)),
            ]);
            for (u, line) in lines.iter().enumerate() {
                store(out.add(u * M), *line);
            }
            i = 4;
        }
        while i < M {
            let row = load(a.add(i * stride + d));
            *out.add(i) = f32x4_extract_lane::<0>(row);
            *out.add(M + i) = f32x4_extract_lane::<1>(row);
            *out.add(2 * M + i) = f32x4_extract_lane::<2>(row);
            *out.add(3 * M + i) = f32x4_extract_lane::<3>(row);
            i += 1;
        }
        d += 4;
    }
    while d < depth {
        for i in 0..M {
            *to.add(d * M + i) = *a.add(i * stride + d);
        }
        d += 1;
    }
}

/// Packs blocks of rows that lie by columns, `depth` values from each: first `taller` blocks of `low + 1` rows, then
/// `others` of `low`, each with k outermost.
pub unsafe fn columns(
    a: *const f32,
    stride: usize,
    (low, taller, others): (usize, usize, usize),
    depth: usize,
    to: *mut f32,
) {
    // Few enough values of k at a time that the next block finds its share of each cache line.
    const LINES: usize = 16;
    let mut from = 0;
    while from < depth {
        let part = (from, LINES.min(depth - from));
        let (mut a, mut to) = (a, to);
        for block in 0..taller + others {
            let height = if block < taller { low + 1 } else { low };
            match height {
                4 => columns_of::<4>(a, stride, part, to),
                5 => columns_of::<5>(a, stride, part, to),
                6 => columns_of::<6>(a, stride, part, to),
                _ => {
                    for d in part.0..part.0 + part.1 {
                        for i in 0..height {
                            *to.add(d * height + i) = *a.add(d * stride + i);
                        }
                    }
                }
            }
            a = a.add(height);
            to = to.add(height * depth);
        }
        from += LINES;
    }
}

#[inline(never)]
unsafe fn columns_of<const M: usize>(
    a: *const f32,
    stride: usize,
    (from, count): (usize, usize),
    to: *mut f32,
) {
    for d in from..from + count {
        let (line, out) = (a.add(d * stride), to.add(d * M));
        let (low, high) = (load(line), load(line.add(M - 4)));
        store(out, low);
        store(out.add(M - 4), high);
    }
}
