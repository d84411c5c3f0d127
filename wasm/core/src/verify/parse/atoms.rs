//! Atoms: numerals, symbols, brackets, fractions, roots, text.

use super::numbers::ten_to;
use super::terms::word_value;
use super::token::{Delim, Tok};
use super::{ParseError, Parser, Result};
use crate::verify::tree::{Constant, Expr, Func, NamedSet, Number, RelOp};
use num_bigint::BigInt;
use num_rational::BigRational;

impl Parser<'_> {
    pub(super) fn atom(&mut self) -> Result<Expr> {
        let Some(tok) = self.peek().cloned() else {
            return self.fail();
        };
        let start = self.at;
        self.at += 1;
        match tok {
            Tok::Num(n, digits) => self.number(n, digits),
            Tok::Sym(name) => self.symbol(name),
            Tok::Const(Constant::E | Constant::I) if self.is_op('_') => {
                let name = if tok == Tok::Const(Constant::E) {
                    "e"
                } else {
                    "i"
                };
                self.symbol(name.into())
            }
            Tok::Const(c) => Ok(Expr::Const(c)),
            Tok::Named(set) => Ok(self.signed_half(set)),
            Tok::Text(words) => self.text(&words),
            Tok::Word(word) => Ok(word_value(&word)),
            Tok::Open(Delim::Bar) => self.bars(Tok::Close(Delim::Bar)),
            Tok::Open(Delim::Norm) => self.bars(Tok::Close(Delim::Norm)),
            Tok::Open(Delim::Floor) => self.rounded(Delim::Floor, Func::Floor),
            Tok::Open(Delim::Ceil) => self.rounded(Delim::Ceil, Func::Ceil),
            Tok::Open(Delim::Paren) if self.based_numeral() => {
                let numeral = self.nested(|p| p.atom())?;
                self.expect(&Tok::Close(Delim::Paren))?;
                let Expr::Num(n) = numeral else {
                    return self.fail();
                };
                self.number(n.clone(), n.value.to_integer().to_string())
            }
            Tok::Open(open) => self.bracketed(open),
            // `]0, 1[`
            Tok::Close(Delim::Bracket) => self.outward_interval(),
            Tok::Bar => self.plain_bars(),
            Tok::Frac => self.fraction(),
            Tok::Sqrt => self.root(),
            // `\choose{16}{2}`
            Tok::Binom | Tok::Choose => {
                let n = self.argument()?;
                let k = self.argument()?;
                Ok(Expr::Call(Func::Binomial, vec![n, k]))
            }
            Tok::Overline => {
                let inner = self.argument()?;
                match inner {
                    Expr::Sym(name) if self.is_op('_') => self.symbol(name),
                    Expr::Sym(_) | Expr::Num(_) | Expr::Mul(_) => Ok(inner),
                    other => Ok(Expr::Call(Func::Conjugate, vec![other])),
                }
            }
            Tok::Transparent => match self.argument()? {
                Expr::Sym(name) if self.is_op('_') => self.symbol(name),
                other => Ok(other),
            },
            Tok::Func(f) => self.function(f),
            Tok::Log => self.logarithm(),
            Tok::Sum | Tok::Product => self.big(&tok),
            Tok::Integral => self.integral(),
            Tok::Lim => self.limit(),
            Tok::Begin(env) => self.environment(&env),
            _ => {
                self.at = start;
                self.fail()
            }
        }
    }

    /// `(101)_2`: brackets around one numeral with an index; the opening one is read.
    fn based_numeral(&self) -> bool {
        matches!(self.peek(), Some(Tok::Num(n, _)) if n.decimals.is_none())
            && self.peek_at(1) == Some(&Tok::Close(Delim::Paren))
            && self.peek_at(2) == Some(&Tok::Op('_'))
    }

    /// A numeral: with a base below it, or digits that repeat.
    fn number(&mut self, n: Number, digits: String) -> Result<Expr> {
        if self.is_op('_') && !digits.is_empty() {
            self.at += 1;
            let base = match self.argument()? {
                e => e.natural(),
            };
            let base = base
                .and_then(|b| u32::try_from(b).ok())
                .filter(|b| (2..=36).contains(b));
            return match base.and_then(|b| Some((b, BigInt::parse_bytes(digits.as_bytes(), b)?))) {
                Some((base, value)) => Ok(Expr::BaseNum {
                    digits,
                    base,
                    value,
                }),
                None => Err(ParseError::Unexpected(self.at)),
            };
        }
        // `0.1\overline{6}`, `0.1(6)`, `0.333\ldots`
        if n.decimals.is_some() || self.is_op('.') {
            if let Some(value) = self.repeating(&n, &digits) {
                return Ok(Expr::rational(value));
            }
        }
        Ok(Expr::Num(n))
    }

    fn repeating(&mut self, n: &Number, digits: &str) -> Option<BigRational> {
        let dot = usize::from(n.decimals.is_none());
        let shown = n.decimals.unwrap_or(0);
        let (block, used) = match (
            self.peek_at(dot)?,
            self.peek_at(dot + 1),
            self.peek_at(dot + 2),
            self.peek_at(dot + 3),
        ) {
            (
                Tok::Overline,
                Some(Tok::Open(Delim::Brace)),
                Some(Tok::Num(_, block)),
                Some(Tok::Close(Delim::Brace)),
            ) => (block.clone(), dot + 4),
            (Tok::Overline, Some(Tok::Num(_, block)), ..) if block.len() == 1 => {
                (block.clone(), dot + 2)
            }
            (
                Tok::Sym(dotted),
                Some(Tok::Open(Delim::Brace)),
                Some(Tok::Num(_, block)),
                Some(Tok::Close(Delim::Brace)),
            ) if dotted == "\\dot" => (block.clone(), dot + 4),
            (
                Tok::Open(Delim::Paren),
                Some(Tok::Num(_, block)),
                Some(Tok::Close(Delim::Paren)),
                _,
            ) if !self.spaced() && dot == 0 && shown > 0 || dot == 1 => (block.clone(), dot + 3),
            (Tok::Const(Constant::Ellipsis), ..) if dot == 0 => return self.elided(n, digits),
            (Tok::Op('.'), Some(Tok::Op('.')), Some(Tok::Op('.')), _) if dot == 0 => {
                self.at += 2;
                return self.elided(n, digits);
            }
            _ => return None,
        };
        let (block, used) = self.dotted_to(block, used);
        if block.is_empty() || block.len() > 60 || !block.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        self.at += used;
        Some(repeat(&n.value, shown, &block))
    }

    /// `\dot{1}\dot{8}`, `\dot{1}4285\dot{7}`: the block goes on to the second dot.
    fn dotted_to(&self, mut block: String, used: usize) -> (String, usize) {
        let between = match self.peek_at(used) {
            Some(Tok::Num(_, digits)) => Some(digits),
            _ => None,
        };
        let from = used + usize::from(between.is_some());
        match (
            self.peek_at(from),
            self.peek_at(from + 1),
            self.peek_at(from + 2),
            self.peek_at(from + 3),
        ) {
            (
                Some(Tok::Sym(dotted)),
                Some(Tok::Open(Delim::Brace)),
                Some(Tok::Num(_, last)),
                Some(Tok::Close(Delim::Brace)),
            ) if dotted == "\\dot" => {
                block.push_str(between.map_or("", |d| d));
                block.push_str(last);
                (block, from + 4)
            }
            _ => (block, used),
        }
    }

    /// `0.333…`: the last digit, or pair of digits, goes on if it was written three times (twice for a pair).
    fn elided(&mut self, n: &Number, digits: &str) -> Option<BigRational> {
        self.at += 1;
        let shown = n.decimals? as usize;
        let tail = &digits[digits.len().checked_sub(shown)?..];
        for width in 1..=6usize {
            let times = if width == 1 { 3 } else { 2 };
            if tail.len() < width * times {
                continue;
            }
            let block = &tail[tail.len() - width..];
            let repeats = (0..times).all(|k| {
                let end = tail.len() - k * width;
                &tail[end - width..end] == block
            });
            if repeats {
                return Some(repeat(&n.value, shown as u32, block));
            }
        }
        Some(n.value.clone())
    }

    /// `\mathbb{R}^+`, `\mathbb{Z}^{+}`, `\mathbb{R}^-`.
    fn signed_half(&mut self, set: NamedSet) -> Expr {
        let braced = usize::from(self.peek_at(1) == Some(&Tok::Open(Delim::Brace)));
        let sign = match self.peek_at(1 + braced) {
            Some(Tok::Op(c @ ('+' | '-'))) if self.is_op('^') => *c,
            _ => return Expr::NamedSet(set),
        };
        if braced == 1 && self.peek_at(3) != Some(&Tok::Close(Delim::Brace)) {
            return Expr::NamedSet(set);
        }
        let zero = Box::new(Expr::int(0));
        let infinity = Expr::Const(Constant::Infinity);
        let half = match (set, sign) {
            (NamedSet::Integers, '+') => Expr::NamedSet(NamedSet::Naturals),
            (NamedSet::Reals, '+') => Expr::Interval {
                lo: zero,
                hi: Box::new(infinity),
                lo_open: true,
                hi_open: true,
            },
            (NamedSet::Reals, _) => Expr::Interval {
                lo: Box::new(infinity.negated()),
                hi: zero,
                lo_open: true,
                hi_open: true,
            },
            _ => return Expr::NamedSet(set),
        };
        self.at += 2 + 2 * braced;
        half
    }

    fn text(&mut self, words: &str) -> Result<Expr> {
        if self.is_op('_') {
            return self.symbol(words.replace(' ', ""));
        }
        Ok(word_value(words))
    }

    fn symbol(&mut self, mut name: String) -> Result<Expr> {
        if self.integrals > 0 && name == "d" && !self.spaced_differential() {
            if let Some(Tok::Sym(var)) = self.peek().cloned() {
                self.at += 1;
                self.found_differential = self.groups == 0 || self.found_differential;
                return Ok(Expr::Differential(var));
            }
        }
        // `\dot{x}`, `\ddot{x}`
        if matches!(name.as_str(), "\\dot" | "\\ddot")
            && self.peek() == Some(&Tok::Open(Delim::Brace))
        {
            if let Expr::Sym(inner) = self.argument()? {
                name = format!("{inner}{name}");
            } else {
                return self.fail();
            }
        }
        let mut primes = String::new();
        loop {
            if self.is_op('\'') {
                self.at += 1;
                primes.push('\'');
            } else if self.is_op('^') && matches!(self.peek_at(1), Some(Tok::Op('\''))) {
                self.at += 2;
                primes.push('\'');
            } else if self.is_op('_') {
                self.at += 1;
                let sub = self.subscript_text()?;
                if sub.is_empty() {
                    return self.fail();
                }
                // `ABC_{16}` is left to text; a symbol keeps its index.
                name = format!("{name}_{sub}");
            } else {
                break;
            }
        }
        let callable = !primes.is_empty()
            || matches!(
                name.split('_').next(),
                Some("f" | "g" | "h" | "F" | "G" | "H")
            );
        name.push_str(&primes);
        let callable = callable || self.defines() || self.takes_value(&name);
        if callable && !self.spaced() {
            let braced = self.peek() == Some(&Tok::Open(Delim::Brace))
                && self.peek_at(1) == Some(&Tok::Open(Delim::Paren));
            if braced || self.peek() == Some(&Tok::Open(Delim::Paren)) {
                self.at += 1 + braced as usize;
                let inner = self.bracketed(Delim::Paren)?;
                if braced {
                    self.expect(&Tok::Close(Delim::Brace))?;
                }
                let args = match inner {
                    Expr::Tuple(v) => v,
                    one => vec![one],
                };
                return Ok(Expr::Apply(name, args));
            }
        }
        Ok(Expr::Sym(name))
    }

    /// `x(0)`, `P(5)`: nobody writes a product with zero or a capital letter like that.
    fn takes_value(&self, name: &str) -> bool {
        let capital = name.starts_with(|c: char| c.is_ascii_uppercase());
        matches!(
            (self.peek(), self.peek_at(1), self.peek_at(2)),
            (
                Some(Tok::Open(Delim::Paren)),
                Some(Tok::Num(n, _)),
                Some(Tok::Close(Delim::Paren)),
            ) if capital || n.value.numer() == &BigInt::default()
        )
    }

    /// `W(x) = 1`: a symbol with a symbol in brackets, at the start of an equation; the first is read.
    fn defines(&self) -> bool {
        let starts = self.at == 1
            || matches!(
                self.tokens.get(self.at.wrapping_sub(2)).map(|t| &t.tok),
                Some(Tok::Op(',' | ';') | Tok::And | Tok::Row)
            );
        starts
            && self.peek() == Some(&Tok::Open(Delim::Paren))
            && matches!(self.peek_at(1), Some(Tok::Sym(_)))
            && self.peek_at(2) == Some(&Tok::Close(Delim::Paren))
            && self.peek_at(3) == Some(&Tok::Rel(RelOp::Eq))
    }

    fn spaced_differential(&self) -> bool {
        !matches!(self.peek(), Some(Tok::Sym(_)))
    }

    /// The index after `_`, as it reads without spaces and braces.
    pub(super) fn subscript_text(&mut self) -> Result<String> {
        let mut out = String::new();
        let mut depth = 0usize;
        loop {
            let Some(tok) = self.peek().cloned() else {
                break;
            };
            self.at += 1;
            match tok {
                Tok::Open(_) => depth += 1,
                Tok::Close(_) => {
                    if depth == 0 {
                        return self.fail();
                    }
                    depth -= 1;
                }
                Tok::Num(_, d) => out.push_str(&d),
                Tok::Sym(s) | Tok::Word(s) | Tok::Text(s) => out.push_str(&s),
                Tok::Const(Constant::E) => out.push('e'),
                Tok::Const(Constant::I) => out.push('i'),
                Tok::Op(c) => out.push(c),
                other => out.push_str(&format!("{other:?}")),
            }
            if depth == 0 {
                break;
            }
        }
        Ok(out)
    }

    fn bars(&mut self, close: Tok) -> Result<Expr> {
        self.groups += 1;
        let outer = std::mem::replace(&mut self.bars_open, 0);
        let inner = self.nested(|p| p.list(false));
        self.groups -= 1;
        self.bars_open = outer;
        let inner = inner?;
        if !self.eat(&close) && !self.eat(&Tok::Bar) {
            return self.fail();
        }
        Ok(absolute(inner))
    }

    /// `|x|`, where the same sign opens and closes.
    fn plain_bars(&mut self) -> Result<Expr> {
        self.bars_left = self.bars_left.saturating_sub(1);
        self.bars_open += 1;
        self.groups += 1;
        let inner = self.nested(|p| p.relation());
        self.groups -= 1;
        let inner = inner?;
        self.bars_open -= 1;
        if self.peek() == Some(&Tok::Bar) || self.peek() == Some(&Tok::Close(Delim::Bar)) {
            self.bars_left = self.bars_left.saturating_sub(1);
            self.at += 1;
            return Ok(absolute(inner));
        }
        self.fail()
    }

    fn rounded(&mut self, delim: Delim, f: Func) -> Result<Expr> {
        self.groups += 1;
        let inner = self.nested(|p| p.list(false));
        self.groups -= 1;
        let inner = inner?;
        self.expect(&Tok::Close(delim))?;
        Ok(Expr::Call(f, vec![inner]))
    }

    fn outward_interval(&mut self) -> Result<Expr> {
        self.groups += 1;
        let inner = self.list(false)?;
        self.groups -= 1;
        let (lo, hi) = match inner {
            Expr::List(v) if v.len() == 2 => (v[0].clone(), v[1].clone()),
            _ => return self.fail(),
        };
        let hi_open = match self.peek() {
            Some(Tok::Open(Delim::Bracket)) => true,
            Some(Tok::Close(Delim::Bracket)) => false,
            _ => return self.fail(),
        };
        self.at += 1;
        Ok(Expr::Interval {
            lo: Box::new(lo),
            hi: Box::new(hi),
            lo_open: true,
            hi_open,
        })
    }

    /// A braced group, or one token as TeX takes it: one digit of a numeral.
    pub(super) fn argument(&mut self) -> Result<Expr> {
        if self.eat(&Tok::Open(Delim::Brace)) {
            return self.bracketed(Delim::Brace);
        }
        if self.peek() == Some(&Tok::Op('-')) {
            self.at += 1;
            return Ok(self.nested(|p| p.argument())?.negated());
        }
        self.nested(|p| p.atom())
    }

    /// `\frac` and its shorthands: `\frac12`, `\frac1{72}`, `\frac{1}2`, `\frac123` = 1/23.
    fn fraction(&mut self) -> Result<Expr> {
        if let Some(derivative) = self.derivative()? {
            return Ok(derivative);
        }
        if let Some(Tok::Num(n, digits)) = self.peek().cloned() {
            if digits.len() > 1
                && n.decimals.is_none()
                && !matches!(self.peek_at(1), Some(Tok::Open(Delim::Brace)))
            {
                self.at += 1;
                let (a, b) = digits.split_at(1);
                let (a, b) = (
                    a.parse::<BigInt>().unwrap_or_default(),
                    b.parse::<BigInt>().unwrap_or_default(),
                );
                return Ok(Expr::Div(
                    Box::new(Expr::Num(Number::int(a))),
                    Box::new(Expr::Num(Number::int(b))),
                ));
            }
        }
        let top = self.argument()?;
        // `\frac{a}/b` and the like are not repaired.
        let below = self.argument()?;
        Ok(match (top, below) {
            // `\frac{\text{km}}{\text{h}}`: a unit.
            (Expr::Text(a), Expr::Text(b)) => Expr::Text(format!("{a}/{b}")),
            (top, below) => differentiated(&top, &below)
                .unwrap_or_else(|| Expr::Div(Box::new(top), Box::new(below))),
        })
    }

    /// `\sqrt{x}`, `\sqrt[3]{x}`, `\sqrt2`, `sqrt(x)`.
    fn root(&mut self) -> Result<Expr> {
        let mut index = None;
        if self.peek() == Some(&Tok::Open(Delim::Bracket)) {
            self.at += 1;
            self.groups += 1;
            let n = self.list(false)?;
            self.groups -= 1;
            self.expect(&Tok::Close(Delim::Bracket))?;
            index = Some(n);
        }
        let body = if self.eat(&Tok::Open(Delim::Paren)) {
            self.bracketed(Delim::Paren)?
        } else if let Some(Tok::Num(n, digits)) = self.peek().cloned() {
            self.at += 1;
            // TeX takes one digit: `\sqrt12` is √1 · 2.
            if digits.len() > 1 && n.decimals.is_none() && !self.tokens[self.at - 1].space {
                let (a, b) = digits.split_at(1);
                let (a, b) = (
                    a.parse::<BigInt>().unwrap_or_default(),
                    b.parse::<BigInt>().unwrap_or_default(),
                );
                return Ok(Expr::Mul(vec![
                    square_root(Expr::Num(Number::int(a)), index),
                    Expr::Num(Number::int(b)),
                ]));
            }
            Expr::Num(n)
        } else {
            self.argument()?
        };
        Ok(square_root(body, index))
    }
}

