//! Roots: what can be taken out of them, and nested ones that can be written without nesting.

use super::field::{Field, Form, Kind};
use super::polynomial::{Monomial, Polynomial, UNIT};
use crate::verify::equal::fraction::Fraction;
use crate::verify::tree::{Constant, Func};

impl Field<'_> {
    /// The n-th root of a form: the real one of a negative number for odd n if `real`, else the
    /// principal one.
    pub fn root(&mut self, form: &Form, n: u32, real: bool) -> Option<Form> {
        if n == 1 {
            return Some(form.clone());
        }
        if !(2..=10).contains(&n) || UNIT % n as i32 != 0 {
            return None;
        }
        let form = self.canonical(form)?;
        if form.num.is_zero() {
            return Some(form);
        }
        if !form.den.is_one() {
            // Only a positive number may leave the root.
            if self.sign(&Form::polynomial(form.den.clone()))? <= 0 {
                return None;
            }
            let top = self.root(&Form::polynomial(form.num), n, real)?;
            let below = self.root(&Form::polynomial(form.den), n, real)?;
            return self.div(&top, &below);
        }
        let content = form.num.content();
        let outside = self.number_power(&content, UNIT / n as i32)?;
        let rest = form.num.scaled(&content.inverse()?);
        let inside = self.primitive_root(rest, n, real)?;
        self.mul(&outside, &inside)
    }

    /// The root of a polynomial with whole coefficients that share no factor.
    fn primitive_root(&mut self, p: Polynomial, n: u32, real: bool) -> Option<Form> {
        if let Some(c) = p.as_constant() {
            return match (c.is_negative(), n) {
                (false, _) => Some(Form::int(1)),
                (true, 2) => self.variable(Kind::Imaginary),
                (true, n) if n % 2 == 1 && real => Some(Form::int(-1)),
                _ => None,
            };
        }
        if let Some((m, c)) = p.single() {
            let (m, negative) = (m.clone(), c.is_negative());
            return self.monomial_root(&m, negative, n, real);
        }
        if real && n % 2 == 1 && self.sign(&Form::polynomial(p.clone())) == Some(-1) {
            let positive = self.primitive_root(p.neg(), n, real)?;
            return Some(positive.neg());
        }
        if let Some(found) = self.denested(&p, n) {
            return Some(found);
        }
        self.variable(Kind::Root(n, p))
    }

    /// Positive factors leave the root; one other atom to a power of at most one does as well.
    fn monomial_root(&mut self, m: &Monomial, negative: bool, n: u32, real: bool) -> Option<Form> {
        let (mut outside, mut inside) = (Monomial::default(), Monomial::default());
        for (atom, e) in &m.0 {
            let positive = match &self.kinds[*atom as usize] {
                Kind::Number(_) | Kind::Constant(Constant::Pi | Constant::E) => true,
                Kind::Function(Func::Ln, x) => self.sign(&x[0].clone()) == Some(1),
                _ => false,
            };
            if positive && e % n as i32 == 0 {
                outside = outside.times(&Monomial::power(*atom, e / n as i32))?;
            } else {
                inside = inside.times(&Monomial::power(*atom, *e))?;
            }
        }
        let sign = Fraction::int(if negative { -1 } else { 1 });
        let root = match inside.0.as_slice() {
            [] => self.primitive_root(Polynomial::constant(sign), n, real)?,
            [(atom, e)]
                if !negative
                    && (1..=UNIT).contains(e)
                    && e % n as i32 == 0
                    && matches!(self.kinds[*atom as usize], Kind::Symbol(..)) =>
            {
                let m = Monomial::power(*atom, e / n as i32);
                Form::polynomial(Polynomial::term(m, Fraction::ONE))
            }
            _ => {
                let p = Polynomial::term(inside, sign);
                match self.denested(&p, n) {
                    Some(found) => found,
                    None => self.variable(Kind::Root(n, p))?,
                }
            }
        };
        let outside = Form::polynomial(Polynomial::term(outside, Fraction::ONE));
        self.mul(&outside, &root)
    }

    /// The root of a + b√k (k may be negative) as a sum of plain roots, found by guessing and
    /// proved by taking its power.
    fn denested(&mut self, p: &Polynomial, n: u32) -> Option<Form> {
        if p.0.len() > 2 {
            return None;
        }
        let mut a = Fraction::ZERO;
        let mut surd: Option<(Monomial, Fraction)> = None;
        for (m, c) in &p.0 {
            if m.is_one() {
                a = c.clone();
            } else if surd.is_none() {
                surd = Some((m.clone(), c.clone()));
            } else {
                return None;
            }
        }
        let (m, b) = surd?;
        let surd = Form::polynomial(Polynomial::term(m, Fraction::ONE));
        let k = self.mul(&surd, &surd)?.as_constant()?;
        let norm = a.mul(&a).sub(&b.mul(&b).mul(&k));
        let target = Form::polynomial(p.clone());
        let mut candidates = vec![];
        if n == 2 {
            // √u ± √v with u + v = a and 4uv = b²k.
            if let Some(d) = norm.root(2) {
                let half = Fraction::new(1, 2);
                let (u, v) = (a.add(&d).mul(&half), a.sub(&d).mul(&half));
                let u = self.root(&Form::constant(u), 2, false)?;
                let v = self.root(&Form::constant(v), 2, false)?;
                candidates.push(self.add(&u, &v)?);
                candidates.push(self.sub(&u, &v)?);
            }
        }
        if !k.is_negative() && candidates.is_empty() {
            // s + t√k with halves of whole numbers, from the roots of p and of its conjugate.
            let root = k.to_f64().sqrt();
            let real_root = |x: f64| x.abs().powf(1.0 / n as f64) * x.signum();
            let (x, y) = (
                real_root(a.to_f64() + b.to_f64() * root),
                real_root(a.to_f64() - b.to_f64() * root),
            );
            for y in [y, -y] {
                let (s, t) = ((x + y).round(), ((x - y) / root).round());
                if s.abs().max(t.abs()) > 1e9 {
                    continue;
                }
                let s = Form::constant(Fraction::new(s as i64, 2));
                let t = surd.scaled(&Fraction::new(t as i64, 2));
                candidates.push(self.add(&s, &t)?);
            }
        }
        for candidate in candidates {
            if self.powi(&candidate, n as i64)? != target {
                continue;
            }
            // The principal one of the n roots.
            let z = self.approximate(&candidate)?;
            let angle = z.1.atan2(z.0).abs();
            if angle < std::f64::consts::PI / n as f64 - 1e-9 {
                return Some(candidate);
            }
            let opposite = std::f64::consts::PI - angle;
            if n % 2 == 0 && opposite < std::f64::consts::PI / n as f64 - 1e-9 {
                return Some(candidate.neg());
            }
            // √ of a negative real: on the upper half of the imaginary axis.
            if n == 2 && angle > 1.5 && angle < 1.6 {
                return Some(if z.1 > 0.0 {
                    candidate
                } else {
                    candidate.neg()
                });
            }
        }
        None
    }
}
