//! Exact rational evaluation: decides without doubt where it applies.

use super::fraction::{product, Fraction};
use crate::verify::budget::Budget;
use crate::verify::tree::{BigOp, Expr, Func};
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::One;

/// Powers and factorials whose result is longer than this stay symbolic.
const MAX_BITS: u64 = 40_000;

/// The exact value of `e`, if it is rational and small enough to write down.
pub fn rational(e: &Expr, budget: &Budget) -> Option<BigRational> {
    fraction(e, budget).map(|q| q.to_big())
}

/// [`rational`], as a [`Fraction`].
pub fn fraction(e: &Expr, budget: &Budget) -> Option<Fraction> {
    budget.spend(1)?;
    match e {
        Expr::Num(n) => Some(Fraction::from_big(n.value.clone())),
        Expr::BaseNum { value, .. } => Some(Fraction::whole_number(value.clone())),
        Expr::Add(v) => v.iter().try_fold(Fraction::ZERO, |sum, x| {
            checked(sum.add(&fraction(x, budget)?), budget)
        }),
        Expr::Mul(v) => v.iter().try_fold(Fraction::ONE, |product, x| {
            checked(product.mul(&fraction(x, budget)?), budget)
        }),
        Expr::Div(a, b) => {
            let below = fraction(b, budget)?;
            if below.is_zero() {
                return None;
            }
            checked(fraction(a, budget)?.div(&below)?, budget)
        }
        Expr::Neg(a) => Some(fraction(a, budget)?.neg()),
        Expr::Percent(a) => Some(fraction(a, budget)?.mul(&Fraction::new(1, 100))),
        Expr::Degree(a) | Expr::WithUnit { value: a, .. } => fraction(a, budget),
        Expr::Pow(a, b) => power(&fraction(a, budget)?, &fraction(b, budget)?, budget),
        Expr::Ratio(v) if v.len() == 2 => {
            let below = fraction(&v[1], budget)?;
            fraction(&v[0], budget)?.div(&below)
        }
        Expr::Call(f, args) => call(*f, args, budget),
        Expr::Big {
            op: op @ (BigOp::Sum | BigOp::Product),
            var,
            lower: Some(lower),
            upper: Some(upper),
            body,
        } => {
            let (lo, hi) = (fraction(lower, budget)?, fraction(upper, budget)?);
            let mut out = Fraction::int(i64::from(*op == BigOp::Product));
            for k in lo.whole()?..=hi.whole()? {
                budget.spend(20)?;
                let x = fraction(&substitute(body, var, &Expr::int(k)), budget)?;
                let next = if *op == BigOp::Sum {
                    out.add(&x)
                } else {
                    out.mul(&x)
                };
                out = checked(next, budget)?;
            }
            Some(out)
        }
        _ => None,
    }
}

fn checked(q: Fraction, budget: &Budget) -> Option<Fraction> {
    let bits = q.bits();
    // Reducing a fraction takes the square of its length where both parts are long.
    let reducing = q.numerator().bits() * q.denominator().bits() / 250;
    budget.spend(bits / 256 + if bits > 64 { reducing } else { 0 })?;
    (bits <= 2 * MAX_BITS).then_some(q)
}

/// aᵇ for rational a, b where the result is rational.
fn power(a: &Fraction, b: &Fraction, budget: &Budget) -> Option<Fraction> {
    if let Fraction::Small(n, d) = *b {
        if d == 1 {
            budget.spend(1 + a.bits().saturating_mul(n.unsigned_abs()).min(MAX_BITS) / 256)?;
            return a.powi(n, MAX_BITS);
        }
        let index = u32::try_from(d).ok().filter(|n| *n <= 64)?;
        if a.is_negative() {
            return None;
        }
        return power(&a.root(index)?, &Fraction::int(n), budget);
    }
    // An exponent out of range: only 0, 1 and −1 have such powers.
    let whole = b.denominator().is_one();
    match a {
        Fraction::Small(0, 1) => (!b.is_negative()).then_some(Fraction::ZERO),
        Fraction::Small(1, 1) => Some(Fraction::ONE),
        Fraction::Small(-1, 1) if whole => {
            Some(Fraction::int(if b.numerator().is_even() { 1 } else { -1 }))
        }
        _ => None,
    }
}

