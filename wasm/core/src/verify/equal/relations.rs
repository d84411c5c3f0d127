//! Equations, inequalities and chains.

use super::{elides, is_equality, only_symbols, scalar, sets, Context, Rule};
use crate::verify::tree::{Expr, RelOp};
use std::collections::BTreeSet;

/// `x ≈ 1.3` says x; `1/3 ≈ 0.33` says 1/3: only the exact side is kept.
pub fn without_approximation(e: &Expr) -> Expr {
    let Expr::Rel { items, ops } = e else {
        return e.clone();
    };
    let Some(k) = ops.iter().position(|op| *op == RelOp::Approx) else {
        return e.clone();
    };
    if k == 0 && only_symbols(&items[0]) {
        return items[1].clone();
    }
    if k == 0 {
        return items[0].clone();
    }
    Expr::Rel {
        items: items[..=k].to_vec(),
        ops: ops[..k].to_vec(),
    }
}

/// The first and last side of a chain of equalities that starts with a symbol.
fn assignment(e: &Expr) -> Option<(&Expr, &Expr)> {
    match e {
        Expr::Rel { items, ops }
            if ops.iter().all(|op| is_equality(*op)) && only_symbols(&items[0]) =>
        {
            Some((&items[0], items.last()?))
        }
        _ => None,
    }
}

fn equation(e: &Expr) -> Option<&Expr> {
    match e {
        Expr::Rel { items, ops } if ops.iter().all(|op| is_equality(*op)) => items.last(),
        _ => None,
    }
}

/// `x = 5` against `5`: the value is taken out of an equation on one side only.
pub fn unwrap(g: &Expr, p: &Expr) -> (Expr, Expr) {
    let is_list =
        |e: &Expr| matches!(e, Expr::List(v) if v.iter().any(|x| matches!(x, Expr::Rel { .. })));
    let (ge, pe) = (equation(g), equation(p));
    if let (Some(value), None) = (pe, ge) {
        if !is_list(g) {
            return (g.clone(), value.clone());
        }
    }
    if let (Some(_), None) = (ge, pe) {
        if let Some((_, value)) = assignment(g) {
            return (value.clone(), p.clone());
        }
        // A chain says its last side: `1 + 1 = 2 = x`.
        if let Expr::Rel { items, .. } = g {
            if items.len() > 2 && !matches!(p, Expr::Rel { .. }) {
                return (items[items.len() - 1].clone(), p.clone());
            }
        }
    }
    (shorten(g), shorten(p))
}

/// `x = 5 + 6 = 11` → `x = 11`.
fn shorten(e: &Expr) -> Expr {
    match (e, assignment(e)) {
        (Expr::Rel { items, .. }, Some((first, last))) if items.len() > 2 => Expr::Rel {
            items: vec![first.clone(), last.clone()],
            ops: vec![RelOp::Eq],
        },
        _ => e.clone(),
    }
}

/// Both are relations.
pub fn equal(g: &Expr, p: &Expr, cx: &Context) -> Option<Rule> {
    let (Expr::Rel { items: gi, ops: go }, Expr::Rel { items: pi, ops: po }) = (g, p) else {
        return None;
    };
    if elides(g) || elides(p) {
        return None;
    }
    if gi.len() == pi.len() {
        let forwards = pieces(gi, go);
        let backwards: Vec<_> = pieces(pi, po)
            .into_iter()
            .rev()
            .map(|(l, op, r)| (r, flip(op), l))
            .collect();
        for other in [pieces(pi, po), backwards] {
            if forwards.iter().zip(&other).all(|(a, b)| single(*a, *b, cx)) {
                return Some(Rule::Relation);
            }
        }
    }
    sets::equal(g, p, cx).map(|_| Rule::Relation)
}

type Piece<'a> = (&'a Expr, RelOp, &'a Expr);

fn pieces<'a>(items: &'a [Expr], ops: &[RelOp]) -> Vec<Piece<'a>> {
    ops.iter()
        .enumerate()
        .map(|(k, op)| (&items[k], *op, &items[k + 1]))
        .collect()
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

