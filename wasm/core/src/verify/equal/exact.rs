//! Exact rational evaluation: decides without doubt where it applies.

use crate::verify::budget::Budget;
use crate::verify::tree::{BigOp, Expr, Func};
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Powers and factorials whose result is longer than this stay symbolic.
const MAX_BITS: u64 = 40_000;

/// The exact value of `e`, if it is rational and small enough to write down.
pub fn rational(e: &Expr, budget: &Budget) -> Option<BigRational> {
    budget.spend(1)?;
    match e {
        Expr::Num(n) => Some(n.value.clone()),
        Expr::BaseNum { value, .. } => Some(BigRational::from_integer(value.clone())),
        Expr::Add(v) => v.iter().try_fold(BigRational::zero(), |sum, x| {
            checked(sum + rational(x, budget)?, budget)
        }),
        Expr::Mul(v) => v.iter().try_fold(BigRational::one(), |product, x| {
            checked(product * rational(x, budget)?, budget)
        }),
        Expr::Div(a, b) => {
            let below = rational(b, budget)?;
            if below.is_zero() {
                return None;
            }
            checked(rational(a, budget)? / below, budget)
        }
        Expr::Neg(a) => Some(-rational(a, budget)?),
        Expr::Percent(a) => Some(rational(a, budget)? / BigRational::from_integer(100.into())),
        Expr::Degree(a) | Expr::WithUnit { value: a, .. } => rational(a, budget),
        Expr::Pow(a, b) => power(&rational(a, budget)?, &rational(b, budget)?, budget),
        Expr::Ratio(v) if v.len() == 2 => {
            let below = rational(&v[1], budget)?;
            (!below.is_zero()).then(|| ())?;
            Some(rational(&v[0], budget)? / below)
        }
        Expr::Call(f, args) => call(*f, args, budget),
        Expr::Big {
            op: op @ (BigOp::Sum | BigOp::Product),
            var,
            lower: Some(lower),
            upper: Some(upper),
            body,
        } => {
            let (lo, hi) = (rational(lower, budget)?, rational(upper, budget)?);
            if !lo.is_integer() || !hi.is_integer() {
                return None;
            }
            let (lo, hi) = (lo.to_integer().to_i64()?, hi.to_integer().to_i64()?);
            let mut out = if *op == BigOp::Sum {
                BigRational::zero()
            } else {
                BigRational::one()
            };
            for k in lo..=hi {
                budget.spend(20)?;
                let x = rational(&substitute(body, var, &Expr::int(k)), budget)?;
                out = checked(if *op == BigOp::Sum { out + x } else { out * x }, budget)?;
            }
            Some(out)
        }
        _ => None,
    }
}

fn checked(q: BigRational, budget: &Budget) -> Option<BigRational> {
    let bits = q.numer().bits() + q.denom().bits();
    budget.spend(bits / 512)?;
    (bits <= 2 * MAX_BITS).then_some(q)
}

/// aᵇ for rational a, b where the result is rational.
fn power(a: &BigRational, b: &BigRational, budget: &Budget) -> Option<BigRational> {
    if !b.is_integer() {
        let index = b.denom().to_u32().filter(|n| *n <= 64)?;
        if a.is_negative() {
            return None;
        }
        let root = BigRational::new(exact_root(a.numer(), index)?, exact_root(a.denom(), index)?);
        return power(&root, &BigRational::from_integer(b.numer().clone()), budget);
    }
    if a.is_zero() {
        return if b.is_positive() {
            Some(BigRational::zero())
        } else if b.is_zero() {
            Some(BigRational::one())
        } else {
            None
        };
    }
    if a.is_one() {
        return Some(BigRational::one());
    }
    if *a == -BigRational::one() {
        return Some(if b.numer().is_even() {
            BigRational::one()
        } else {
            -BigRational::one()
        });
    }
    let n = b.to_integer().to_i64()?;
    let bits = a.numer().bits().max(a.denom().bits());
    if bits.checked_mul(n.unsigned_abs())? > MAX_BITS {
        return None;
    }
    budget.spend(1 + bits * n.unsigned_abs() / 256)?;
    let up = a.pow(n.unsigned_abs() as i32);
    Some(if n < 0 { up.recip() } else { up })
}

