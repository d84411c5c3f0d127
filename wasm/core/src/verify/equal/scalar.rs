//! Values against values: literals by rounding, rationals exactly, the rest by evaluation.

use super::algebra;
use super::ball::Ball;
use super::exact::{fraction, rational};
use super::fraction::Fraction;
use super::numeric::{eval, Point};
use super::opaque::{hash, mix, unit};
use super::{Context, Rule};
use crate::verify::parse::ten_to;
use crate::verify::tree::{BigOp, Constant, Expr, Func, Number};
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeSet;

/// Units that the exact value of one side may take, so that enough is left for what comes after.
const EXACT_UNITS: u64 = 40_000;

/// Points the comparison looks at. Coordinates are drawn from more than 2⁵² values, so a rational
/// function of degree d that is not zero vanishes at k of them with probability at most
/// (d · 2⁻⁵²)ᵏ (Schwartz 1980, Zippel 1979); values closer than the error bound look the same.
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
    let value = |e: &Expr| cx.budget.within(EXACT_UNITS, |budget| fraction(e, budget));
    let exact = (value(g), value(p));
    if matches!(&exact, (Some(a), Some(b)) if a == b) {
        return Some(Rule::Exact);
    }
    if decimals(g).is_some() || decimals(p).is_some() {
        let big = (
            exact.0.as_ref().map(Fraction::to_big),
            exact.1.as_ref().map(Fraction::to_big),
        );
        if let Some(verdict) = rounded(g, p, &big, cx) {
            let proved = verdict && algebra::equal(g, p, cx.budget) == Some(true);
            return verdict.then_some(if proved { Rule::Exact } else { Rule::Rounded });
        }
    }
    if let (Some(_), Some(_)) = exact {
        return None;
    }
    let mut names = BTreeSet::new();
    symbols(g, &mut names, &mut vec![]);
    symbols(p, &mut names, &mut vec![]);
    if let Some(same) = algebra::equal(g, p, cx.budget) {
        let rule = if names.is_empty() {
            Rule::Exact
        } else {
            Rule::Canonical
        };
        return same.then_some(rule);
    }
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
    eval(e, &mut Point::new(vec![], cx.budget, 7)).filter(Ball::usable)
}

fn constants(g: &Expr, p: &Expr, cx: &Context) -> Option<Rule> {
    let value = |e: &Expr| eval(e, &mut Point::new(vec![], cx.budget, 7));
    let (a, b) = (value(g)?, value(p)?);
    if !a.magnitude().is_finite() || !b.magnitude().is_finite() {
        return None;
    }
    // Zero against a value known only to its error.
    let small = a.magnitude().max(b.magnitude()) < 1e-20 && a.err.max(b.err) < 1e-20;
    if !(a.sharp(&b) || small) || !a.agrees(&b) {
        return None;
    }
    cx.within(a.tolerance(&b));
    Some(Rule::Numeric)
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

/// Symbols whose values must be whole for the expression to have one: what factorials and
/// binomials are taken of, and bounds of sums.
fn whole_symbols(e: &Expr, out: &mut BTreeSet<String>) {
    match e {
        Expr::Call(Func::Factorial | Func::DoubleFactorial | Func::Binomial, v) => {
            v.iter().for_each(|x| symbols(x, out, &mut vec![]));
        }
        Expr::Big {
            op: BigOp::Sum | BigOp::Product,
            lower,
            upper,
            ..
        } => lower
            .iter()
            .chain(upper)
            .for_each(|x| symbols(x, out, &mut vec![])),
        _ => {}
    }
    for part in e.children() {
        whole_symbols(part, out);
    }
}

/// The values of both sides at a point.
struct Pair {
    gold: Ball,
    prediction: Ball,
    /// Whether everything on the way to them was real.
    real: bool,
}

/// The values of both at the points where both have one.
fn pairs(g: &Expr, p: &Expr, names: &BTreeSet<String>, cx: &Context) -> Vec<Pair> {
    let mut whole = BTreeSet::new();
    whole_symbols(g, &mut whole);
    whole_symbols(p, &mut whole);
    let mut out = vec![];
    for k in 0..POINTS {
        if cx.budget.exhausted() {
            return vec![];
        }
        let values: Vec<(String, Ball)> = names
            .iter()
            .map(|n| (n.clone(), sample(n, k, whole.contains(n))))
            .collect();
        let mut point = Point::new(values, cx.budget, mix(k + 99));
        let a = eval(g, &mut point);
        let gold_stands_in = std::mem::take(&mut point.stands_in);
        let b = eval(p, &mut point);
        // A series that has no sum here says nothing about its closed form elsewhere.
        if gold_stands_in != point.stands_in {
            continue;
        }
        if let (Some(a), Some(b)) = (a, b) {
            if a.magnitude().is_finite()
                && b.magnitude().is_finite()
                && (a.sharp(&b) || a.err.max(b.err) < 1e-20)
            {
                out.push(Pair {
                    gold: a,
                    prediction: b,
                    real: !point.complex,
                });
            }
        }
    }
    out
}

/// Equal wherever every step is real; where that is too rarely, wherever both values are, and at
/// last wherever there are values: `√x·√y` is `√(xy)` where it is read as a real number.
fn functions(g: &Expr, p: &Expr, names: &BTreeSet<String>, cx: &Context) -> Option<Rule> {
    let all = pairs(g, p, names, cx);
    let tests: [fn(&Pair) -> bool; 3] = [
        |x| x.real && x.gold.is_real() && x.prediction.is_real(),
        |x| x.gold.is_real() && x.prediction.is_real(),
        |_| true,
    ];
    let judged = tests
        .iter()
        .map(|test| all.iter().filter(|x| test(x)).collect::<Vec<_>>())
        .find(|found| found.len() >= 3)?;
    if !judged.iter().all(|x| x.gold.agrees(&x.prediction)) {
        return None;
    }
    for x in &judged {
        cx.within(x.gold.tolerance(&x.prediction));
    }
    Some(Rule::Numeric)
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
    if let Some(sign) = algebra::proportional(f, g, cx.budget) {
        return sign;
    }
    let mut ratio: Option<Ball> = None;
    let mut seen = 0;
    for pair in pairs(f, g, &names, cx) {
        let (a, b) = (pair.gold, pair.prediction);
        if !a.is_real() || !b.is_real() || a.is_zero() || b.is_zero() {
            if a.is_zero() != b.is_zero() {
                return None;
            }
            continue;
        }
        let r = a.div(b)?;
        match &ratio {
            Some(before) if !before.agrees(&r) => return None,
            Some(before) => cx.within(before.tolerance(&r)),
            None => {}
        }
        ratio = Some(r);
        seen += 1;
    }
    ratio.filter(|_| seen >= 4).map(|r| r.re.hi.signum())
}
