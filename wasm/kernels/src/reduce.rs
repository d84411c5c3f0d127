//! Sums over whole tensors: fixed chunks, then their partial sums in order, so that neither
//! threads nor time change a bit.

use crate::simd8::*;
use crate::threads::PARTIALS;
use crate::{Command, Context};

pub unsafe fn dot(context: &Context, command: &Command) {
    let (a, b) = (command.tensor(0), command.tensor(1));
    reduce(
        context,
        a,
        b,
        command.tensor(2),
        command.size(0),
        command.flag(1),
    );
}

pub unsafe fn sum_squares(context: &Context, command: &Command) {
    let x = command.tensor(0);
    reduce(
        context,
        x,
        x,
        command.tensor(1),
        command.size(0),
        command.flag(1),
    );
}

unsafe fn reduce(
    context: &Context,
    a: *const f32,
    b: *const f32,
    out: *mut f32,
    n: usize,
    accumulate: bool,
) {
    let chunk = n.div_ceil(PARTIALS).next_multiple_of(64).max(4096);
    let chunks = n.div_ceil(chunk);
    let (from, to) = context.part(chunks, 1);
    for index in from..to {
        context.set_partial(
            index,
            chunk_sum(a, b, index * chunk, n.min((index + 1) * chunk)),
        );
    }
    context.barrier();
    if context.thread == 0 {
        let mut total = 0f64;
        for index in 0..chunks {
            total += context.partial(index) as f64;
        }
        *out = if accumulate {
            (*out as f64 + total) as f32
        } else {
            total as f32
        };
    }
}

/// Σ a·b over `from..to` in two sums of eight lanes, so that the processor need not wait for one.
#[inline(always)]
pub unsafe fn chunk_sum(a: *const f32, b: *const f32, from: usize, to: usize) -> f32 {
    let mut sums = [zero(); 2];
    let mut i = from;
    while i + 16 <= to {
        for (v, total) in sums.iter_mut().enumerate() {
            *total = madd(load(a.add(i + 8 * v)), load(b.add(i + 8 * v)), *total);
        }
        i += 16;
    }
    let mut total = add(sums[0], sums[1]);
    each8(i, to, |i, count| {
        let (a, b) = (load_up_to(a.add(i), count), load_up_to(b.add(i), count));
        total = madd(a, b, total);
    });
    sum(total)
}
