//! Sets of real numbers: intervals, unions and simple inequalities as sorted pieces of the line.

use super::numeric::{eval, Point};
use super::{Context, Rule};
use crate::verify::tree::{Constant, Expr, NamedSet, RelOp, SetOp};
use std::collections::BTreeSet;

/// More pieces than an answer has.
const MAX_PIECES: usize = 64;

/// An end of a piece.
#[derive(Clone, Debug)]
struct End {
    /// Only to sort by; equality asks `expr`.
    at: f64,
    expr: Expr,
    open: bool,
}

#[derive(Clone, Debug)]
struct Piece {
    lo: End,
    hi: End,
}

/// Pieces of the line, and the variable that an inequality names.
struct Region {
    pieces: Vec<Piece>,
    name: Option<String>,
}

/// Compares where at least one side is a set of numbers.
pub fn equal(g: &Expr, p: &Expr, cx: &Context) -> Option<Rule> {
    cx.budget.spend(20)?;
    if let Some(verdict) = structural(g, p, cx) {
        return verdict.then_some(Rule::Set);
    }
    let (a, b) = (region(g, cx)?, region(p, cx)?);
    if let (Some(x), Some(y)) = (&a.name, &b.name) {
        if x != y {
            return None;
        }
    }
    let (a, b) = (merged(a.pieces), merged(b.pieces));
    let same_end = |x: &End, y: &End| {
        if x.at.is_infinite() || y.at.is_infinite() {
            return x.at == y.at;
        }
        x.open == y.open && super::equal(&x.expr, &y.expr, cx).is_some()
    };
    let same = a.len() == b.len()
        && a.iter()
            .zip(&b)
            .all(|(x, y)| same_end(&x.lo, &y.lo) && same_end(&x.hi, &y.hi));
    same.then_some(Rule::Set)
}

/// Part by part, which also works for ends with symbols in them; `None` leaves it to the pieces.
fn structural(g: &Expr, p: &Expr, cx: &Context) -> Option<bool> {
    match (g, p) {
        (Expr::NamedSet(a), Expr::NamedSet(b)) => Some(a == b),
        (Expr::NamedSet(NamedSet::Empty), Expr::Set(v))
        | (Expr::Set(v), Expr::NamedSet(NamedSet::Empty)) => Some(v.is_empty()),
        (
            Expr::Interval {
                lo: a,
                hi: b,
                lo_open: ao,
                hi_open: bo,
            },
            Expr::Interval {
                lo: c,
                hi: d,
                lo_open: co,
                hi_open: r#do,
            },
        ) => {
            let infinite = |e: &Expr| e.any(&|x| matches!(x, Expr::Const(Constant::Infinity)));
            let openness = (ao == co || infinite(a)) && (bo == r#do || infinite(b));
            let same =
                openness && super::equal(a, c, cx).is_some() && super::equal(b, d, cx).is_some();
            same.then_some(true)
        }
        (
            Expr::Builder {
                element: a,
                conditions: c,
            },
            Expr::Builder {
                element: b,
                conditions: d,
            },
        ) => {
            let same = super::equal(a, b, cx).is_some()
                && c.len() == d.len()
                && c.iter()
                    .all(|x| d.iter().any(|y| super::equal(x, y, cx).is_some()));
            same.then_some(true)
        }
        (Expr::SetOp(SetOp::Union, ..), Expr::SetOp(SetOp::Union, ..)) => {
            let (mut a, mut b) = (vec![], vec![]);
            union_parts(g, &mut a);
            union_parts(p, &mut b);
            let same = a.len() == b.len()
                && a.len() <= 40
                && a.iter()
                    .all(|x| b.iter().any(|y| super::equal(x, y, cx).is_some()));
            same.then_some(true)
        }
        (Expr::SetOp(o, a, b), Expr::SetOp(q, c, d)) if o == q => {
            (super::equal(a, c, cx).is_some() && super::equal(b, d, cx).is_some()).then_some(true)
        }
        _ => None,
    }
}

fn union_parts<'a>(e: &'a Expr, out: &mut Vec<&'a Expr>) {
    match e {
        Expr::SetOp(SetOp::Union, a, b) => {
            union_parts(a, out);
            union_parts(b, out);
        }
        other => out.push(other),
    }
}

fn end(e: &Expr, open: bool, cx: &Context) -> Option<End> {
    let at = match e {
        Expr::Const(Constant::Infinity) => f64::INFINITY,
        Expr::Neg(x) if matches!(**x, Expr::Const(Constant::Infinity)) => f64::NEG_INFINITY,
        other => {
            let ball = eval(
                other,
                &mut Point {
                    values: vec![],
                    budget: cx.budget,
                    seed: 5,
                },
            )?;
            if !ball.is_real() || !ball.re.hi.is_finite() {
                return None;
            }
            ball.re.hi
        }
    };
    Some(End {
        at,
        expr: e.clone(),
        open: open || at.is_infinite(),
    })
}

