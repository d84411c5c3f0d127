//! The clipped policy-gradient loss of sampled tokens, and the weight that makes cross-entropy's
//! backward pass its gradient.

use crate::math::Exp;
use crate::{Command, Context};

/// Values for each token in `sampled` and `terms`.
const SAMPLED: usize = 3;
const TERMS: usize = 5;

pub unsafe fn grpo_loss(context: &Context, command: &Command) {
    let (nll, ref_nll): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let (entropy, sampled): (*const f32, *const f32) = (command.tensor(2), command.tensor(3));
    let (start, end): (*const u32, *const u32) = (command.tensor(4), command.tensor(5));
    let (weight, terms): (*mut f32, *mut f32) = (command.tensor(6), command.tensor(7));
    let (tokens, by_sequence) = (command.size(0), command.flag(1));
    let (low, high, beta) = (command.float(2), command.float(3), command.float(4));
    let log_ratio = |n: usize| -*nll.add(n) - *sampled.add(n * SAMPLED);
    let share = |n: usize| *sampled.add(n * SAMPLED + 2);

    let (from, to) = context.part(tokens, 4);
    // The sequence whose mean is at hand ends here.
    let (mut mean, mut mean_until) = (0.0, 0);
    for n in from..to {
        let out = terms.add(n * TERMS);
        if share(n) == 0.0 {
            *weight.add(n) = 0.0;
            for i in 0..TERMS {
                *out.add(i) = 0.0;
            }
            continue;
        }
        if by_sequence && n >= mean_until {
            mean_until = *end.add(n) as usize;
            let (mut total, mut counted) = (0.0, 0.0);
            for t in *start.add(n) as usize..mean_until {
                if share(t) != 0.0 {
                    total += log_ratio(t);
                    counted += 1.0;
                }
            }
            mean = total / counted;
        }
        let ratio = exp_of(if by_sequence { mean } else { log_ratio(n) });
        let advantage = *sampled.add(n * SAMPLED + 1);
        let clipped = (advantage > 0.0 && ratio > high) || (advantage < 0.0 && ratio < low);
        let bounded = if !clipped {
            ratio
        } else if advantage > 0.0 {
            high
        } else {
            low
        };
        let behind = *nll.add(n) - *ref_nll.add(n);
        let pull = exp_of(behind);
        let kl = pull - behind - 1.0;
        let slope = if clipped { 0.0 } else { advantage * ratio };
        *weight.add(n) = share(n) * (slope - beta * (1.0 - pull));
        *out = share(n) * (beta * kl - bounded * advantage);
        *out.add(1) = (ratio - 1.0).abs();
        *out.add(2) = if clipped { 1.0 } else { 0.0 };
        *out.add(3) = kl;
        *out.add(4) = *entropy.add(n);
    }
}

#[inline(always)]
fn exp_of(x: f32) -> f32 {
    Exp::new().scalar(x)
}