/// One relation against one.
fn single((gl, gop, gr): Piece, (pl, pop, pr): Piece, cx: &Context) -> bool {
    let same = |a: &Expr, b: &Expr| super::equal(a, b, cx).is_some();
    // `f(x) = x + 1` and `f(t) = t + 1` define the same function.
    if let (Expr::Apply(f, x), Expr::Apply(h, y)) = (gl, pl) {
        if let (true, [Expr::Sym(x)], [Expr::Sym(y)]) =
            (f == h && gop == pop, x.as_slice(), y.as_slice())
        {
            let mut free = BTreeSet::new();
            scalar::symbols(pr, &mut free, &mut vec![]);
            if x != y && !free.contains(x) {
                return same(gr, &replace(pr, &[(y.clone(), x.clone())]));
            }
        }
    }
    if gop == pop && same(gl, pl) && same(gr, pr)
        || flip(gop) == pop && same(gl, pr) && same(gr, pl)
    {
        return true;
    }
    if matches!(gop, RelOp::In | RelOp::NotIn | RelOp::Subset | RelOp::Equiv)
        || gop != pop && flip(gop) != pop
    {
        return false;
    }
    let difference = |a: &Expr, b: &Expr| Expr::Add(vec![a.clone(), b.clone().negated()]);
    let (f, h) = (difference(gl, gr), difference(pl, pr));
    match scalar::proportional(&f, &h, cx) {
        None => gop == RelOp::Eq && (solves((gl, gr), &h, cx) || solves((pl, pr), &f, cx)),
        Some(_) if matches!(gop, RelOp::Eq | RelOp::Ne) => gop == pop,
        Some(sign) => (sign > 0.0) == (gop == pop),
    }
}

/// `r (mod m)` against `s (mod m)`.
pub fn residues(g: &Expr, p: &Expr, cx: &Context) -> Option<Rule> {
    let (
        Expr::Residue {
            value: a,
            modulus: m,
        },
        Expr::Residue {
            value: b,
            modulus: n,
        },
    ) = (g, p)
    else {
        return None;
    };
    super::equal(m, n, cx)?;
    if super::equal(a, b, cx).is_some() {
        return Some(Rule::Relation);
    }
    let gap = Expr::Div(
        Box::new(Expr::Add(vec![(**a).clone(), (**b).clone().negated()])),
        m.clone(),
    );
    super::exact::rational(&gap, cx.budget)?
        .is_integer()
        .then_some(Rule::Relation)
}

/// The same branches in any order.
pub fn cases(a: &[(Expr, Option<Expr>)], b: &[(Expr, Option<Expr>)], cx: &Context) -> Option<Rule> {
    if a.len() != b.len() || a.len() > 20 {
        return None;
    }
    let same = |(v, c): &(Expr, Option<Expr>), (w, d): &(Expr, Option<Expr>)| {
        super::equal(v, w, cx).is_some()
            && match (c, d) {
                (Some(c), Some(d)) => super::equal(c, d, cx).is_some(),
                (None, _) | (_, None) => true,
            }
    };
    a.iter()
        .all(|x| b.iter().any(|y| same(x, y)))
        .then_some(Rule::Relation)
}

/// The prediction with its symbols renamed to the gold's, in order of name.
pub fn rename(p: &Expr, g: &Expr) -> Expr {
    let (mut from, mut to) = (BTreeSet::new(), BTreeSet::new());
    scalar::symbols(p, &mut from, &mut vec![]);
    scalar::symbols(g, &mut to, &mut vec![]);
    if from.len() != to.len() {
        return p.clone();
    }
    let names: Vec<(String, String)> = from.into_iter().zip(to).collect();
    replace(p, &names)
}

fn replace(e: &Expr, names: &[(String, String)]) -> Expr {
    match e {
        Expr::Sym(s) => Expr::Sym(
            names
                .iter()
                .find(|(a, _)| a == s)
                .map_or_else(|| s.clone(), |(_, b)| b.clone()),
        ),
        other => other.map(&mut |c| replace(c, names)),
    }
}

/// Whether `h = 0` says the same as an equation solved for a symbol: `y = 1/x` and `xy = 1`.
///
/// h must be linear in that symbol, so that it has no other solution, and vanish at this one.
fn solves((left, right): (&Expr, &Expr), h: &Expr, cx: &Context) -> bool {
    let (name, value) = match (left, right) {
        (Expr::Sym(s), v) | (v, Expr::Sym(s)) => (s, v),
        _ => return false,
    };
    let mut within = BTreeSet::new();
    scalar::symbols(value, &mut within, &mut vec![]);
    if within.is_empty() || within.contains(name) {
        return false;
    }
    let at = |x: Expr| super::exact::substitute(h, name, &x);
    let zero = Expr::int(0);
    let slope = |a: i64, b: i64| Expr::Add(vec![at(Expr::int(b)), at(Expr::int(a)).negated()]);
    scalar::equal(&slope(1, 2), &slope(2, 3), cx).is_some()
        && scalar::equal(&slope(1, 2), &zero, cx).is_none()
        && scalar::equal(&at(value.clone()), &zero, cx).is_some()
}
