//! Sums, products, signs, powers and what follows an atom.

use super::functions::radians;
use super::symbols::{is_letter_unit, number_word};
use super::token::{Delim, Tok};
use super::{Parser, Result};
use crate::verify::tree::{Constant, Expr, Func, NamedSet, Number};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

impl Parser<'_> {
    /// `a + b - c ± d`.
    pub(super) fn additive(&mut self) -> Result<Expr> {
        self.nested(|p| {
            let mut terms: Vec<Expr> = vec![];
            let mut chain = 0;
            let mut sum = if let Some(Tok::PlusMinus(flipped)) = p.peek() {
                let flipped = *flipped;
                p.at += 1;
                let right = Box::new(p.term()?);
                Expr::PlusMinus {
                    left: None,
                    right,
                    flipped,
                }
            } else {
                p.term()?
            };
            loop {
                if p.found_differential {
                    break;
                }
                match p.peek() {
                    Some(Tok::Op('+')) => {
                        p.at += 1;
                        terms.push(sum);
                        sum = p.term()?;
                    }
                    Some(Tok::Op('-')) => {
                        p.at += 1;
                        terms.push(sum);
                        sum = p.term()?.negated();
                    }
                    Some(Tok::PlusMinus(flipped)) => {
                        let flipped = *flipped;
                        p.link(&mut chain)?;
                        p.at += 1;
                        terms.push(sum);
                        let left = Some(Box::new(add(std::mem::take(&mut terms))));
                        let right = Box::new(p.term()?);
                        sum = Expr::PlusMinus {
                            left,
                            right,
                            flipped,
                        };
                    }
                    _ => break,
                }
            }
            terms.push(sum);
            Ok(add(terms))
        })
    }

    /// `a b / c mod d`, from the left.
    pub(super) fn term(&mut self) -> Result<Expr> {
        let mut left = self.signed()?;
        let mut chain = 0;
        loop {
            if self.found_differential {
                return Ok(left);
            }
            match self.peek() {
                Some(Tok::Op('*')) => {
                    self.at += 1;
                    let right = self.signed()?;
                    left = times(left, right);
                }
                Some(Tok::Op('/')) => {
                    self.at += 1;
                    // `km/h`, `5 / \text{hour}`: units.
                    if matches!(self.peek(), Some(Tok::Text(_) | Tok::Word(_))) {
                        self.at += 1;
                        continue;
                    }
                    self.link(&mut chain)?;
                    let right = self.signed()?;
                    left = Expr::Div(Box::new(left), Box::new(right));
                }
                Some(Tok::Angle) => {
                    self.at += 1;
                    let angle = radians(&self.nested(|p| p.term())?);
                    let turn = Expr::Mul(vec![Expr::Const(Constant::I), angle]);
                    let unit = Expr::Pow(Box::new(Expr::Const(Constant::E)), Box::new(turn));
                    left = times(left, unit);
                }
                // `72^\circ\mathrm{C}`
                Some(Tok::Sym(s))
                    if matches!(left, Expr::Degree(_))
                        && matches!(s.as_str(), "C" | "F" | "K")
                        && self.peek_at(1).is_none() =>
                {
                    self.at += 1;
                }
                Some(Tok::Mod) => {
                    self.at += 1;
                    self.link(&mut chain)?;
                    let right = self.signed()?;
                    left = Expr::Call(Func::Mod, vec![left, right]);
                }
                Some(Tok::Text(_) | Tok::Word(_)) => self.unit(&mut left)?,
                _ if self.starts_factor() => {
                    if let Some(mixed) = self.mixed_number(&left) {
                        left = self.after(mixed)?;
                        continue;
                    }
                    if let Some(unit) = self.letter_unit(&left) {
                        return Ok(Expr::WithUnit {
                            value: Box::new(left),
                            unit,
                        });
                    }
                    let right = self.power()?;
                    let right = self.mixed_number(&right).unwrap_or(right);
                    left = match (left, right) {
                        // `25 \frac{\text{m}}{\text{s}}`: a unit.
                        (value, Expr::Text(_)) if !matches!(value, Expr::Text(_)) => value,
                        // `P(X = 2)`, `P(X > 1)`
                        (Expr::Sym(name), right @ Expr::Rel { .. }) => {
                            Expr::Apply(name, vec![right])
                        }
                        (left, right) => times(left, right),
                    };
                }
                _ => return Ok(left),
            }
        }
    }

    fn signed(&mut self) -> Result<Expr> {
        let mut negative = false;
        let mut steps = 0;
        loop {
            match self.peek() {
                Some(Tok::Op('-')) => negative = !negative,
                Some(Tok::Op('+')) => {}
                _ => break,
            }
            self.at += 1;
            steps += 1;
        }
        if steps > 0 && self.at >= self.tokens.len() {
            return self.fail();
        }
        // `\text{Area } 5`, `about 5`: leading prose is dropped when a value follows.
        while matches!(self.peek(), Some(Tok::Text(_) | Tok::Word(_))) && self.value_after_text() {
            self.at += 1;
        }
        let mut value = self.power()?;
        if let Some(mixed) = self.mixed_number(&value) {
            value = self.after(mixed)?;
        }
        Ok(if negative { value.negated() } else { value })
    }

    fn value_after_text(&self) -> bool {
        matches!(self.peek_at(1), Some(Tok::Num(..) | Tok::Frac | Tok::Sqrt))
    }

    /// Whether the next token can start another factor of the product.
    fn starts_factor(&self) -> bool {
        match self.peek() {
            Some(Tok::Bar) => self.bar_opens(),
            Some(Tok::Open(Delim::Paren)) => self.peek_at(1) != Some(&Tok::Mod),
            Some(Tok::Open(Delim::Bracket)) => !self.closes_outward(),
            Some(
                Tok::Num(..)
                | Tok::Sym(_)
                | Tok::Const(_)
                | Tok::Func(_)
                | Tok::Open(_)
                | Tok::Frac
                | Tok::Sqrt
                | Tok::Binom
                | Tok::Sum
                | Tok::Product
                | Tok::Integral
                | Tok::Lim
                | Tok::Begin(_)
                | Tok::Overline
                | Tok::Log
                | Tok::Transparent
                | Tok::Named(_),
            ) => true,
            _ => false,
        }
    }

    /// `]0, 1[`: a `[` that nothing can follow ends an interval.
    pub(super) fn closes_outward(&self) -> bool {
        matches!(
            self.peek_at(1),
            None | Some(Tok::Op(',' | ';' | '.') | Tok::Cup | Tok::Cap | Tok::And | Tok::Close(_))
        )
    }

    /// A `|` after a value closes if one is open, except right after another closing one with more to come.
    pub(super) fn bar_opens(&self) -> bool {
        if self.bars_open == 0 {
            // In a set it says "such that".
            return !self.in_set;
        }
        let after_bar = self.at > 0 && self.tokens[self.at - 1].tok == Tok::Bar;
        after_bar && self.bars_left > self.bars_open
    }

    /// Text after a value is a unit or a remark: dropped, with its exponent.
    fn unit(&mut self, left: &mut Expr) -> Result<()> {
        if let (Expr::Text(words), Some(Tok::Text(next) | Tok::Word(next))) =
            (&mut *left, self.peek())
        {
            words.push(' ');
            words.push_str(next);
            self.at += 1;
            return Ok(());
        }
        // "hundred", "million" scale the number.
        if let Some(Tok::Text(w) | Tok::Word(w)) = self.peek() {
            let scale = match w.trim().to_ascii_lowercase().as_str() {
                "hundred" => 100,
                "thousand" => 1_000,
                "million" => 1_000_000,
                "billion" => 1_000_000_000,
                "trillion" => 1_000_000_000_000,
                _ => 0i64,
            };
            if scale > 0 && left.literal().is_some() {
                self.at += 1;
                *left = times(left.clone(), Expr::int(scale));
                return Ok(());
            }
            // `4:30 p.m.` is a time of day, not a ratio with a unit.
            let w = w.to_ascii_lowercase().replace([' ', '.'], "");
            if matches!(w.as_str(), "am" | "pm") {
                self.at += 1;
                *left = Expr::WithUnit {
                    value: Box::new(left.clone()),
                    unit: w,
                };
                return Ok(());
            }
        }
        self.at += 1;
        loop {
            if self.eat(&Tok::Op('^')) {
                self.argument()?;
            } else if self.is_op('.')
                && matches!(self.peek_at(1), Some(Tok::Text(_) | Tok::Word(_)))
            {
                self.at += 1;
            } else if self.is_op('/')
                && matches!(self.peek_at(1), Some(Tok::Text(_) | Tok::Word(_)))
            {
                self.at += 1;
            } else if self.is_op('/')
                && matches!(self.peek_at(1), Some(Tok::Sym(s)) if is_letter_unit(s))
            {
                self.at += 2;
            } else if matches!(self.peek(), Some(Tok::Word(_) | Tok::Text(_))) {
                self.at += 1;
            } else {
                return Ok(());
            }
        }
    }

    /// `5 m`, `9.8 m/s^2`: one letter after a spaced number, at the end.
    fn letter_unit(&mut self, left: &Expr) -> Option<String> {
        left.literal()?;
        if !self.spaced() || self.groups > 0 {
            return None;
        }
        let Some(Tok::Sym(s)) = self.peek() else {
            return None;
        };
        if !is_letter_unit(s) {
            return None;
        }
        let name = s.clone();
        let mut k = 1;
        let skip_power = |k: usize| -> usize {
            if self.peek_at(k) == Some(&Tok::Op('^'))
                && matches!(self.peek_at(k + 1), Some(Tok::Num(..)))
            {
                return k + 2;
            }
            if self.peek_at(k) == Some(&Tok::Op('^'))
                && self.peek_at(k + 1) == Some(&Tok::Open(Delim::Brace))
                && self.peek_at(k + 3) == Some(&Tok::Close(Delim::Brace))
            {
                return k + 4;
            }
            k
        };
        k = skip_power(k);
        if self.peek_at(k) == Some(&Tok::Op('/'))
            && matches!(self.peek_at(k + 1), Some(Tok::Sym(u)) if is_letter_unit(u))
        {
            k = skip_power(k + 2);
        }
        if !matches!(
            self.peek_at(k),
            None | Some(Tok::Op('.' | ',' | ';') | Tok::And)
        ) {
            return None;
        }
        self.at += k;
        Some(name)
    }

    /// `2\frac{1}{3}` and `2 1/3`: a whole number right before a proper fraction of literals.
    fn mixed_number(&mut self, left: &Expr) -> Option<Expr> {
        let whole = left.natural()?;
        if !matches!(
            self.tokens.get(self.at.checked_sub(1)?).map(|t| &t.tok),
            Some(Tok::Num(..))
        ) {
            return None;
        }
        let (n, d, used) = match self.peek()? {
            Tok::Frac => self.literal_fraction()?,
            Tok::Num(n, _)
                if self.spaced()
                    && n.decimals.is_none()
                    && self.peek_at(1) == Some(&Tok::Op('/')) =>
            {
                let Some(Tok::Num(d, _)) = self.peek_at(2) else {
                    return None;
                };
                // `1/2 3/4` is no mixed number.
                if d.decimals.is_some()
                    || self.at >= 2 && self.tokens[self.at - 2].tok == Tok::Op('/')
                {
                    return None;
                }
                (n.value.to_integer(), d.value.to_integer(), 3)
            }
            Tok::Num(n, text)
                if text.is_empty() && self.spaced() && n.value < BigRational::one() =>
            {
                (n.value.numer().clone(), n.value.denom().clone(), 1)
            }
            _ => return None,
        };
        if d.is_zero() || n >= d {
            return None;
        }
        self.at += used;
        Some(Expr::rational(
            BigRational::from_integer(whole) + BigRational::new(n, d),
        ))
    }

    /// The parts of `\frac{1}{2}` and its shorthands, if both are whole numerals.
    fn literal_fraction(&self) -> Option<(BigInt, BigInt, usize)> {
        let natural = |n: &Number| {
            (n.decimals.is_none() && n.value.is_integer()).then(|| n.value.to_integer())
        };
        match (
            self.peek_at(1)?,
            self.peek_at(2),
            self.peek_at(3),
            self.peek_at(4),
            self.peek_at(5),
            self.peek_at(6),
        ) {
            (
                Tok::Open(Delim::Brace),
                Some(Tok::Num(n, _)),
                Some(Tok::Close(Delim::Brace)),
                Some(Tok::Open(Delim::Brace)),
                Some(Tok::Num(d, _)),
                Some(Tok::Close(Delim::Brace)),
            ) => Some((natural(n)?, natural(d)?, 7)),
            (
                Tok::Num(n, text),
                Some(Tok::Open(Delim::Brace)),
                Some(Tok::Num(d, _)),
                Some(Tok::Close(Delim::Brace)),
                ..,
            ) if text.len() == 1 => Some((natural(n)?, natural(d)?, 5)),
            (
                Tok::Open(Delim::Brace),
                Some(Tok::Num(n, _)),
                Some(Tok::Close(Delim::Brace)),
                Some(Tok::Num(d, text)),
                ..,
            ) if text.len() == 1 => Some((natural(n)?, natural(d)?, 5)),
            (Tok::Num(n, text), next, ..) if n.decimals.is_none() => match (text.len(), next) {
                (1, Some(Tok::Num(d, t))) if t.len() == 1 => Some((natural(n)?, natural(d)?, 3)),
                (2.., _) if !text.starts_with('0') => {
                    let (a, b) = text.split_at(1);
                    Some((a.parse().ok()?, b.parse().ok()?, 2))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `base ^ exponent`.
    pub(super) fn power(&mut self) -> Result<Expr> {
        self.nested(|p| {
            let base = p.postfix()?;
            if p.side().is_some() || !p.eat(&Tok::Op('^')) {
                return Ok(base);
            }
            // `x^\circ`, `x^{\circ}`, `f^{\prime}`.
            if p.eat(&Tok::Degree) {
                return p.after(Expr::Degree(Box::new(base)));
            }
            if p.peek() == Some(&Tok::Open(Delim::Brace))
                && p.peek_at(1) == Some(&Tok::Degree)
                && p.peek_at(2) == Some(&Tok::Close(Delim::Brace))
            {
                p.at += 3;
                return p.after(Expr::Degree(Box::new(base)));
            }
            let exponent = p.exponent()?;
            if let Some(transposed) = transposed(&base, &exponent) {
                return p.after(transposed);
            }
            let power = match base {
                // A subscript may follow the exponent: `x^2_i`.
                Expr::Sym(name) if p.is_op('_') => {
                    p.at += 1;
                    let sub = p.subscript_text()?;
                    Expr::Pow(
                        Box::new(Expr::Sym(format!("{name}_{sub}"))),
                        Box::new(exponent),
                    )
                }
                base => Expr::Pow(Box::new(base), Box::new(exponent)),
            };
            p.after(power)
        })
    }

    /// `^+`, `^{-}`: from which side a limit is taken, and how many tokens say so.
    pub(super) fn side(&self) -> Option<usize> {
        let braced = usize::from(self.peek_at(1) == Some(&Tok::Open(Delim::Brace)));
        let signed = matches!(self.peek_at(1 + braced), Some(Tok::Op('+' | '-')));
        let closed = self.peek_at(2 + braced) == Some(&Tok::Close(Delim::Brace));
        (self.is_op('^') && signed && closed).then_some(2 + 2 * braced)
    }

    /// After `^`: a group, or a signed atom; plain text writes `2^-3` and `2^10`.
    pub(super) fn exponent(&mut self) -> Result<Expr> {
        if self.eat(&Tok::Op('-')) {
            return Ok(self.nested(|p| p.exponent())?.negated());
        }
        if self.peek() == Some(&Tok::Open(Delim::Paren)) {
            self.at += 1;
            return self.bracketed(Delim::Paren);
        }
        let base = grouped(self.nested(|p| p.atom())?);
        if self.eat(&Tok::Op('^')) {
            let e = self.nested(|p| p.exponent())?;
            return Ok(Expr::Pow(Box::new(base), Box::new(e)));
        }
        Ok(base)
    }

    /// An atom with its factorials and the like.
    fn postfix(&mut self) -> Result<Expr> {
        let atom = self.atom()?;
        self.after(atom)
    }

    fn after(&mut self, mut value: Expr) -> Result<Expr> {
        let mut chain = 0;
        loop {
            self.link(&mut chain)?;
            match self.peek() {
                Some(Tok::Op('!')) => {
                    self.at += 1;
                    let double = self.eat(&Tok::Op('!'));
                    value = Expr::Call(
                        if double {
                            Func::DoubleFactorial
                        } else {
                            Func::Factorial
                        },
                        vec![value],
                    );
                }
                Some(Tok::Op('%')) => {
                    self.at += 1;
                    // `\infty\%`
                    if value != Expr::Const(Constant::Infinity) {
                        value = Expr::Percent(Box::new(value));
                    }
                }
                Some(Tok::Degree) => {
                    self.at += 1;
                    value = Expr::Degree(Box::new(value));
                }
                Some(Tok::Op('^')) if self.peek_at(1) == Some(&Tok::Degree) => {
                    self.at += 2;
                    value = Expr::Degree(Box::new(value));
                }
                Some(Tok::Op('^'))
                    if !matches!(value, Expr::Num(_) | Expr::Sym(_) | Expr::Const(_)) =>
                {
                    if !matches!(value, Expr::Call(Func::Factorial, _) | Expr::Degree(_)) {
                        return Ok(value);
                    }
                    self.at += 1;
                    let e = self.exponent()?;
                    value = Expr::Pow(Box::new(value), Box::new(e));
                }
                _ => return Ok(value),
            }
        }
    }
}

/// `A^T`, `A^\top`, and `A^H`, `A^\dagger` with conjugation, for a matrix that is written out.
fn transposed(base: &Expr, exponent: &Expr) -> Option<Expr> {
    let Expr::Sym(name) = exponent else {
        return None;
    };
    if !base.any(&|x| matches!(x, Expr::Matrix(_))) {
        return None;
    }
    let across = Expr::Call(Func::Transpose, vec![base.clone()]);
    match name.as_str() {
        "T" | "\\top" | "\\intercal" => Some(across),
        "H" | "\\dagger" => Some(Expr::Call(Func::Conjugate, vec![across])),
        _ => None,
    }
}

fn add(mut terms: Vec<Expr>) -> Expr {
    if terms.len() == 1 {
        return terms.remove(0);
    }
    Expr::Add(terms)
}

/// `a · b`, flat.
pub(super) fn times(left: Expr, right: Expr) -> Expr {
    let (left, right) = (grouped(left), grouped(right));
    match left {
        Expr::Mul(mut v) => {
            v.push(right);
            Expr::Mul(v)
        }
        other => Expr::Mul(vec![other, right]),
    }
}

/// `\{x + y\} z`: braces of a set around one factor only group.
pub(super) fn grouped(e: Expr) -> Expr {
    match e {
        Expr::Set(mut v) if v.len() == 1 => v.remove(0),
        other => other,
    }
}

/// A word as a value: a small number, or text.
pub(super) fn word_value(word: &str) -> Expr {
    if let Some(n) = number_word(word) {
        return Expr::int(n);
    }
    match word.trim().to_lowercase().as_str() {
        "all real numbers" | "all reals" | "the real numbers" | "all real" => {
            Expr::NamedSet(NamedSet::Reals)
        }
        _ => Expr::Text(word.to_string()),
    }
}
