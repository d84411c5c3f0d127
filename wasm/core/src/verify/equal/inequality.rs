//! Relations in one variable, solved: which pieces of the line satisfy them.

use super::pieces::{complement, end, infinity, intersect, merged, End, Piece};
use super::sets::{region, Region};
use super::univariate::{quotient, roots, value};
use super::{scalar, Context};
use crate::verify::parse::print::print;
use crate::verify::tree::{Expr, Func, RelOp};
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeSet;

/// More absolute values, each of which is split in two, are not solved.
const MAX_BARS: usize = 3;

/// A chain such as `1 < x ≤ 2` or `x² < 4`: linear or rational in one variable, absolute values included.
pub fn relation(items: &[Expr], ops: &[RelOp], cx: &Context) -> Option<Region> {
    if let [RelOp::In] = ops {
        let Expr::Sym(name) = &items[0] else {
            return None;
        };
        return Some(Region {
            pieces: region(&items[1], cx)?.pieces,
            name: Some(name.clone()),
        });
    }
    let items: Vec<Expr> = items.iter().map(opaque).collect();
    let mut names = BTreeSet::new();
    items
        .iter()
        .for_each(|x| scalar::symbols(x, &mut names, &mut vec![]));
    if names.len() != 1 {
        return None;
    }
    let name = names.into_iter().next()?;
    let mut out: Option<Vec<Piece>> = None;
    for (k, op) in ops.iter().enumerate() {
        let link = link(&items[k], *op, &items[k + 1], &name, MAX_BARS, cx)?;
        out = Some(match out {
            None => link,
            Some(before) => intersect(&merged(before), &merged(link)),
        });
    }
    Some(Region {
        pieces: out?,
        name: Some(name),
    })
}

/// `0 < f(x) < 1` says something of f(x), as if it were a symbol.
fn opaque(e: &Expr) -> Expr {
    match e {
        Expr::Apply(..) => Expr::Sym(print(e)),
        other => other.clone(),
    }
}

fn link(
    left: &Expr,
    op: RelOp,
    right: &Expr,
    name: &str,
    bars: usize,
    cx: &Context,
) -> Option<Vec<Piece>> {
    cx.budget.spend(20)?;
    let is_variable = |e: &Expr| matches!(e, Expr::Sym(s) if s == name);
    let constant = |e: &Expr| !e.any(&|x| matches!(x, Expr::Sym(_)));
    if is_variable(left) && constant(right) {
        return bounded(op, right, cx);
    }
    if is_variable(right) && constant(left) {
        return bounded(flip(op), left, cx);
    }
    let f = Expr::Add(vec![left.clone(), right.clone().negated()]);
    match bar(&f, name) {
        Some(_) if bars == 0 => None,
        Some(inner) => split(&f, op, &inner, name, bars, cx),
        None => rational(&f, op, name, cx),
    }
}

/// What stands in the first absolute value that depends on `name`.
fn bar(e: &Expr, name: &str) -> Option<Expr> {
    match e {
        Expr::Call(Func::Abs, args)
            if args.len() == 1 && args[0].any(&|x| matches!(x, Expr::Sym(s) if s == name)) =>
        {
            bar(&args[0], name).or_else(|| Some(args[0].clone()))
        }
        other => other.children().into_iter().find_map(|c| bar(c, name)),
    }
}

/// |u| is u where u ≥ 0, and −u where u < 0.
fn split(
    f: &Expr,
    op: RelOp,
    inner: &Expr,
    name: &str,
    bars: usize,
    cx: &Context,
) -> Option<Vec<Piece>> {
    let zero = Expr::int(0);
    let mut out = vec![];
    for (sign, value) in [
        (RelOp::Ge, inner.clone()),
        (RelOp::Lt, inner.clone().negated()),
    ] {
        let holds = link(&without(f, inner, &value), op, &zero, name, bars - 1, cx)?;
        let side = link(inner, sign, &zero, name, bars - 1, cx)?;
        out.extend(intersect(&merged(holds), &merged(side)));
    }
    Some(out)
}

