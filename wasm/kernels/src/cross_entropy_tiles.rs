//! Cross-entropy of rows whose logits come a tile of columns at a time (Milakov & Gimelshein 2018,
//! "Online normalizer calculation for softmax", alg. 3), and the gradient of a tile in its place.

use crate::cross_entropy::IGNORED;
use crate::entropy::moments;
use crate::math::{ln, Exp};
use crate::simd8::*;
use crate::{Command, Context};

/// What is known of a row after some of its tiles, z shifted by the largest logit.
#[repr(C)]
#[derive(Clone, Copy)]
struct State {
    largest: f32,
    /// Σ eᶻ and Σ eᶻ·z.
    total: f32,
    moment: f32,
    /// The target's logit, NaN until its tile has come.
    at_target: f32,
}

impl State {
    /// Of the columns before and of a tile.
    fn join(self, tile: State, exp: &Exp) -> State {
        let largest = self.largest.max(tile.largest);
        let shifted = |part: State| {
            let shift = part.largest - largest;
            let factor = exp.scalar(shift);
            (
                part.total * factor,
                (part.moment + part.total * shift) * factor,
            )
        };
        let ((total, moment), (more, moved)) = (shifted(self), shifted(tile));
        State {
            largest,
            total: total + more,
            moment: moment + moved,
            at_target: self.at_target,
        }
    }
}

pub unsafe fn fold(context: &Context, command: &Command) {
    let (logits, targets): (*const f32, *const u32) = (command.tensor(0), command.tensor(1));
    let state: *mut State = command.tensor(2);
    let (nll, entropy): (*mut f32, *mut f32) = (command.tensor(3), command.tensor(4));
    let (rows, cols, first) = (command.size(0), command.size(1), command.size(2));
    let accumulate = command.flag(3);
    let (from, to) = context.part(rows, 4);
    let exp = Exp::new();
    for m in from..to {
        let row = logits.add(m * cols);
        let (largest, total, moment) = moments(row, cols, &exp);
        let mut known = State {
            largest,
            total,
            moment,
            at_target: f32::NAN,
        };
        if accumulate {
            known = (*state.add(m)).join(known, &exp);
        }
        let target = *targets.add(m);
        let column = (target as usize).wrapping_sub(first);
        if column < cols {
            known.at_target = *row.add(column);
        }
        *state.add(m) = known;
        let log_total = ln(known.total);
        *nll.add(m) = if target == IGNORED {
            0.0
        } else {
            (log_total + (known.largest as f64 - known.at_target as f64)) as f32
        };
        *entropy.add(m) = (log_total - (known.moment / known.total) as f64) as f32;
    }
}

pub unsafe fn gradient(context: &Context, command: &Command) {
    let logits: *mut f32 = command.tensor(0);
    let (targets, weight): (*const u32, *const f32) = (command.tensor(1), command.tensor(2));
    let state: *const State = command.tensor(3);
    let (rows, cols, first) = (command.size(0), command.size(1), command.size(2));
    let (from, to) = context.part(rows, 4);
    let exp = Exp::new();
    for m in from..to {
        let row = logits.add(m * cols);
        let target = *targets.add(m);
        if target == IGNORED {
            each8(0, cols, |c, count| store_up_to(row.add(c), zero(), count));
            continue;
        }
        let known = *state.add(m);
        let share = *weight.add(m);
        let (shift, factor) = (splat(known.largest), splat(share / known.total));
        each8(0, cols, |c, count| {
            let z = sub(load_up_to(row.add(c), count), shift);
            let p = mul(each(z, |z| exp.of(z)), factor);
            store_up_to(row.add(c), p, count);
        });
        let column = (target as usize).wrapping_sub(first);
        if column < cols {
            *row.add(column) -= share;
        }
    }
}
