//! Matrix products of groups of rows, each with a matrix of its own: rows `offsets[g]` …
//! `offsets[g + 1]` go with the g-th. The tiles of all groups are shared out to all threads, one group
//! after the other and none waited for.

use crate::gemm::{self, Product};
use crate::pack::Columns;
use crate::threads::Tickets;
use crate::{Command, Context};

/// Calls `body(tickets, group, first row, rows)` for each group that has any.
unsafe fn each_group(
    offsets: *const u32,
    groups: usize,
    mut body: impl FnMut(&mut Tickets, usize, usize, usize),
) {
    let mut tickets = Tickets::new();
    for g in 0..groups {
        let (from, to) = (*offsets.add(g) as usize, *offsets.add(g + 1) as usize);
        if from < to {
            body(&mut tickets, g, from, to - from);
        }
    }
}

/// The g-th of matrices of `elements` values each.
unsafe fn matrix(data: *const f32, bf16: bool, g: usize, elements: usize) -> *const f32 {
    if bf16 {
        (data as *const u16).add(g * elements) as *const f32
    } else {
        data.add(g * elements)
    }
}

pub unsafe fn nt(context: &Context, command: &Command) {
    plain(context, command, true);
}

pub unsafe fn nn(context: &Context, command: &Command) {
    plain(context, command, false);
}

unsafe fn plain(context: &Context, command: &Command, by_column: bool) {
    let (x, w): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let y: *mut f32 = command.tensor(3);
    let (n, k, groups) = (command.size(1), command.size(2), command.size(3));
    let (bf16, nf4) = (command.is_bf16(1), command.nf4(1));
    each_group(command.tensor(2), groups, |tickets, g, row, m| {
        let columns = Columns {
            data: matrix(w, bf16, g, n * k),
            stride: if by_column { k } else { n },
            bf16,
            by_column,
        };
        gemm::rows_by_columns(
            context,
            tickets,
            &Product {
                nf4: nf4.map(|first| first.matrix(g, n * k)),
                alpha: command.float(4),
                accumulate: command.flag(5),
                ..Product::single((m, n, k), x.add(row * k), columns, y.add(row * n))
            },
        );
    });
}

pub unsafe fn tn(context: &Context, command: &Command) {
    let (a, b): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let y: *mut f32 = command.tensor(3);
    let (m, n, groups) = (command.size(1), command.size(2), command.size(3));
    each_group(command.tensor(2), groups, |tickets, g, row, k| {
        gemm::columns_by_columns(
            context,
            tickets,
            (m, n, k),
            (a.add(row * m), b.add(row * n)),
            y.add(g * m * n),
            (command.float(4), true),
        );
    });
}

pub unsafe fn lora_forward(context: &Context, command: &Command) {
    lora(context, command, true, false);
}

pub unsafe fn lora_backward(context: &Context, command: &Command) {
    lora(context, command, false, command.flag(5));
}

/// Tensors: rows, frozen weights, rows of the adapters, adapters, offsets, output.
unsafe fn lora(context: &Context, command: &Command, by_column: bool, accumulate: bool) {
    let (x, w): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (low, adapters): (*const f32, *const f32) = (command.tensor(2), command.tensor(3));
    let y: *mut f32 = command.tensor(5);
    let (n, k) = (command.size(1), command.size(2));
    let (r, groups) = (command.size(3), command.size(4));
    let (bf16, nf4) = (command.is_bf16(1), command.nf4(1));
    each_group(command.tensor(4), groups, |tickets, g, row, m| {
        let frozen = Columns {
            data: matrix(w, bf16, g, n * k),
            stride: if by_column { k } else { n },
            bf16,
            by_column,
        };
        let adapter = Columns {
            data: adapters.add(g * n * r),
            stride: if by_column { r } else { n },
            bf16: false,
            by_column,
        };
        gemm::with_adapter(
            context,
            tickets,
            &Product {
                nf4: nf4.map(|first| first.matrix(g, n * k)),
                k2: r,
                a2: low.add(row * r),
                b2: adapter,
                accumulate,
                ..Product::single((m, n, k), x.add(row * k), frozen, y.add(row * n))
            },
        );
    });
}
