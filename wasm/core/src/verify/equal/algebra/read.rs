//! Expression trees as forms.

use super::field::{Field, Form, Kind};
use super::polynomial::UNIT;
use crate::verify::equal::exact;
use crate::verify::equal::fraction::Fraction;
use crate::verify::tree::{BigOp, Constant, Expr, Func};
use num_traits::ToPrimitive;

impl Field<'_> {
    /// The form of `e`; `None` where something in it has none, or is too long.
    pub fn read(&mut self, e: &Expr) -> Option<Form> {
        self.budget.spend(4)?;
        match e {
            Expr::Num(n) => Some(Form::constant(Fraction::from_big(n.value.clone()))),
            Expr::BaseNum { value, .. } => {
                Some(Form::constant(Fraction::whole_number(value.clone())))
            }
            Expr::Sym(s) => self.variable(Kind::Symbol(s.clone(), vec![])),
            Expr::Const(Constant::I) => self.variable(Kind::Imaginary),
            Expr::Const(c @ (Constant::Pi | Constant::E)) => self.variable(Kind::Constant(*c)),
            Expr::Add(v) => v.iter().try_fold(Form::int(0), |sum, x| {
                let x = self.read(x)?;
                self.add(&sum, &x)
            }),
            Expr::Mul(v) => v.iter().try_fold(Form::int(1), |product, x| {
                let x = self.read(x)?;
                self.mul(&product, &x)
            }),
            Expr::Div(a, b) => {
                let (a, b) = (self.read(a)?, self.read(b)?);
                self.div(&a, &b)
            }
            Expr::Ratio(v) if v.len() == 2 => {
                let (a, b) = (self.read(&v[0])?, self.read(&v[1])?);
                self.div(&a, &b)
            }
            Expr::Neg(a) => Some(self.read(a)?.neg()),
            Expr::Percent(a) => Some(self.read(a)?.scaled(&Fraction::new(1, 100))),
            Expr::Degree(a) | Expr::WithUnit { value: a, .. } => self.read(a),
            Expr::Pow(a, b) => {
                let (a, b) = (self.read(a)?, self.read(b)?);
                self.power(&a, &b)
            }
            Expr::Call(f, arguments) => self.call(*f, arguments, e),
            Expr::Apply(name, arguments) => {
                let arguments = self.arguments(arguments)?;
                self.variable(Kind::Symbol(name.clone(), arguments))
            }
            Expr::Big {
                op: BigOp::Sum | BigOp::Product,
                ..
            } => exact::fraction(e, self.budget).map(Form::constant),
            _ => None,
        }
    }

    fn arguments(&mut self, v: &[Expr]) -> Option<Vec<Form>> {
        v.iter()
            .map(|x| {
                let x = self.read(x)?;
                self.canonical(&x)
            })
            .collect()
    }

    fn power(&mut self, base: &Form, exponent: &Form) -> Option<Form> {
        let exponent = self.canonical(exponent)?;
        if let Some(e) = exponent.as_constant() {
            return self.constant_power(base, &e);
        }
        if base.num.is_zero() {
            return None;
        }
        let base = self.canonical(base)?;
        if let Some(value) = self.power_of_logarithm(&base, &exponent)? {
            return Some(value);
        }
        // bˣ⁺ʸ = bˣ·bʸ, term by term.
        let mut out = Form::int(1);
        for (c, rest) in Self::terms(&exponent)? {
            let factor = if rest.is_one() {
                self.constant_power(&base, &c)?
            } else {
                self.symbolic_power(&base, &c, &Form::polynomial(rest))?
            };
            out = self.mul(&out, &factor)?;
        }
        Some(out)
    }

    /// bˣ = Π p^c where x·ln b is a sum of c·ln p.
    fn power_of_logarithm(&mut self, base: &Form, exponent: &Form) -> Option<Option<Form>> {
        let logarithmic = |f: &Self, a| matches!(f.kinds[a as usize], Kind::Function(Func::Ln, _));
        let number = base.as_constant().filter(|c| !c.is_negative());
        if number.is_none() || !exponent.atoms().any(|a| logarithmic(self, a)) {
            return Some(None);
        }
        let ln = self.logarithm(base)?;
        let product = self.mul(exponent, &ln)?;
        let product = self.canonical(&product)?;
        let mut out = Form::int(1);
        for (c, rest) in Self::terms(&product).unwrap_or_default() {
            let atom = match rest.single().map(|(m, _)| m.0.as_slice()) {
                Some([(a, UNIT)]) => self.kinds[*a as usize].clone(),
                _ => return Some(None),
            };
            let Kind::Function(Func::Ln, x) = atom else {
                return Some(None);
            };
            let factor = self.constant_power(&x[0], &c)?;
            out = self.mul(&out, &factor)?;
        }
        Some(product.den.is_one().then_some(out))
    }

    /// baseᵉ for a rational e, principal.
    fn constant_power(&mut self, base: &Form, e: &Fraction) -> Option<Form> {
        if let Some(n) = e.whole() {
            return self.powi(base, n);
        }
        let (n, d) = match e {
            Fraction::Small(n, d) if UNIT as i64 % d == 0 => (n, d),
            _ => return self.opaque_power(base, e, &Form::int(1)),
        };
        if let Some(c) = base.as_constant().filter(|c| !c.is_negative()) {
            if c.is_zero() {
                return (*n > 0).then_some(Form::int(0));
            }
            return self.number_power(&c, i32::try_from(n.checked_mul(UNIT as i64 / d)?).ok()?);
        }
        let root = self.root(base, u32::try_from(*d).ok()?, false)?;
        self.powi(&root, *n)
    }

    /// base^(c·rest), where `rest` is a product of atoms.
    fn symbolic_power(&mut self, base: &Form, c: &Fraction, rest: &Form) -> Option<Form> {
        if let Some(number) = base.as_constant() {
            // Prime by prime, so that 4ˣ is (2ˣ)².
            if !number.is_negative() && !number.is_one() {
                let mut out = Form::int(1);
                for (n, sign) in [(number.numerator(), 1), (number.denominator(), -1)] {
                    for (p, k) in self.factors(&n)? {
                        let c = c.mul(&Fraction::int(k as i64 * sign));
                        let p = Form::constant(Fraction::whole_number(p));
                        let factor = self.opaque_power(&p, &c, rest)?;
                        out = self.mul(&out, &factor)?;
                    }
                }
                return Some(out);
            }
        }
        if self.is_constant(base, Constant::E) {
            if let Some(value) = self.exponential(c, rest)? {
                return Some(value);
            }
        }
        self.opaque_power(base, c, rest)
    }

    /// e^(c·iπ) and e^(c·ln p).
    fn exponential(&mut self, c: &Fraction, rest: &Form) -> Option<Option<Form>> {
        let factors: Vec<(Kind, i32)> = rest
            .num
            .single()?
            .0
             .0
            .iter()
            .map(|(a, e)| (self.kinds[*a as usize].clone(), *e))
            .collect();
        let has = |kind: &Kind| factors.contains(&(kind.clone(), UNIT));
        if factors.len() == 2 && has(&Kind::Imaginary) && has(&Kind::Constant(Constant::Pi)) {
            return Some(Some(self.cis(c)?));
        }
        if let [(Kind::Function(Func::Ln, x), UNIT)] = factors.as_slice() {
            return Some(Some(self.constant_power(&x[0].clone(), c)?));
        }
        Some(None)
    }

    fn opaque_power(&mut self, base: &Form, c: &Fraction, rest: &Form) -> Option<Form> {
        let (n, unit) = match *c {
            Fraction::Small(n, d) if n.abs() <= 1000 => (n, Fraction::new(1, d)),
            _ => (1, c.clone()),
        };
        let exponent = rest.num.scaled(&unit);
        let power = self.variable(Kind::Power(base.clone(), exponent))?;
        self.powi(&power, n)
    }

    fn call(&mut self, f: Func, arguments: &[Expr], e: &Expr) -> Option<Form> {
        use Func::*;
        if matches!(
            f,
            DoubleFactorial | Gcd | Lcm | Min | Max | Floor | Ceil | Mod
        ) {
            return exact::fraction(e, self.budget).map(Form::constant);
        }
        if matches!(f, Factorial | Binomial) {
            if let Some(value) = exact::fraction(e, self.budget) {
                return Some(Form::constant(value));
            }
        }
        let v = self.arguments(arguments)?;
        let x = v.first()?.clone();
        let one = Form::int(1);
        match f {
            Sin => Some(self.circle(&x)?.1),
            Cos => Some(self.circle(&x)?.0),
            Tan | Cot | Sec | Csc => {
                let (c, s) = self.circle(&x)?;
                let (above, below) = match f {
                    Tan => (s, c),
                    Cot => (c, s),
                    Sec => (one, c),
                    _ => (one, s),
                };
                self.div(&above, &below)
            }
            Asin | Acos | Atan => match self.angle(f, &x) {
                Some(angle) => Some(angle),
                None => self.variable(Kind::Function(f, v)),
            },
            Sinh | Cosh | Tanh | Coth | Sech | Csch => {
                let base = self.variable(Kind::Constant(Constant::E))?;
                let (a, b) = (self.power(&base, &x)?, self.power(&base, &x.neg())?);
                let (sum, gap) = (self.add(&a, &b)?, self.sub(&a, &b)?);
                let two = Form::int(2);
                let (above, below) = match f {
                    Sinh => (gap, two),
                    Cosh => (sum, two),
                    Tanh => (gap, sum),
                    Coth => (sum, gap),
                    Sech => (two, sum),
                    _ => (two, gap),
                };
                self.div(&above, &below)
            }
            Exp => {
                let base = self.variable(Kind::Constant(Constant::E))?;
                self.power(&base, &x)
            }
            Ln => self.logarithm(&x),
            Log => {
                let (above, below) = (self.logarithm(&x)?, self.logarithm(v.get(1)?)?);
                self.div(&above, &below)
            }
            Root => match v.get(1)?.as_constant() {
                Some(n) => self.root(&x, n.whole()?.to_u32()?, true),
                None => {
                    let exponent = self.div(&one, v.get(1)?)?;
                    self.power(&x, &exponent)
                }
            },
            Factorial => self.factorial(&x),
            Binomial => {
                let rest = self.sub(&x, v.get(1)?)?;
                let (above, a, b) = (
                    self.factorial(&x)?,
                    self.factorial(v.get(1)?)?,
                    self.factorial(&rest)?,
                );
                let below = self.mul(&a, &b)?;
                self.div(&above, &below)
            }
            Abs if v.len() == 1 => self.absolute(&x),
            Re | Im | Conjugate => {
                let mirrored = self.mirrored(&x)?;
                let half = Fraction::new(1, 2);
                match f {
                    Re => Some(self.add(&x, &mirrored)?.scaled(&half)),
                    Im => {
                        let i = self.variable(Kind::Imaginary)?;
                        let gap = self.sub(&x, &mirrored)?.scaled(&half);
                        self.div(&gap, &i)
                    }
                    _ => Some(mirrored),
                }
            }
            _ => None,
        }
    }

    fn absolute(&mut self, x: &Form) -> Option<Form> {
        if let Some(sign) = self.sign(x) {
            return Some(x.scaled(&Fraction::int(sign as i64)));
        }
        // |z|² = z·z̄
        if let Some(mirrored) = self.mirrored(x) {
            let square = self.mul(x, &mirrored)?;
            return self.root(&square, 2, true);
        }
        let (x, _) = self.upright(x);
        self.variable(Kind::Function(Func::Abs, vec![x]))
    }

    /// (u + k)! = u!·(u + 1)…(u + k) for whole k.
    fn factorial(&mut self, x: &Form) -> Option<Form> {
        let x = self.canonical(x)?;
        if let Some(n) = x.as_constant() {
            let n = n.whole().filter(|n| (0..=200).contains(n))?;
            return (1..=n).try_fold(Form::int(1), |out, k| self.mul(&out, &Form::int(k)));
        }
        let constant = x.num.0.get(&Default::default());
        let shift = constant
            .filter(|_| x.den.is_one())
            .and_then(|c| c.floor())
            .filter(|k| k.abs() <= 30)
            .unwrap_or(0);
        let base = self.sub(&x, &Form::int(shift))?;
        let mut out = self.variable(Kind::Function(Func::Factorial, vec![base.clone()]))?;
        for k in 1..=shift.abs() {
            let by = if shift > 0 { k } else { 1 - k };
            let factor = self.add(&base, &Form::int(by))?;
            out = if shift > 0 {
                self.mul(&out, &factor)?
            } else {
                self.div(&out, &factor)?
            };
        }
        Some(out)
    }

    /// ln of a form: positive numbers and powers of e come out as sums.
    fn logarithm(&mut self, x: &Form) -> Option<Form> {
        let Some((m, c)) = x.num.single().filter(|_| x.den.is_one()) else {
            if x.num.is_zero() {
                return None;
            }
            return self.variable(Kind::Function(Func::Ln, vec![x.clone()]));
        };
        let (mut inside, mut c, mut out) = (m.clone(), c.clone(), Form::int(0));
        for (atom, e) in &m.0 {
            let share = Fraction::new(*e as i64, UNIT as i64);
            let part = match self.kinds[*atom as usize].clone() {
                Kind::Number(n) => {
                    let n = Form::constant(Fraction::whole_number(n));
                    self.logarithm(&n)?
                }
                Kind::Constant(Constant::E) => Form::int(1),
                _ => continue,
            };
            inside = inside.without(*atom);
            out = self.add(&out, &part.scaled(&share))?;
        }
        if c.is_negative() && inside.is_one() {
            // ln(−c) = ln c + iπ
            let (i, pi) = (
                self.variable(Kind::Imaginary)?,
                self.variable(Kind::Constant(Constant::Pi))?,
            );
            let turn = self.mul(&i, &pi)?;
            out = self.add(&out, &turn)?;
            c = c.neg();
        }
        let negative = c.is_negative();
        for (n, sign) in [(c.abs().numerator(), 1), (c.denominator(), -1)] {
            for (p, k) in self.factors(&n)? {
                let p = Form::constant(Fraction::whole_number(p));
                let ln = self.variable(Kind::Function(Func::Ln, vec![p]))?;
                out = self.add(&out, &ln.scaled(&Fraction::int(sign * k as i64)))?;
            }
        }
        if !inside.is_one() {
            let sign = Fraction::int(if negative { -1 } else { 1 });
            let rest = Form::polynomial(super::polynomial::Polynomial::term(inside, sign));
            let ln = self.variable(Kind::Function(Func::Ln, vec![rest]))?;
            out = self.add(&out, &ln)?;
        }
        Some(out)
    }
}
