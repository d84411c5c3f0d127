//! Pieces of the real line: their ends, unions, intersections and complements.

use super::numeric::{eval, Point};
use super::Context;
use crate::verify::tree::{Constant, Expr};

/// More pieces than an answer has.
pub const MAX_PIECES: usize = 64;

/// An end of a piece.
#[derive(Clone, Debug)]
pub struct End {
    /// Only to sort by; equality asks `expr`.
    pub at: f64,
    pub expr: Expr,
    pub open: bool,
}

/// One piece of the line.
#[derive(Clone, Debug)]
pub struct Piece {
    pub lo: End,
    pub hi: End,
}

/// The end at a constant.
pub fn end(e: &Expr, open: bool, cx: &Context) -> Option<End> {
    let at = match e {
        Expr::Const(Constant::Infinity) => f64::INFINITY,
        Expr::Neg(x) if matches!(**x, Expr::Const(Constant::Infinity)) => f64::NEG_INFINITY,
        other => {
            let ball = eval(other, &mut Point::new(vec![], cx.budget, 5))?;
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

/// An end at ±∞.
pub fn infinity(at: f64) -> End {
    End {
        at,
        expr: Expr::Const(Constant::Infinity),
        open: true,
    }
}

/// Sorted, without overlaps; pieces that touch become one.
pub fn merged(mut pieces: Vec<Piece>) -> Vec<Piece> {
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

/// What lies in both.
pub fn intersect(a: &[Piece], b: &[Piece]) -> Vec<Piece> {
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

/// What lies in none of them; they are sorted.
pub fn complement(pieces: Vec<Piece>) -> Vec<Piece> {
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
