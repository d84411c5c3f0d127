//! AdamW (Loshchilov & Hutter 2019, alg. 2, as in PyTorch) with clipping of the global norm, in
//! one pass over a flat buffer; the gradient is left at zero.

use crate::math::square_root;
use crate::simd8::*;
use crate::{Command, Context};

pub unsafe fn adamw(context: &Context, command: &Command) {
    let (p, g): (*mut f32, *mut f32) = (command.tensor(0), command.tensor(1));
    let (m, v): (*mut f32, *mut f32) = (command.tensor(2), command.tensor(3));
    let (hyper, sumsq): (*const f32, *const f32) = (command.tensor(4), command.tensor(5));
    let lr = *hyper * command.float(1);
    let (beta1, beta2) = (*hyper.add(1), *hyper.add(2));
    let (eps, decay) = (splat(*hyper.add(3)), splat(1.0 - lr * *hyper.add(4)));
    let limit = *hyper.add(7);
    let mut clip = 1.0;
    if limit > 0.0 {
        let ratio = limit / (square_root(*sumsq) + 1e-6);
        // A NaN norm must reach the parameters' caller through the ring, not vanish here.
        if ratio < 1.0 || ratio.is_nan() {
            clip = ratio;
        }
    }
    let step = splat(lr / *hyper.add(5));
    let root = splat(1.0 / square_root(*hyper.add(6)));
    let (clip, beta1, beta2) = (splat(clip), splat(beta1), splat(beta2));
    let (rest1, rest2) = (sub(splat(1.0), beta1), sub(splat(1.0), beta2));
    let (from, to) = context.part(command.size(0), 16);
    each8(from, to, |i, count| {
        let gradient = mul(clip, load_up_to(g.add(i), count));
        let first = madd(beta1, load_up_to(m.add(i), count), mul(rest1, gradient));
        let square = mul(gradient, gradient);
        let second = madd(beta2, load_up_to(v.add(i), count), mul(rest2, square));
        let scale = madd(sqrt(second), root, eps);
        let kept = mul(decay, load_up_to(p.add(i), count));
        store_up_to(p.add(i), sub(kept, mul(step, div(first, scale))), count);
        store_up_to(m.add(i), first, count);
        store_up_to(v.add(i), second, count);
        store_up_to(g.add(i), zero(), count);
    });
}
