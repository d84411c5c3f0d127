//! Draws a token from each row of logits: softmax with temperature, filters as thresholds found by
//! bisection, and the inverse of the running sum. Positive floats order as their bits do.

use crate::math::{ln, Exp};
use crate::simd::*;
use crate::{Command, Context};
use core::arch::wasm32::{f32x4_ge, v128_and};

/// Numbers a row: temperature, top_k, top_p, min_p.
const OPTIONS: usize = 4;
/// The bits of 1.0, the largest weight.
const ONE: u32 = 0x3f80_0000;

pub unsafe fn sample(context: &Context, command: &Command) {
    let (logits, options): (*mut f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (uniform, tick): (*const f32, *const u32) = (command.tensor(2), command.tensor(3));
    let out: *mut u32 = command.tensor(4);
    let (rows, cols, stride) = (command.size(0), command.size(1), command.size(2));
    loop {
        let m = context.ticket();
        if m >= rows {
            return;
        }
        let row = logits.add(m * cols);
        let own = options.add(m * OPTIONS);
        let temperature = *own;
        let likeliest = first_largest(row, cols);
        let factor = if temperature > 0.0 {
            1.0 / temperature
        } else {
            1.0
        };
        let total = weigh(row, cols, *row.add(likeliest), factor);
        let drawn = if temperature > 0.0 {
            let least = threshold(row, cols, (*own.add(1), *own.add(2), *own.add(3)), total);
            let u = *uniform.add(*tick.add(m) as usize * stride + m);
            draw(row, cols, least, u)
        } else {
            likeliest
        };
        let logprob = (ln(*row.add(drawn)) - ln(total)) as f32;
        *out.add(m * 2) = drawn as u32;
        *out.add(m * 2 + 1) = logprob.to_bits();
    }
}

/// A NaN is never larger: a row of them gives token 0 and a log-probability that is NaN.
unsafe fn first_largest(row: *const f32, cols: usize) -> usize {
    let mut tops = splat(f32::NEG_INFINITY);
    let whole = cols / 4 * 4;
    let mut c = 0;
    while c < whole {
        tops = max(tops, load(row.add(c)));
        c += 4;
    }
    let mut top = largest(tops);
    for c in whole..cols {
        if *row.add(c) > top {
            top = *row.add(c);
        }
    }
    (0..cols).find(|&c| *row.add(c) == top).unwrap_or(0)
}

/// row = exp((row − top) · factor); returns its sum.
unsafe fn weigh(row: *mut f32, cols: usize, top: f32, factor: f32) -> f32 {
    let (mut sums, exp) = (zero(), Exp::new());
    each4(0, cols, |c, count| {
        let centred = sub(load_up_to(row.add(c), count), splat(top));
        let e = exp.of(mul(centred, splat(factor)));
        store_up_to(row.add(c), e, count);
        sums = add(sums, load_up_to(row.add(c), count));
    });
    sum(sums)
}

/// Σ of the weights from `least` on.
unsafe fn sum_from(row: *const f32, cols: usize, least: f32) -> f32 {
    let mut sums = zero();
    each4(0, cols, |c, count| {
        let e = load_up_to(row.add(c), count);
        sums = add(sums, v128_and(e, f32x4_ge(e, splat(least))));
    });
    sum(sums)
}

/// Number of weights from `least` on, in f32: exact below 2²⁴.
unsafe fn count_from(row: *const f32, cols: usize, least: f32) -> f32 {
    let mut sums = zero();
    each4(0, cols, |c, count| {
        // A lane past the row's end is below every threshold.
        let e = if count == 4 {
            load(row.add(c))
        } else {
            let mut lanes = [-1.0f32; 4];
            for (i, lane) in lanes.iter_mut().enumerate().take(count) {
                *lane = *row.add(c + i);
            }
            load(lanes.as_ptr())
        };
        sums = add(sums, v128_and(splat(1.0), f32x4_ge(e, splat(least))));
    });
    sum(sums)
}

/// The largest threshold at which `measure` is still at least `wanted`; at 0 it is.
unsafe fn bisect(measure: impl Fn(f32) -> f32, wanted: f32) -> f32 {
    let (mut low, mut high) = (0u32, ONE + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if measure(f32::from_bits(middle)) >= wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    f32::from_bits(low)
}

/// The least weight that the filters keep.
unsafe fn threshold(
    row: *const f32,
    cols: usize,
    (top_k, top_p, min_p): (f32, f32, f32),
    total: f32,
) -> f32 {
    let mut least = 0.0f32;
    let mut kept = total;
    if top_k > 0.0 && top_k < cols as f32 {
        least = bisect(|at| count_from(row, cols, at), top_k);
        kept = sum_from(row, cols, least);
    }
    if top_p < 1.0 {
        let smallest = least;
        let nucleus = bisect(|at| sum_from(row, cols, at.max(smallest)), top_p * kept);
        least = least.max(nucleus.min(1.0));
    }
    // The largest weight is 1 and stays.
    least.max(min_p.min(1.0))
}

/// The first id at which the running sum of the kept weights passes u of their sum.
unsafe fn draw(row: *const f32, cols: usize, least: f32, u: f32) -> usize {
    let mut total = 0.0f64;
    for c in 0..cols {
        if *row.add(c) >= least {
            total += *row.add(c) as f64;
        }
    }
    let wanted = u as f64 * total;
    let mut running = 0.0f64;
    let mut chosen = 0;
    for c in 0..cols {
        let e = *row.add(c);
        if e >= least && e > 0.0 {
            running += e as f64;
            chosen = c;
            if running > wanted {
                break;
            }
        }
    }
    chosen
}
