//! Rough values of constants: they choose between candidates that are then proved.

use super::field::{Field, Form, Kind};
use super::polynomial::{Polynomial, UNIT};
use crate::verify::tree::{Constant, Func};
use num_traits::ToPrimitive;

impl Field<'_> {
    /// A value near a form without symbols.
    pub fn approximate(&self, form: &Form) -> Option<Complex> {
        let (a, b) = (self.near(&form.num)?, self.near(&form.den)?);
        (b.size() > 1e-12).then(|| a.div(b))
    }

    fn near(&self, p: &Polynomial) -> Option<Complex> {
        let mut sum = Complex(0.0, 0.0);
        let mut largest: f64 = 0.0;
        for (m, c) in &p.0 {
            let mut term = Complex(c.to_f64(), 0.0);
            for (atom, e) in &m.0 {
                let base = match &self.kinds[*atom as usize] {
                    Kind::Imaginary => Complex(0.0, 1.0),
                    Kind::Constant(Constant::Pi) => Complex(std::f64::consts::PI, 0.0),
                    Kind::Constant(Constant::E) => Complex(std::f64::consts::E, 0.0),
                    Kind::Number(n) => Complex(n.to_f64()?, 0.0),
                    Kind::Root(n, p) => self.near(p)?.powf(1.0 / *n as f64),
                    Kind::Function(Func::Ln, x) => {
                        let x = self.approximate(x.first()?)?;
                        (x.1 == 0.0 && x.0 > 0.0).then(|| Complex(x.0.ln(), 0.0))?
                    }
                    _ => return None,
                };
                term = term.mul(base.powf(*e as f64 / UNIT as f64));
            }
            largest = largest.max(term.size());
            sum = sum.add(term);
        }
        // Cancelled digits say nothing.
        (sum.size() > 1e-9 * largest || p.is_zero()).then_some(sum)
    }

    /// The sign of a real value; `None` where it is not clear.
    pub fn sign(&self, form: &Form) -> Option<i32> {
        if form.num.is_zero() {
            return Some(0);
        }
        let z = self.approximate(form)?;
        (z.1.abs() <= 1e-12 * z.size()).then_some(if z.0 < 0.0 { -1 } else { 1 })
    }
}

/// A complex number in doubles.
#[derive(Clone, Copy, Debug)]
pub struct Complex(pub f64, pub f64);

impl Complex {
    pub fn size(self) -> f64 {
        self.0.hypot(self.1)
    }

    fn add(self, b: Self) -> Self {
        Complex(self.0 + b.0, self.1 + b.1)
    }

    fn mul(self, b: Self) -> Self {
        Complex(self.0 * b.0 - self.1 * b.1, self.0 * b.1 + self.1 * b.0)
    }

    fn div(self, b: Self) -> Self {
        let n = b.0 * b.0 + b.1 * b.1;
        Complex(
            (self.0 * b.0 + self.1 * b.1) / n,
            (self.1 * b.0 - self.0 * b.1) / n,
        )
    }

    fn powf(self, e: f64) -> Self {
        if self.1 == 0.0 && self.0 > 0.0 {
            return Complex(self.0.powf(e), 0.0);
        }
        let (r, t) = (self.size().powf(e), self.1.atan2(self.0) * e);
        Complex(r * t.cos(), r * t.sin())
    }
}
