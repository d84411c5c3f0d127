//! Matrices in 4 bits: KERNELS.dequantize_nf4 says how they are stored. Products expand what they pack
//! just before they pack it, so that no matrix lies in memory in full.

use crate::pack::{self, Columns};
use crate::simd::*;
use crate::{Command, Context};
use core::arch::wasm32::{
    i8x16_relaxed_swizzle, i8x16_shuffle, u8x16_shr, u8x16_splat, v128_and, v128_load,
};

/// Values that share a scale, and blocks whose scales share one.
const BLOCK: usize = 64;
const GROUP: usize = 256;
/// Levels of a value; those of a scale follow them.
const LEVELS: usize = 16;
/// Rows that are expanded before they are packed.
const ROWS: usize = 8;

/// A matrix, or the first of a stack.
#[derive(Clone, Copy)]
pub struct Nf4 {
    codes: *const u8,
    scales: *const u8,
    ranges: *const f32,
    levels: *const f32,
    /// The levels' first bytes, their second ones, and so on.
    planes: [v128; 4],
}

impl Nf4 {
    pub unsafe fn new(
        codes: *const u8,
        scales: *const u8,
        ranges: *const f32,
        levels: *const f32,
    ) -> Nf4 {
        let mut bytes = [[0u8; LEVELS]; 4];
        for level in 0..LEVELS {
            for (byte, plane) in bytes.iter_mut().enumerate() {
                plane[level] = ((*levels.add(level)).to_bits() >> (8 * byte)) as u8;
            }
        }
        Nf4 {
            codes,
            scales,
            ranges,
            levels,
            planes: bytes.map(|plane| v128_load(plane.as_ptr() as *const v128)),
        }
    }

    /// The g-th matrix of a stack of matrices of `elements` values.
    pub unsafe fn matrix(&self, g: usize, elements: usize) -> Nf4 {
        let blocks = elements.div_ceil(BLOCK);
        Nf4 {
            codes: self.codes.add(g * elements.div_ceil(8) * 4),
            scales: self.scales.add(g * blocks.div_ceil(4) * 4),
            ranges: self.ranges.add(g * (1 + blocks.div_ceil(GROUP))),
            ..*self
        }
    }

    /// The values of elements `from..from + count`, in row-major order.
    pub unsafe fn expand(&self, from: usize, count: usize, out: *mut f32) {
        let mut done = 0;
        while done < count {
            let element = from + done;
            let part = (BLOCK - element % BLOCK).min(count - done);
            self.expand_block(element, part, out.add(done));
            done += part;
        }
    }

    /// Elements of one block.
    #[inline(always)]
    unsafe fn expand_block(&self, from: usize, count: usize, out: *mut f32) {
        let block = from / BLOCK;
        let code = *self.scales.add(block) as usize;
        let range = *self.ranges.add(1 + block / GROUP);
        let scale = *self.levels.add(LEVELS + code) * range + *self.ranges;
        let mut i = 0;
        if from % 2 == 0 {
            let factor = splat(scale);
            while i + 32 <= count {
                self.expand_32(self.codes.add((from + i) / 2), factor, out.add(i));
                i += 32;
            }
        }
        while i < count {
            let element = from + i;
            let level = *self.codes.add(element / 2) >> (4 * (element % 2)) & 15;
            *out.add(i) = *self.levels.add(level as usize) * scale;
            i += 1;
        }
    }

    /// 16 bytes of codes, the lower half of each first.
    #[inline(always)]
    unsafe fn expand_32(&self, codes: *const u8, factor: v128, out: *mut f32) {
        let pairs = v128_load(codes as *const v128);
        let (low, high) = (v128_and(pairs, u8x16_splat(15)), u8x16_shr(pairs, 4));
        let codes = [low_bytes(low, high), high_bytes(low, high)];
        for (half, codes) in codes.into_iter().enumerate() {
            // A table of 16 floats is four tables of 16 bytes, whose results are put together again.
            let [a, b, c, d] = self.planes.map(|plane| i8x16_relaxed_swizzle(plane, codes));
            let (ab, cd) = (
                [low_bytes(a, b), high_bytes(a, b)],
                [low_bytes(c, d), high_bytes(c, d)],
            );
            for v in 0..2 {
                let at = out.add(16 * half + 8 * v);
                store(at, mul(low_pairs(ab[v], cd[v]), factor));
                store(at.add(4), mul(high_pairs(ab[v], cd[v]), factor));
            }
        }
    }

    /// [`pack::strip`] of this matrix, whose shape `from` tells; `spare` takes what is expanded at a time.
    pub unsafe fn strip(
        &self,
        from: Columns,
        (k, depth): (usize, usize),
        (j, count): (usize, usize),
        (to, next): (*mut f32, usize),
        spare: *mut f32,
    ) {
        let expanded = |stride: usize| Columns {
            data: spare,
            stride,
            ..from
        };
        if from.by_column {
            let mut done = 0;
            while done < count {
                let columns = (count - done).min(ROWS);
                for c in 0..columns {
                    let first = (j + done + c) * from.stride + k;
                    self.expand(first, depth, spare.add(c * depth));
                }
                let out = to.add(done / ROWS * next);
                pack::panel(expanded(depth), (0, depth), (0, columns), out);
                done += columns;
            }
            return;
        }
        let mut done = 0;
        while done < depth {
            let rows = (depth - done).min(ROWS);
            for d in 0..rows {
                let first = (k + done + d) * from.stride + j;
                self.expand(first, count, spare.add(d * count));
            }
            pack::rows_of_strip(expanded(count), (0, rows), (0, count), (to, next), done);
            done += rows;
        }
    }
}

#[inline(always)]
fn low_bytes(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b)
}
#[inline(always)]
fn high_bytes(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b)
}
#[inline(always)]
fn low_pairs(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23>(a, b)
}
#[inline(always)]
fn high_pairs(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31>(a, b)
}

/// Threads take blocks.
pub unsafe fn dequantize(context: &Context, command: &Command) {
    let first = Nf4::new(
        command.tensor(0),
        command.tensor(1),
        command.tensor(2),
        command.tensor(3),
    );
    let y: *mut f32 = command.tensor(4);
    let (elements, matrices) = (command.size(0), command.size(1));
    let blocks = elements.div_ceil(BLOCK);
    let (from, to) = context.part(matrices * blocks, 4);
    for task in from..to {
        let (g, element) = (task / blocks, task % blocks * BLOCK);
        let out = y.add(g * elements + element);
        let count = BLOCK.min(elements - element);
        first.matrix(g, elements).expand(element, count, out);
    }
}
