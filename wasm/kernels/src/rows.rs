//! Rows of tokens to rows of experts and back: gathered, summed, scaled.

use crate::simd8::*;
use crate::{Command, Context};

pub unsafe fn gather(context: &Context, command: &Command) {
    let (x, order): (*const f32, *const u32) = (command.tensor(0), command.tensor(1));
    let y: *mut f32 = command.tensor(2);
    let (rows, cols, k) = (command.size(0), command.size(1), command.size(2));
    let (from, to) = context.part(rows, 4);
    for row in from..to {
        let token = *order.add(row) as usize / k;
        let (source, out) = (x.add(token * cols), y.add(row * cols));
        each8(0, cols, |c, count| {
            store_up_to(out.add(c), load_up_to(source.add(c), count), count)
        });
    }
}

pub unsafe fn gather_choice(context: &Context, command: &Command) {
    let (choice, order): (*const u32, *const u32) = (command.tensor(0), command.tensor(1));
    let own: *mut u32 = command.tensor(2);
    let (rows, k) = (command.size(0), command.size(1));
    let (from, to) = context.part(rows, 4);
    for row in from..to {
        *own.add(row) = *choice.add(*order.add(row) as usize / k);
    }
}

pub unsafe fn scatter(context: &Context, command: &Command) {
    let (x, place): (*const f32, *const u32) = (command.tensor(0), command.tensor(1));
    let y: *mut f32 = command.tensor(2);
    let (rows, cols) = (command.size(0), command.size(1));
    let (k, accumulate) = (command.size(2), command.flag(3));
    let (from, to) = context.part(rows, 4);
    for row in from..to {
        let out = y.add(row * cols);
        let places = place.add(row * k);
        each8(0, cols, |c, count| {
            let mut sum = if accumulate {
                load_up_to(out.add(c), count)
            } else {
                zero()
            };
            for j in 0..k {
                let source = x.add(*places.add(j) as usize * cols + c);
                sum = add(sum, load_up_to(source, count));
            }
            store_up_to(out.add(c), sum, count);
        });
    }
}

pub unsafe fn scale(context: &Context, command: &Command) {
    let (x, scale): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (order, y): (*const u32, *mut f32) = (command.tensor(2), command.tensor(3));
    let (rows, cols) = (command.size(0), command.size(1));
    let (from, to) = context.part(rows, 4);
    for row in from..to {
        let factor = splat(*scale.add(*order.add(row) as usize));
        each8(row * cols, (row + 1) * cols, |i, count| {
            store_up_to(y.add(i), mul(factor, load_up_to(x.add(i), count)), count)
        });
    }
}

pub unsafe fn scale_backward(context: &Context, command: &Command) {
    let (x, scale): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (order, d_y): (*const u32, *const f32) = (command.tensor(2), command.tensor(3));
    let (d_x, d_scale): (*mut f32, *mut f32) = (command.tensor(4), command.tensor(5));
    let (rows, cols) = (command.size(0), command.size(1));
    let (from, to) = context.part(rows, 4);
    for row in from..to {
        let slot = *order.add(row) as usize;
        let factor = splat(*scale.add(slot));
        let mut products = zero();
        each8(row * cols, (row + 1) * cols, |i, count| {
            let gradient = load_up_to(d_y.add(i), count);
            products = madd(gradient, load_up_to(x.add(i), count), products);
            store_up_to(d_x.add(i), mul(factor, gradient), count);
        });
        *d_scale.add(slot) = sum(products);
    }
}