fn without(e: &Expr, inner: &Expr, value: &Expr) -> Expr {
    match e {
        Expr::Call(Func::Abs, args) if args.as_slice() == [inner.clone()] => value.clone(),
        other => other.map(&mut |c| without(c, inner, value)),
    }
}

/// `x op bound`.
fn bounded(op: RelOp, bound: &Expr, cx: &Context) -> Option<Vec<Piece>> {
    let at = |open: bool| end(bound, open, cx);
    let (low, high) = (infinity(f64::NEG_INFINITY), infinity(f64::INFINITY));
    let (lo, hi) = match op {
        RelOp::Lt => (low, at(true)?),
        RelOp::Le => (low, at(false)?),
        RelOp::Gt => (at(true)?, high),
        RelOp::Ge => (at(false)?, high),
        RelOp::Eq => (at(false)?, at(false)?),
        RelOp::Ne => {
            let point = Piece {
                lo: at(false)?,
                hi: at(false)?,
            };
            return Some(complement(vec![point]));
        }
        _ => return None,
    };
    Some(vec![Piece { lo, hi }])
}

/// `f op 0` for a quotient of polynomials: its sign between the roots of both.
fn rational(f: &Expr, op: RelOp, name: &str, cx: &Context) -> Option<Vec<Piece>> {
    let (top, below) = quotient(f, name, cx.budget)?;
    // An equation of a higher degree is not the set of its solutions.
    if top.is_empty()
        || top.len().max(below.len()) < 2
        || op == RelOp::Eq && (top.len() > 2 || below.len() > 1)
    {
        return None;
    }
    let wanted: fn(&BigRational) -> bool = match op {
        RelOp::Lt | RelOp::Le => Signed::is_negative,
        RelOp::Gt | RelOp::Ge => Signed::is_positive,
        RelOp::Ne => |x| !x.is_zero(),
        RelOp::Eq => |_| false,
        _ => return None,
    };
    let poles = roots(&below, cx.budget)?;
    let mut points: Vec<(End, bool)> = vec![];
    for (roots, pole) in [(&poles, true), (&roots(&top, cx.budget)?, false)] {
        for root in roots {
            let at = end(root, false, cx)?;
            if !points.iter().any(|(p, _)| p.at == at.at) {
                points.push((at, pole));
            }
        }
    }
    points.sort_by(|(a, _), (b, _)| a.at.total_cmp(&b.at));
    let mut ends = vec![infinity(f64::NEG_INFINITY)];
    ends.extend(points.iter().map(|(p, _)| p.clone()));
    ends.push(infinity(f64::INFINITY));
    let mut out = vec![];
    for pair in ends.windows(2) {
        let middle = BigRational::from_float(between(pair[0].at, pair[1].at))?;
        if wanted(&(value(&top, &middle) * value(&below, &middle))) {
            let open = |e: &End| End {
                open: true,
                ..e.clone()
            };
            out.push(Piece {
                lo: open(&pair[0]),
                hi: open(&pair[1]),
            });
        }
    }
    if matches!(op, RelOp::Le | RelOp::Ge | RelOp::Eq) {
        out.extend(
            points
                .into_iter()
                .filter(|(_, pole)| !pole)
                .map(|(p, _)| Piece {
                    lo: p.clone(),
                    hi: p,
                }),
        );
    }
    Some(out)
}

fn between(a: f64, b: f64) -> f64 {
    match (a.is_infinite(), b.is_infinite()) {
        (true, true) => 0.0,
        (true, false) => b - 1.0 - b.abs(),
        (false, true) => a + 1.0 + a.abs(),
        (false, false) => a + (b - a) / 2.0,
    }
}

fn flip(op: RelOp) -> RelOp {
    match op {
        RelOp::Lt => RelOp::Gt,
        RelOp::Le => RelOp::Ge,
        RelOp::Gt => RelOp::Lt,
        RelOp::Ge => RelOp::Le,
        other => other,
    }
}