/// `\frac{d f(x)}{dx}`: the derivative of a function that is applied to the variable.
fn differentiated(top: &Expr, below: &Expr) -> Option<Expr> {
    let (Expr::Mul(a), Expr::Mul(b)) = (top, below) else {
        return None;
    };
    let [Expr::Sym(d), Expr::Sym(var)] = b.as_slice() else {
        return None;
    };
    let applied =
        |e: &Expr| matches!(e, Expr::Apply(_, args) if args.contains(&Expr::Sym(var.clone())));
    match a.as_slice() {
        [Expr::Sym(e), body] if d == "d" && e == "d" && applied(body) => Some(Expr::Derivative {
            var: var.clone(),
            order: 1,
            body: Box::new(body.clone()),
        }),
        _ => None,
    }
}

fn square_root(body: Expr, index: Option<Expr>) -> Expr {
    Expr::Call(
        Func::Root,
        vec![body, index.unwrap_or_else(|| Expr::int(2))],
    )
}

fn absolute(inner: Expr) -> Expr {
    match inner {
        m @ Expr::Matrix(_) => Expr::Call(Func::Det, vec![m]),
        Expr::Tuple(v) | Expr::List(v) => Expr::Call(Func::Norm, v),
        other => Expr::Call(Func::Abs, vec![other]),
    }
}

/// `value` with `block` repeating after its `shown` decimals.
fn repeat(value: &BigRational, shown: u32, block: &str) -> BigRational {
    let nines = ten_to(block.len() as u32) - BigRational::from_integer(1.into());
    let tail = BigRational::from_integer(block.parse::<BigInt>().unwrap_or_default())
        / nines
        / ten_to(shown);
    value + tail
}
