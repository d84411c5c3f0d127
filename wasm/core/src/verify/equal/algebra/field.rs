//! The field that answers live in: fractions of polynomials in symbols, roots and other atoms,
//! with the relations that hold between atoms built into the product.

use super::polynomial::{Atom, Monomial, Polynomial, UNIT};
use crate::verify::budget::Budget;
use crate::verify::equal::fraction::{factor, Fraction};
use crate::verify::tree::{Constant, Func};
use num_bigint::BigInt;
use num_traits::One;

/// Terms of a polynomial; a longer one is left to evaluation.
const MAX_TERMS: usize = 600;
/// Bits of a coefficient that a power may have.
const MAX_BITS: u64 = 4_096;
/// Atoms of a call.
const MAX_ATOMS: usize = 60;
/// Trial division stops here; what is left counts as one factor.
const MAX_PRIME: u64 = 2_000;

/// What an atom stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A free symbol; also an unknown function of canonical arguments.
    Symbol(String, Vec<Form>),
    /// i, with i² = −1.
    Imaginary,
    /// π or e.
    Constant(Constant),
    /// A number without small square factors, to exponents below one.
    Number(BigInt),
    /// The principal root r of a polynomial: rⁿ = p.
    Root(u32, Polynomial),
    /// sin x, with sin² x = 1 − cos² x.
    Sine(Form),
    /// A function that nothing more is known of.
    Function(Func, Vec<Form>),
    /// A power whose exponent is no number: the base, and the monomial in the exponent.
    Power(Form, Polynomial),
}

/// numerator / denominator; the denominator is not the zero polynomial.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub num: Polynomial,
    pub den: Polynomial,
}

impl Form {
    pub fn constant(c: Fraction) -> Self {
        Self::polynomial(Polynomial::constant(c))
    }

    pub fn int(n: i64) -> Self {
        Self::constant(Fraction::int(n))
    }

    pub fn polynomial(num: Polynomial) -> Self {
        Form {
            num,
            den: Polynomial::constant(Fraction::ONE),
        }
    }

    /// The value if it is rational.
    pub fn as_constant(&self) -> Option<Fraction> {
        self.num.as_constant()?.div(&self.den.as_constant()?)
    }

    pub fn neg(&self) -> Self {
        Form {
            num: self.num.neg(),
            den: self.den.clone(),
        }
    }

    pub fn scaled(&self, by: &Fraction) -> Self {
        Form {
            num: self.num.scaled(by),
            den: self.den.clone(),
        }
    }

    /// Every atom in it.
    pub fn atoms(&self) -> impl Iterator<Item = Atom> + '_ {
        self.num.atoms().chain(self.den.atoms())
    }
}

/// The atoms of a call and what it may spend.
pub struct Field<'a> {
    pub kinds: Vec<Kind>,
    pub budget: &'a Budget,
    /// Whether something was divided by a sum that may be zero for a reason not known here.
    pub doubtful: bool,
}

impl<'a> Field<'a> {
    pub fn new(budget: &'a Budget) -> Self {
        Field {
            kinds: vec![],
            budget,
            doubtful: false,
        }
    }

    /// The atom of a kind, new or met before.
    pub fn atom(&mut self, kind: Kind) -> Option<Atom> {
        self.budget.spend(1 + self.kinds.len() as u64 / 4)?;
        for k in 0..self.kinds.len() {
            if self.kinds[k] == kind || self.alike(k, &kind)? {
                return Some(k as Atom);
            }
        }
        (self.kinds.len() < MAX_ATOMS).then(|| {
            self.kinds.push(kind);
            (self.kinds.len() - 1) as Atom
        })
    }

    /// Whether atom `k` is the same function of arguments that are equal, though written otherwise.
    fn alike(&mut self, k: usize, kind: &Kind) -> Option<bool> {
        let pairs: Vec<(Form, Form)> = match (&self.kinds[k], kind) {
            (Kind::Symbol(f, a), Kind::Symbol(g, b)) if f == g && a.len() == b.len() => {
                a.iter().cloned().zip(b.iter().cloned()).collect()
            }
            (Kind::Function(f, a), Kind::Function(g, b)) if f == g && a.len() == b.len() => {
                a.iter().cloned().zip(b.iter().cloned()).collect()
            }
            (Kind::Sine(a), Kind::Sine(b)) => vec![(a.clone(), b.clone())],
            (Kind::Power(a, m), Kind::Power(b, n)) if m == n => vec![(a.clone(), b.clone())],
            _ => return Some(false),
        };
        for (a, b) in pairs {
            if !self.same(&a, &b)? {
                return Some(false);
            }
        }
        Some(true)
    }

