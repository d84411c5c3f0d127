//! Products of few rows with columns that lie one after the other, as in decoding: little is done with each value of
//! the matrix, so the time is that of reading it. Eight columns are read side by side (more than that the processor
//! does not read ahead of), a few values of k at a time, and multiplied while the next are on their way. Each output
//! is the chain of the register tile, with the same bits.

use crate::cut::{Visit, Visits};
use crate::gemm::Product;
use crate::one_row;
use crate::pack::{self, Columns};
use crate::simd8::*;
use crate::threads::Tickets;
use crate::Context;

/// Up to this many rows are handled here, if the matrix has more values than a cache keeps beside others.
const FEW: usize = 16;
const CACHED: usize = 64 * 1024;
/// Columns read side by side.
const COLUMNS: usize = 8;
/// Columns of a ticket: as many tickets as even out the threads, whole cache lines of output, and no more than these.
const STRIP: usize = 64;
const LINE: usize = 16;
const TICKETS: usize = 4;
/// Values of k that are read before they are multiplied.
const CHUNK: usize = 64;
/// Rows whose sums stay in registers.
const ROWS: usize = 8;

/// What a visit multiplies: values `k..k + depth` of rows and columns.
#[derive(Clone, Copy)]
pub struct Factors {
    pub a: *const f32,
    pub a_stride: usize,
    pub b: Columns,
    pub k: usize,
    pub depth: usize,
}

impl Factors {
    /// Of the first product, then of the second.
    #[inline(always)]
    pub fn of(p: &Product, visit: Visit) -> [Factors; 2] {
        let of = |a, a_stride, b, k, depth| Factors {
            a,
            a_stride,
            b,
            k,
            depth,
        };
        [
            of(p.a, p.a_stride, p.b, visit.k, visit.depth),
            of(p.a2, p.k2, p.b2, visit.k2, visit.depth2),
        ]
    }
}

/// Whether a product is one of these.
pub fn fits(p: &Product) -> bool {
    let worth = p.m == 1 || p.m <= FEW && p.n * p.k > CACHED;
    worth && p.n % COLUMNS == 0 && p.b.by_column && p.nf4.is_none()
}

pub unsafe fn few(context: &Context, tickets: &mut Tickets, p: &Product, visits: Visits) {
    let single = p.m == 1 && p.k % 4 == 0 && p.k2 % 4 == 0;
    let wanted = p.n.div_ceil(TICKETS * context.threads);
    let strip = wanted.next_multiple_of(LINE).min(STRIP);
    while let Some(ticket) = tickets.next(context, p.n.div_ceil(strip)) {
        let end = p.n.min((ticket + 1) * strip);
        let mut j = ticket * strip;
        while j < end {
            if single {
                one_row::columns(p, visits, j);
            } else {
                columns(context.scratch, p, visits, j);
            }
            j += COLUMNS;
        }
    }
}

/// Outputs of all rows in columns `j..j + COLUMNS`.
unsafe fn columns(scratch: *mut f32, p: &Product, visits: Visits, j: usize) {
    let (sums, room) = (scratch, scratch.add(FEW * COLUMNS));
    let alpha = splat(p.alpha);
    for index in 0..visits.count() {
        for i in 0..p.m {
            store(sums.add(i * COLUMNS), zero());
        }
        for f in Factors::of(p, visits.at(index)) {
            chains(sums, room, f, p.m, j);
        }
        for i in 0..p.m {
            let at = p.c.add(i * p.n + j);
            let mut value = mul(alpha, load(sums.add(i * COLUMNS)));
            if p.accumulate || index > 0 {
                value = add(load(at), value);
            }
            store(at, value);
        }
    }
}

/// sums += a b. The columns of the next chunk are read before this one is multiplied.
unsafe fn chains(sums: *mut f32, room: *mut f32, f: Factors, rows: usize, j: usize) {
    let read = |done: usize| {
        let panel = room.add(done / CHUNK % 2 * (CHUNK * COLUMNS));
        if done < f.depth {
            let part = (f.k + done, CHUNK.min(f.depth - done));
            pack::panel(f.b, part, (j, COLUMNS), panel);
        }
        panel
    };
    let mut panel = read(0);
    let mut done = 0;
    while done < f.depth {
        let next = read(done + CHUNK);
        let depth = CHUNK.min(f.depth - done);
        let mut i = 0;
        while i < rows {
            let (to, a) = (sums.add(i * COLUMNS), f.a.add(i * f.a_stride + f.k + done));
            match rows - i {
                1 => block::<1>(to, (a, f.a_stride), panel, depth),
                2 => block::<2>(to, (a, f.a_stride), panel, depth),
                3 => block::<3>(to, (a, f.a_stride), panel, depth),
                4 => block::<4>(to, (a, f.a_stride), panel, depth),
                5 => block::<5>(to, (a, f.a_stride), panel, depth),
                6 => block::<6>(to, (a, f.a_stride), panel, depth),
                7 => block::<7>(to, (a, f.a_stride), panel, depth),
                _ => block::<ROWS>(to, (a, f.a_stride), panel, depth),
            }
            i += ROWS;
        }
        panel = next;
        done += CHUNK;
    }
}

/// Goes on with the sums of M rows.
#[inline(never)]
unsafe fn block<const M: usize>(
    sums: *mut f32,
    (a, stride): (*const f32, usize),
    panel: *const f32,
    depth: usize,
) {
    let mut acc = [zero(); M];
    for (i, sum) in acc.iter_mut().enumerate() {
        *sum = load(sums.add(i * COLUMNS));
    }
    for d in 0..depth {
        let columns = load(panel.add(d * COLUMNS));
        for (i, sum) in acc.iter_mut().enumerate() {
            *sum = madd(load_splat(a.add(i * stride + d)), columns, *sum);
        }
    }
    for (i, sum) in acc.iter().enumerate() {
        store(sums.add(i * COLUMNS), *sum);
    }
}
