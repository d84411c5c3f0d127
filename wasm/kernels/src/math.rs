//! exp, logistic and log, without a C library.

use crate::simd::*;
use core::arch::wasm32::{
    f32x4_convert_i32x4, f32x4_lt, f32x4_relaxed_min, i32x4_add, i32x4_shl, i32x4_shr, i32x4_splat,
    i32x4_sub, v128_and, v128_andnot,
};

/// The numbers of [`Exp`]: largest and smallest argument, log₂ e, 1.5·2²³, ln 2 in two parts, then the
/// polynomial's.
static EXP: [f32; 13] = [
    88.37,
    -87.33,
    core::f32::consts::LOG2_E,
    12_582_912.0,
    0.693_359_375,
    -2.121_944_4e-4,
    1.987_569_15e-4,
    1.398_199_95e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    1.666_666_5e-1,
    5.000_000_1e-1,
    1.0,
];

/// eˣ with its constants at hand: made once before a loop, they stay in registers or on the stack, where
/// an engine would build literal vectors anew for every argument.
#[derive(Clone, Copy)]
pub struct Exp([v128; 13]);

impl Exp {
    #[inline(always)]
    pub fn new() -> Exp {
        let mut constants = [zero(); 13];
        for (vector, number) in constants.iter_mut().zip(&EXP) {
            // Volatile: a compiler that knew the numbers would make literals of them.
            *vector = splat(unsafe { core::ptr::read_volatile(number) });
        }
        Exp(constants)
    }

    /// eˣ to about 1 ulp: x = n·ln 2 + r with |r| ≤ ln 2 / 2, a polynomial in r (Cephes expf), and n
    /// added to the exponent. 0 below −87.33, which −∞ falls under; largest argument 88.37. NaN stays
    /// NaN.
    #[inline(always)]
    pub fn of(&self, x: v128) -> v128 {
        let [most, least, log2_e, magic, high, low, c5, c4, c3, c2, c1, c0, one] = self.0;
        // In this order NaN is what engines return; a test holds it.
        let finite = f32x4_relaxed_min(most, x);
        // Adding 1.5·2²³ rounds to an integer and leaves it in the low mantissa bits.
        let shifted = madd(finite, log2_e, magic);
        let n = sub(shifted, magic);
        let r = nmadd(n, low, nmadd(n, high, finite));
        let p = madd(
            madd(madd(madd(madd(c5, r, c4), r, c3), r, c2), r, c1),
            r,
            c0,
        );
        let y = madd(mul(r, r), p, add(r, one));
        let y = i32x4_add(y, i32x4_shl(shifted, 23));
        // So that a NaN argument is not masked to 0.
        v128_andnot(y, f32x4_lt(x, least))
    }

    /// 1 / (1 + e⁻ˣ)
    #[inline(always)]
    pub fn logistic(&self, x: v128) -> v128 {
        let one = self.0[12];
        div(one, add(one, self.of(sub(zero(), x))))
    }

    /// eˣ of one number.
    #[inline(always)]
    pub fn scalar(&self, x: f32) -> f32 {
        f32x4_extract_lane::<0>(self.of(splat(x)))
    }
}

/// Natural logarithm of a positive finite number, in f64: 2·artanh((m − 1)/(m + 1)) + e·ln 2.
pub fn ln(x: f32) -> f64 {
    if x.is_nan() || x == f32::INFINITY {
        return x as f64;
    }
    if x <= 0.0 {
        return if x == 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::NAN
        };
    }
    let bits = (x as f64).to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if mantissa > core::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let s2 = s * s;
    let mut series = 1.0 / 17.0;
    for odd in [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = series * s2 + 1.0 / odd;
    }
    2.0 * s * series + exponent as f64 * core::f64::consts::LN_2
}

/// Natural logarithm of positive finite numbers to about 1 ulp: x = m · 2ᵉ with m in [√½, √2), a
/// polynomial in m − 1 (Cephes logf).
#[inline(always)]
pub fn log(x: v128) -> v128 {
    // Taking √½'s bits away first makes the exponent round where the mantissa is √½, not 1.
    let bits = i32x4_sub(x, i32x4_splat(0x3f35_04f3));
    let e = f32x4_convert_i32x4(i32x4_shr(bits, 23));
    let m = i32x4_add(
        v128_and(bits, i32x4_splat(0x007f_ffff)),
        i32x4_splat(0x3f35_04f3),
    );
    let m = sub(m, splat(1.0));
    let mut p = splat(7.037_683_6e-2);
    for c in [
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333_1e-1,
    ] {
        p = madd(p, m, splat(c));
    }
    let square = mul(m, m);
    let y = mul(mul(m, square), p);
    let y = madd(e, splat(-2.121_944_4e-4), y);
    let y = nmadd(splat(0.5), square, y);
    madd(e, splat(0.693_359_375), add(m, y))
}

#[inline(always)]
pub fn square_root(x: f32) -> f32 {
    f32x4_extract_lane::<0>(sqrt(splat(x)))
}
