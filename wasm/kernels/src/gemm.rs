//! Matrix products. One driver cuts the output into tiles, packs columns into the thread's own
//! scratch memory and runs register tiles over them; the four layouts differ in how rows are read
//! and columns are packed. A low-rank adapter is a second product into the same registers.

use crate::pack::{self, Columns};
use crate::simd::*;
use crate::tile::{self, Panel, BY_COLUMN, BY_ROW, PACKED, STRIDED};
use crate::{Command, Context};

/// Values of k between two visits to an output: a panel (32 KiB) stays in the first-level cache.
const DEPTH: usize = 1024;
/// Packed columns that a thread holds, in floats: most of a second-level cache.
const PACK_FLOATS: usize = 384 * 1024;
/// Columns packed at a time, at most.
const WIDTH: usize = 128;
/// Rows of a tile, at most; a multiple of the register tile's.
const HEIGHT: usize = 96;
/// With no more rows than this, packing costs more than it saves.
const FEW: usize = 12;
/// Up to this many columns are handled as dot products.
const THIN: usize = 3;

/// From this many columns on, rows are packed too.
const WORTH: usize = 24;

pub const SCRATCH_FLOATS: usize = PACK_FLOATS + 2 * DEPTH * tile::ROWS;

/// c (=|+=) alpha · (a b + a2 b2); c is [m, n], or written as [n, m].
pub struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: *const f32,
    pub a_stride: usize,
    pub b: Columns,
    pub k2: usize,
    pub a2: *const f32,
    pub b2: Columns,
    pub c: *mut f32,
    pub alpha: f32,
    pub accumulate: bool,
    pub transposed: bool,
}

impl Product {
    /// c = a b, a by rows.
    #[inline(always)]
    pub fn single(
        (m, n, k): (usize, usize, usize),
        a: *const f32,
        b: Columns,
        c: *mut f32,
    ) -> Product {
        Product {
            m,
            n,
            k,
            a,
            a_stride: k,
            b,
            k2: 0,
            a2: a,
            b2: b,
            c,
            alpha: 1.0,
            accumulate: false,
            transposed: false,
        }
    }
}

pub unsafe fn nt(context: &Context, command: &Command) {
    let (m, n, k) = (command.size(0), command.size(1), command.size(2));
    plain(context, command, (m, n, k), true);
}

pub unsafe fn nn(context: &Context, command: &Command) {
    let (m, n, k) = (command.size(0), command.size(1), command.size(2));
    plain(context, command, (m, n, k), false);
}

unsafe fn plain(
    context: &Context,
    command: &Command,
    (m, n, k): (usize, usize, usize),
    by_column: bool,
) {
    let b = Columns {
        data: command.tensor(1),
        stride: if by_column { k } else { n },
        bf16: command.is_bf16(1),
        by_column,
    };
    let product = Product {
        alpha: command.float(3),
        accumulate: command.flag(4),
        ..Product::single((m, n, k), command.tensor(0), b, command.tensor(2))
    };
    rows_by_columns(context, &product);
}

/// A product whose left factor lies by rows.
pub unsafe fn rows_by_columns(context: &Context, product: &Product) {
    let (m, n, k) = (product.m, product.n, product.k);
    let b = product.b;
    if n <= THIN && n * k <= PACK_FLOATS {
        thin(context, product);
    } else if m <= FEW && !b.by_column && !b.bf16 {
        drive::<BY_ROW, STRIDED>(context, product);
    } else {
        drive::<BY_ROW, PACKED>(context, product);
    }
}

pub unsafe fn tn(context: &Context, command: &Command) {
    let size = (command.size(0), command.size(1), command.size(2));
    columns_by_columns(
        context,
        size,
        (command.tensor(0), command.tensor(1)),
        command.tensor(2),
        (command.float(3), command.flag(4)),
    );
}

/// c (=|+=) alpha · aᵀ b, a [k, m], b [k, n].
pub unsafe fn columns_by_columns(
    context: &Context,
    (m, n, k): (usize, usize, usize),
    (a, b): (*const f32, *const f32),
    c: *mut f32,
    (alpha, accumulate): (f32, bool),
) {
    // The smaller side goes where a value is broadcast, the larger where four are read at once.
    let swapped = n <= FEW && n < m;
    let (m, n, a, b) = if swapped { (n, m, b, a) } else { (m, n, a, b) };
    let columns = Columns {
        data: b,
        stride: n,
        bf16: false,
        by_column: false,
    };
    let product = Product {
        a_stride: m,
        alpha,
        accumulate,
        transposed: swapped,
        ..Product::single((m, n, k), a, columns, c)
    };
    if m <= FEW {
        drive::<BY_COLUMN, STRIDED>(context, &product);
    } else {
        drive::<BY_COLUMN, PACKED>(context, &product);
    }
}

pub unsafe fn lora_forward(context: &Context, command: &Command) {
    lora(context, command, true, false);
}

