//! Matrices in 4 bits to f32, before the product that reads them.

use crate::{Command, Context};

/// Values that share a scale, and blocks whose scales share one.
const BLOCK: usize = 64;
const GROUP: usize = 256;
/// Levels of a value; those of a scale follow them.
const LEVELS: usize = 16;

/// Threads take blocks.
pub unsafe fn dequantize(context: &Context, command: &Command) {
    let (codes, scales): (*const u32, *const u8) = (command.tensor(0), command.tensor(1));
    let (ranges, levels): (*const f32, *const f32) = (command.tensor(2), command.tensor(3));
    let y: *mut f32 = command.tensor(4);
    let (elements, matrices) = (command.size(0), command.size(1));
    let blocks = elements.div_ceil(BLOCK);
    let (from, to) = context.part(matrices * blocks, 4);
    for task in from..to {
        let (matrix, block) = (task / blocks, task % blocks);
        let code = *scales.add(matrix * blocks.div_ceil(4) * 4 + block) as usize;
        let range = ranges.add(matrix * (1 + blocks.div_ceil(GROUP)));
        let scale = *levels.add(LEVELS + code) * *range.add(1 + block / GROUP) + *range;
        let mut values = [0f32; LEVELS];
        for (level, value) in values.iter_mut().enumerate() {
            *value = *levels.add(level) * scale;
        }
        let words = codes.add(matrix * elements.div_ceil(8) + block * (BLOCK / 8));
        let first = block * BLOCK;
        let out = y.add(matrix * elements + first);
        for i in 0..BLOCK.min(elements - first) {
            let word = *words.add(i / 8);
            *out.add(i) = values[(word >> (4 * (i % 8)) & 15) as usize];
        }
    }
}
