//! `\begin{…}` environments: matrices, determinants, cases, aligned lines.

use super::token::Tok;
use super::{Parser, Result};
use crate::verify::tree::{Expr, Func};

impl Parser<'_> {
    pub(super) fn environment(&mut self, env: &str) -> Result<Expr> {
        match env {
            "cases" | "rcases" | "dcases" => self.nested(|p| p.cases()),
            "matrix" | "pmatrix" | "bmatrix" | "Bmatrix" | "vmatrix" | "Vmatrix"
            | "smallmatrix" | "array" => {
                let outer = (self.bars_open, self.in_set);
                self.bars_open = 0;
                self.groups += 1;
                let rows = self.nested(|p| p.rows());
                self.groups -= 1;
                (self.bars_open, self.in_set) = outer;
                let rows = rows?;
                // Equations below one another.
                let lines = rows
                    .iter()
                    .all(|r| matches!(r.as_slice(), [Expr::Rel { .. }]));
                if env == "array" && lines {
                    let mut lines: Vec<Expr> = rows.into_iter().flatten().collect();
                    return Ok(match lines.len() {
                        1 => lines.remove(0),
                        _ => Expr::List(lines),
                    });
                }
                let matrix = Expr::Matrix(rows);
                Ok(if env == "vmatrix" {
                    Expr::Call(Func::Det, vec![matrix])
                } else {
                    matrix
                })
            }
            // `align`, `aligned`, `gathered`, …: lines of a list.
            _ => {
                self.groups += 1;
                let inner = self.nested(|p| p.list(false));
                self.groups -= 1;
                let inner = inner?;
                match self.peek() {
                    Some(Tok::End(_)) => self.at += 1,
                    None => {}
                    _ => return self.fail(),
                }
                Ok(inner)
            }
        }
    }

    fn rows(&mut self) -> Result<Vec<Vec<Expr>>> {
        let mut rows: Vec<Vec<Expr>> = vec![vec![]];
        loop {
            match self.peek() {
                Some(Tok::End(_)) => {
                    self.at += 1;
                    break;
                }
                Some(Tok::Op('&')) => self.at += 1,
                Some(Tok::Row) => {
                    self.at += 1;
                    rows.push(vec![]);
                }
                None => return self.fail(),
                _ => {
                    let cell = self.relation()?;
                    rows.last_mut().expect("one row").push(cell);
                    self.eat(&Tok::Op(','));
                }
            }
        }
        rows.retain(|r| !r.is_empty());
        let width = rows.first().map_or(0, Vec::len);
        if width == 0 || rows.iter().any(|r| r.len() != width) {
            return self.fail();
        }
        Ok(rows)
    }

    /// `value & condition \\ …`.
    fn cases(&mut self) -> Result<Expr> {
        let mut out = vec![];
        loop {
            while matches!(self.peek(), Some(Tok::Row | Tok::Op(',' | ';' | '&'))) {
                self.at += 1;
            }
            match self.peek() {
                None => return self.fail(),
                Some(Tok::End(_)) => {
                    self.at += 1;
                    break;
                }
                _ => {}
            }
            let value = self.relation()?;
            while matches!(
                self.peek(),
                Some(Tok::Op(',' | '&') | Tok::If | Tok::Text(_))
            ) {
                self.at += 1;
            }
            let mut condition = None;
            if !matches!(self.peek(), Some(Tok::Row | Tok::End(_)) | None) {
                condition = Some(self.relation()?);
                while matches!(self.peek(), Some(Tok::Op(',' | '.' | ';') | Tok::And)) {
                    self.at += 1;
                    if matches!(self.peek(), Some(Tok::Row | Tok::End(_)) | None) {
                        break;
                    }
                    let more = self.relation()?;
                    condition = condition.map(|c| Expr::List(vec![c, more]));
                }
            }
            out.push((value, condition));
        }
        if out.is_empty() {
            return self.fail();
        }
        // A system of equations is a list.
        if out
            .iter()
            .all(|(v, c)| c.is_none() && matches!(v, Expr::Rel { .. }))
        {
            return Ok(Expr::List(out.into_iter().map(|(v, _)| v).collect()));
        }
        Ok(Expr::Cases(out))
    }
}
