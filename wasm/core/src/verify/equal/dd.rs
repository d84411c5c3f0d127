//! Double-double arithmetic: an unevaluated sum of two `f64`, about 31 decimal digits
//! (Dekker 1971; Hida, Li & Bailey 2001).

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `hi + lo`, with |lo| ≤ ulp(hi)/2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dd {
    pub hi: f64,
    pub lo: f64,
}

/// Relative error of one operation, with room to spare.
pub const UNIT: f64 = 1e-30;

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let t = s - a;
    (s, (a - (s - t)) + (b - t))
}

fn quick_two_sum(a: f64, b: f64) -> Dd {
    let s = a + b;
    Dd {
        hi: s,
        lo: b - (s - a),
    }
}

fn split(a: f64) -> (f64, f64) {
    // Too large to split without overflow; such a product is imprecise and its error says so.
    let t = 134_217_729.0 * a;
    let hi = t - (t - a);
    (hi, a - hi)
}

fn two_prod(a: f64, b: f64) -> (f64, f64) {
    let p = a * b;
    let (ah, al) = split(a);
    let (bh, bl) = split(b);
    (p, ((ah * bh - p) + ah * bl + al * bh) + al * bl)
}

impl Dd {
    pub const ZERO: Dd = Dd { hi: 0.0, lo: 0.0 };
    pub const ONE: Dd = Dd { hi: 1.0, lo: 0.0 };
    pub const PI: Dd = Dd {
        hi: std::f64::consts::PI,
        lo: 1.224_646_799_147_353_2e-16,
    };
    pub const LN2: Dd = Dd {
        hi: std::f64::consts::LN_2,
        lo: 2.319_046_813_846_299_6e-17,
    };
    pub const E: Dd = Dd {
        hi: std::f64::consts::E,
        lo: 1.445_646_891_729_250_2e-16,
    };

    /// A double as it is.
    pub fn new(x: f64) -> Self {
        Dd { hi: x, lo: 0.0 }
    }

    /// The nearest pair to an exact fraction; `None` outside the range of `f64`.
    pub fn from_rational(q: &BigRational) -> Option<Self> {
        if q.is_zero() {
            return Some(Self::ZERO);
        }
        let (n, d) = (q.numer(), q.denom());
        if let (Some(a), Some(b)) = (small(n), small(d)) {
            return Some(Dd::new(a) / Dd::new(b));
        }
        // Scale the quotient to 120 bits, then round twice.
        let shift = 120i64 - (n.bits() as i64 - d.bits() as i64);
        let scaled: BigInt = if shift >= 0 {
            (n.abs() << shift as u64) / d
        } else {
            n.abs() / (d << (-shift) as u64)
        };
        let hi = scaled.to_f64()?;
        let lo = (&scaled - BigInt::from(hi as u128)).to_f64()?;
        let scale = |x: f64| -> f64 {
            let half = (-shift / 2) as i32;
            x * 2f64.powi(half) * 2f64.powi((-shift) as i32 - half)
        };
        let out = quick_two_sum(scale(hi), scale(lo));
        if !out.hi.is_finite() || out.hi == 0.0 {
            return None;
        }
        Some(if q.is_negative() { -out } else { out })
    }

    pub fn is_negative(self) -> bool {
        self.hi < 0.0
    }

    pub fn abs(self) -> Self {
        if self.hi < 0.0 {
            -self
        } else {
            self
        }
    }

    pub fn scale2(self, n: i32) -> Self {
        // Two steps: 2ⁿ itself may overflow where the product does not.
        let (a, b) = (2f64.powi(n / 2), 2f64.powi(n - n / 2));
        Dd {
            hi: self.hi * a * b,
            lo: self.lo * a * b,
        }
    }

    pub fn sqrt(self) -> Self {
        if self.hi <= 0.0 {
            return Self::ZERO;
        }
        let x = Dd::new(1.0 / self.hi.sqrt());
        let r = self * x;
        let r = r + (self - r * r) * x * Dd::new(0.5);
        let y = Dd::new(r.hi);
        (y + self / y) * Dd::new(0.5)
    }