fn infinity(at: f64) -> End {
    End {
        at,
        expr: Expr::Const(Constant::Infinity),
        open: true,
    }
}

fn plain(pieces: Vec<Piece>) -> Region {
    Region { pieces, name: None }
}

/// The pieces an expression describes.
fn region(e: &Expr, cx: &Context) -> Option<Region> {
    cx.budget.spend(10)?;
    match e {
        Expr::Interval {
            lo,
            hi,
            lo_open,
            hi_open,
        } => {
            let (lo, hi) = (end(lo, *lo_open, cx)?, end(hi, *hi_open, cx)?);
            Some(plain(vec![Piece { lo, hi }]))
        }
        // `(1, 2)` is an interval wherever a set is meant.
        Expr::Tuple(v) if v.len() == 2 => {
            let (lo, hi) = (end(&v[0], true, cx)?, end(&v[1], true, cx)?);
            (lo.at < hi.at).then_some(plain(vec![Piece { lo, hi }]))
        }
        Expr::Set(v) if v.len() <= MAX_PIECES => {
            let points = v.iter().map(|x| point(x, cx)).collect::<Option<Vec<_>>>()?;
            Some(plain(points))
        }
        Expr::NamedSet(NamedSet::Reals) => Some(plain(vec![Piece {
            lo: infinity(f64::NEG_INFINITY),
            hi: infinity(f64::INFINITY),
        }])),
        Expr::NamedSet(NamedSet::Empty) => Some(plain(vec![])),
        Expr::SetOp(op, a, b) => {
            let (a, b) = (region(a, cx)?, region(b, cx)?);
            let name = a.name.or(b.name);
            let pieces = match op {
                SetOp::Union => a.pieces.into_iter().chain(b.pieces).collect(),
                SetOp::Intersection => intersect(&merged(a.pieces), &merged(b.pieces)),
                SetOp::Minus => intersect(&merged(a.pieces), &complement(merged(b.pieces))),
            };
            (pieces.len() <= MAX_PIECES).then_some(Region { pieces, name })
        }
        Expr::Rel { items, ops } => relation(items, ops, cx),
        Expr::List(v) if v.iter().all(|x| matches!(x, Expr::Rel { .. })) && v.len() <= 20 => {
            let parts = v
                .iter()
                .map(|x| region(x, cx))
                .collect::<Option<Vec<_>>>()?;
            let name = parts[0].name.clone();
            if parts.iter().any(|r| r.name != name) {
                return None;
            }
            let all: Vec<Piece> = merged(parts.iter().flat_map(|r| r.pieces.clone()).collect());
            // Conditions that together hold everywhere were meant to hold at once.
            let everywhere =
                all.len() == 1 && all[0].lo.at.is_infinite() && all[0].hi.at.is_infinite();
            let differs = v
                .iter()
                .any(|x| matches!(x, Expr::Rel { ops, .. } if ops.contains(&RelOp::Ne)));
            let pieces = if everywhere || differs {
                parts
                    .into_iter()
                    .map(|r| merged(r.pieces))
                    .reduce(|a, b| intersect(&a, &b))?
            } else {
                all
            };
            Some(Region { pieces, name })
        }
        Expr::Builder {
            element,
            conditions,
        } => {
            let (variable, within) = match &**element {
                Expr::Sym(s) => (s.clone(), None),
                Expr::Rel { items, ops } if ops.as_slice() == [RelOp::In] => match &items[0] {
                    Expr::Sym(s) => (s.clone(), Some(&items[1])),
                    _ => return None,
                },
                _ => return None,
            };
            let mut parts = vec![];
            if let Some(set) = within {
                parts.push(region(set, cx)?.pieces);
            }
            for c in conditions {
                let r = region(c, cx)?;
                if r.name.is_some_and(|n| n != variable) {
                    return None;
                }
                parts.push(r.pieces);
            }
            let pieces = parts
                .into_iter()
                .map(merged)
                .reduce(|a, b| intersect(&a, &b))?;
            Some(plain(pieces))
        }
        other => Some(plain(vec![point(other, cx)?])),
    }
}

fn point(x: &Expr, cx: &Context) -> Option<Piece> {
    let at = end(x, false, cx)?;
    at.at.is_finite().then(|| Piece {
        lo: at.clone(),
        hi: at,
    })
}

