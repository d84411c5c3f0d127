//! Of several adapters side by side, each row keeps its own, scaled.

use crate::{Command, Context};

pub unsafe fn select_columns(context: &Context, command: &Command) {
    let (x, choice): (*mut f32, *const u32) = (command.tensor(0), command.tensor(1));
    let (owner, scale): (*const u32, *const f32) = (command.tensor(2), command.tensor(3));
    let (rows, cols) = (command.size(0), command.size(1));
    let (from, to) = context.part(rows, 4);
    for n in from..to {
        let row = x.add(n * cols);
        let own = *choice.add(n);
        for c in 0..cols {
            let value = row.add(c);
            *value = if *owner.add(c) == own {
                *value * *scale.add(c)
            } else {
                0.0
            };
        }
    }
}
