//! One way to write each fraction of polynomials, as far as short work gets.

use super::field::{Field, Form, Kind};
use super::polynomial::{Atom, Polynomial, UNIT};
use crate::verify::equal::fraction::Fraction;

impl Field<'_> {
    /// The form with roots out of the denominator, common factors cancelled and the denominator's
    /// first coefficient one.
    pub fn canonical(&mut self, form: &Form) -> Option<Form> {
        let mut form = form.clone();
        for _ in 0..6 {
            let Some((conjugate, _)) = form
                .den
                .atoms()
                .max()
                .and_then(|a| self.conjugate(&form.den, a))
            else {
                break;
            };
            let c = Form {
                num: conjugate.clone(),
                den: conjugate,
            };
            let (num, den) = (form.num.clone(), form.den.clone());
            let num = self.product(&num, &c.num)?;
            let den = self.product(&den, &c.den)?;
            form = self.div(&Form::polynomial(num), &Form::polynomial(den))?;
        }
        if form.den.is_one() {
            return Some(form);
        }
        if let Some(whole) = self.quotient(&form.num, &form.den)? {
            return Some(Form::polynomial(whole));
        }
        if let Some(below) = self.quotient(&form.den, &form.num)? {
            return self.div(&Form::int(1), &Form::polynomial(below));
        }
        let first = form.den.leading()?.1.inverse()?;
        Some(Form {
            num: form.num.scaled(&first),
            den: form.den.scaled(&first),
        })
    }

    /// p with the sign of a square root or of i in it turned, and the exponent turned.
    fn conjugate(&self, p: &Polynomial, atom: Atom) -> Option<(Polynomial, i32)> {
        let unit = match &self.kinds[atom as usize] {
            Kind::Imaginary | Kind::Root(2, _) => UNIT,
            Kind::Number(_) => UNIT / 2,
            _ => return None,
        };
        let (without, with) = p.split(atom, unit)?;
        let mut out = without;
        for (m, c) in &with.0 {
            let turned = m.times(&super::polynomial::Monomial::power(atom, unit))?;
            out.insert(turned, &c.neg());
        }
        Some((out, unit))
    }

    /// a/b where it leaves no remainder.
    fn quotient(&mut self, a: &Polynomial, b: &Polynomial) -> Option<Option<Polynomial>> {
        let Some((m, c)) = b.leading().map(|(m, c)| (m.inverse(), c.inverse())) else {
            return Some(None);
        };
        let c = c?;
        let (mut rest, mut out) = (a.clone(), Polynomial::default());
        for _ in 0..40 {
            let Some((n, d)) = rest.leading() else {
                return Some(Some(out));
            };
            let term = (n.times(&m)?, d.mul(&c));
            if term.0 .0.iter().any(|(_, e)| *e < 0) {
                return Some(None);
            }
            let step = Polynomial::term(term.0.clone(), term.1.neg());
            rest = rest.add(&self.product(b, &step)?);
            out.insert(term.0, &term.1);
        }
        Some(None)
    }

    /// The complex conjugate of a form whose other atoms are real.
    pub fn mirrored(&mut self, form: &Form) -> Option<Form> {
        let real = |a: Atom, f: &Self| {
            matches!(
                f.kinds[a as usize],
                Kind::Imaginary | Kind::Number(_) | Kind::Constant(_)
            )
        };
        if !form.atoms().all(|a| real(a, self)) {
            return None;
        }
        let Some(i) = self.kinds.iter().position(|k| *k == Kind::Imaginary) else {
            return Some(form.clone());
        };
        let turn = |p: &Polynomial| {
            Polynomial(
                p.0.iter()
                    .map(|(m, c)| {
                        let odd = m.exponent(i as Atom) != 0;
                        (m.clone(), if odd { c.neg() } else { c.clone() })
                    })
                    .collect(),
            )
        };
        Some(Form {
            num: turn(&form.num),
            den: turn(&form.den),
        })
    }

    /// The form, or its opposite, that starts with a positive coefficient; whether it was turned.
    pub fn upright(&self, form: &Form) -> (Form, bool) {
        let first = |p: &Polynomial| p.leading().is_some_and(|(_, c)| c.is_negative());
        if first(&form.num) != first(&form.den) {
            return (form.neg(), true);
        }
        (form.clone(), false)
    }

    /// Whether two forms are the same by the relations known here.
    pub fn same(&mut self, a: &Form, b: &Form) -> Option<bool> {
        if a == b {
            return Some(true);
        }
        let left = self.product(&a.num, &b.den)?;
        let right = self.product(&b.num, &a.den)?;
        Some(left == right)
    }

    /// The parts of a sum that has no denominator: coefficient and the rest of each term.
    pub fn terms(form: &Form) -> Option<Vec<(Fraction, Polynomial)>> {
        form.den.is_one().then(|| {
            form.num
                .0
                .iter()
                .map(|(m, c)| (c.clone(), Polynomial::term(m.clone(), Fraction::ONE)))
                .collect()
        })
    }
}