/// A chain such as `1 < x ≤ 2`, each link of which is linear in one variable.
fn relation(items: &[Expr], ops: &[RelOp], cx: &Context) -> Option<Region> {
    let mut names = BTreeSet::new();
    items
        .iter()
        .for_each(|x| super::scalar::symbols(x, &mut names, &mut vec![]));
    if let [RelOp::In] = ops {
        let Expr::Sym(name) = &items[0] else {
            return None;
        };
        return Some(Region {
            pieces: region(&items[1], cx)?.pieces,
            name: Some(name.clone()),
        });
    }
    if names.len() != 1 {
        return None;
    }
    let name = names.into_iter().next()?;
    let mut out: Option<Vec<Piece>> = None;
    for (k, op) in ops.iter().enumerate() {
        let link = link(&items[k], *op, &items[k + 1], &name, cx)?;
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

fn link(left: &Expr, op: RelOp, right: &Expr, name: &str, cx: &Context) -> Option<Vec<Piece>> {
    let is_variable = |e: &Expr| matches!(e, Expr::Sym(s) if s == name);
    let constant = |e: &Expr| !e.any(&|x| matches!(x, Expr::Sym(_)));
    let (bound, op) = if is_variable(left) && constant(right) {
        (right.clone(), op)
    } else if is_variable(right) && constant(left) {
        (left.clone(), flip(op))
    } else {
        linear(left, op, right, name, cx)?
    };
    let at = |open: bool| end(&bound, open, cx);
    let (low, high) = (infinity(f64::NEG_INFINITY), infinity(f64::INFINITY));
    Some(match op {
        RelOp::Lt => vec![Piece {
            lo: low,
            hi: at(true)?,
        }],
        RelOp::Le => vec![Piece {
            lo: low,
            hi: at(false)?,
        }],
        RelOp::Gt => vec![Piece {
            lo: at(true)?,
            hi: high,
        }],
        RelOp::Ge => vec![Piece {
            lo: at(false)?,
            hi: high,
        }],
        RelOp::Eq => vec![Piece {
            lo: at(false)?,
            hi: at(false)?,
        }],
        RelOp::Ne => vec![
            Piece {
                lo: low,
                hi: at(true)?,
            },
            Piece {
                lo: at(true)?,
                hi: high,
            },
        ],
        _ => return None,
    })
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

/// `a·x + b < c·x + d` with rational numbers, solved for x.
fn linear(left: &Expr, op: RelOp, right: &Expr, name: &str, cx: &Context) -> Option<(Expr, RelOp)> {
    use num_rational::BigRational;
    use num_traits::{Signed, Zero};
    let f = Expr::Add(vec![left.clone(), right.clone().negated()]);
    let at = |k: i64| {
        super::exact::rational(
            &super::exact::substitute(&f, name, &Expr::int(k)),
            cx.budget,
        )
    };
    let (f0, f1, f2, f7) = (at(0)?, at(1)?, at(2)?, at(7)?);
    let slope = &f1 - &f0;
    if slope.is_zero()
        || &f2 - &f1 != slope
        || &f7 - &f0 != &slope * BigRational::from_integer(7.into())
    {
        return None;
    }
    let op = if slope.is_negative() { flip(op) } else { op };
    Some((Expr::rational(-f0 / slope), op))
}

/// Sorted, without overlaps; pieces that touch become one.
fn merged(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.retain(|p| p.lo.at < p.hi.at || (p.lo.at == p.hi.at && !p.lo.open && !p.hi.open));
    pieces.sort_by(|a, b| a.lo.at.total_cmp(&b.lo.at).then(a.lo.open.cmp(&b.lo.open)));
    let mut out: Vec<Piece> = vec![];
    for p in pieces {
        match out.last_mut() {
            Some(last)
                if p.lo.at < last.hi.at
                    || (p.lo.at == last.hi.at && !(p.lo.open && last.hi.open)) =>
            {
                if p.hi.at > last.hi.at || (p.hi.at == last.hi.at && !p.hi.open) {
                    last.hi = p.hi;
                }
            }
            _ => out.push(p),
        }
    }
    out
}

fn intersect(a: &[Piece], b: &[Piece]) -> Vec<Piece> {
    let mut out = vec![];
    for x in a {
        for y in b {
            let lo = if x.lo.at > y.lo.at || (x.lo.at == y.lo.at && x.lo.open) {
                &x.lo
            } else {
                &y.lo
            };
            let hi = if x.hi.at < y.hi.at || (x.hi.at == y.hi.at && x.hi.open) {
                &x.hi
            } else {
                &y.hi
            };
            out.push(Piece {
                lo: lo.clone(),
                hi: hi.clone(),
            });
            if out.len() > 4 * MAX_PIECES {
                return out;
            }
        }
    }
    merged(out)
}

fn complement(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out = vec![];
    let mut from = infinity(f64::NEG_INFINITY);
    for p in pieces {
        out.push(Piece {
            lo: from,
            hi: End {
                open: !p.lo.open,
                ..p.lo
            },
        });
        from = End {
            open: !p.hi.open,
            ..p.hi
        };
    }
    out.push(Piece {
        lo: from,
        hi: infinity(f64::INFINITY),
    });
    merged(out)
}
