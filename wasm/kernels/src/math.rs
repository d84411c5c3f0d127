//! exp, logistic and log, without a C library.

use crate::simd::*;
use core::arch::wasm32::{
    f32x4_convert_i32x4, f32x4_ge, f32x4_relaxed_min, i32x4_add, i32x4_shl, i32x4_shr, i32x4_splat,
    i32x4_sub, v128_and,
};

/// eˣ to about 1 ulp: x = n·ln 2 + r with |r| ≤ ln 2 / 2, a polynomial in r (Cephes expf), and n
/// added to the exponent. 0 below −87.33, which −∞ falls under; largest argument 88.37. NaN stays NaN.
#[inline(always)]
pub fn exp(x: v128) -> v128 {
    let finite = f32x4_relaxed_min(x, splat(88.37));
    // Adding 1.5·2²³ rounds to an integer and leaves it in the low mantissa bits.
    let magic = splat(12_582_912.0);
    let shifted = madd(finite, splat(core::f32::consts::LOG2_E), magic);
    let n = sub(shifted, magic);
    let r = nmadd(n, splat(0.693_359_375), finite);
    let r = nmadd(n, splat(-2.121_944_4e-4), r);
    let mut p = splat(1.987_569_15e-4);
    p = madd(p, r, splat(1.398_199_95e-3));
    p = madd(p, r, splat(8.333_452e-3));
    p = madd(p, r, splat(4.166_579_6e-2));
    p = madd(p, r, splat(1.666_666_5e-1));
    p = madd(p, r, splat(5.000_000_1e-1));
    let y = madd(mul(r, r), p, add(r, splat(1.0)));
    let y = i32x4_add(y, i32x4_shl(shifted, 23));
    // Written so that a NaN argument is not masked to 0.
    v128_and_not_below(y, x)
}

#[inline(always)]
fn v128_and_not_below(y: v128, x: v128) -> v128 {
    use core::arch::wasm32::{f32x4_ne, v128_or};
    v128_or(
        v128_and(y, f32x4_ge(x, splat(-87.33))),
        v128_and(x, f32x4_ne(x, x)),
    )
}

/// 1 / (1 + e⁻ˣ)
#[inline(always)]
pub fn logistic(x: v128) -> v128 {
    div(splat(1.0), add(splat(1.0), exp(sub(zero(), x))))
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
