//! RMSNorm (Zhang & Sennrich 2019, eq. 4) and its gradients.

use crate::math::square_root;
use crate::reduce::chunk_sum;
use crate::simd8::*;
use crate::{Command, Context};

pub unsafe fn forward(context: &Context, command: &Command) {
    let (x, w): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (y, rstd): (*mut f32, *mut f32) = (command.tensor(2), command.tensor(3));
    let (rows, cols, eps) = (command.size(0), command.size(1), command.float(2));
    let (from, to) = context.part(rows, 16);
    for n in from..to {
        let (row, out) = (x.add(n * cols), y.add(n * cols));
        let inverse = 1.0 / square_root(chunk_sum(row, row, 0, cols) / cols as f32 + eps);
        *rstd.add(n) = inverse;
        let inverse = splat(inverse);
        each8(0, cols, |c, count| {
            let v = mul(load_up_to(row.add(c), count), inverse);
            store_up_to(out.add(c), mul(v, load_up_to(w.add(c), count)), count);
        });
    }
}

pub unsafe fn backward(context: &Context, command: &Command) {
    let (x, w): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (rstd, d_y): (*const f32, *const f32) = (command.tensor(2), command.tensor(3));
    let d_x: *mut f32 = command.tensor(4);
    let (rows, cols, accumulate) = (command.size(0), command.size(1), command.flag(2));
    let (from, to) = context.part(rows, 4);
    for n in from..to {
        let (row, up, out) = (x.add(n * cols), d_y.add(n * cols), d_x.add(n * cols));
        let mut products = zero();
        each8(0, cols, |c, count| {
            let g = mul(load_up_to(up.add(c), count), load_up_to(w.add(c), count));
            products = madd(g, load_up_to(row.add(c), count), products);
        });
        let inverse = *rstd.add(n);
        let shift = splat(inverse * inverse * inverse * (sum(products) / cols as f32));
        let inverse = splat(inverse);
        each8(0, cols, |c, count| {
            let g = mul(load_up_to(up.add(c), count), load_up_to(w.add(c), count));
            let d = nmadd(load_up_to(row.add(c), count), shift, mul(g, inverse));
            let d = if accumulate {
                add(load_up_to(out.add(c), count), d)
            } else {
                d
            };
            store_up_to(out.add(c), d, count);
        });
    }
}

/// Rows between two visits to dW: keeps the sums short.
const BLOCK: usize = 64;

/// Threads take columns; sums go by blocks of rows in ascending order.
pub unsafe fn backward_weight(context: &Context, command: &Command) {
    let (x, rstd): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (d_y, d_w): (*const f32, *mut f32) = (command.tensor(2), command.tensor(3));
    let (rows, cols) = (command.size(0), command.size(1));
    let (from, to) = context.part(cols, 16);
    let mut first = 0;
    while first < rows {
        let last = rows.min(first + BLOCK);
        each8(from, to, |c, count| {
            let mut total = zero();
            for n in first..last {
                let at = n * cols + c;
                let scaled = mul(load_up_to(x.add(at), count), splat(*rstd.add(n)));
                total = madd(load_up_to(d_y.add(at), count), scaled, total);
            }
            let sum = add(load_up_to(d_w.add(c), count), total);
            store_up_to(d_w.add(c), sum, count);
        });
        first = last;
    }
}
