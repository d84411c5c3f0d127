//! What follows a drawn token: it is written down, and becomes the row's next input unless it ends the row.

use crate::{Command, Context};

/// Stop tokens a row.
const MAX_STOPS: usize = 8;

pub unsafe fn advance(context: &Context, command: &Command) {
    let (drawn, stops): (*const u32, *const u32) = (command.tensor(0), command.tensor(1));
    let (tick, left): (*mut u32, *mut u32) = (command.tensor(2), command.tensor(3));
    let (ids, start): (*mut u32, *mut u32) = (command.tensor(4), command.tensor(5));
    let (last, ring): (*mut u32, *mut u32) = (command.tensor(6), command.tensor(7));
    let (rows, stride) = (command.size(0), command.size(1));
    let (from, to) = context.part(rows, 16);
    for m in from..to {
        if *left.add(m) == 0 {
            continue;
        }
        let token = *drawn.add(m * 2);
        let entry = ring.add((*tick.add(m) as usize * stride + m) * 2);
        *entry = token;
        *entry.add(1) = *drawn.add(m * 2 + 1);
        *tick.add(m) += 1;
        let stopped = (0..MAX_STOPS).any(|s| *stops.add(m * MAX_STOPS + s) == token);
        *left.add(m) = if stopped { 0 } else { *left.add(m) - 1 };
        if *left.add(m) > 0 {
            *ids.add(m) = token;
            *last.add(m) += 1;
            *start.add(m) = (*start.add(m)).wrapping_sub(1);
        }
    }
}
