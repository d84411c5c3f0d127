//! Products with up to three columns: dot products along k.

use crate::gemm::Product;
use crate::simd::*;
use crate::Context;

/// Up to this many columns are handled here.
pub const THIN: usize = 3;

/// Four rows at a time; the columns fit the scratch memory.
pub unsafe fn thin(context: &Context, product: &Product) {
    let (m, n, k) = (product.m, product.n, product.k);
    let (from, to) = context.part(m, 16);
    if from == to {
        return;
    }
    let mut columns = product.b.data;
    if !product.b.by_column || product.b.bf16 {
        for j in 0..n {
            for d in 0..k {
                let index = if product.b.by_column {
                    j * k + d
                } else {
                    d * product.b.stride + j
                };
                *context.scratch.add(j * k + d) = if product.b.bf16 {
                    f32::from_bits((*(product.b.data as *const u16).add(index) as u32) << 16)
                } else {
                    *product.b.data.add(index)
                };
            }
        }
        columns = context.scratch;
    }
    match n {
        1 => dots::<1>(product, columns, from, to),
        2 => dots::<2>(product, columns, from, to),
        _ => dots::<3>(product, columns, from, to),
    }
}

#[inline(never)]
unsafe fn dots<const N: usize>(product: &Product, columns: *const f32, from: usize, to: usize) {
    let mut i = from;
    while i + 4 <= to {
        dots_of::<4, N>(product, columns, i);
        i += 4;
    }
    while i < to {
        dots_of::<1, N>(product, columns, i);
        i += 1;
    }
}

#[inline(always)]
unsafe fn dots_of<const M: usize, const N: usize>(
    product: &Product,
    columns: *const f32,
    i: usize,
) {
    let k = product.k;
    let a = product.a.add(i * k);
    let mut acc = [[zero(); N]; M];
    let mut d = 0;
    while d + 4 <= k {
        let mut weights = [zero(); N];
        for (j, weight) in weights.iter_mut().enumerate() {
            *weight = load(columns.add(j * k + d));
        }
        for (r, sums) in acc.iter_mut().enumerate() {
            let x = load(a.add(r * k + d));
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = madd(x, weight, *sum);
            }
        }
        d += 4;
    }
    for (r, sums) in acc.iter().enumerate() {
        for (j, lanes) in sums.iter().enumerate() {
            let mut total = sum(*lanes);
            for rest in d..k {
                total += *a.add(r * k + rest) * *columns.add(j * k + rest);
            }
            let at = product.c.add((i + r) * N + j);
            let value = product.alpha * total;
            *at = if product.accumulate {
                *at + value
            } else {
                value
            };
        }
    }
}
