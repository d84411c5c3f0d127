//! fill, scale and add.

use crate::simd8::*;
use crate::{Command, Context};

pub unsafe fn fill(context: &Context, command: &Command) {
    let y: *mut f32 = command.tensor(0);
    let value = splat(command.float(1));
    let (from, to) = context.part(command.size(0), 16);
    each8(from, to, |i, count| store_up_to(y.add(i), value, count));
}

pub unsafe fn scale(context: &Context, command: &Command) {
    let (x, y): (*const f32, *mut f32) = (command.tensor(0), command.tensor(1));
    let factor = splat(command.float(1));
    let accumulate = command.flag(2);
    let (from, to) = context.part(command.size(0), 16);
    each8(from, to, |i, count| {
        let scaled = mul(factor, load_up_to(x.add(i), count));
        let sum = if accumulate {
            add(load_up_to(y.add(i), count), scaled)
        } else {
            scaled
        };
        store_up_to(y.add(i), sum, count);
    });
}

pub unsafe fn add_kernel(context: &Context, command: &Command) {
    let (a, b): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let y: *mut f32 = command.tensor(2);
    let (from, to) = context.part(command.size(0), 16);
    each8(from, to, |i, count| {
        let sum = add(load_up_to(a.add(i), count), load_up_to(b.add(i), count));
        store_up_to(y.add(i), sum, count);
    });
}