fn exact_root(n: &BigInt, index: u32) -> Option<BigInt> {
    if n.bits() > 4096 {
        return None;
    }
    let root = n.nth_root(index);
    (num_traits::pow(root.clone(), index as usize) == *n).then_some(root)
}

fn call(f: Func, args: &[Expr], budget: &Budget) -> Option<BigRational> {
    let mut values = Vec::with_capacity(args.len());
    for a in args {
        values.push(rational(a, budget)?);
    }
    let one = || values.first().filter(|_| values.len() == 1);
    let natural = |q: &BigRational| {
        (q.is_integer() && !q.is_negative())
            .then(|| q.to_integer().to_u64())
            .flatten()
    };
    Some(match f {
        Func::Abs => one()?.abs(),
        Func::Floor => one()?.floor(),
        Func::Ceil => one()?.ceil(),
        Func::Sign => one()?.signum(),
        Func::Min => values.into_iter().min()?,
        Func::Max => values.into_iter().max()?,
        Func::Gcd => values.into_iter().reduce(gcd)?.abs(),
        Func::Lcm => {
            let mut out = values[0].clone();
            for v in &values[1..] {
                let g = gcd(out.clone(), v.clone());
                if g.is_zero() {
                    return Some(g);
                }
                out = out * v / g;
            }
            out.abs()
        }
        Func::Mod if values.len() == 2 && !values[1].is_zero() => {
            let q = (&values[0] / &values[1]).floor();
            &values[0] - q * &values[1]
        }
        Func::Factorial => {
            let n = natural(one()?).filter(|n| *n <= 4000)?;
            budget.spend(1 + n * n / 500)?;
            BigRational::from_integer((1..=n).fold(BigInt::one(), |a, k| a * k))
        }
        Func::DoubleFactorial => {
            let n = natural(one()?).filter(|n| *n <= 4000)?;
            budget.spend(1 + n * n / 500)?;
            BigRational::from_integer((1..=n).rev().step_by(2).fold(BigInt::one(), |a, k| a * k))
        }
        Func::Binomial if values.len() == 2 => {
            let (n, k) = (natural(&values[0])?, natural(&values[1])?);
            if k > n {
                return Some(BigRational::zero());
            }
            let k = k.min(n - k);
            if k > 4000 || n > 1_000_000 {
                return None;
            }
            budget.spend(1 + k * k / 200)?;
            BigRational::from_integer((0..k).fold(BigInt::one(), |a, j| a * (n - j) / (j + 1)))
        }
        Func::Root if values.len() == 2 => {
            let index = natural(&values[1]).filter(|n| (1..=64).contains(n))? as u32;
            let x = &values[0];
            if x.is_negative() && index % 2 == 0 {
                return None;
            }
            let root = BigRational::new(
                exact_root(&x.numer().abs(), index)?,
                exact_root(x.denom(), index)?,
            );
            if x.is_negative() {
                -root
            } else {
                root
            }
        }
        Func::Re | Func::Conjugate => one()?.clone(),
        Func::Im => BigRational::zero(),
        Func::Log if values.len() == 2 => whole_log(&values[0], &values[1])?,
        _ => return None,
    })
}

/// log_b x where it is a whole number.
fn whole_log(x: &BigRational, base: &BigRational) -> Option<BigRational> {
    if !x.is_positive()
        || *base <= BigRational::one()
        || x.numer().bits() > 2000
        || x.denom().bits() > 2000
    {
        return None;
    }
    let (mut y, sign) = if *x < BigRational::one() {
        (x.recip(), -1)
    } else {
        (x.clone(), 1)
    };
    let mut n = 0i64;
    while y > BigRational::one() {
        y /= base;
        n += 1;
    }
    y.is_one()
        .then(|| BigRational::from_integer((sign * n).into()))
}

fn gcd(a: BigRational, b: BigRational) -> BigRational {
    if a.is_zero() {
        return b;
    }
    if b.is_zero() {
        return a;
    }
    // gcd(p/q, r/s) = gcd(ps, rq) / qs
    let top = (a.numer() * b.denom()).gcd(&(b.numer() * a.denom()));
    BigRational::new(top, a.denom() * b.denom())
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