pub unsafe fn lora_backward(context: &Context, command: &Command) {
    lora(context, command, false, command.flag(4));
}

/// Tensors: rows, frozen weight, rows of the adapter, adapter, output.
unsafe fn lora(context: &Context, command: &Command, by_column: bool, accumulate: bool) {
    let (m, n) = (command.size(0), command.size(1));
    let (k, r) = (command.size(2), command.size(3));
    let frozen = Columns {
        data: command.tensor(1),
        stride: if by_column { k } else { n },
        bf16: command.is_bf16(1),
        by_column,
    };
    let adapter = Columns {
        data: command.tensor(3),
        stride: if by_column { r } else { n },
        bf16: false,
        by_column,
    };
    let product = Product {
        k2: r,
        a2: command.tensor(2),
        b2: adapter,
        accumulate,
        ..Product::single((m, n, k), command.tensor(0), frozen, command.tensor(4))
    };
    with_adapter(context, &product);
}

/// A product of rows with a frozen matrix and an adapter.
pub unsafe fn with_adapter(context: &Context, product: &Product) {
    drive::<BY_ROW, PACKED>(context, product);
}

/// One visit to a block of outputs: values `k..k + depth` of the first product and `k2..` of the second.
#[derive(Clone, Copy, PartialEq)]
struct Visit {
    k: usize,
    depth: usize,
    k2: usize,
    depth2: usize,
}

impl Product {
    fn blocks(&self) -> usize {
        self.k.div_ceil(DEPTH).max(1)
    }

    fn visits(&self) -> usize {
        let second = self.k2.div_ceil(DEPTH);
        self.blocks() + second.max(1) - 1
    }

    /// The first product's blocks of k, then the second's; the last of the one goes with the first of the other.
    fn visit(&self, index: usize) -> Visit {
        let k = (index * DEPTH).min(self.k);
        let last = self.blocks() - 1;
        let (k2, depth2) = if index < last {
            (0, 0)
        } else {
            let k2 = (index - last) * DEPTH;
            (k2, DEPTH.min(self.k2 - k2.min(self.k2)))
        };
        Visit {
            k,
            depth: DEPTH.min(self.k - k),
            k2,
            depth2,
        }
    }
}

unsafe fn drive<const A: bool, const B: bool>(context: &Context, product: &Product) {
    let (m, n) = (product.m, product.n);
    let deep = product.k + product.k2;
    let enough = if context.threads == 1 {
        1
    } else {
        4 * context.threads
    };
    let mut height = HEIGHT;
    let mut width = WIDTH.min(n.next_multiple_of(8));
    while width > 32 && width * deep > PACK_FLOATS {
        width = (width / 2).next_multiple_of(8);
    }
    while height > 24 && m.div_ceil(height) * n.div_ceil(width) < enough {
        height /= 2;
    }
    while width > 16 && m.div_ceil(height) * n.div_ceil(width) < enough {
        width = (width / 2).next_multiple_of(8);
    }
    // Whole columns are packed if they fit; else each visit packs anew.
    let whole = width * deep <= PACK_FLOATS;
    let width = if whole {
        width
    } else {
        width.min(PACK_FLOATS / (2 * DEPTH) / 8 * 8)
    };
    let down = m.div_ceil(height);
    let tiles = down * n.div_ceil(width);
    let mut packed = usize::MAX;
    loop {
        let ticket = context.ticket();
        if ticket >= tiles {
            return;
        }
        let (across, i) = (ticket / down, ticket % down * height);
        let j = across * width;
        let columns = width.min(n - j);
        let mut room = context.scratch;
        for index in 0..product.visits() {
            let visit = product.visit(index);
            if !whole {
                room = context.scratch;
            }
            let fresh = B && (packed != across || !whole);
            let accumulate = product.accumulate || index > 0;
            room = block::<A, B>(
                product,
                context.scratch.add(PACK_FLOATS),
                visit,
                (i, height.min(m - i)),
                (j, columns),
                (room, fresh),
                accumulate,
            );
        }
        packed = across;
    }
}

