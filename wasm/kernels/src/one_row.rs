//! A product of one row: each value of the matrix is used once, so it goes from memory through a transposition in
//! registers into the sums, and nothing is packed.

use crate::cut::Visits;
use crate::few::Factors;
use crate::gemm::Product;
use crate::pack::load_four;
use crate::simd::*;

/// Outputs `j..j + 8`; k and k2 are multiples of four.
pub unsafe fn columns(p: &Product, visits: Visits, j: usize) {
    let alpha = splat(p.alpha);
    for index in 0..visits.count() {
        let mut sums = [zero(); 2];
        for f in Factors::of(p, visits.at(index)) {
            sums = if f.b.bf16 {
                chains::<true>(sums, &f, j)
            } else {
                chains::<false>(sums, &f, j)
            };
        }
        for (half, sum) in sums.into_iter().enumerate() {
            let at = p.c.add(j + 4 * half);
            let mut value = mul(alpha, sum);
            if p.accumulate || index > 0 {
                value = add(load(at), value);
            }
            store(at, value);
        }
    }
}

/// sums + a b
#[inline(always)]
unsafe fn chains<const BF16: bool>(mut sums: [v128; 2], f: &Factors, j: usize) -> [v128; 2] {
    let mut d = 0;
    while d < f.depth {
        let a = load(f.a.add(f.k + d));
        let values = [
            shuffle::<0, 0, 0, 0>(a, a),
            shuffle::<1, 1, 1, 1>(a, a),
            shuffle::<2, 2, 2, 2>(a, a),
            shuffle::<3, 3, 3, 3>(a, a),
        ];
        for (half, sum) in sums.iter_mut().enumerate() {
            let at = (j + 4 * half) * f.b.stride + f.k + d;
            let lines = transpose([
                load_four::<BF16>(f.b.data, at),
                load_four::<BF16>(f.b.data, at + f.b.stride),
                load_four::<BF16>(f.b.data, at + 2 * f.b.stride),
                load_four::<BF16>(f.b.data, at + 3 * f.b.stride),
            ]);
            for (value, line) in values.into_iter().zip(lines) {
                *sum = madd(value, line, *sum);
            }
        }
        d += 4;
    }
    sums
}
