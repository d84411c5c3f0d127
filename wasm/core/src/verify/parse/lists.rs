//! The outer grammar: lists, relations, ratios, set operations.

use super::token::{Delim, Tok};
use super::{Parser, Result};
use crate::verify::tree::{Constant, Expr, RelOp, SetOp};

impl Parser<'_> {
    /// `a, b; c and d` → one element, or a list. Semicolons bind looser than commas.
    pub(super) fn list(&mut self, top: bool) -> Result<Expr> {
        let mut groups: Vec<Vec<Expr>> = vec![vec![]];
        let mut semicolons = false;
        loop {
            if self.at_end(top) {
                break;
            }
            if let Some(sep) = self.separator() {
                if sep == ';' {
                    semicolons = true;
                    groups.push(vec![]);
                }
                continue;
            }
            let element = self.relation()?;
            let group = groups.last_mut().expect("one group at least");
            match element {
                // `x = 1, 2` lists values of x.
                Expr::List(inner) => group.extend(inner),
                other => group.push(other),
            }
            // `3 (mod 7)` after an equivalence belongs to it.
            if self.separator_ahead() || self.at_end(top) {
                continue;
            }
            return self.fail();
        }
        groups.retain(|g| !g.is_empty());
        let relations = groups
            .iter()
            .flatten()
            .any(|e| matches!(e, Expr::Rel { .. }));
        let even = groups.iter().all(|g| g.len() == groups[0].len());
        let nested = semicolons && groups.iter().any(|g| g.len() > 1) && (!relations || even);
        let mut items: Vec<Expr> = if nested && groups.len() > 1 && top {
            groups
                .into_iter()
                .map(|g| {
                    if g.len() == 1 {
                        g.into_iter().next().expect("one")
                    } else {
                        Expr::Tuple(g)
                    }
                })
                .collect()
        } else {
            groups.into_iter().flatten().collect()
        };
        match items.len() {
            0 => self.fail(),
            1 => Ok(items.remove(0)),
            _ => Ok(Expr::List(systems(share_relation(items)))),
        }
    }

    fn at_end(&self, top: bool) -> bool {
        match self.peek() {
            None => true,
            Some(Tok::Close(_)) => !top,
            Some(Tok::End(_)) => true,
            Some(Tok::Choose | Tok::Over) => !top,
            Some(Tok::Bar) => !top && (self.bars_open > 0 || self.in_set),
            Some(Tok::Mid) => !top,
            Some(Tok::Op(':')) => self.in_set,
            Some(Tok::Open(Delim::Bracket)) => !top && self.closes_outward(),
            _ => false,
        }
    }

    fn separator_ahead(&self) -> bool {
        matches!(
            self.peek(),
            Some(Tok::Op(',' | ';') | Tok::And | Tok::Row | Tok::Op('&') | Tok::Arrow | Tok::If)
        ) || (matches!(self.peek(), Some(Tok::Op('.')))
            && matches!(self.peek_at(1), None | Some(Tok::Close(_))))
    }

    fn separator(&mut self) -> Option<char> {
        if !self.separator_ahead() {
            return None;
        }
        let tok = self.peek().cloned();
        self.at += 1;
        Some(if tok == Some(Tok::Op(';')) { ';' } else { ',' })
    }

    /// `a < b ≤ c`, `x ≡ 3 (mod 7)`.
    pub(super) fn relation(&mut self) -> Result<Expr> {
        self.nested(|p| {
            let mut items = vec![];
            let mut ops = vec![];
            // `= 5` and `≈ 5` go on from something said before.
            if !matches!(p.peek(), Some(Tok::Rel(RelOp::Eq | RelOp::Approx))) {
                items.push(p.ratio()?);
            }
            while let Some(Tok::Rel(op)) = p.peek() {
                let op = *op;
                p.at += 1;
                if p.at >= p.tokens.len()
                    || matches!(p.peek(), Some(Tok::Close(_) | Tok::Op(',' | ';')))
                {
                    // `x =` with nothing after it.
                    break;
                }
                if matches!(p.peek(), Some(Tok::Rel(_))) {
                    continue;
                }
                let right = p.ratio()?;
                if !items.is_empty() {
                    ops.push(op);
                }
                items.push(right);
            }
            if let Some(Tok::PMod) = p.peek() {
                p.residue(&mut items)?;
            } else if matches!(p.peek(), Some(Tok::Open(Delim::Paren)))
                && p.peek_at(1) == Some(&Tok::Mod)
            {
                p.residue(&mut items)?;
            }
            if items.len() == 1 {
                return Ok(items.remove(0));
            }
            if items.is_empty() {
                return p.fail();
            }
            // `k \in {1, 2}`
            if let ([RelOp::In], Some(Expr::List(v))) = (ops.as_slice(), items.last()) {
                items[1] = Expr::Set(v.clone());
            }
            Ok(Expr::Rel { items, ops })
        })
    }

    fn residue(&mut self, items: &mut [Expr]) -> Result<()> {
        let paren = self.eat(&Tok::Open(Delim::Paren));
        self.at += 1;
        let brace = self.eat(&Tok::Open(Delim::Brace));
        let modulus = self.additive()?;
        if brace {
            self.expect(&Tok::Close(Delim::Brace))?;
        }
        if paren {
            self.expect(&Tok::Close(Delim::Paren))?;
        }
        if let Some(last) = items.last_mut() {
            let value = Box::new(std::mem::replace(last, Expr::int(0)));
            *last = Expr::Residue {
                value,
                modulus: Box::new(modulus),
            };
        }
        Ok(())
    }

    /// `a : b : c`.
    fn ratio(&mut self) -> Result<Expr> {
        let first = self.set_expr()?;
        if self.in_set || !self.is_op(':') {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.is_op(':') && !self.in_set {
            self.at += 1;
            if self.at >= self.tokens.len() {
                break;
            }
            parts.push(self.set_expr()?);
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        // `Answer: 5`: a word before the colon is a label.
        if matches!(parts[0], Expr::Text(_)) && parts.len() == 2 {
            return Ok(parts.remove(1));
        }
        Ok(Expr::Ratio(parts))
    }

    /// Unions, intersections and differences, from the left.
    fn set_expr(&mut self) -> Result<Expr> {
        let mut left = self.additive()?;
        let mut chain = 0;
        loop {
            let op = match self.peek() {
                Some(Tok::Cup) => SetOp::Union,
                Some(Tok::Cap) => SetOp::Intersection,
                Some(Tok::SetMinus) => SetOp::Minus,
                _ => return Ok(left),
            };
            self.link(&mut chain)?;
            self.at += 1;
            let right = self.additive()?;
            left = Expr::SetOp(op, Box::new(as_set(left)), Box::new(as_set(right)));
        }
    }

    /// What stands between brackets; the opening one is read.
    pub(super) fn bracketed(&mut self, open: Delim) -> Result<Expr> {
        let outer = (self.in_set, self.bars_open);
        self.in_set = open == Delim::SetBrace;
        self.bars_open = 0;
        self.groups += 1;
        let out = self.nested(|p| p.bracketed_inner(open));
        self.groups -= 1;
        (self.in_set, self.bars_open) = outer;
        out
    }

    fn bracketed_inner(&mut self, open: Delim) -> Result<Expr> {
        if let Some(Tok::Close(close)) = self.peek() {
            let close = *close;
            self.at += 1;
            return match (open, close) {
                (Delim::SetBrace, Delim::SetBrace) => {
                    Ok(Expr::NamedSet(crate::verify::tree::NamedSet::Empty))
                }
                (Delim::Brace, Delim::Brace) => Ok(Expr::Text(String::new())),
                _ => self.fail(),
            };
        }
        let inner = self.list(false)?;
        // `P(A \mid B)`
        if open == Delim::Paren && self.eat(&Tok::Mid) {
            let given = self.list(false)?;
            self.expect(&Tok::Close(Delim::Paren))?;
            return Ok(Expr::Apply("|".into(), vec![inner, given]));
        }
        if open == Delim::SetBrace
            && (self.is_op(':') || matches!(self.peek(), Some(Tok::Bar | Tok::Mid)))
        {
            self.at += 1;
            self.in_set = false;
            let conditions = match self.list(false)? {
                Expr::List(v) => v,
                one => vec![one],
            };
            self.expect(&Tok::Close(Delim::SetBrace))?;
            return Ok(Expr::Builder {
                element: Box::new(inner),
                conditions,
            });
        }
        if open == Delim::Brace && self.eat(&Tok::Choose) {
            let k = self.list(false)?;
            self.expect(&Tok::Close(Delim::Brace))?;
            return Ok(Expr::Call(
                crate::verify::tree::Func::Binomial,
                vec![inner, k],
            ));
        }
        if open == Delim::Brace && self.eat(&Tok::Over) {
            let below = self.list(false)?;
            self.expect(&Tok::Close(Delim::Brace))?;
            return Ok(Expr::Div(Box::new(inner), Box::new(below)));
        }
        let close = match self.peek() {
            Some(Tok::Close(d)) => *d,
            Some(Tok::Open(Delim::Bracket)) if open == Delim::Bracket => Delim::Paren,
            _ => return self.fail(),
        };
        self.at += 1;
        match (open, close) {
            (Delim::Paren, Delim::Paren) => Ok(tuple(inner)),
            (Delim::Paren, Delim::Bracket) => {
                interval(inner, true, false).map_or_else(|| self.fail(), Ok)
            }
            (Delim::Bracket, Delim::Paren) => {
                interval(inner, false, true).map_or_else(|| self.fail(), Ok)
            }
            (Delim::Bracket, Delim::Bracket) => match inner {
                Expr::List(v) if v.len() == 2 => {
                    Ok(interval(Expr::List(v), false, false).expect("two ends"))
                }
                other => Ok(tuple(other)),
            },
            (Delim::SetBrace, Delim::SetBrace) => Ok(match inner {
                Expr::List(v) => Expr::Set(v),
                one => Expr::Set(vec![one]),
            }),
            (Delim::Brace, Delim::Brace) => Ok(inner),
            (Delim::Angle, Delim::Angle) => Ok(tuple(inner)),
            _ => self.fail(),
        }
    }
}

/// `p = 5, q = 2, p = 7, q = 2`: the same symbols over again are systems side by side.
fn systems(items: Vec<Expr>) -> Vec<Expr> {
    let names: Option<Vec<&Expr>> = items
        .iter()
        .map(|e| match e {
            Expr::Rel { items, ops } if ops.as_slice() == [RelOp::Eq] => Some(&items[0]),
            _ => None,
        })
        .collect();
    let Some(names) = names else { return items };
    let width = names[1..]
        .iter()
        .position(|n| *n == names[0])
        .map_or(names.len(), |k| k + 1);
    let repeats = names
        .iter()
        .enumerate()
        .all(|(k, n)| **n == *names[k % width]);
    if width < 2 || width == items.len() || items.len() % width != 0 || !repeats {
        return items;
    }
    items
        .chunks(width)
        .map(|system| Expr::Tuple(system.to_vec()))
        .collect()
}

/// `n = 2, 3, 4`: the later bare values belong to the first relation's symbol, which is kept on each.
fn share_relation(items: Vec<Expr>) -> Vec<Expr> {
    let Some(Expr::Rel { items: first, ops }) = items.first() else {
        return items;
    };
    let is_assignment = ops.as_slice() == [RelOp::Eq] && matches!(first[0], Expr::Sym(_));
    if !is_assignment
        || items[1..].iter().any(|e| {
            matches!(
                e,
                Expr::Rel { .. } | Expr::Const(Constant::Ellipsis) | Expr::Text(_)
            )
        })
    {
        return items;
    }
    let name = first[0].clone();
    let mut out = items.clone();
    for item in &mut out[1..] {
        *item = Expr::Rel {
            items: vec![name.clone(), item.clone()],
            ops: vec![RelOp::Eq],
        };
    }
    out
}

fn tuple(inner: Expr) -> Expr {
    match inner {
        Expr::List(v) => Expr::Tuple(v),
        one => one,
    }
}

fn as_set(e: Expr) -> Expr {
    match e {
        Expr::List(v) => Expr::Set(v),
        Expr::Num(_) | Expr::Sym(_) | Expr::Neg(_) | Expr::Div(..) => Expr::Set(vec![e]),
        other => other,
    }
}

fn interval(inner: Expr, lo_open: bool, hi_open: bool) -> Option<Expr> {
    let Expr::List(v) = inner else { return None };
    let [lo, hi]: [Expr; 2] = v.try_into().ok()?;
    Some(Expr::Interval {
        lo: Box::new(lo),
        hi: Box::new(hi),
        lo_open,
        hi_open,
    })
}
