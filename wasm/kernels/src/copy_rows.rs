//! Rows of one matrix to rows of another.

use crate::simd8::*;
use crate::{Command, Context};

/// A row that is not copied.
const IGNORED: u32 = u32::MAX;

/// Threads take rows; no row of y is named twice.
pub unsafe fn copy_rows(context: &Context, command: &Command) {
    let (x, from): (*const f32, *const u32) = (command.tensor(0), command.tensor(1));
    let (to, y): (*const u32, *mut f32) = (command.tensor(2), command.tensor(3));
    let (rows, cols) = (command.size(0), command.size(1));
    let (first, end) = context.part(rows, 4);
    for i in first..end {
        let target = *to.add(i);
        if target == IGNORED {
            continue;
        }
        let source = x.add(*from.add(i) as usize * cols);
        let target = y.add(target as usize * cols);
        each8(0, cols, |c, count| {
            store_up_to(target.add(c), load_up_to(source.add(c), count), count)
        });
    }
}