fn call(f: Func, args: &[Expr], budget: &Budget) -> Option<Fraction> {
    let mut values = Vec::with_capacity(args.len());
    for a in args {
        values.push(fraction(a, budget)?);
    }
    let one = || values.first().filter(|_| values.len() == 1);
    let natural = |q: &Fraction| q.whole().and_then(|n| u64::try_from(n).ok());
    let less = |a: &Fraction, b: &Fraction| a.sub(b).is_negative();
    Some(match f {
        Func::Abs => one()?.abs(),
        Func::Floor => floor(one()?),
        Func::Ceil => floor(&one()?.neg()).neg(),
        Func::Sign => match one()? {
            q if q.is_zero() => Fraction::ZERO,
            q => Fraction::int(if q.is_negative() { -1 } else { 1 }),
        },
        Func::Min => values
            .into_iter()
            .reduce(|a, b| if less(&b, &a) { b } else { a })?,
        Func::Max => values
            .into_iter()
            .reduce(|a, b| if less(&a, &b) { b } else { a })?,
        Func::Gcd => values.into_iter().reduce(|a, b| a.gcd(&b))?.abs(),
        Func::Lcm => values
            .into_iter()
            .reduce(|a, b| {
                let g = a.gcd(&b);
                a.mul(&b).div(&g).unwrap_or(Fraction::ZERO)
            })?
            .abs(),
        Func::Mod if values.len() == 2 => {
            let q = floor(&values[0].div(&values[1])?);
            values[0].sub(&q.mul(&values[1]))
        }
        Func::Factorial => {
            let n = natural(one()?).filter(|n| *n <= 4000)?;
            budget.spend(1 + n * n / 2000)?;
            Fraction::whole_number(product(1, n))
        }
        Func::DoubleFactorial => {
            let n = natural(one()?).filter(|n| *n <= 4000)?;
            budget.spend(1 + n * n / 500)?;
            Fraction::whole_number((1..=n).rev().step_by(2).fold(BigInt::one(), |a, k| a * k))
        }
        Func::Binomial if values.len() == 2 => {
            let (n, k) = (natural(&values[0])?, natural(&values[1])?);
            if k > n {
                return Some(Fraction::ZERO);
            }
            let k = k.min(n - k);
            if k > 4000 || n > 1_000_000 {
                return None;
            }
            budget.spend(1 + k * k / 200)?;
            Fraction::whole_number(product(n - k + 1, n) / product(1, k))
        }
        Func::Root if values.len() == 2 => {
            let index = natural(&values[1]).filter(|n| (1..=64).contains(n))? as u32;
            values[0].root(index)?
        }
        Func::Re | Func::Conjugate => one()?.clone(),
        Func::Im => Fraction::ZERO,
        Func::Log if values.len() == 2 => whole_log(&values[0], &values[1])?,
        _ => return None,
    })
}

fn floor(q: &Fraction) -> Fraction {
    Fraction::whole_number(q.numerator().div_floor(&q.denominator()))
}

/// log_b x where it is a whole number.
fn whole_log(x: &Fraction, base: &Fraction) -> Option<Fraction> {
    let above_one = |q: &Fraction| Fraction::ONE.sub(q).is_negative();
    if x.is_negative() || x.is_zero() || !above_one(base) || x.bits() > 2000 {
        return None;
    }
    let (mut y, sign) = if above_one(x) {
        (x.clone(), 1)
    } else {
        (x.inverse()?, -1)
    };
    let mut n = 0;
    while above_one(&y) {
        y = y.div(base)?;
        n += 1;
    }
    y.is_one().then(|| Fraction::int(sign * n))
}

/// `e` with the symbol `name` replaced; bound variables of the same name are left alone.
pub fn substitute(e: &Expr, name: &str, value: &Expr) -> Expr {
    match e {
        Expr::Sym(s) if s == name => value.clone(),
        Expr::Const(crate::verify::tree::Constant::I) if name == "i" => value.clone(),
        Expr::Big { var, .. } if var == name => e.clone(),
        other => other.map(&mut |c| substitute(c, name, value)),
    }
}
