//! Evaluation with an error bound, at given values of the symbols.

use super::ball::Ball;
use super::calculus::{derivative, integral, limit};
use super::dd::Dd;
use super::functions::call;
use super::infinite;
use super::opaque::{digest, hash, mix, opaque, unit};
use crate::verify::budget::Budget;
use crate::verify::tree::{BigOp, Constant, Expr};
use num_traits::ToPrimitive;

/// Values of the symbols, and what evaluation may spend.
pub struct Point<'a> {
    pub values: Vec<(String, Ball)>,
    pub budget: &'a Budget,
    /// Mixes into the values of unknown functions.
    pub seed: u64,
    /// Whether something without a value was given one that only stands for it.
    pub stands_in: bool,
    /// Whether a power or function on the way had a value that is not real.
    pub complex: bool,
}

impl<'a> Point<'a> {
    pub fn new(values: Vec<(String, Ball)>, budget: &'a Budget, seed: u64) -> Self {
        Point {
            values,
            budget,
            seed,
            stands_in: false,
            complex: false,
        }
    }

    fn noticed(&mut self, y: Ball) -> Ball {
        self.complex |= !y.is_real();
        y
    }
}

/// The value of `e`, if every part of it has one.
pub fn eval(e: &Expr, p: &mut Point) -> Option<Ball> {
    p.budget.spend(2)?;
    match e {
        Expr::Num(n) => Ball::rational(&n.value),
        Expr::BaseNum { value, .. } => {
            Ball::rational(&num_rational::BigRational::from_integer(value.clone()))
        }
        Expr::Sym(s) => p.values.iter().rev().find(|(n, _)| n == s).map(|(_, v)| *v),
        Expr::Const(Constant::Pi) => Some(Ball::real(Dd::PI)),
        Expr::Const(Constant::E) => Some(Ball::real(Dd::E)),
        Expr::Const(Constant::I) => Some(
            p.values
                .iter()
                .rev()
                .find(|(n, _)| n == "i")
                .map_or(Ball::i(), |(_, v)| *v),
        ),
        Expr::Add(v) => v
            .iter()
            .try_fold(Ball::from_f64(0.0), |s, x| Some(s.add(eval(x, p)?))),
        Expr::Mul(v) => v
            .iter()
            .try_fold(Ball::from_f64(1.0), |s, x| Some(s.mul(eval(x, p)?))),
        Expr::Div(a, b) => eval(a, p)?.div(eval(b, p)?),
        Expr::Ratio(v) if v.len() == 2 => eval(&v[0], p)?.div(eval(&v[1], p)?),
        Expr::Neg(a) => Some(eval(a, p)?.neg()),
        Expr::Percent(a) => eval(a, p)?.div(Ball::from_f64(100.0)),
        Expr::Degree(a) | Expr::WithUnit { value: a, .. } => eval(a, p),
        Expr::Pow(a, b) => {
            let y = eval(a, p)?.pow(eval(b, p)?)?;
            Some(p.noticed(y))
        }
        Expr::Call(f, args) => call(*f, args, p).map(|y| p.noticed(y)),
        Expr::Apply(name, args) => {
            let mut state = p.seed ^ hash(name.as_bytes());
            for a in args {
                let v = eval(a, p)?;
                state = mix(state ^ digest(v));
            }
            Some(Ball::from_f64(unit(mix(state)) * 4.0 - 2.0))
        }
        Expr::Big {
            op: op @ (BigOp::Sum | BigOp::Product),
            var,
            lower: Some(lower),
            upper: Some(upper),
            body,
        } => {
            let lo = whole(eval(lower, p)?)?;
            if matches!(**upper, Expr::Const(Constant::Infinity)) {
                let value = if *op == BigOp::Sum {
                    infinite::sum(var, lo, body, p)
                } else {
                    None
                };
                return value.or_else(|| {
                    opaque(e, &format!("{op:?}"), var, &[&**lower, &**upper], body, p)
                });
            }
            let hi = whole(eval(upper, p)?)?;
            let mut out = Ball::from_f64(if *op == BigOp::Sum { 0.0 } else { 1.0 });
            for k in lo..=hi {
                p.budget.spend(4)?;
                p.values.push((var.clone(), Ball::from_f64(k as f64)));
                let x = eval(body, p);
                p.values.pop();
                out = if *op == BigOp::Sum {
                    out.add(x?)
                } else {
                    out.mul(x?)
                };
            }
            Some(out)
        }
        Expr::Big {
            op: BigOp::Integral,
            var,
            lower: Some(lower),
            upper: Some(upper),
            body,
        } => integral(var, lower, upper, body, p),
        Expr::Big {
            op: BigOp::Limit,
            var,
            lower: Some(at),
            body,
            ..
        } => {
            match &**at {
                Expr::Const(Constant::Infinity) => return infinite::limit(var, 1.0, body, p),
                Expr::Neg(x) if matches!(**x, Expr::Const(Constant::Infinity)) => {
                    return infinite::limit(var, -1.0, body, p)
                }
                _ => {}
            }
            let x = eval(at, p)?;
            p.values.push((var.clone(), x));
            let y = eval(body, p);
            p.values.pop();
            y.filter(Ball::usable).or_else(|| limit(var, x, body, p))
        }
        Expr::Big {
            op,
            var,
            lower,
            upper,
            body,
        } => {
            let bounds: Vec<&Expr> = lower.iter().chain(upper).map(|x| &**x).collect();
            opaque(e, &format!("{op:?}"), var, &bounds, body, p)
        }
        Expr::Derivative { var, order, body } => {
            if let Some(y) = derivative(var, *order, body, p) {
                return Some(y);
            }
            opaque(e, &format!("D{order}{var}"), var, &[], body, p)
        }
        _ => None,
    }
}

/// The whole number that a value stands for.
pub fn whole(b: Ball) -> Option<i64> {
    let n = b.re.hi.round();
    ((b.re.hi - n).abs() < 1e-12 && b.is_real() && n.abs() < 1e6)
        .then(|| n.to_i64())
        .flatten()
}
