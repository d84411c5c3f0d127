//! Entropy of the distribution that each row of logits stands for, in nats.

use crate::cross_entropy::largest_of;
use crate::math::{exp, ln};
use crate::simd::*;
use crate::{Command, Context};

/// log Σ eᶻ − Σ p·z, with z shifted by its largest.
pub unsafe fn entropy(context: &Context, command: &Command) {
    let logits: *const f32 = command.tensor(0);
    let out: *mut f32 = command.tensor(1);
    let (rows, cols) = (command.size(0), command.size(1));
    let (from, to) = context.part(rows, 4);
    for m in from..to {
        let row = logits.add(m * cols);
        let shift = splat(largest_of(row, cols));
        let (mut totals, mut moments) = (zero(), zero());
        let mut c = 0;
        while c + 4 <= cols {
            let z = sub(load(row.add(c)), shift);
            let e = exp(z);
            totals = add(totals, e);
            moments = madd(e, z, moments);
            c += 4;
        }
        let (mut total, mut moment) = (sum(totals), sum(moments));
        for i in c..cols {
            let z = *row.add(i) - f32x4_extract_lane::<0>(shift);
            let e = f32x4_extract_lane::<0>(exp(splat(z)));
            total += e;
            moment += e * z;
        }
        *out.add(m) = (ln(total) - (moment / total) as f64) as f32;
    }
}
