//! Embedding: rows of a table, and their gradients summed by token in ascending order.

use crate::simd8::*;
use crate::{Command, Context};

/// An id outside the table gives a row of NaN: visible, and no other memory is touched.
pub unsafe fn forward(context: &Context, command: &Command) {
    let (ids, table): (*const u32, *const f32) = (command.tensor(0), command.tensor(1));
    let y: *mut f32 = command.tensor(2);
    let (rows, cols, vocab) = (command.size(0), command.size(1), command.size(2));
    let bf16 = command.is_bf16(1);
    let (from, to) = context.part(rows, 4);
    for n in from..to {
        let id = *ids.add(n) as usize;
        let out = y.add(n * cols);
        if id >= vocab {
            each8(0, cols, |c, count| {
                store_up_to(out.add(c), splat(f32::NAN), count)
            });
        } else if bf16 {
            let row = (table as *const u16).add(id * cols);
            for c in 0..cols {
                *out.add(c) = f32::from_bits((*row.add(c) as u32) << 16);
            }
        } else {
            let row = table.add(id * cols);
            each8(0, cols, |c, count| {
                store_up_to(out.add(c), load_up_to(row.add(c), count), count)
            });
        }
    }
}

/// Threads take columns, so that each sum is over tokens in ascending order.
pub unsafe fn backward(context: &Context, command: &Command) {
    let (ids, d_y): (*const u32, *const f32) = (command.tensor(0), command.tensor(1));
    let d_table: *mut f32 = command.tensor(2);
    let (rows, cols, vocab) = (command.size(0), command.size(1), command.size(2));
    let (from, to) = context.part(cols, 16);
    for n in 0..rows {
        let id = *ids.add(n) as usize;
        if id >= vocab {
            continue;
        }
        let (out, row) = (d_table.add(id * cols), d_y.add(n * cols));
        each8(from, to, |c, count| {
            let sum = add(load_up_to(out.add(c), count), load_up_to(row.add(c), count));
            store_up_to(out.add(c), sum, count);
        });
    }
}
