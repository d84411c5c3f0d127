//! Sets of real numbers: intervals, unions and inequalities as sorted pieces of the line.

use super::inequality::relation;
use super::pieces::{complement, end, infinity, intersect, merged, End, Piece, MAX_PIECES};
use super::{Context, Rule};
use crate::verify::tree::{Constant, Expr, NamedSet, RelOp, SetOp};

/// Pieces of the line, and the variable that an inequality names.
pub struct Region {
    pub pieces: Vec<Piece>,
    pub name: Option<String>,
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

fn plain(pieces: Vec<Piece>) -> Region {
    Region { pieces, name: None }
}

/// The pieces an expression describes.
pub fn region(e: &Expr, cx: &Context) -> Option<Region> {
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
            let mut whole: Option<NamedSet> = None;
            match within {
                Some(Expr::NamedSet(set @ (NamedSet::Integers | NamedSet::Naturals))) => {
                    whole = Some(*set)
                }
                Some(set) => parts.push(region(set, cx)?.pieces),
                None => {}
            }
            for c in conditions {
                if let Expr::Rel { items, ops } = c {
                    if let ([RelOp::In], [Expr::Sym(s), Expr::NamedSet(set)]) =
                        (ops.as_slice(), items.as_slice())
                    {
                        if *s == variable && matches!(set, NamedSet::Integers | NamedSet::Naturals)
                        {
                            whole = Some(*set);
                            continue;
                        }
                    }
                }
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
            Some(plain(match whole {
                Some(set) => integers(&pieces, set)?,
                None => pieces,
            }))
        }
        other => Some(plain(vec![point(other, cx)?])),
    }
}

/// The integers, or those above zero, in bounded pieces.
fn integers(pieces: &[Piece], set: NamedSet) -> Option<Vec<Piece>> {
    let mut out = vec![];
    for piece in pieces {
        let low = match set {
            NamedSet::Naturals => piece.lo.at.max(0.0),
            _ => piece.lo.at,
        };
        if !low.is_finite() || !piece.hi.at.is_finite() || piece.hi.at - low > MAX_PIECES as f64 {
            return None;
        }
        let mut k = low.ceil();
        while k <= piece.hi.at {
            let inside = (k > piece.lo.at || !piece.lo.open) && (k < piece.hi.at || !piece.hi.open);
            if inside && (k > 0.0 || set == NamedSet::Integers) {
                let at = End {
                    at: k,
                    expr: Expr::int(k as i64),
                    open: false,
                };
                out.push(Piece {
                    lo: at.clone(),
                    hi: at,
                });
            }
            k += 1.0;
        }
    }
    Some(out)
}

fn point(x: &Expr, cx: &Context) -> Option<Piece> {
    let at = end(x, false, cx)?;
    at.at.is_finite().then(|| Piece {
        lo: at.clone(),
        hi: at,
    })
}
