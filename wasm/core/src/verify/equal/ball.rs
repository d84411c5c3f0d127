//! Complex numbers with an error bound: a value is within `err` of (re, im).

use super::dd::{Dd, UNIT};
use num_rational::BigRational;

/// Relative distance at which values still count as the same, for what error bounds leave out.
const SLACK: f64 = 1e-24;

/// A complex double-double and the radius its true value lies in.
#[derive(Clone, Copy, Debug)]
pub struct Ball {
    pub re: Dd,
    pub im: Dd,
    pub err: f64,
}

impl Ball {
    /// A real number known to its last digit.
    pub fn real(re: Dd) -> Self {
        Ball {
            re,
            im: Dd::ZERO,
            err: UNIT * re.hi.abs(),
        }
    }

    pub fn from_f64(x: f64) -> Self {
        Ball {
            re: Dd::new(x),
            im: Dd::ZERO,
            err: 0.0,
        }
    }

    pub fn rational(q: &BigRational) -> Option<Self> {
        Dd::from_rational(q).map(Self::real)
    }

    pub fn i() -> Self {
        Ball {
            re: Dd::ZERO,
            im: Dd::ONE,
            err: 0.0,
        }
    }

    pub fn magnitude(&self) -> f64 {
        self.re.hi.hypot(self.im.hi)
    }

    /// Finite, with an error far below its size (or below one).
    pub fn usable(&self) -> bool {
        let size = self.magnitude();
        size.is_finite() && self.err.is_finite() && self.err <= 1e-9 * size.max(1e-6)
    }

    /// Whether the imaginary part is zero within the error.
    pub fn is_real(&self) -> bool {
        self.im.hi.abs() <= 2.0 * self.err + 1e-25 * self.magnitude()
    }

    /// Whether the value is zero within the error.
    pub fn is_zero(&self) -> bool {
        self.magnitude() <= 2.0 * self.err
    }

    fn rounded(re: Dd, im: Dd, err: f64) -> Self {
        let size = re.hi.hypot(im.hi);
        Ball {
            re,
            im,
            err: err + 4.0 * UNIT * size,
        }
    }

    pub fn add(self, b: Self) -> Self {
        Self::rounded(self.re + b.re, self.im + b.im, self.err + b.err)
    }

    pub fn neg(self) -> Self {
        Ball {
            re: -self.re,
            im: -self.im,
            err: self.err,
        }
    }

    pub fn sub(self, b: Self) -> Self {
        self.add(b.neg())
    }

    pub fn mul(self, b: Self) -> Self {
        let err = self.err * b.magnitude() + b.err * self.magnitude() + self.err * b.err;
        if self.im == Dd::ZERO && b.im == Dd::ZERO {
            return Self::rounded(self.re * b.re, Dd::ZERO, err);
        }
        let size = self.magnitude() * b.magnitude();
        Self::rounded(
            self.re * b.re - self.im * b.im,
            self.re * b.im + self.im * b.re,
            err + 4.0 * UNIT * size,
        )
    }

    /// `None` when the divisor may be zero.
    pub fn div(self, b: Self) -> Option<Self> {
        let size = b.magnitude();
        if size <= 2.0 * b.err || size == 0.0 || !size.is_finite() {
            return None;
        }
        let n = b.re * b.re + b.im * b.im;
        if n.hi == 0.0 || !n.hi.is_finite() {
            return None;
        }
        let inverse = Ball {
            re: b.re / n,
            im: -(b.im / n),
            err: b.err / (size * (size - b.err)) + 4.0 * UNIT / size,
        };
        Some(self.mul(inverse))
    }

    pub fn exp(self) -> Option<Self> {
        if !(self.re.hi.abs() < 690.0) || self.im.hi.abs() > 1e12 || self.err > 1e-3 {
            return None;
        }
        let m = self.re.exp();
        if self.im == Dd::ZERO {
            return Some(Self::rounded(
                m,
                Dd::ZERO,
                m.hi * (self.err * 1.1 + 64.0 * UNIT),
            ));
        }
        let (s, c) = self.im.sin_cos();
        let err = m.hi * (self.err * 1.1 + UNIT * (64.0 + self.im.hi.abs()));
        Some(Self::rounded(m * c, m * s, err))
    }

