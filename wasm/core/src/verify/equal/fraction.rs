//! Exact fractions: two machine words while they fit, big integers beyond.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// A reduced fraction with a positive denominator; `Small` whenever both parts fit.
#[derive(Clone, Debug)]
pub enum Fraction {
    Small(i64, i64),
    Big(Box<BigRational>),
}

use Fraction::{Big, Small};

/// Part by part: `BigRational` itself compares by a chain of divisions.
impl PartialEq for Fraction {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Small(a, b), Small(c, d)) => a == c && b == d,
            (Big(a), Big(b)) => a.numer() == b.numer() && a.denom() == b.denom(),
            _ => false,
        }
    }
}

impl Fraction {
    pub const ZERO: Fraction = Small(0, 1);
    pub const ONE: Fraction = Small(1, 1);

    /// A whole number.
    pub fn int(n: i64) -> Self {
        Small(n, 1)
    }

    /// n/d, with d ≠ 0.
    pub fn new(n: i64, d: i64) -> Self {
        reduced(n as i128, d as i128)
    }

    /// The same value, as small as it gets.
    pub fn from_big(q: BigRational) -> Self {
        match (q.numer().to_i64(), q.denom().to_i64()) {
            (Some(n), Some(d)) if n != i64::MIN => Small(n, d),
            _ => Big(Box::new(q)),
        }
    }

    /// The same value in big integers.
    pub fn to_big(&self) -> BigRational {
        match self {
            Small(n, d) => BigRational::new_raw((*n).into(), (*d).into()),
            Big(q) => (**q).clone(),
        }
    }

    pub fn numerator(&self) -> BigInt {
        match self {
            Small(n, _) => (*n).into(),
            Big(q) => q.numer().clone(),
        }
    }

    pub fn denominator(&self) -> BigInt {
        match self {
            Small(_, d) => (*d).into(),
            Big(q) => q.denom().clone(),
        }
    }

