//! Values against values: literals by rounding, rationals exactly, the rest by evaluation.

use super::ball::Ball;
use super::exact::rational;
use super::numeric::{eval, hash, mix, unit, Point};
use super::{Context, Rule};
use crate::verify::parse::ten_to;
use crate::verify::tree::{BigOp, Constant, Expr, Func, Number};
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeSet;

/// Points the comparison looks at; two functions that differ agree at all of them with
/// probability below 2⁻⁵² each.
const POINTS: u64 = 14;

/// Compares two scalar expressions.
pub fn equal(g: &Expr, p: &Expr, cx: &Context) -> Option<Rule> {
    if g == p {
        return (!undefined(g, cx)).then_some(Rule::Identical);
    }
    if let Some(verdict) = percent(g, p, cx) {
        return verdict;
    }
    if let (
        Expr::BaseNum {
            digits,
            base,
            value,
        },
        other,
    )
    | (
        other,
        Expr::BaseNum {
            digits,
            base,
            value,
        },
    ) = (g, p)
    {
        // A base left out is read from the gold; a base converted keeps the value.
        if let Expr::BaseNum { value: v, .. } = other {
            return (v == value).then_some(Rule::Exact);
        }
        let q = rational(other, cx.budget)?;
        let _ = base;
        return (q.is_integer() && (q.numer().to_string() == *digits || q.numer() == value))
            .then_some(Rule::Exact);
    }
    if infinite(g) != infinite(p) {
        return None;
    }
    let exact = (rational(g, cx.budget), rational(p, cx.budget));
    if decimals(g).is_some() || decimals(p).is_some() {
        if let Some(verdict) = rounded(g, p, &exact, cx) {
            return verdict.then_some(Rule::Rounded);
        }
    }
    if let (Some(a), Some(b)) = exact {
        return (a == b).then_some(Rule::Exact);
    }
    let mut names = BTreeSet::new();
    symbols(g, &mut names, &mut vec![]);
    symbols(p, &mut names, &mut vec![]);
    if names.is_empty() {
        return constants(g, p, cx);
    }
    functions(g, p, &names, cx)
}

/// The literal through percent and sign, if it is a decimal.
fn decimals(e: &Expr) -> Option<u32> {
    match e {
        Expr::Percent(x) | Expr::WithUnit { value: x, .. } => decimals(x),
        _ => e.literal().and_then(|n| n.decimals),
    }
}

