//! A router's choice: the k largest of softmax(logits), its gradient, and the order in which rows
//! lie when each expert's are next to each other.

use crate::math::Exp;
use crate::{Command, Context};

unsafe fn exp_of(x: f32) -> f32 {
    Exp::new().scalar(x)
}

/// The largest logit after `last` in descending order, equal ones by ascending index. Where none
/// compares (NaN), the `turn`-th expert: the scale is NaN then, and no other memory is touched.
unsafe fn next_largest(row: *const f32, cols: usize, last: Option<usize>, turn: usize) -> usize {
    let mut best = usize::MAX;
    for e in 0..cols {
        let value = *row.add(e);
        let free = match last {
            None => true,
            Some(l) => value < *row.add(l) || (value == *row.add(l) && e > l),
        };
        if free && (best == usize::MAX || value > *row.add(best)) {
            best = e;
        }
    }
    if best == usize::MAX {
        turn
    } else {
        best
    }
}

/// Σ exp(row − top)
unsafe fn total(row: *const f32, cols: usize, top: f32) -> f32 {
    let mut sum = 0.0;
    for e in 0..cols {
        sum += exp_of(*row.add(e) - top);
    }
    sum
}

pub unsafe fn forward(context: &Context, command: &Command) {
    let logits: *const f32 = command.tensor(0);
    let (experts, scale): (*mut u32, *mut f32) = (command.tensor(1), command.tensor(2));
    let (rows, cols) = (command.size(0), command.size(1));
    let (k, normalize) = (command.size(2), command.flag(3));
    let (from, to) = context.part(rows, 16);
    for n in from..to {
        let row = logits.add(n * cols);
        let (chosen, weights) = (experts.add(n * k), scale.add(n * k));
        let mut last = None;
        let (mut top, mut sum) = (0.0, 0.0);
        for j in 0..k {
            let e = next_largest(row, cols, last, j);
            last = Some(e);
            if j == 0 {
                top = *row.add(e);
            }
            let weight = exp_of(*row.add(e) - top);
            sum += weight;
            *chosen.add(j) = e as u32;
            *weights.add(j) = weight;
        }
        if !normalize {
            sum = total(row, cols, top);
        }
        for j in 0..k {
            *weights.add(j) /= sum;
        }
    }
}

pub unsafe fn backward(context: &Context, command: &Command) {
    let (logits, experts): (*const f32, *const u32) = (command.tensor(0), command.tensor(1));
    let (scale, d_scale): (*const f32, *const f32) = (command.tensor(2), command.tensor(3));
    let d_logits: *mut f32 = command.tensor(4);
    let (rows, cols) = (command.size(0), command.size(1));
    let (k, normalize) = (command.size(2), command.flag(3));
    let (from, to) = context.part(rows, 16);
    for n in from..to {
        let (row, out) = (logits.add(n * cols), d_logits.add(n * cols));
        let chosen = experts.add(n * k);
        let (weights, gradients) = (scale.add(n * k), d_scale.add(n * k));
        let mut mean = 0.0;
        for j in 0..k {
            mean += *weights.add(j) * *gradients.add(j);
        }
        // The first choice has the largest logit.
        let top = *row.add(*chosen as usize);
        let sum = if normalize {
            1.0
        } else {
            total(row, cols, top)
        };
        for e in 0..cols {
            *out.add(e) = if normalize {
                0.0
            } else {
                -mean * exp_of(*row.add(e) - top) / sum
            };
        }
        for j in 0..k {
            let at = out.add(*chosen.add(j) as usize);
            let own = *weights.add(j) * *gradients.add(j);
            *at += if normalize {
                own - *weights.add(j) * mean
            } else {
                own
            };
        }
    }
}

/// A counting sort: stable, so that an expert's rows lie in the order of their tokens.
pub unsafe fn group_rows(context: &Context, command: &Command) {
    if context.thread != 0 {
        return;
    }
    let (experts, order): (*const u32, *mut u32) = (command.tensor(0), command.tensor(1));
    let (place, offsets): (*mut u32, *mut u32) = (command.tensor(2), command.tensor(3));
    let (slots, groups) = (command.size(0), command.size(1));
    for g in 0..=groups {
        *offsets.add(g) = 0;
    }
    for slot in 0..slots {
        *offsets.add(*experts.add(slot) as usize + 1) += 1;
    }
    for g in 0..groups {
        *offsets.add(g + 1) += *offsets.add(g);
    }
    // Each group's start moves to its end, which is the next one's start, and then back.
    for slot in 0..slots {
        let start = offsets.add(*experts.add(slot) as usize);
        *order.add(*start as usize) = slot as u32;
        *place.add(slot) = *start;
        *start += 1;
    }
    for g in (0..groups).rev() {
        *offsets.add(g + 1) = *offsets.add(g);
    }
    *offsets = 0;
}