    pub fn exp(self) -> Self {
        if self.hi < -700.0 || self.hi > 700.0 {
            return Dd::new(if self.hi > 0.0 { f64::INFINITY } else { 0.0 });
        }
        let k = (self.hi / std::f64::consts::LN_2).round();
        // 2⁻⁹ brings the series to eight terms or so.
        let r = (self - Dd::LN2 * Dd::new(k)).scale2(-9);
        let mut term = r;
        let mut sum = r;
        for n in 2..14 {
            term = term * r / Dd::new(n as f64);
            sum = sum + term;
        }
        for _ in 0..9 {
            sum = sum.scale2(1) + sum * sum;
        }
        (sum + Dd::ONE).scale2(k as i32)
    }

    /// Natural logarithm of a positive number: two Newton steps on exp.
    pub fn ln(self) -> Self {
        if self.hi <= 0.0 {
            return Dd::new(f64::NAN);
        }
        let mut y = Dd::new(self.hi.ln());
        for _ in 0..2 {
            y = y + self * (-y).exp() - Dd::ONE;
        }
        y
    }

    /// Sine and cosine; the caller adds the error of reducing large arguments.
    pub fn sin_cos(self) -> (Self, Self) {
        let half_pi = Dd::PI.scale2(-1);
        let k = (self.hi / half_pi.hi).round();
        let r = (self - half_pi * Dd::new(k)).scale2(-3);
        let r2 = r * r;
        let (mut s, mut term) = (r, r);
        let (mut c, mut cterm) = (Dd::ZERO, Dd::ONE);
        for n in 1..13 {
            let m = (2 * n) as f64;
            cterm = -(cterm * r2) / Dd::new(m * (m - 1.0));
            c = c + cterm;
            term = -(term * r2) / Dd::new(m * (m + 1.0));
            s = s + term;
        }
        // c holds cos − 1, so that doubling loses nothing near zero.
        for _ in 0..3 {
            let s2 = (s * (c + Dd::ONE)).scale2(1);
            c = -(s * s).scale2(1);
            s = s2;
        }
        let c = c + Dd::ONE;
        match (k as i64).rem_euclid(4) {
            0 => (s, c),
            1 => (c, -s),
            2 => (-s, -c),
            _ => (-c, s),
        }
    }

    /// The angle of (x, y), in (−π, π].
    pub fn atan2(y: Self, x: Self) -> Self {
        if x.hi == 0.0 && y.hi == 0.0 {
            return Self::ZERO;
        }
        let r = (x * x + y * y).sqrt();
        let (x, y) = (x / r, y / r);
        let mut z = Dd::new(y.hi.atan2(x.hi));
        for _ in 0..2 {
            let (s, c) = z.sin_cos();
            // Newton on the better conditioned of the two.
            z = z + (y * c - x * s);
        }
        z
    }

    pub fn floor(self) -> Self {
        let hi = self.hi.floor();
        if hi == self.hi {
            return quick_two_sum(hi, self.lo.floor());
        }
        Dd::new(hi)
    }
}

fn small(n: &BigInt) -> Option<f64> {
    (n.bits() <= 53).then(|| n.to_f64()).flatten()
}

impl Add for Dd {
    type Output = Dd;
    fn add(self, b: Dd) -> Dd {
        let (s, e) = two_sum(self.hi, b.hi);
        let (t, f) = two_sum(self.lo, b.lo);
        let v = quick_two_sum(s, e + t);
        quick_two_sum(v.hi, f + v.lo)
    }
}

impl Neg for Dd {
    type Output = Dd;
    fn neg(self) -> Dd {
        Dd {
            hi: -self.hi,
            lo: -self.lo,
        }
    }
}

impl Sub for Dd {
    type Output = Dd;
    fn sub(self, b: Dd) -> Dd {
        self + -b
    }
}

impl Mul for Dd {
    type Output = Dd;
    fn mul(self, b: Dd) -> Dd {
        let (p, e) = two_prod(self.hi, b.hi);
        quick_two_sum(p, e + (self.hi * b.lo + self.lo * b.hi))
    }
}

impl Div for Dd {
    type Output = Dd;
    fn div(self, b: Dd) -> Dd {
        let q1 = self.hi / b.hi;
        let r = self - b * Dd::new(q1);
        let q2 = r.hi / b.hi;
        let r = r - b * Dd::new(q2);
        let q3 = r.hi / b.hi;
        let q = quick_two_sum(q1, q2);
        q + Dd::new(q3)
    }
}
