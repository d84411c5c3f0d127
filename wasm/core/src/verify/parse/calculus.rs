//! Integrals, limits and derivatives.

use super::functions::name_of;
use super::terms::grouped;
use super::token::{Delim, Tok};
use super::{Parser, Result};
use crate::verify::tree::{BigOp, Expr};

impl Parser<'_> {
    /// `\int_a^b f(x) dx`, where the differential may stand inside a numerator.
    pub(super) fn integral(&mut self) -> Result<Expr> {
        let (mut lower, mut upper) = (None, None);
        loop {
            if self.eat(&Tok::Op('_')) {
                lower = Some(Box::new(self.argument()?));
            } else if self.eat(&Tok::Op('^')) {
                upper = Some(Box::new(self.argument()?));
            } else {
                break;
            }
        }
        // `\int_{ }^{ }`
        let empty = |e: &mut Option<Box<Expr>>| {
            if matches!(e.as_deref(), Some(Expr::Text(t)) if t.is_empty()) {
                *e = None;
            }
        };
        empty(&mut lower);
        empty(&mut upper);
        let outer = (self.integrals, self.found_differential, self.groups);
        self.integrals += 1;
        self.found_differential = false;
        self.groups = 0;
        let body = self.nested(|p| p.additive());
        (self.integrals, self.found_differential, self.groups) = outer;
        let (mut body, var) = take_differential(grouped(body?));
        let var = var
            .or_else(|| first_symbol(&body))
            .unwrap_or_else(|| "x".into());
        if let Expr::Mul(v) = &mut body {
            v.retain(|e| !e.is_one());
            body = match v.len() {
                0 => Expr::int(1),
                1 => v.remove(0),
                _ => body,
            };
        }
        Ok(Expr::Big {
            op: BigOp::Integral,
            var,
            lower,
            upper,
            body: Box::new(body),
        })
    }

    /// `\lim_{x \to a} f(x)`.
    pub(super) fn limit(&mut self) -> Result<Expr> {
        self.expect(&Tok::Op('_'))?;
        self.expect(&Tok::Open(Delim::Brace))?;
        let var = name_of(&self.nested(|p| p.atom())?);
        self.expect(&Tok::Arrow)?;
        let mut point = self.additive()?;
        // `a^+`, `a^-`: the side is only marked.
        if let Some(tokens) = self.side() {
            self.at += tokens;
            point = Expr::Add(vec![point]);
        }
        self.expect(&Tok::Close(Delim::Brace))?;
        let body = Box::new(self.term()?);
        Ok(Expr::Big {
            op: BigOp::Limit,
            var,
            lower: Some(Box::new(point)),
            upper: None,
            body,
        })
    }

    /// `\frac{d}{dx} f`, `\frac{dy}{dx}`, `\frac{d^2 y}{dx^2}`; the `\frac` is read.
    pub(super) fn derivative(&mut self) -> Result<Option<Expr>> {
        let is_d = |t: Option<&Tok>| matches!(t, Some(Tok::Sym(s)) if s == "d" || s == "partial");
        if self.peek() != Some(&Tok::Open(Delim::Brace))
            || !is_d(self.peek_at(1))
            || self.integrals > 0
        {
            return Ok(None);
        }
        let mut k = 2;
        let mut order = 1u32;
        if let (Some(Tok::Op('^')), Some(Tok::Num(_, d))) = (self.peek_at(k), self.peek_at(k + 1)) {
            order = d.parse().unwrap_or(1);
            k += 2;
        }
        let of = match self.peek_at(k) {
            Some(Tok::Sym(s)) => {
                k += 1;
                Some(s.clone())
            }
            _ => None,
        };
        if self.peek_at(k) != Some(&Tok::Close(Delim::Brace))
            || self.peek_at(k + 1) != Some(&Tok::Open(Delim::Brace))
            || !is_d(self.peek_at(k + 2))
        {
            return Ok(None);
        }
        let Some(Tok::Sym(var)) = self.peek_at(k + 3).cloned() else {
            return Ok(None);
        };
        k += 4;
        if let (Some(Tok::Op('^')), Some(Tok::Num(..))) = (self.peek_at(k), self.peek_at(k + 1)) {
            k += 2;
        }
        if self.peek_at(k) != Some(&Tok::Close(Delim::Brace)) || order > 8 {
            return Ok(None);
        }
        self.at += k + 1;
        Ok(Some(match of {
            Some(of) => Expr::Sym(format!("d{order}{of}/d{var}")),
            None => Expr::Derivative {
                var,
                order,
                body: Box::new(self.term()?),
            },
        }))
    }
}

/// The tree without its differential, and the variable.
fn take_differential(e: Expr) -> (Expr, Option<String>) {
    let mut var = None;
    let out = strip(&e, &mut var);
    (out, var)
}

fn strip(e: &Expr, var: &mut Option<String>) -> Expr {
    match e {
        Expr::Differential(name) => {
            *var = Some(name.clone());
            Expr::int(1)
        }
        other => other.map(&mut |c| strip(c, var)),
    }
}

fn first_symbol(e: &Expr) -> Option<String> {
    match e {
        Expr::Sym(s) => Some(s.clone()),
        other => {
            let all: Vec<String> = other
                .children()
                .into_iter()
                .filter_map(first_symbol)
                .collect();
            all.iter()
                .find(|s| *s == "x")
                .cloned()
                .or(all.first().cloned())
        }
    }
}
