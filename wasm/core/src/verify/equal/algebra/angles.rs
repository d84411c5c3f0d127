//! Sines and cosines: values at parts of π, sums and multiples of angles, and inverses.

use super::field::{Field, Form, Kind};
use super::polynomial::{Monomial, Polynomial, UNIT};
use crate::verify::equal::fraction::Fraction;
use crate::verify::tree::{Constant, Func};

/// Terms of an angle that are taken apart, and the largest multiple.
const MAX_PARTS: usize = 4;
const MAX_MULTIPLE: i64 = 8;

/// cos and sin of one angle.
type Pair = (Form, Form);

impl Field<'_> {
    fn pi(&mut self) -> Option<Form> {
        self.variable(Kind::Constant(Constant::Pi))
    }

    /// cos x and sin x, in those of the terms of x.
    pub fn circle(&mut self, x: &Form) -> Option<Pair> {
        let x = self.canonical(x)?;
        let pi = Monomial::power(self.atom(Kind::Constant(Constant::Pi))?, UNIT);
        let parts = Self::terms(&x).unwrap_or_default();
        if parts.len() > MAX_PARTS || !x.den.is_one() {
            return self.opaque(&x);
        }
        let mut out = (Form::int(1), Form::int(0));
        for (c, rest) in parts {
            let part = if rest.single().is_some_and(|(m, _)| *m == pi) {
                let half = Fraction::new(1, 2);
                (
                    self.cosine_of_turns(&c, 0)?,
                    self.cosine_of_turns(&half.sub(&c), 0)?,
                )
            } else {
                self.multiple(&c, &rest)?
            };
            out = self.turned(&out, &part)?;
        }
        Some(out)
    }

    /// The pair of the sum of two angles.
    fn turned(&mut self, (c, s): &Pair, (d, t): &Pair) -> Option<Pair> {
        let (cd, st) = (self.mul(c, d)?, self.mul(s, t)?);
        let (ct, sd) = (self.mul(c, t)?, self.mul(s, d)?);
        Some((self.sub(&cd, &st)?, self.add(&ct, &sd)?))
    }

    /// The pair of c·rest, in that of rest over c's denominator.
    fn multiple(&mut self, c: &Fraction, rest: &Polynomial) -> Option<Pair> {
        let (n, d) = match *c {
            Fraction::Small(n, d) if n.abs() <= MAX_MULTIPLE => (n, d),
            _ => return self.opaque(&Form::polynomial(rest.scaled(c))),
        };
        let one = self.opaque(&Form::polynomial(rest.scaled(&Fraction::new(1, d))))?;
        let mut out = one.clone();
        for _ in 1..n.abs() {
            out = self.turned(&out, &one)?;
        }
        Some(if n < 0 { (out.0, out.1.neg()) } else { out })
    }

    /// The pair of an angle that is left whole.
    fn opaque(&mut self, x: &Form) -> Option<Pair> {
        if x.num.is_zero() {
            return Some((Form::int(1), Form::int(0)));
        }
        if let Some(pair) = self.of_inverse(x)? {
            return Some(pair);
        }
        let (x, turned) = self.upright(x);
        let cosine = self.variable(Kind::Function(Func::Cos, vec![x.clone()]))?;
        let sine = self.variable(Kind::Sine(x))?;
        Some((cosine, if turned { sine.neg() } else { sine }))
    }

    /// sin(arccos y) and the like.
    fn of_inverse(&mut self, x: &Form) -> Option<Option<Pair>> {
        let found = x
            .num
            .single()
            .filter(|_| x.den.is_one())
            .and_then(|(m, c)| match (m.0.as_slice(), c.is_one()) {
                ([(a, UNIT)], true) => match &self.kinds[*a as usize] {
                    Kind::Function(f @ (Func::Asin | Func::Acos | Func::Atan), y) => {
                        Some((*f, y[0].clone()))
                    }
                    _ => None,
                },
                _ => None,
            });
        let Some((f, y)) = found else {
            return Some(None);
        };
        let (one, square) = (Form::int(1), self.mul(&y, &y)?);
        Some(Some(if f == Func::Atan {
            let below = self.add(&one, &square)?;
            let below = self.root(&below, 2, false)?;
            (self.div(&one, &below)?, self.div(&y, &below)?)
        } else {
            let other = self.sub(&one, &square)?;
            let other = self.root(&other, 2, false)?;
            if f == Func::Asin {
                (other, y)
            } else {
                (y, other)
            }
        }))
    }

    /// cos qπ, from a few values and half angles.
    fn cosine_of_turns(&mut self, q: &Fraction, depth: u32) -> Option<Form> {
        self.budget.spend(4)?;
        let half_turns = Fraction::int(q.div(&Fraction::int(2))?.floor()?);
        let mut q = q.sub(&half_turns.mul(&Fraction::int(2)));
        // cos(2π − x) = cos x, cos(π − x) = −cos x
        if q.to_f64() > 1.0 {
            q = Fraction::int(2).sub(&q);
        }
        if q.to_f64() > 0.5 {
            return Some(self.cosine_of_turns(&Fraction::ONE.sub(&q), depth)?.neg());
        }
        let Fraction::Small(n, d) = q else {
            return None;
        };
        let value = match (n, d) {
            (0, 1) => Form::int(1),
            (1, 2) => Form::int(0),
            (1, 3) => Form::constant(Fraction::new(1, 2)),
            // (√5 ± 1)/4
            (1 | 2, 5) => {
                let root = self.number_power(&Fraction::int(5), UNIT / 2)?;
                let one = Form::int(if n == 1 { 1 } else { -1 });
                self.add(&root, &one)?.scaled(&Fraction::new(1, 4))
            }
            _ if d % 2 == 0 && depth < 4 => {
                let double = self.cosine_of_turns(&Fraction::new(2 * n, d), depth + 1)?;
                let square = self
                    .add(&double, &Form::int(1))?
                    .scaled(&Fraction::new(1, 2));
                self.root(&square, 2, false)?
            }
            _ => {
                let x = self.pi()?.scaled(&q);
                return self.variable(Kind::Function(Func::Cos, vec![x]));
            }
        };
        Some(value)
    }

    /// The angle whose sine, cosine or tangent is x, if it is a simple part of π.
    pub fn angle(&mut self, f: Func, x: &Form) -> Option<Form> {
        let z = self.approximate(x)?;
        if z.1 != 0.0 {
            return None;
        }
        let turns = match f {
            Func::Asin => z.0.asin(),
            Func::Acos => z.0.acos(),
            _ => z.0.atan(),
        } / std::f64::consts::PI;
        if !turns.is_finite() {
            return None;
        }
        for d in [1, 2, 3, 4, 5, 6, 8, 10, 12] {
            let n = (turns * d as f64).round();
            if (turns - n / d as f64).abs() > 1e-9 {
                continue;
            }
            let angle = self.pi()?.scaled(&Fraction::new(n as i64, d));
            let (cosine, sine) = self.circle(&angle)?;
            let value = match f {
                Func::Asin => sine,
                Func::Acos => cosine,
                _ => self.div(&sine, &cosine)?,
            };
            return self.same(&value, x)?.then_some(angle);
        }
        None
    }

    /// e^{iqπ}.
    pub fn cis(&mut self, q: &Fraction) -> Option<Form> {
        let x = self.pi()?.scaled(q);
        let (c, s) = self.circle(&x)?;
        let i = self.variable(Kind::Imaginary)?;
        let imaginary = self.mul(&i, &s)?;
        self.add(&c, &imaginary)
    }
}
