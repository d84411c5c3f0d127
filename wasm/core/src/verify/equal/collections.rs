//! Lists and sets without order, tuples with it.

use super::{elides, sets, Context, Rule};
use crate::verify::tree::{Expr, RelOp};

/// Longer collections are compared only if identical.
const MAX_ITEMS: usize = 300;

/// At least one side is a tuple, set or list.
pub fn equal(g: &Expr, p: &Expr, cx: &Context) -> Option<Rule> {
    if elides(g) || elides(p) {
        return ordered(parts(g)?, parts(p)?, cx).then_some(Rule::Tuple);
    }
    if let (Expr::Tuple(a), Expr::Matrix(m)) | (Expr::Matrix(m), Expr::Tuple(a)) = (g, p) {
        let flat = vector(m)?;
        return ordered(a, &flat, cx).then_some(Rule::Tuple);
    }
    // `x = 1, y = 2` against `(1, 2)`: in the order of the symbols.
    if let (Expr::List(a), Expr::Tuple(b)) | (Expr::Tuple(b), Expr::List(a)) = (g, p) {
        if let Some(system) = system(a) {
            let gold_first = matches!(g, Expr::List(_));
            let same = |values: &[Expr]| {
                if gold_first {
                    ordered(values, b, cx)
                } else {
                    ordered(b, values, cx)
                }
            };
            let written: Vec<Expr> = a.clone();
            return (same(&written) || same(&system)).then_some(Rule::Tuple);
        }
    }
    match (g, p) {
        (Expr::Tuple(a), Expr::Tuple(b) | Expr::List(b) | Expr::Set(b)) => {
            ordered(a, b, cx).then_some(Rule::Tuple)
        }
        (Expr::List(a) | Expr::Set(a), Expr::Tuple(b) | Expr::List(b) | Expr::Set(b)) => {
            unordered(a, b, cx).then_some(Rule::Set)
        }
        // One value against several, or a set of one.
        _ => {
            let (a, b) = (parts(g)?, parts(p)?);
            (a.len() == 1 || b.len() == 1).then_some(())?;
            unordered(a, b, cx)
                .then_some(Rule::Set)
                .or_else(|| sets::equal(g, p, cx))
        }
    }
}

/// Assignments to different symbols, sorted by name.
fn system(items: &[Expr]) -> Option<Vec<Expr>> {
    let mut named = items
        .iter()
        .map(|e| match e {
            Expr::Rel { items, ops } => match (items.as_slice(), ops.as_slice()) {
                ([Expr::Sym(name), _], [RelOp::Eq]) => Some((name.clone(), e.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    named.sort_by(|a, b| a.0.cmp(&b.0));
    let distinct = named.windows(2).all(|w| w[0].0 != w[1].0);
    distinct.then(|| named.into_iter().map(|(_, e)| e).collect())
}

fn parts(e: &Expr) -> Option<&[Expr]> {
    Some(match e {
        Expr::Tuple(v) | Expr::Set(v) | Expr::List(v) => v,
        other => std::slice::from_ref(other),
    })
}

/// The entries of a matrix with one row or one column.
pub fn vector(m: &[Vec<Expr>]) -> Option<Vec<Expr>> {
    (m.len() == 1 || m.iter().all(|r| r.len() == 1)).then(|| m.iter().flatten().cloned().collect())
}

fn ordered(a: &[Expr], b: &[Expr], cx: &Context) -> bool {
    a.len() == b.len()
        && a.len() <= MAX_ITEMS
        && a.iter()
            .zip(b)
            .all(|(x, y)| super::equal(x, y, cx).is_some())
}

/// Each has an equal on the other side; repeats count once.
fn unordered(a: &[Expr], b: &[Expr], cx: &Context) -> bool {
    if a.len() > MAX_ITEMS || b.len() > MAX_ITEMS {
        return false;
    }
    let mut met = vec![false; b.len()];
    for x in a {
        let mut any = false;
        for (k, y) in b.iter().enumerate() {
            // An element met before is tried again only if nothing else fits.
            if (!met[k] || !any) && super::equal(x, y, cx).is_some() {
                met[k] = true;
                any = true;
            }
        }
        if !any {
            return false;
        }
    }
    met.into_iter().all(|m| m)
}

/// `7:32` against `14:64`: the same up to a factor.
pub fn ratios(a: &[Expr], b: &[Expr], cx: &Context) -> Option<Rule> {
    // `4:30 p.m.` is a time, `4:30` may be a ratio.
    let units = |v: &[Expr]| v.iter().any(|x| matches!(x, Expr::WithUnit { .. }));
    if a.len() != b.len() || units(a) != units(b) {
        return None;
    }
    if ordered(a, b, cx) {
        return Some(Rule::Tuple);
    }
    if units(a) {
        return None;
    }
    let cross = |k: usize| {
        let left = Expr::Mul(vec![a[k].clone(), b[0].clone()]);
        let right = Expr::Mul(vec![b[k].clone(), a[0].clone()]);
        super::equal(&left, &right, cx).is_some()
    };
    (!a.iter().chain(b).any(Expr::is_zero)
        && !a.iter().chain(b).any(super::elides)
        && (1..a.len()).all(cross))
    .then_some(Rule::Tuple)
}
