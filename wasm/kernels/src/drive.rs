//! The driver under every matrix product: takes tickets, packs columns and rows into the thread's own
//! scratch memory, and runs register tiles over them.

use crate::cut::{Cut, Visit, Visits, DEPTH, WIDTH};
use crate::gemm::Product;
use crate::pack;
use crate::simd::*;
use crate::threads::Tickets;
use crate::tile::{self, Panel, BY_COLUMN};
use crate::Context;

/// Packed columns that a thread holds, in floats.
pub const PACK_FLOATS: usize = 384 * 1024;
/// Floats between two panels, lest their beginnings share a set of the cache.
const PAD: usize = 16;
/// Rows packed at a time, at most, where they lie by columns.
const GROUP: usize = 96;
const ROWS_FLOATS: usize = GROUP * DEPTH;
/// From so many columns on, rows are packed too: by rows, by columns.
const WORTH: [usize; 2] = [24, 64];
/// Rows of a transposed output, at most.
pub const FEW: usize = 12;

pub const SCRATCH_FLOATS: usize = PACK_FLOATS + ROWS_FLOATS + FEW * WIDTH;

/// Outputs `row..` × `column..`.
#[derive(Clone, Copy)]
struct Block {
    row: usize,
    rows: usize,
    column: usize,
    columns: usize,
}

pub unsafe fn drive<const A: bool, const B: bool>(
    context: &Context,
    tickets: &mut Tickets,
    product: &Product,
    visits: Visits,
) {
    let (m, n) = (product.m, product.n);
    let deep = product.k + product.k2 + visits.count() * PAD / tile::COLS;
    let cut = Cut::new((m, n), deep, PACK_FLOATS, context.threads);
    let rows = context.scratch.add(PACK_FLOATS);
    let mut packed = usize::MAX;
    while let Some(ticket) = tickets.next(context, cut.strips * cut.pieces) {
        let (strip, piece) = (ticket / cut.pieces, ticket % cut.pieces);
        let (row, column) = (piece * cut.height, strip * cut.width);
        let block = Block {
            row,
            rows: cut.height.min(m - row),
            column,
            columns: cut.width.min(n - column),
        };
        let mut room = context.scratch;
        for index in 0..visits.count() {
            let visit = visits.at(index);
            if !cut.keeps {
                room = context.scratch;
            }
            if B && !(cut.keeps && packed == strip) {
                pack_columns(product, visit, block, room, rows);
            }
            multiply::<A, B>(product, visit, block, (room, rows), index > 0);
            room = room.add(block.columns.div_ceil(tile::COLS) * panel_floats(visit));
        }
        if product.transposed {
            transpose_out(product, block, rows.add(ROWS_FLOATS));
        }
        packed = strip;
    }
}

/// Floats of a packed panel: the first product's, then the second's.
fn panel_floats(visit: Visit) -> usize {
    (visit.depth + visit.depth2) * tile::COLS + PAD
}

unsafe fn pack_columns(
    product: &Product,
    visit: Visit,
    block: Block,
    room: *mut f32,
    spare: *mut f32,
) {
    let columns = (block.column, block.columns);
    let next = panel_floats(visit);
    let second = room.add(visit.depth * tile::COLS);
    let (depth, depth2) = ((visit.k, visit.depth), (visit.k2, visit.depth2));
    match &product.nf4 {
        Some(codes) => codes.strip(product.b, depth, columns, (room, next), spare),
        None => pack::strip(product.b, depth, columns, (room, next)),
    }
    pack::strip(product.b2, depth2, columns, (second, next));
}

