//! Quotients of polynomials in one variable with rational coefficients, and their roots.

use super::exact;
use crate::verify::budget::Budget;
use crate::verify::tree::{Expr, Func};
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// A higher degree is not solved.
const MAX_DEGREE: usize = 8;
/// Rational roots are looked for among this many numerators and denominators.
const MAX_TRIAL: u64 = 400;

/// Coefficients, the constant one first; no zero at the end.
pub type Polynomial = Vec<BigRational>;

/// `e` as numerator and denominator in `name`; `None` if it is none or its degree is too high.
pub fn quotient(e: &Expr, name: &str, budget: &Budget) -> Option<(Polynomial, Polynomial)> {
    budget.spend(5)?;
    let one = || vec![BigRational::one()];
    match e {
        Expr::Sym(s) if s == name => Some((vec![BigRational::zero(), BigRational::one()], one())),
        Expr::Neg(a) => {
            let (n, d) = quotient(a, name, budget)?;
            Some((n.into_iter().map(|c| -c).collect(), d))
        }
        Expr::Add(v) => v.iter().try_fold((vec![], one()), |(n, d), x| {
            let (m, c) = quotient(x, name, budget)?;
            Some((add(&times(&n, &c)?, &times(&m, &d)?), times(&d, &c)?))
        }),
        Expr::Mul(v) => v.iter().try_fold((one(), one()), |(n, d), x| {
            let (m, c) = quotient(x, name, budget)?;
            Some((times(&n, &m)?, times(&d, &c)?))
        }),
        Expr::Div(a, b) => {
            let ((n, d), (m, c)) = (quotient(a, name, budget)?, quotient(b, name, budget)?);
            (!m.is_empty()).then_some((times(&n, &c)?, times(&d, &m)?))
        }
        Expr::Pow(a, b) if a.any(&|x| matches!(x, Expr::Sym(_))) => {
            let k = exact::rational(b, budget)?;
            let k = k.is_integer().then(|| k.to_integer().to_i64()).flatten()?;
            if k.unsigned_abs() > MAX_DEGREE as u64 {
                return None;
            }
            let (n, d) = quotient(a, name, budget)?;
            let (mut top, mut below) = (one(), one());
            for _ in 0..k.unsigned_abs() {
                top = times(&top, &n)?;
                below = times(&below, &d)?;
            }
            match k {
                0.. => Some((top, below)),
                _ => (!top.is_empty()).then_some((below, top)),
            }
        }
        other => Some((trimmed(vec![exact::rational(other, budget)?]), one())),
    }
}

fn trimmed(mut p: Polynomial) -> Polynomial {
    while p.last().is_some_and(Zero::is_zero) {
        p.pop();
    }
    p
}

fn add(a: &[BigRational], b: &[BigRational]) -> Polynomial {
    let zero = BigRational::zero();
    let at = |p: &[BigRational], k: usize| p.get(k).unwrap_or(&zero).clone();
    trimmed(
        (0..a.len().max(b.len()))
            .map(|k| at(a, k) + at(b, k))
            .collect(),
    )
}

fn times(a: &[BigRational], b: &[BigRational]) -> Option<Polynomial> {
    if a.is_empty() || b.is_empty() {
        return Some(vec![]);
    }
    if a.len() + b.len() > MAX_DEGREE + 2 {
        return None;
    }
    let mut out = vec![BigRational::zero(); a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            out[i + j] += x * y;
        }
    }
    let bits: u64 = out
        .iter()
        .map(|c| c.numer().bits() + c.denom().bits())
        .sum();
    (bits < 4000).then(|| trimmed(out))
}

/// The value at `x`.
pub fn value(p: &[BigRational], x: &BigRational) -> BigRational {
    p.iter()
        .rev()
        .fold(BigRational::zero(), |sum, c| sum * x + c)
}

/// The real roots; `None` if one of them is neither rational nor a root of a quadratic.
pub fn roots(p: &[BigRational], budget: &Budget) -> Option<Vec<Expr>> {
    let mut out = vec![];
    let mut rest = p.to_vec();
    if rest.is_empty() {
        return None;
    }
    while rest.len() > 1 && rest[0].is_zero() {
        rest.remove(0);
        push(&mut out, Expr::int(0));
    }
    while rest.len() > 3 {
        let root = rational_root(&rest, budget)?;
        rest = deflated(&rest, &root);
        push(&mut out, Expr::rational(root));
    }
    match rest.as_slice() {
        [_] => {}
        [c, b] => push(&mut out, Expr::rational(-c / b)),
        [c, b, a] => {
            let d = b * b - BigRational::from_integer(4.into()) * a * c;
            if !d.is_negative() {
                let root = Expr::Call(Func::Root, vec![Expr::rational(d.clone()), Expr::int(2)]);
                let root = match exact::rational(&root, budget) {
                    Some(value) => Expr::rational(value),
                    None => root,
                };
                let below = Expr::rational(a + a);
                for sign in [root.clone(), root.negated()] {
                    let top = Expr::Add(vec![Expr::rational(-b.clone()), sign]);
                    push(&mut out, Expr::Div(Box::new(top), Box::new(below.clone())));
                }
            }
        }
        _ => return None,
    }
    Some(out)
}

fn push(out: &mut Vec<Expr>, root: Expr) {
    if !out.contains(&root) {
        out.push(root);
    }
}

/// A rational root by the rational root theorem, numerators and denominators up to a limit.
fn rational_root(p: &[BigRational], budget: &Budget) -> Option<BigRational> {
    let scale = p.iter().fold(BigInt::one(), |l, c| l.lcm(c.denom()));
    let whole = |c: &BigRational| (c * BigRational::from_integer(scale.clone())).to_integer();
    let (first, last) = (whole(&p[0]).abs(), whole(p.last()?).abs());
    let divides = |n: &BigInt, k: u64| (n % BigInt::from(k)).is_zero();
    for q in (1..=MAX_TRIAL).filter(|k| divides(&last, *k)) {
        for k in (1..=MAX_TRIAL).filter(|k| divides(&first, *k)) {
            budget.spend(10)?;
            for sign in [1, -1] {
                let x = BigRational::new(BigInt::from(k) * sign, q.into());
                if value(p, &x).is_zero() {
                    return Some(x);
                }
            }
        }
    }
    None
}

/// p divided by x − root.
fn deflated(p: &[BigRational], root: &BigRational) -> Polynomial {
    let mut out = vec![];
    let mut carry = BigRational::zero();
    for c in p[1..].iter().rev() {
        carry = carry * root + c;
        out.push(carry.clone());
    }
    out.reverse();
    out
}
