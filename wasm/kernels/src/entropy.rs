//! Entropy of the distribution that each row of logits stands for, in nats.

use crate::cross_entropy::largest_of;
use crate::math::{ln, Exp};
use crate::simd8::*;
use crate::{Command, Context};

/// The largest of a row; with z shifted by it, Σ eᶻ and Σ eᶻ·z.
#[inline(always)]
pub unsafe fn moments(row: *const f32, cols: usize, exp: &Exp) -> (f32, f32, f32) {
    let top = largest_of(row, cols);
    let shift = splat(top);
    let (mut totals, mut moments) = (zero(), zero());
    let whole = cols / 8 * 8;
    for c in (0..whole).step_by(8) {
        let z = sub(load(row.add(c)), shift);
        let e = each(z, |z| exp.of(z));
        totals = add(totals, e);
        moments = madd(e, z, moments);
    }
    let (mut total, mut moment) = (sum(totals), sum(moments));
    for i in whole..cols {
        let z = *row.add(i) - top;
        let e = exp.scalar(z);
        total += e;
        moment += e * z;
    }
    (top, total, moment)
}

/// log Σ eᶻ − Σ p·z, with z shifted by its largest.
pub unsafe fn entropy(context: &Context, command: &Command) {
    let logits: *const f32 = command.tensor(0);
    let out: *mut f32 = command.tensor(1);
    let (rows, cols) = (command.size(0), command.size(1));
    let (from, to) = context.part(rows, 4);
    let exp = Exp::new();
    for m in from..to {
        let (_, total, moment) = moments(logits.add(m * cols), cols, &exp);
        *out.add(m) = (ln(total) - (moment / total) as f64) as f32;
    }
}