/// One visit to a block; `later` if it is not the first.
unsafe fn multiply<const A: bool, const B: bool>(
    product: &Product,
    visit: Visit,
    block: Block,
    (columns, rows): (*const f32, *mut f32),
    later: bool,
) {
    let (b, b2, b_next) = if B {
        let next = panel_floats(visit);
        (columns, columns.add(visit.depth * tile::COLS), next)
    } else {
        let first = product
            .b
            .data
            .add(visit.k * product.b.stride + block.column);
        (first, first, tile::COLS)
    };
    let a = if A {
        product.a.add(block.row * product.a_stride + visit.k)
    } else {
        product.a.add(visit.k * product.a_stride + block.row)
    };
    let mut panel = Panel {
        a,
        a_stride: product.a_stride,
        b,
        b_stride: product.b.stride,
        b_next,
        k: visit.depth,
        a2: product.a2.add(block.row * product.k2 + visit.k2),
        a2_stride: product.k2,
        b2,
        k2: visit.depth2,
        c: product.c.add(block.row * product.n + block.column),
        c_stride: product.n,
        columns: block.columns,
        alpha: product.alpha,
        accumulate: product.accumulate || later,
    };
    if product.transposed {
        panel.c = rows.add(ROWS_FLOATS + block.row * WIDTH);
        (panel.c_stride, panel.alpha, panel.accumulate) = (WIDTH, 1.0, later);
    }
    if block.columns < WORTH[!A as usize] {
        tile::rows::<A, B>(&panel, block.rows);
    } else if A {
        by_row::<B>(&mut panel, block.rows, rows);
    } else {
        by_column::<B>(&mut panel, block.rows, rows);
    }
}

/// Rows packed block by block just before they are used, so that a tile reads them with unit stride.
unsafe fn by_row<const B: bool>(panel: &mut Panel, rows: usize, room: *mut f32) {
    let (a, a_stride, a2, a2_stride) = (panel.a, panel.a_stride, panel.a2, panel.a2_stride);
    let c = panel.c;
    let (low, taller, others) = tile::cut(rows);
    let mut i = 0;
    for block in 0..taller + others {
        let m = if block < taller { low + 1 } else { low };
        let second = room.add(m * panel.k);
        pack::rows(a.add(i * a_stride), a_stride, m, panel.k, room);
        pack::rows(a2.add(i * a2_stride), a2_stride, m, panel.k2, second);
        (panel.a, panel.a_stride, panel.a2, panel.a2_stride) = (room, m, second, m);
        panel.c = c.add(i * panel.c_stride);
        tile::blocks::<BY_COLUMN, B>(panel, m, 0, 1);
        i += m;
    }
}

/// Rows that lie by columns, packed a group at a time: a cache line holds those of several blocks.
unsafe fn by_column<const B: bool>(panel: &mut Panel, rows: usize, room: *mut f32) {
    let (a, a_stride, c) = (panel.a, panel.a_stride, panel.c);
    let mut i = 0;
    while i < rows {
        let group = GROUP.min(rows - i);
        let (low, taller, others) = tile::cut(group);
        pack::columns(a.add(i), a_stride, (low, taller, others), panel.k, room);
        let mut packed = room as *const f32;
        for block in 0..taller + others {
            let m = if block < taller { low + 1 } else { low };
            (panel.a, panel.a_stride) = (packed, m);
            panel.c = c.add(i * panel.c_stride);
            tile::blocks::<BY_COLUMN, B>(panel, m, 0, 1);
            packed = packed.add(m * panel.k);
            i += m;
        }
    }
}

/// c[j, i] (=|+=) alpha · sums[i, j]
unsafe fn transpose_out(product: &Product, block: Block, sums: *const f32) {
    let alpha = splat(product.alpha);
    for j in 0..block.columns {
        let line = product.c.add((block.column + j) * product.m);
        each4(block.row, block.row + block.rows, |i, count| {
            let mut lanes = [0f32; 4];
            for (lane, value) in lanes.iter_mut().enumerate().take(count) {
                *value = *sums.add((i + lane) * WIDTH + j);
            }
            let mut value = mul(alpha, load(lanes.as_ptr()));
            if product.accumulate {
                value = add(load_up_to(line.add(i), count), value);
            }
            store_up_to(line.add(i), value, count);
        });
    }
}
