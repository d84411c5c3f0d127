//! Cross-entropy of rows of logits, and its gradient in their place.

use crate::math::{ln, Exp};
use crate::simd8::*;
use crate::{Command, Context};

/// A target that is not counted.
pub const IGNORED: u32 = u32::MAX;

/// A target outside the row gives NaN: visible, and no other memory is touched.
pub unsafe fn cross_entropy(context: &Context, command: &Command) {
    let logits: *mut f32 = command.tensor(0);
    let (targets, weight): (*const u32, *const f32) = (command.tensor(1), command.tensor(2));
    let nll: *mut f32 = command.tensor(3);
    let (rows, cols, backward) = (command.size(0), command.size(1), command.flag(2));
    let (from, to) = context.part(rows, 4);
    let exp = Exp::new();
    for m in from..to {
        let row = logits.add(m * cols);
        let target = *targets.add(m);
        if target == IGNORED {
            *nll.add(m) = 0.0;
            if backward {
                each8(0, cols, |c, count| store_up_to(row.add(c), zero(), count));
            }
            continue;
        }
        let target = target as usize;
        let top = largest_of(row, cols);
        let at_target = if target < cols {
            *row.add(target)
        } else {
            f32::NAN
        };
        let shift = splat(top);
        let mut sums = zero();
        let whole = cols / 8 * 8;
        each8(0, whole, |c, _| {
            let e = each(sub(load(row.add(c)), shift), |x| exp.of(x));
            sums = add(sums, e);
            if backward {
                store(row.add(c), e);
            }
        });
        let mut total = sum(sums);
        each8(whole, cols, |c, count| {
            let e = each(sub(load_up_to(row.add(c), count), shift), |x| exp.of(x));
            let mut lanes = [0f32; 8];
            store(lanes.as_mut_ptr(), e);
            for lane in lanes.iter().take(count) {
                total += lane;
            }
            if backward {
                store_up_to(row.add(c), e, count);
            }
        });
        *nll.add(m) = (ln(total) + (top as f64 - at_target as f64)) as f32;
        if backward {
            let share = *weight.add(m);
            let factor = splat(share / total);
            each8(0, cols, |c, count| {
                let p = load_up_to(row.add(c), count);
                store_up_to(row.add(c), mul(p, factor), count);
            });
            if target < cols {
                *row.add(target) -= share;
            }
        }
    }
}

pub unsafe fn largest_of(row: *const f32, cols: usize) -> f32 {
    let mut tops = [splat(f32::NEG_INFINITY); 2];
    let whole = cols / 16 * 16;
    for c in (0..whole).step_by(16) {
        tops[0] = max(tops[0], load(row.add(c)));
        tops[1] = max(tops[1], load(row.add(c + 8)));
    }
    let mut result = largest(max(tops[0], tops[1]));
    for i in whole..cols {
        let value = *row.add(i);
        if value > result {
            result = value;
        }
    }
    result
}