/// The percent sign may be left out where the gold has it; a whole number may carry it where the
/// gold has not.
fn percent(g: &Expr, p: &Expr, cx: &Context) -> Option<Option<Rule>> {
    match (g, p) {
        (Expr::Percent(a), Expr::Percent(b)) => Some(equal(a, b, cx)),
        (Expr::Percent(a), _) => {
            let bare =
                a.literal().is_some() && p.literal().is_some() || rational(a, cx.budget).is_some();
            (bare && equal(a, p, cx).is_some()).then_some(Some(Rule::Percent))
        }
        (_, Expr::Percent(b)) => {
            let whole = |n: &Number| n.value.is_integer() && n.decimals.is_none();
            match (g.literal(), b.literal()) {
                (Some(m), Some(n)) if whole(&m) && whole(&n) && m.value == n.value => {
                    Some(Some(Rule::Percent))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn infinite(e: &Expr) -> Option<bool> {
    match e {
        Expr::Const(Constant::Infinity) => Some(true),
        Expr::Neg(x) => infinite(x).map(|s| !s),
        Expr::PlusMinus { .. } => None,
        _ => None,
    }
}

/// A division by zero written out has no value, so it equals nothing.
fn undefined(e: &Expr, cx: &Context) -> bool {
    e.any(&|x| matches!(x, Expr::Div(_, b) if rational(b, cx.budget).is_some_and(|q| q.is_zero())))
}

/// Equality at the option's decimals, and relative where both are tiny.
fn rounded(
    g: &Expr,
    p: &Expr,
    exact: &(Option<BigRational>, Option<BigRational>),
    cx: &Context,
) -> Option<bool> {
    let value =
        |e: &Expr, q: &Option<BigRational>| q.clone().or_else(|| to_rational(&constant(e, cx)?));
    let (a, b) = (value(g, &exact.0)?, value(p, &exact.1)?);
    if a == b {
        return Some(true);
    }
    let places = cx.options.precision.min(60);
    let scale = ten_to(places);
    let (ra, rb) = ((&a * &scale).round(), (&b * &scale).round());
    if ra != rb {
        return Some(false);
    }
    if !ra.is_zero() {
        return Some(true);
    }
    Some((&a - &b).abs() * scale <= a.abs().max(b.abs()))
}

fn to_rational(b: &Ball) -> Option<BigRational> {
    if !b.usable() || !b.is_real() {
        return None;
    }
    Some(BigRational::from_float(b.re.hi)? + BigRational::from_float(b.re.lo)?)
}

fn constant(e: &Expr, cx: &Context) -> Option<Ball> {
    eval(
        e,
        &mut Point {
            values: vec![],
            budget: cx.budget,
            seed: 7,
        },
    )
    .filter(Ball::usable)
}

fn constants(g: &Expr, p: &Expr, cx: &Context) -> Option<Rule> {
    let value = |e: &Expr| {
        eval(
            e,
            &mut Point {
                values: vec![],
                budget: cx.budget,
                seed: 7,
            },
        )
    };
    let (a, b) = (value(g)?, value(p)?);
    if !a.magnitude().is_finite() || !b.magnitude().is_finite() {
        return None;
    }
    // Zero against a value known only to its error.
    let small = a.magnitude().max(b.magnitude()) < 1e-20 && a.err.max(b.err) < 1e-20;
    ((a.sharp(&b) || small) && a.agrees(&b)).then_some(Rule::Numeric)
}

/// Free symbols; bound ones are left out.
pub fn symbols(e: &Expr, out: &mut BTreeSet<String>, bound: &mut Vec<String>) {
    match e {
        Expr::Sym(s) => {
            if !bound.contains(s) {
                out.insert(s.clone());
            }
        }
        Expr::Big {
            var,
            lower,
            upper,
            body,
            ..
        } => {
            for b in lower.iter().chain(upper) {
                symbols(b, out, bound);
            }
            bound.push(var.clone());
            symbols(body, out, bound);
            bound.pop();
        }
        other => other
            .children()
            .into_iter()
            .for_each(|c| symbols(c, out, bound)),
    }
}

/// The value of symbol `name` at point `k`: within the unit interval, around it, and beyond.
fn sample(name: &str, k: u64, discrete: bool) -> Ball {
    let u = unit(mix(hash(name.as_bytes()) ^ mix(k + 1)));
    Ball::from_f64(match k % 7 {
        _ if discrete => (1.0 + (u * (4.0 + k as f64)).floor()).min(14.0),
        0 | 1 => 0.05 + 0.9 * u,
        2 | 3 => 1.0 + 3.0 * u,
        4 => -1.0 + 2.0 * u,
        5 => -4.0 + 8.0 * u,
        _ => 3.0 + 9.0 * u,
    })
}

/// Whether the values must be whole for the expression to have one.
pub fn discrete(e: &Expr) -> bool {
    e.any(&|x| {
        matches!(
            x,
            Expr::Call(Func::Factorial | Func::DoubleFactorial | Func::Binomial, _)
                | Expr::Big {
                    op: BigOp::Sum | BigOp::Product,
                    upper: Some(_),
                    ..
                }
        )
    })
}

/// The values of both at the points where both have one.
pub fn pairs(g: &Expr, p: &Expr, names: &BTreeSet<String>, cx: &Context) -> Vec<(Ball, Ball)> {
    let whole = discrete(g) || discrete(p);
    let mut out = vec![];
    for k in 0..POINTS {
        if cx.budget.exhausted() {
            return vec![];
        }
        let values: Vec<(String, Ball)> = names
            .iter()
            .map(|n| (n.clone(), sample(n, k, whole)))
            .collect();
        let mut point = Point {
            values,
            budget: cx.budget,
            seed: mix(k + 99),
        };
        if let (Some(a), Some(b)) = (eval(g, &mut point), eval(p, &mut point)) {
            if a.magnitude().is_finite()
                && b.magnitude().is_finite()
                && (a.sharp(&b) || a.err.max(b.err) < 1e-20)
            {
                out.push((a, b));
            }
        }
    }
    out
}

/// Equal wherever both are real; where that is too rarely, wherever both have a value.
fn functions(g: &Expr, p: &Expr, names: &BTreeSet<String>, cx: &Context) -> Option<Rule> {
    let all = pairs(g, p, names, cx);
    let real: Vec<_> = all
        .iter()
        .filter(|(a, b)| a.is_real() && b.is_real())
        .collect();
    let judged = if real.len() >= 3 {
        real
    } else {
        all.iter().collect()
    };
    (judged.len() >= 3 && judged.iter().all(|(a, b)| a.agrees(b))).then_some(Rule::Numeric)
}

/// Whether f = c·g for one constant c; its sign is returned.
pub fn proportional(f: &Expr, g: &Expr, cx: &Context) -> Option<f64> {
    let mut names = BTreeSet::new();
    symbols(f, &mut names, &mut vec![]);
    let mut other = BTreeSet::new();
    symbols(g, &mut other, &mut vec![]);
    if names != other || names.is_empty() {
        return None;
    }
    let mut ratio: Option<Ball> = None;
    let mut seen = 0;
    for (a, b) in pairs(f, g, &names, cx) {
        if !a.is_real() || !b.is_real() || a.is_zero() || b.is_zero() {
            if a.is_zero() != b.is_zero() {
                return None;
            }
            continue;
        }
        let r = a.div(b)?;
        match &ratio {
            Some(before) if !before.agrees(&r) => return None,
            _ => ratio = Some(r),
        }
        seen += 1;
    }
    ratio.filter(|_| seen >= 4).map(|r| r.re.hi.signum())
}