    /// The principal logarithm.
    pub fn ln(self) -> Option<Self> {
        let size = self.magnitude();
        if size <= 2.0 * self.err || size == 0.0 || !size.is_finite() {
            return None;
        }
        let n = self.re * self.re + self.im * self.im;
        if n.hi == 0.0 || !n.hi.is_finite() {
            return None;
        }
        let re = n.ln() * Dd::new(0.5);
        // On the negative axis the tiny imaginary part must not pick the side.
        let im = if self.im.hi.abs() <= 2.0 * self.err {
            if self.re.hi < 0.0 {
                Dd::PI
            } else {
                Dd::ZERO
            }
        } else {
            Dd::atan2(self.im, self.re)
        };
        Some(Self::rounded(
            re,
            im,
            self.err / (size - self.err) + 64.0 * UNIT,
        ))
    }

    pub fn sqrt(self) -> Option<Self> {
        if self.magnitude() == 0.0 {
            return Some(Ball {
                err: self.err.sqrt(),
                ..self
            });
        }
        if self.is_real() {
            let root = self.re.abs().sqrt();
            if root.hi == 0.0 {
                return None;
            }
            let err = self.err / root.hi + 8.0 * UNIT * root.hi;
            return Some(if self.re.is_negative() {
                Ball {
                    re: Dd::ZERO,
                    im: root,
                    err,
                }
            } else {
                Ball {
                    re: root,
                    im: Dd::ZERO,
                    err,
                }
            });
        }
        self.ln()?.mul(Ball::from_f64(0.5)).exp()
    }

    /// Principal power; whole exponents by squaring.
    pub fn pow(self, e: Self) -> Option<Self> {
        if e.im == Dd::ZERO
            && e.err <= UNIT * e.re.hi.abs() * 4.0
            && e.re.lo == 0.0
            && e.re.hi.fract() == 0.0
            && e.re.hi.abs() <= 1e6
        {
            return self.powi(e.re.hi as i64);
        }
        if self.magnitude() == 0.0 {
            return (e.re.hi > 0.0 && self.err == 0.0).then_some(Ball::from_f64(0.0));
        }
        if e.im == Dd::ZERO && e.re.hi == 0.5 && e.re.lo == 0.0 {
            return self.sqrt();
        }
        self.ln()?.mul(e).exp()
    }

    pub fn powi(self, n: i64) -> Option<Self> {
        let mut base = if n < 0 {
            Ball::from_f64(1.0).div(self)?
        } else {
            self
        };
        let mut k = n.unsigned_abs();
        let mut out = Ball::from_f64(1.0);
        while k > 0 {
            if k & 1 == 1 {
                out = out.mul(base);
            }
            k >>= 1;
            if k > 0 {
                base = base.mul(base);
            }
        }
        (out.magnitude().is_finite() && out.err.is_finite()).then_some(out)
    }

    /// Sine and cosine.
    pub fn sin_cos(self) -> Option<(Self, Self)> {
        if self.im == Dd::ZERO {
            if !(self.re.hi.abs() < 1e12) {
                return None;
            }
            let (s, c) = self.re.sin_cos();
            let err = self.err + UNIT * (64.0 + self.re.hi.abs());
            return Some((
                Ball {
                    re: s,
                    im: Dd::ZERO,
                    err,
                },
                Ball {
                    re: c,
                    im: Dd::ZERO,
                    err,
                },
            ));
        }
        let iz = self.mul(Ball::i());
        let (p, q) = (iz.exp()?, iz.neg().exp()?);
        let half = Ball::from_f64(0.5);
        let sin = p.sub(q).mul(half).mul(Ball::i().neg());
        Some((sin, p.add(q).mul(half)))
    }

    /// Whether two values agree within their errors and [`SLACK`].
    pub fn agrees(&self, b: &Self) -> bool {
        let gap = (self.re - b.re).hi.hypot((self.im - b.im).hi);
        let size = self.magnitude().max(b.magnitude());
        gap <= self.err + b.err + SLACK * size
    }

    /// The relative error within which [`Ball::agrees`] holds; absolute for values near zero.
    pub fn tolerance(&self, b: &Self) -> f64 {
        let size = self.magnitude().max(b.magnitude());
        let radius = self.err + b.err;
        SLACK + if size > radius { radius / size } else { radius }
    }

    /// Whether the errors are small enough for [`Ball::agrees`] to mean something.
    pub fn sharp(&self, b: &Self) -> bool {
        let size = self.magnitude().max(b.magnitude());
        self.err + b.err <= 1e-10 * size.max(1e-12)
    }
}
