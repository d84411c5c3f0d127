//! When different polynomials in the atoms are sure to differ in value.

use super::field::{Field, Form, Kind};
use super::polynomial::Atom;
use crate::verify::tree::{Constant, Func};
use num_integer::Integer;
use num_traits::One;

/// What an atom adds to the field that the rest of the form lives in.
enum Nature {
    /// Nothing that a polynomial could not show: symbols, i, roots of numbers.
    Plain,
    /// A transcendental constant; those of one group are algebraic in each other.
    Number(Group),
    /// A transcendental function of the symbols.
    Function(Group),
    Unknown,
}

/// A family of functions, and what they are taken of.
type Group = (Family, Vec<Form>);

#[derive(Clone, Copy, PartialEq)]
enum Family {
    Constant(Constant),
    Logarithm,
    Circle,
    Power,
}

impl Field<'_> {
    /// Whether nothing relates the atoms in use.
    ///
    /// - Products of roots of coprime numbers that are no powers are linearly independent
    ///   (Besicovitch 1940, Siegel 1972) and real, so that i adds nothing.
    /// - π, and e^α, sin α, cos α, ln α for an algebraic α, are transcendental (Lindemann 1882);
    ///   α^β for an irrational algebraic β and e^{πβ} are (Gelfond 1934). No two of them are known
    ///   to be independent, so there may be one.
    /// - e^u, sin u, cos u and ln u of a function u that is not constant are transcendental over
    ///   the functions, constants included. Again there may be one.
    pub fn independent(&self, forms: &[&Form]) -> bool {
        let mut atoms: Vec<Atom> = forms.iter().flat_map(|f| f.atoms()).collect();
        atoms.sort_unstable();
        atoms.dedup();
        let (mut number, mut function): (Option<Group>, Option<Group>) = (None, None);
        for (k, a) in atoms.iter().enumerate() {
            let same = |slot: &mut Option<Group>, x: Group| *slot.get_or_insert(x.clone()) == x;
            let fine = match self.nature(*a) {
                Nature::Plain => true,
                Nature::Number(x) => same(&mut number, x),
                Nature::Function(x) => same(&mut function, x),
                Nature::Unknown => false,
            };
            if !fine || !atoms[..k].iter().all(|b| self.coprime(*a, *b)) {
                return false;
            }
        }
        true
    }

    fn coprime(&self, a: Atom, b: Atom) -> bool {
        match (&self.kinds[a as usize], &self.kinds[b as usize]) {
            (Kind::Number(m), Kind::Number(n)) => m.gcd(n).is_one(),
            _ => true,
        }
    }

    fn nature(&self, a: Atom) -> Nature {
        match &self.kinds[a as usize] {
            Kind::Symbol(_, arguments) => {
                if self.independent(&arguments.iter().collect::<Vec<_>>()) {
                    Nature::Plain
                } else {
                    Nature::Unknown
                }
            }
            Kind::Imaginary | Kind::Number(_) => Nature::Plain,
            Kind::Constant(c) => Nature::Number((Family::Constant(*c), vec![])),
            Kind::Function(Func::Ln, x) => self.transcendental(&x[0], Family::Logarithm),
            Kind::Function(Func::Cos, x) => self.transcendental(&x[0], Family::Circle),
            Kind::Sine(x) => self.transcendental(x, Family::Circle),
            Kind::Power(base, exponent) => self.transcendental_power(base, exponent),
            Kind::Root(..) | Kind::Function(..) => Nature::Unknown,
        }
    }

    /// A function of x that is transcendental where x is algebraic.
    fn transcendental(&self, x: &Form, family: Family) -> Nature {
        let group = (family, vec![x.clone()]);
        if self.algebraic(x) {
            Nature::Number(group)
        } else if self.rational_function(x) {
            Nature::Function(group)
        } else {
            Nature::Unknown
        }
    }

    fn transcendental_power(
        &self,
        base: &Form,
        exponent: &super::polynomial::Polynomial,
    ) -> Nature {
        let is_e = self.is_constant(base, Constant::E);
        let positive = base.as_constant().is_some_and(|c| !c.is_negative());
        if !is_e && !positive {
            return Nature::Unknown;
        }
        let x = Form::polynomial(exponent.clone());
        // e^{πβ} = (−1)^{−iβ}
        let mut without_pi = x.clone();
        if is_e {
            if let Some((m, c)) = exponent.single() {
                let pi =
                    m.0.iter()
                        .find(|(a, _)| self.kinds[*a as usize] == Kind::Constant(Constant::Pi));
                if let Some((pi, e)) = pi {
                    if *e != super::polynomial::UNIT {
                        return Nature::Unknown;
                    }
                    without_pi = Form::polynomial(super::polynomial::Polynomial::term(
                        m.without(*pi),
                        c.clone(),
                    ));
                }
            }
        }
        let group = (Family::Power, vec![base.clone(), x.clone()]);
        if self.algebraic(&without_pi) && (is_e || x.as_constant().is_none()) {
            Nature::Number(group)
        } else if self.rational_function(&x) {
            Nature::Function(group)
        } else {
            Nature::Unknown
        }
    }

    /// Whether a form is one of the named constants.
    pub fn is_constant(&self, form: &Form, c: Constant) -> bool {
        form.den.is_one()
            && form.num.single().is_some_and(|(m, k)| {
                k.is_one()
                    && matches!(m.0.as_slice(), [(a, super::polynomial::UNIT)]
                        if self.kinds[*a as usize] == Kind::Constant(c))
            })
    }

    /// Whether a form is an algebraic number, and not zero.
    fn algebraic(&self, x: &Form) -> bool {
        !x.num.is_zero()
            && x.atoms()
                .all(|a| matches!(self.kinds[a as usize], Kind::Imaginary | Kind::Number(_)))
    }

    /// Whether a form is a function of symbols, not constant, with algebraic coefficients.
    fn rational_function(&self, x: &Form) -> bool {
        let symbol = |a: Atom| matches!(&self.kinds[a as usize], Kind::Symbol(_, arguments) if arguments.is_empty());
        x.atoms().any(symbol)
            && x.atoms().all(|a| {
                symbol(a)
                    || matches!(
                        self.kinds[a as usize],
                        Kind::Imaginary | Kind::Number(_) | Kind::Constant(_)
                    )
            })
    }
}