    /// The value if it is whole and fits.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Small(n, 1) => Some(*n),
            _ => None,
        }
    }

    pub fn is_zero(&self) -> bool {
        matches!(self, Small(0, _))
    }

    pub fn is_one(&self) -> bool {
        matches!(self, Small(1, 1))
    }

    pub fn is_negative(&self) -> bool {
        match self {
            Small(n, _) => *n < 0,
            Big(q) => q.is_negative(),
        }
    }

    /// The nearest double; infinite out of range.
    pub fn to_f64(&self) -> f64 {
        match self {
            Small(n, d) => *n as f64 / *d as f64,
            Big(q) => q.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// Bits of the longer part.
    pub fn bits(&self) -> u64 {
        match self {
            Small(a, b) => 64 - a.unsigned_abs().max(*b as u64).leading_zeros() as u64,
            Big(q) => q.numer().bits().max(q.denom().bits()),
        }
    }

    pub fn neg(&self) -> Self {
        match self {
            Small(n, d) => Small(-n, *d),
            Big(q) => Self::from_big(-(**q).clone()),
        }
    }

    pub fn abs(&self) -> Self {
        if self.is_negative() {
            self.neg()
        } else {
            self.clone()
        }
    }

    pub fn add(&self, other: &Self) -> Self {
        if let (Small(a, b), Small(c, d)) = (self, other) {
            // Each part is below 2⁶³, so only the sum can overflow.
            let (a, b, c, d) = (*a as i128, *b as i128, *c as i128, *d as i128);
            if b == 1 && d == 1 {
                return reduced(a + c, 1);
            }
            if let Some(top) = (a * d).checked_add(c * b) {
                return reduced(top, b * d);
            }
        }
        let (b, d) = (self.denominator(), other.denominator());
        if b.is_one() && d.is_one() {
            return Self::whole_number(self.numerator() + other.numerator());
        }
        Self::quotient(self.numerator() * &d + other.numerator() * &b, b * d)
    }

    pub fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    pub fn mul(&self, other: &Self) -> Self {
        if let (Small(a, b), Small(c, d)) = (self, other) {
            return reduced(*a as i128 * *c as i128, *b as i128 * *d as i128);
        }
        let (a, b) = (self.numerator(), self.denominator());
        let (c, d) = (other.numerator(), other.denominator());
        // Crosswise, so that the products have no common factor.
        let (g, h) = (common(&a, &d), common(&c, &b));
        let (top, below) = ((a / &g) * (c / &h), (b / h) * (d / g));
        Self::from_big(BigRational::new_raw(top, below))
    }

    /// An integer.
    pub fn whole_number(n: BigInt) -> Self {
        Self::from_big(BigRational::new_raw(n, BigInt::one()))
    }

    /// n/d, with d ≠ 0.
    pub fn quotient(n: BigInt, d: BigInt) -> Self {
        let g = common(&n, &d);
        let g = if d.is_negative() { -g } else { g };
        Self::from_big(BigRational::new_raw(n / &g, d / g))
    }

    /// 1/self; `None` for zero.
    pub fn inverse(&self) -> Option<Self> {
        match self {
            Small(0, _) => None,
            Small(n, d) if *n < 0 => Some(Small(-d, -n)),
            Small(n, d) => Some(Small(*d, *n)),
            Big(q) => {
                let (n, d) = (q.numer().clone(), q.denom().clone());
                let (n, d) = if n.is_negative() { (-n, -d) } else { (n, d) };
                Some(Self::from_big(BigRational::new_raw(d, n)))
            }
        }
    }

    pub fn div(&self, other: &Self) -> Option<Self> {
        Some(self.mul(&other.inverse()?))
    }

    /// selfⁿ; `None` for 0ⁿ with n < 0 or where the result is over `limit` bits.
    pub fn powi(&self, n: i64, limit: u64) -> Option<Self> {
        if self.is_one() || n == 0 {
            return Some(Self::ONE);
        }
        if self.is_zero() {
            return (n > 0).then_some(Self::ZERO);
        }
        if *self == Small(-1, 1) {
            return Some(Small(if n % 2 == 0 { 1 } else { -1 }, 1));
        }
        if self.bits().checked_mul(n.unsigned_abs())? > limit {
            return None;
        }
        let base = if n < 0 { self.inverse()? } else { self.clone() };
        let n = u32::try_from(n.unsigned_abs()).ok()?;
        let (top, below) = (base.numerator().pow(n), base.denominator().pow(n));
        Some(Self::from_big(BigRational::new_raw(top, below)))
    }

    /// The largest fraction that both are whole multiples of.
    pub fn gcd(&self, other: &Self) -> Self {
        if let (Small(a, 1), Small(b, 1)) = (self, other) {
            let g = gcd64(a.unsigned_abs(), b.unsigned_abs());
            return reduced(g as i128, 1);
        }
        let top = common(
            &(self.numerator() * other.denominator()),
            &(other.numerator() * self.denominator()),
        );
        if top.is_zero() {
            return Self::ZERO;
        }
        Self::quotient(top, self.denominator() * other.denominator())
    }

    /// The n-th root where it is rational; of negative numbers for odd n.
    pub fn root(&self, n: u32) -> Option<Self> {
        if self.bits() > 4096 || self.is_negative() && n % 2 == 0 {
            return None;
        }
        let exact = |x: BigInt| {
            let r = x.nth_root(n);
            (num_traits::pow(r.clone(), n as usize) == x).then_some(r)
        };
        let (top, below) = (exact(self.numerator())?, exact(self.denominator())?);
        Some(Self::from_big(BigRational::new_raw(top, below)))
    }

    /// The largest whole number that is not above.
    pub fn floor(&self) -> Option<i64> {
        match self {
            Small(n, d) => Some(n.div_euclid(*d)),
            Big(q) => q.floor().to_integer().to_i64(),
        }
    }
}

fn reduced(n: i128, d: i128) -> Fraction {
    let (n, d) = if d < 0 { (-n, -d) } else { (n, d) };
    let (n, d) = if d == 1 {
        (n, d)
    } else {
        match (i64::try_from(n), i64::try_from(d)) {
            (Ok(a), Ok(b)) => {
                let g = gcd64(a.unsigned_abs(), b as u64) as i64;
                return Small(a / g, b / g);
            }
            _ => {
                let g = n.gcd(&d);
                (n / g, d / g)
            }
        }
    };
    match (i64::try_from(n), i64::try_from(d)) {
        (Ok(a), Ok(b)) if a != i64::MIN => Small(a, b),
        _ => Big(Box::new(BigRational::new_raw(n.into(), d.into()))),
    }
}

/// The greatest common divisor; a short number first takes the remainder of a long one.
fn common(a: &BigInt, b: &BigInt) -> BigInt {
    let short = |x: &BigInt| x.magnitude().to_u64();
    match (short(a), short(b)) {
        (Some(1), _) | (_, Some(1)) => BigInt::one(),
        (Some(0), _) => b.abs(),
        (_, Some(0)) => a.abs(),
        (Some(s), Some(t)) => gcd64(s, t).into(),
        (Some(s), _) => gcd64((b % s).magnitude().to_u64().unwrap_or(0), s).into(),
        (_, Some(t)) => gcd64((a % t).magnitude().to_u64().unwrap_or(0), t).into(),
        _ => a.gcd(b),
    }
}

/// The product of the whole numbers from `lo` to `hi`, by halves.
pub fn product(lo: u64, hi: u64) -> BigInt {
    if lo > hi {
        return BigInt::one();
    }
    if hi - lo < 8 {
        return (lo..=hi).fold(BigInt::one(), |a, k| a * k);
    }
    let mid = lo + (hi - lo) / 2;
    product(lo, mid) * product(mid + 1, hi)
}

fn gcd64(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The prime factors of n ≥ 1 below `limit`, with their powers, and the factor that is left.
pub fn factor(n: &BigInt, limit: u64) -> (Vec<(u64, u32)>, BigInt) {
    let (mut out, mut rest) = (vec![], n.clone());
    let mut p = 2u64;
    while p < limit {
        if let Some(small) = rest.to_u64() {
            let mut small = small;
            while p < limit && p.saturating_mul(p) <= small {
                let mut k = 0;
                while small % p == 0 {
                    small /= p;
                    k += 1;
                }
                if k > 0 {
                    out.push((p, k));
                }
                p += if p == 2 { 1 } else { 2 };
            }
            // What is left is prime where every divisor up to its root was tried.
            if small > 1 && p.saturating_mul(p) > small {
                match out.iter_mut().find(|(q, _)| *q == small) {
                    Some((_, k)) => *k += 1,
                    None => out.push((small, 1)),
                }
                small = 1;
            }
            return (out, small.into());
        }
        let mut k = 0;
        while (&rest % p).is_zero() {
            rest /= p;
            k += 1;
        }
        if k > 0 {
            out.push((p, k));
        }
        p += if p == 2 { 1 } else { 2 };
    }
    if rest.is_one() {
        return (out, BigInt::one());
    }
    (out, rest)
}
