//! Named functions and their arguments.

use super::token::{Delim, Tok};
use super::{Parser, Result};
use crate::verify::tree::{BigOp, Expr, Func};
use num_bigint::BigInt;

impl Parser<'_> {
    /// `\sin x`, `\sin^2 x`, `\sin^{-1}(x)`, `\min(a, b)`.
    pub(super) fn function(&mut self, mut f: Func) -> Result<Expr> {
        let mut exponent = None;
        if self.is_op('_') {
            // `\max_{x}`: the index has no value of its own.
            self.at += 1;
            self.subscript_text()?;
        }
        if self.eat(&Tok::Op('^')) {
            let e = self.exponent()?;
            match (inverse(f), &e) {
                (Some(g), Expr::Num(n)) if n.value == (-BigInt::from(1)).into() => f = g,
                _ => exponent = Some(e),
            }
        }
        let args = self.function_arguments(f)?;
        let call = Expr::Call(
            f,
            if is_trigonometric(f) {
                args.iter().map(radians).collect()
            } else {
                args
            },
        );
        Ok(match exponent {
            Some(e) => Expr::Pow(Box::new(call), Box::new(e)),
            None => call,
        })
    }

    /// `\log x`, `\log_2 8`, `\log_{10}{x}`, `\log_28`.
    pub(super) fn logarithm(&mut self) -> Result<Expr> {
        let mut base = None;
        if self.eat(&Tok::Op('_')) {
            if let Some(Tok::Num(n, digits)) = self.peek().cloned() {
                self.at += 1;
                // `\log_28`: one digit of base, the rest is the argument.
                let starts_argument = self.starts_argument();
                if digits.len() > 1 && n.decimals.is_none() && !starts_argument {
                    let (b, x) = digits.split_at(1);
                    let number = |t: &str| {
                        Expr::Num(crate::verify::tree::Number::int(
                            t.parse::<BigInt>().unwrap_or_default(),
                        ))
                    };
                    return Ok(Expr::Call(Func::Log, vec![number(x), number(b)]));
                }
                base = Some(Expr::Num(n));
            } else {
                base = Some(self.argument()?);
            }
        }
        let mut exponent = None;
        if self.eat(&Tok::Op('^')) {
            exponent = Some(self.exponent()?);
        }
        let mut args = self.function_arguments(Func::Log)?;
        let x = args.remove(0);
        let call = Expr::Call(Func::Log, vec![x, base.unwrap_or_else(|| Expr::int(10))]);
        Ok(match exponent {
            Some(e) => Expr::Pow(Box::new(call), Box::new(e)),
            None => call,
        })
    }

    fn starts_argument(&self) -> bool {
        matches!(
            self.peek(),
            Some(
                Tok::Num(..)
                    | Tok::Sym(_)
                    | Tok::Open(_)
                    | Tok::Frac
                    | Tok::Sqrt
                    | Tok::Const(_)
                    | Tok::Func(_)
            )
        )
    }

    /// Bracketed arguments, or the product that follows: `\ln xy`, `\sin 2x`.
    fn function_arguments(&mut self, f: Func) -> Result<Vec<Expr>> {
        let open = match self.peek() {
            Some(Tok::Open(
                d @ (Delim::Paren | Delim::Bracket | Delim::Brace | Delim::SetBrace),
            )) => Some(*d),
            _ => None,
        };
        if let Some(open) = open {
            self.at += 1;
            // `\sin{\left(x \right)}` and `\gcd(a, b)`.
            let inner = self.bracketed(open)?;
            let args = match inner {
                Expr::Tuple(v) | Expr::List(v) | Expr::Set(v) => v,
                Expr::Interval { lo, hi, .. } => vec![*lo, *hi],
                one => vec![one],
            };
            return Ok(args);
        }
        let _ = f;
        let mut factors = vec![];
        loop {
            match self.peek() {
                Some(
                    Tok::Num(..)
                    | Tok::Sym(_)
                    | Tok::Const(_)
                    | Tok::Frac
                    | Tok::Sqrt
                    | Tok::Overline
                    | Tok::Transparent
                    | Tok::Binom,
                ) => {}
                Some(Tok::Open(Delim::Bar | Delim::Floor | Delim::Ceil)) if factors.is_empty() => {}
                Some(Tok::Bar) if factors.is_empty() => {}
                Some(Tok::Func(_) | Tok::Log | Tok::Begin(_)) if factors.is_empty() => {}
                Some(Tok::Op('-')) if factors.is_empty() => {
                    self.at += 1;
                    let x = self.nested(|p| p.power())?;
                    factors.push(x.negated());
                    continue;
                }
                _ => break,
            }
            if self.integrals > 0
                && self.peek() == Some(&Tok::Sym("d".into()))
                && !factors.is_empty()
            {
                break;
            }
            let was_call = matches!(self.peek(), Some(Tok::Func(_) | Tok::Log));
            factors.push(self.nested(|p| p.power())?);
            // `\cos x / 2` stops; `\ln x/y` too.
            if was_call {
                break;
            }
        }
        match factors.len() {
            0 => self.fail(),
            1 => Ok(factors),
            _ => Ok(vec![Expr::Mul(factors)]),
        }
    }

    /// `\sum_{k=1}^{n} a_k`, `\prod …`.
    pub(super) fn big(&mut self, tok: &Tok) -> Result<Expr> {
        let op = if *tok == Tok::Sum {
            BigOp::Sum
        } else {
            BigOp::Product
        };
        let (mut lower, mut upper) = (None, None);
        loop {
            if self.eat(&Tok::Op('_')) {
                lower = Some(self.argument()?);
            } else if self.eat(&Tok::Op('^')) {
                upper = Some(self.argument()?);
            } else {
                break;
            }
        }
        let body = Box::new(self.term()?);
        let (var, lower) = match lower {
            Some(Expr::Rel { mut items, .. }) if items.len() == 2 => {
                let start = items.remove(1);
                (name_of(&items[0]), Some(Box::new(start)))
            }
            Some(other) => (String::new(), Some(Box::new(other))),
            None => (String::new(), None),
        };
        Ok(Expr::Big {
            op,
            var,
            lower,
            upper: upper.map(Box::new),
            body,
        })
    }
}

/// The name of a bound variable; `i` and `e` are symbols there.
pub(super) fn name_of(e: &Expr) -> String {
    match e {
        Expr::Sym(s) => s.clone(),
        Expr::Const(crate::verify::tree::Constant::I) => "i".into(),
        Expr::Const(crate::verify::tree::Constant::E) => "e".into(),
        _ => String::new(),
    }
}

fn inverse(f: Func) -> Option<Func> {
    use Func::*;
    Some(match f {
        Sin => Asin,
        Cos => Acos,
        Tan => Atan,
        Cot => Acot,
        Sec => Asec,
        Csc => Acsc,
        Sinh => Asinh,
        Cosh => Acosh,
        Tanh => Atanh,
        _ => return None,
    })
}

fn is_trigonometric(f: Func) -> bool {
    use Func::*;
    matches!(f, Sin | Cos | Tan | Cot | Sec | Csc)
}

/// Degrees inside a trigonometric argument mean π/180.
pub(super) fn radians(e: &Expr) -> Expr {
    match e {
        Expr::Degree(x) => Expr::Mul(vec![
            radians(x),
            Expr::Div(
                Box::new(Expr::Const(crate::verify::tree::Constant::Pi)),
                Box::new(Expr::int(180)),
            ),
        ]),
        other => other.map(&mut radians),
    }
}