/// A block of outputs; returns the end of the packed columns.
unsafe fn block<const A: bool, const B: bool>(
    product: &Product,
    rows: *mut f32,
    visit: Visit,
    (i, height): (usize, usize),
    (j, columns): (usize, usize),
    (room, fresh): (*mut f32, bool),
    accumulate: bool,
) -> *mut f32 {
    let b_next = if B {
        (visit.depth + visit.depth2) * tile::COLS
    } else {
        tile::COLS
    };
    if fresh {
        pack_columns(product, visit, (j, columns), room);
    }
    let (b, b2) = if B {
        (
            room as *const f32,
            room.add(visit.depth * tile::COLS) as *const f32,
        )
    } else {
        (
            product.b.data.add(visit.k * product.b.stride + j),
            product.b.data,
        )
    };
    let a = if A {
        product.a.add(i * product.a_stride + visit.k)
    } else {
        product.a.add(visit.k * product.a_stride + i)
    };
    let (c, c_stride) = if product.transposed {
        (product.c.add(j * product.m + i), product.m)
    } else {
        (product.c.add(i * product.n + j), product.n)
    };
    let mut panel = Panel {
        a,
        a_stride: product.a_stride,
        b,
        b_stride: product.b.stride,
        b_next,
        k: visit.depth,
        a2: product.a2.add(i * product.k2 + visit.k2),
        a2_stride: product.k2,
        b2,
        k2: visit.depth2,
        c,
        c_stride,
        columns,
        alpha: product.alpha,
        accumulate,
        transposed: product.transposed,
    };
    if A && columns >= WORTH {
        packed_rows::<B>(&mut panel, height, rows);
    } else {
        tile::rows::<A, B>(&panel, height);
    }
    room.add(columns.div_ceil(tile::COLS) * b_next)
}

unsafe fn pack_columns(
    product: &Product,
    visit: Visit,
    (j, columns): (usize, usize),
    room: *mut f32,
) {
    let mut panel = room;
    let mut done = 0;
    while done < columns {
        let part = (j + done, tile::COLS.min(columns - done));
        let second = panel.add(visit.depth * tile::COLS);
        pack::panel(product.b, (visit.k, visit.depth), part, panel);
        pack::panel(product.b2, (visit.k2, visit.depth2), part, second);
        panel = second.add(visit.depth2 * tile::COLS);
        done += tile::COLS;
    }
}

/// Rows packed block by block, so that a tile reads them with unit stride.
unsafe fn packed_rows<const B: bool>(panel: &mut Panel, height: usize, room: *mut f32) {
    let (a, a_stride, a2, a2_stride) = (panel.a, panel.a_stride, panel.a2, panel.a2_stride);
    let (c, c_stride) = (panel.c, panel.c_stride);
    let (low, taller, others) = tile::cut(height);
    let mut i = 0;
    for block in 0..taller + others {
        let m = if block < taller { low + 1 } else { low };
        let second = room.add(m * panel.k);
        pack::rows(a.add(i * a_stride), a_stride, m, panel.k, room);
        pack::rows(a2.add(i * a2_stride), a2_stride, m, panel.k2, second);
        (panel.a, panel.a_stride, panel.a2, panel.a2_stride) = (room, m, second, m);
        panel.c = c.add(i * c_stride);
        tile::blocks::<BY_COLUMN, B>(panel, m, 0, 1);
        i += m;
    }
}

/// Up to three columns: dot products along k, four rows at a time.
unsafe fn thin(context: &Context, product: &Product) {
    let (m, n, k) = (product.m, product.n, product.k);
    let (from, to) = context.part(m, 16);
    if from == to {
        return;
    }
    let mut columns = product.b.data;
    if !product.b.by_column || product.b.bf16 {
        for j in 0..n {
            for d in 0..k {
                let index = if product.b.by_column {
                    j * k + d
                } else {
                    d * product.b.stride + j
                };
                *context.scratch.add(j * k + d) = if product.b.bf16 {
                    f32::from_bits((*(product.b.data as *const u16).add(index) as u32) << 16)
                } else {
                    *product.b.data.add(index)
                };
            }
        }
        columns = context.scratch;
    }
    match n {
        1 => dots::<1>(product, columns, from, to),
        2 => dots::<2>(product, columns, from, to),
        _ => dots::<3>(product, columns, from, to),
    }
}

#[inline(never)]
unsafe fn dots<const N: usize>(product: &Product, columns: *const f32, from: usize, to: usize) {
    let mut i = from;
    while i + 4 <= to {
        dots_of::<4, N>(product, columns, i);
        i += 4;
    }
    while i < to {
        dots_of::<1, N>(product, columns, i);
        i += 1;
    }
}

#[inline(always)]
unsafe fn dots_of<const M: usize, const N: usize>(
    product: &Product,
    columns: *const f32,
    i: usize,
) {
    let k = product.k;
    let a = product.a.add(i * k);
    let mut acc = [[zero(); N]; M];
    let mut d = 0;
    while d + 4 <= k {
        let mut weights = [zero(); N];
        for (j, weight) in weights.iter_mut().enumerate() {
            *weight = load(columns.add(j * k + d));
        }
        for (r, sums) in acc.iter_mut().enumerate() {
            let x = load(a.add(r * k + d));
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = madd(x, weight, *sum);
            }
        }
        d += 4;
    }
    for (r, sums) in acc.iter().enumerate() {
        for (j, lanes) in sums.iter().enumerate() {
            let mut total = sum(*lanes);
            for rest in d..k {
                total += *a.add(r * k + rest) * *columns.add(j * k + rest);
            }
            let at = product.c.add((i + r) * N + j);
            let value = product.alpha * total;
            *at = if product.accumulate {
                *at + value
            } else {
                value
            };
        }
    }
}
