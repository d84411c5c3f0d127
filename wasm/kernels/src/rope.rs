//! Rotary position embedding, in place; the halves of a head are rotated (Su et al. 2021).

use crate::simd8::*;
use crate::{Command, Context};

pub unsafe fn rope(context: &Context, command: &Command) {
    let x: *mut f32 = command.tensor(0);
    let (start, table): (*const u32, *const f32) = (command.tensor(1), command.tensor(2));
    let (tokens, heads) = (command.size(0), command.size(1));
    let (dim, direction) = (command.size(2), splat(command.float(3)));
    let half = dim / 2;
    let (from, to) = context.part(tokens, 4);
    for n in from..to {
        let cosines = table.add((n - *start.add(n) as usize) * dim);
        let sines = cosines.add(half);
        for head in 0..heads {
            let low = x.add((n * heads + head) * dim);
            let high = low.add(half);
            each8(0, half, |i, count| {
                let cos = load_up_to(cosines.add(i), count);
                let sin = mul(direction, load_up_to(sines.add(i), count));
                let (a, b) = (
                    load_up_to(low.add(i), count),
                    load_up_to(high.add(i), count),
                );
                store_up_to(low.add(i), nmadd(b, sin, mul(a, cos)), count);
                store_up_to(high.add(i), madd(a, sin, mul(b, cos)), count);
            });
        }
    }
}