    /// An atom as a form.
    pub fn variable(&mut self, kind: Kind) -> Option<Form> {
        let atom = self.atom(kind)?;
        Some(Form::polynomial(Polynomial::term(
            Monomial::power(atom, UNIT),
            Fraction::ONE,
        )))
    }

    /// Whether the atom can stand below a fraction line as a negative exponent.
    fn invertible(&self, atom: Atom) -> bool {
        !matches!(self.kinds[atom as usize], Kind::Root(..) | Kind::Sine(_))
    }

    /// The product of two polynomials, with every relation applied.
    pub fn product(&mut self, a: &Polynomial, b: &Polynomial) -> Option<Polynomial> {
        if let Some(c) = a.as_constant() {
            return self.checked(b.scaled(&c));
        }
        if let Some(c) = b.as_constant() {
            return self.checked(a.scaled(&c));
        }
        let mut out = Polynomial::default();
        self.budget.spend(3 * (a.0.len() * b.0.len()) as u64)?;
        for (m, c) in &a.0 {
            for (n, d) in &b.0 {
                self.reduce(m.times(n)?, c.mul(d), &mut out)?;
            }
            if out.0.len() > MAX_TERMS {
                return None;
            }
        }
        self.checked(out)
    }

    fn checked(&self, p: Polynomial) -> Option<Polynomial> {
        let bits: u64 = p.0.values().map(|c| c.bits() / 256).sum();
        self.budget.spend(bits)?;
        Some(p)
    }

    /// Adds c·m to `out`, after the relations of its atoms.
    fn reduce(&mut self, m: Monomial, c: Fraction, out: &mut Polynomial) -> Option<()> {
        for &(atom, e) in &m.0 {
            match &self.kinds[atom as usize] {
                Kind::Imaginary if e.rem_euclid(4 * UNIT) != UNIT => {
                    let quarter = e.rem_euclid(4 * UNIT) / UNIT;
                    let mut rest = m.without(atom);
                    if quarter % 2 == 1 {
                        rest = rest.times(&Monomial::power(atom, UNIT))?;
                    }
                    let c = if quarter >= 2 { c.neg() } else { c };
                    return self.reduce(rest, c, out);
                }
                Kind::Number(n) if !(0..UNIT).contains(&e) => {
                    let n = Fraction::whole_number(n.clone());
                    let c = c.mul(&n.powi(e.div_euclid(UNIT) as i64, MAX_BITS)?);
                    let rest = m
                        .without(atom)
                        .times(&Monomial::power(atom, e.rem_euclid(UNIT)))?;
                    return self.reduce(rest, c, out);
                }
                Kind::Root(index, p) if e >= *index as i32 * UNIT => {
                    let (by, step) = (p.clone(), *index as i32 * UNIT);
                    return self.replace(&m, c, atom, e - step, &by, out);
                }
                Kind::Sine(x) if e >= 2 * UNIT => {
                    let cosine = self.atom(Kind::Function(Func::Cos, vec![x.clone()]))?;
                    let mut by = Polynomial::constant(Fraction::ONE);
                    by.insert(Monomial::power(cosine, 2 * UNIT), &Fraction::int(-1));
                    return self.replace(&m, c, atom, e - 2 * UNIT, &by, out);
                }
                _ => {}
            }
        }
        out.insert(m, &c);
        Some(())
    }

    /// Adds c·(m with `atom` at exponent `left`)·by.
    fn replace(
        &mut self,
        m: &Monomial,
        c: Fraction,
        atom: Atom,
        left: i32,
        by: &Polynomial,
        out: &mut Polynomial,
    ) -> Option<()> {
        self.budget.spend(3 * by.0.len() as u64)?;
        let rest = m.without(atom).times(&Monomial::power(atom, left))?;
        for (n, d) in &by.0 {
            self.reduce(rest.times(n)?, c.mul(d), out)?;
        }
        (out.0.len() <= MAX_TERMS).then_some(())
    }

    pub fn add(&mut self, a: &Form, b: &Form) -> Option<Form> {
        self.budget.spend((a.num.0.len() + b.num.0.len()) as u64)?;
        if a.den == b.den {
            return self.form(a.num.add(&b.num), a.den.clone());
        }
        let left = self.product(&a.num, &b.den)?;
        let right = self.product(&b.num, &a.den)?;
        let den = self.product(&a.den, &b.den)?;
        self.form(left.add(&right), den)
    }

    pub fn sub(&mut self, a: &Form, b: &Form) -> Option<Form> {
        self.add(a, &b.neg())
    }

    pub fn mul(&mut self, a: &Form, b: &Form) -> Option<Form> {
        let num = self.product(&a.num, &b.num)?;
        let den = self.product(&a.den, &b.den)?;
        self.form(num, den)
    }

