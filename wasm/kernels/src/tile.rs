//! The register tile under every matrix product: up to 6 × 8 sums stay in registers (12
//! accumulators, 2 vectors of columns and 1 broadcast are the 15 registers that x64 engines leave).
//! An engine that joins neighbouring vectors to twice their width has room for 6 × 16.
//!
//! Each output is one chain of fused multiply-adds over k in ascending order, whatever the tile it
//! falls into, so results do not depend on how the work is cut.

use crate::simd::*;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Rows of the largest tile.
pub const ROWS: usize = 6;
/// Columns of the largest tile.
pub const COLS: usize = 8;

/// Whether tiles are 6 × 16. Changes no bit of a result.
pub static WIDE: AtomicBool = AtomicBool::new(false);

/// `a[i, k]` lies at `a[i · stride + k]`.
pub const BY_ROW: bool = true;
/// `a[i, k]` lies at `a[k · stride + i]`.
pub const BY_COLUMN: bool = false;
/// `b[k, j]` lies at `b[k · width + j]`, width 8, or 4 for a panel of up to 4 columns.
pub const PACKED: bool = true;
/// `b[k, j]` lies at `b[k · stride + j]`; reads up to 7 floats past a row's end.
pub const STRIDED: bool = false;

/// A strip of c (=|+=) alpha · (a b + a2 b2): panels of 8 columns side by side, the last one cut off.
pub struct Panel {
    pub a: *const f32,
    pub a_stride: usize,
    pub b: *const f32,
    pub b_stride: usize,
    /// Floats from one panel's columns to the next one's, in `b` and in `b2`.
    pub b_next: usize,
    pub k: usize,
    /// Second product, for the columns of a low-rank adapter; stored like the first.
    pub a2: *const f32,
    pub a2_stride: usize,
    pub b2: *const f32,
    pub k2: usize,
    pub c: *mut f32,
    pub c_stride: usize,
    pub columns: usize,
    pub alpha: f32,
    pub accumulate: bool,
}

impl Panel {
    /// A strip of a single product with alpha 1; `b` comes with its stride and the floats between panels.
    #[inline(always)]
    pub fn single(
        (a, a_stride): (*const f32, usize),
        (b, b_stride, b_next): (*const f32, usize, usize),
        k: usize,
        (c, c_stride): (*mut f32, usize),
        columns: usize,
        accumulate: bool,
    ) -> Panel {
        Panel {
            a,
            a_stride,
            b,
            b_stride,
            b_next,
            k,
            a2: a,
            a2_stride: 0,
            b2: b,
            k2: 0,
            c,
            c_stride,
            columns,
            alpha: 1.0,
            accumulate,
        }
    }
}

/// How `rows` rows are cut into blocks of nearly equal height: so many of one row more, then the others.
#[inline(always)]
pub fn cut(rows: usize) -> (usize, usize, usize) {
    let blocks = rows.div_ceil(ROWS);
    let height = rows / blocks;
    let taller = rows - height * blocks;
    (height, taller, blocks - taller)
}

/// Computes `rows` rows of a strip.
pub unsafe fn rows<const A: bool, const B: bool>(panel: &Panel, rows: usize) {
    if rows == 0 {
        return;
    }
    let (height, taller, others) = cut(rows);
    blocks::<A, B>(panel, height + 1, 0, taller);
    blocks::<A, B>(panel, height, taller * (height + 1), others);
}

/// Computes `count` blocks of `height` rows of a strip, from row `from`.
pub unsafe fn blocks<const A: bool, const B: bool>(
    p: &Panel,
    height: usize,
    from: usize,
    count: usize,
) {
    for block in 0..count {
        let i = from + block * height;
        match height {
            1 => run::<1, A, B>(p, i),
            2 => run::<2, A, B>(p, i),
            3 => run::<3, A, B>(p, i),
            4 => run::<4, A, B>(p, i),
            5 => run::<5, A, B>(p, i),
            _ => run::<6, A, B>(p, i),
        }
    }
}

/// acc += a b
#[inline(always)]
unsafe fn product<const M: usize, const NV: usize>(
    acc: &mut [[v128; NV]; M],
    a: *const f32,
    (row, step): (usize, usize),
    b: *const f32,
    (b_step, b_next): (usize, usize),
    k: usize,
) {
    // A pointer of its own for the second panel: loads at constant offsets from one pointer are joined.
    let (mut a, mut b, mut second) = (a, b, b.add(b_next));
    let mut rest = k;
    while rest > 0 {
        multiply(acc, a, row, [b, second]);
        a = a.add(step);
        b = b.add(b_step);
        second = second.add(b_step);
        rest -= 1;
    }
}

