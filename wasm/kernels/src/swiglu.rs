//! SwiGLU (Shazeer 2020, eq. 5): y = silu(gate) · up, silu(g) = g · logistic(g).

use crate::math::Exp;
use crate::simd8::*;
use crate::{Command, Context};

pub unsafe fn forward(context: &Context, command: &Command) {
    let (gate, up): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let y: *mut f32 = command.tensor(2);
    let (from, to) = context.part(command.size(0), 16);
    let exp = Exp::new();
    each8(from, to, |i, count| {
        let g = load_up_to(gate.add(i), count);
        let silu = mul(g, each(g, |x| exp.logistic(x)));
        store_up_to(y.add(i), mul(silu, load_up_to(up.add(i), count)), count);
    });
}

/// silu'(g) = s · (1 + g · (1 − s)), s = logistic(g)
pub unsafe fn backward(context: &Context, command: &Command) {
    let (gate, up): (*const f32, *const f32) = (command.tensor(0), command.tensor(1));
    let d_y: *const f32 = command.tensor(2);
    let (d_gate, d_up): (*mut f32, *mut f32) = (command.tensor(3), command.tensor(4));
    let (from, to) = context.part(command.size(0), 16);
    let one = splat(1.0);
    let exp = Exp::new();
    each8(from, to, |i, count| {
        let g = load_up_to(gate.add(i), count);
        let u = load_up_to(up.add(i), count);
        let d = load_up_to(d_y.add(i), count);
        let s = each(g, |x| exp.logistic(x));
        let slope = mul(s, madd(g, sub(one, s), one));
        store_up_to(d_gate.add(i), mul(d, mul(u, slope)), count);
        store_up_to(d_up.add(i), mul(d, mul(g, s)), count);
    });
}