    /// a/b; `None` where b is zero.
    pub fn div(&mut self, a: &Form, b: &Form) -> Option<Form> {
        if b.num.is_zero() {
            return None;
        }
        if b.num.0.len() > 1 && !self.independent(&[b]) {
            self.doubtful = true;
        }
        let num = self.product(&a.num, &b.den)?;
        let den = self.product(&a.den, &b.num)?;
        self.form(num, den)
    }

    /// num/den with a denominator of one term moved into the numerator where it can be.
    fn form(&mut self, num: Polynomial, den: Polynomial) -> Option<Form> {
        if den.is_one() {
            return Some(Form { num, den });
        }
        if num.is_zero() {
            return Some(Form::int(0));
        }
        let Some((m, c)) = den.single() else {
            return Some(Form { num, den });
        };
        if !m.0.iter().all(|(a, _)| self.invertible(*a)) {
            return Some(Form { num, den });
        }
        let mut out = Polynomial::default();
        let (inverse, c) = (m.inverse(), c.inverse()?);
        for (n, d) in &num.0 {
            self.reduce(n.times(&inverse)?, d.mul(&c), &mut out)?;
        }
        Some(Form::polynomial(out))
    }

    /// aⁿ.
    pub fn powi(&mut self, a: &Form, n: i64) -> Option<Form> {
        if n == 0 {
            // 0⁰ is 1, as exact arithmetic has it.
            return Some(Form::int(1));
        }
        let base = if n < 0 {
            self.div(&Form::int(1), a)?
        } else {
            a.clone()
        };
        let k = i32::try_from(n.unsigned_abs()).ok()?;
        if let (Some((m, c)), true) = (base.num.single(), base.den.is_one()) {
            let c = c.powi(k as i64, MAX_BITS)?;
            let m =
                m.0.iter()
                    .map(|(a, e)| Some((*a, e.checked_mul(k)?)))
                    .collect::<Option<Vec<_>>>()?;
            let rooted = |a: &Atom| matches!(self.kinds[*a as usize], Kind::Root(..));
            if !m.iter().any(|(a, _)| rooted(a)) {
                let mut out = Polynomial::default();
                self.reduce(Monomial(m), c, &mut out)?;
                return Some(Form::polynomial(out));
            }
        }
        if k > 400 {
            return None;
        }
        let mut out: Option<Form> = None;
        for bit in (0..32 - k.leading_zeros()).rev() {
            if let Some(o) = &out {
                out = Some(self.mul(o, o)?);
            }
            if k >> bit & 1 == 1 {
                out = Some(match &out {
                    Some(o) => self.mul(o, &base)?,
                    None => base.clone(),
                });
            }
        }
        out
    }

    /// cᵉ for c > 0 and an exponent in 2520ths: what is rational of it, and roots of primes.
    pub fn number_power(&mut self, c: &Fraction, e: i32) -> Option<Form> {
        let (mut m, mut k) = (Monomial::default(), Fraction::ONE);
        for (n, sign) in [(c.numerator(), 1), (c.denominator(), -1)] {
            for (p, power) in self.factors(&n)? {
                let e = e.checked_mul(power as i32)?.checked_mul(sign)?;
                let whole = Fraction::whole_number(p.clone());
                k = k.mul(&whole.powi(e.div_euclid(UNIT) as i64, MAX_BITS)?);
                let left = e.rem_euclid(UNIT);
                if left != 0 {
                    m = m.times(&Monomial::power(self.atom(Kind::Number(p))?, left))?;
                }
            }
        }
        Some(Form::polynomial(Polynomial::term(m, k)))
    }

    /// The factors of n ≥ 1 with their powers: primes, and at last a number without small factors
    /// that is no power.
    pub fn factors(&mut self, n: &BigInt) -> Option<Vec<(BigInt, u32)>> {
        if n.bits() > 256 {
            return None;
        }
        self.budget.spend(if n.bits() <= 16 { 4 } else { 200 })?;
        let (primes, mut rest) = factor(n, MAX_PRIME);
        let mut out: Vec<(BigInt, u32)> = primes.into_iter().map(|(p, k)| (p.into(), k)).collect();
        let mut power = 1;
        for k in [2, 3, 5, 7, 11, 13, 17, 19, 23] {
            // Its factors have 11 bits or more.
            while rest.bits() > 10 * k as u64 {
                let root = rest.nth_root(k);
                if num_traits::pow(root.clone(), k as usize) != rest {
                    break;
                }
                (rest, power) = (root, power * k);
            }
        }
        if !rest.is_one() {
            out.push((rest, power));
        }
        Some(out)
    }
}