#[inline(always)]
unsafe fn multiply<const M: usize, const NV: usize>(
    acc: &mut [[v128; NV]; M],
    a: *const f32,
    row: usize,
    b: [*const f32; 2],
) {
    let mut columns = [zero(); NV];
    for v in 0..NV {
        columns[v] = load(b[v / 2].add(v % 2 * 4));
    }
    for i in 0..M {
        let broadcast = load_splat(a.add(i * row));
        for v in 0..NV {
            acc[i][v] = madd(broadcast, columns[v], acc[i][v]);
        }
    }
}

/// One block of rows, panel after panel: the rows stay in the first-level cache and the output is
/// written along its rows.
#[inline(never)]
unsafe fn run<const M: usize, const A: bool, const B: bool>(p: &Panel, i: usize) {
    let full = p.columns / COLS;
    let mut panel = 0;
    if WIDE.load(Relaxed) {
        while panel + 2 <= full {
            tile::<M, 4, A, B>(p, i, panel);
            panel += 2;
        }
    }
    while panel < full {
        tile::<M, 2, A, B>(p, i, panel);
        panel += 1;
    }
    let panels = p.columns.div_ceil(COLS);
    while panel < panels {
        edge::<M, A, B>(p, i, panel);
        panel += 1;
    }
}

/// A tile of whole panels: one panel, two vectors wide, or two side by side.
#[inline(always)]
unsafe fn tile<const M: usize, const NV: usize, const A: bool, const B: bool>(
    p: &Panel,
    i: usize,
    panel: usize,
) {
    let acc = sums::<M, NV, A, B>(p, i, panel);
    let alpha = splat(p.alpha);
    let c = p.c.add(i * p.c_stride + panel * COLS);
    // Two vectors are read before either is written: the engine may then join them to one.
    for (r, row) in acc.iter().enumerate() {
        let line = c.add(r * p.c_stride);
        for pair in 0..NV / 2 {
            let at = line.add(COLS * pair);
            let (low, high) = (mul(alpha, row[2 * pair]), mul(alpha, row[2 * pair + 1]));
            if p.accumulate {
                let (old_low, old_high) = (load(at), load(at.add(4)));
                store(at, add(old_low, low));
                store(at.add(4), add(old_high, high));
            } else {
                store(at, low);
                store(at.add(4), high);
            }
        }
    }
}

/// A tile that is cut off at the right.
#[inline(never)]
unsafe fn edge<const M: usize, const A: bool, const B: bool>(p: &Panel, i: usize, panel: usize) {
    let columns = COLS.min(p.columns - panel * COLS);
    if columns > 4 {
        write_edge(
            p,
            i,
            (panel * COLS, columns),
            &sums::<M, 2, A, B>(p, i, panel),
        );
    } else {
        write_edge(
            p,
            i,
            (panel * COLS, columns),
            &sums::<M, 1, A, B>(p, i, panel),
        );
    }
}

#[inline(always)]
unsafe fn sums<const M: usize, const NV: usize, const A: bool, const B: bool>(
    p: &Panel,
    i: usize,
    panel: usize,
) -> [[v128; NV]; M] {
    let strides = |stride: usize| if A { (stride, 1) } else { (1, stride) };
    let b_step = if B {
        if NV == 1 {
            4
        } else {
            COLS
        }
    } else {
        p.b_stride
    };
    let b_shape = (b_step, p.b_next);
    let mut acc = [[zero(); NV]; M];
    let (shape, next) = (strides(p.a_stride), panel * p.b_next);
    product(
        &mut acc,
        p.a.add(i * shape.0),
        shape,
        p.b.add(next),
        b_shape,
        p.k,
    );
    if p.k2 > 0 {
        let shape = strides(p.a2_stride);
        product(
            &mut acc,
            p.a2.add(i * shape.0),
            shape,
            p.b2.add(next),
            b_shape,
            p.k2,
        );
    }
    acc
}

#[inline(always)]
unsafe fn write_edge<const M: usize, const NV: usize>(
    p: &Panel,
    i: usize,
    (first, columns): (usize, usize),
    acc: &[[v128; NV]; M],
) {
    let mut lanes = [0f32; COLS];
    for (r, sums) in acc.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            store(lanes.as_mut_ptr().add(4 * v), *sum);
        }
        for (j, lane) in lanes.iter().enumerate().take(columns) {
            let at = p.c.add((i + r) * p.c_stride + first + j);
            let value = p.alpha * lane;
            *at = if p.accumulate { *at + value } else { value };
        }
    }
}
