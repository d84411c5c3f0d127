//! Text → expression tree: recursive descent without backtracking, so its time is linear in the
//! number of tokens; nesting is limited.

mod atoms;
mod calculus;
mod commands;
mod functions;
mod lexer;
mod lists;
mod matrix;
mod numbers;
pub mod print;
mod symbols;
mod terms;
mod token;
mod words;

pub use numbers::ten_to;
pub use symbols::{is_letter_unit, number_word};

use super::tree::{Expr, Number};
use token::{Delim, Tok, Token};

/// How numerals and commas are read.
#[derive(Clone, Debug)]
pub struct ParseOptions {
    /// `1,234` is one number.
    pub thousands: bool,
    /// `1,5` is one and a half.
    pub decimal_comma: bool,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            thousands: true,
            decimal_comma: false,
        }
    }
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Nothing to read.
    Empty,
    /// More tokens than [`lexer::MAX_TOKENS`].
    TooLong,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The token at this index does not fit.
    Unexpected(usize),
}

/// Nesting beyond this is no answer; it also bounds the stack.
pub const MAX_DEPTH: usize = 48;

/// Longer chains of operators that nest to the left are no answer.
const MAX_LINKS: usize = 200;

pub(crate) type Result<T> = std::result::Result<T, ParseError>;

pub(crate) struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    /// `|` seen open, and those not yet read.
    bars_open: usize,
    bars_left: usize,
    /// Inside an integral: a `d` starts its differential.
    integrals: usize,
    /// The differential was read at this group depth.
    found_differential: bool,
    groups: usize,
    /// Operators that went on a chain which nests to the left, such as `a/b/c`.
    links: usize,
    /// Inside `\{ … \}`, where `:` and `|` mean "such that".
    in_set: bool,
}

/// Parses a whole answer.
pub fn parse(text: &str, options: &ParseOptions) -> Result<Expr> {
    let mut tokens = lexer::lex(text, options).ok_or(ParseError::TooLong)?;
    while matches!(
        tokens.last(),
        Some(Token {
            tok: Tok::Op('.' | ',' | ';' | ':' | '&') | Tok::Row | Tok::And,
            ..
        })
    ) {
        tokens.pop();
    }
    let mut tokens = tokens;
    letter_digits(&mut tokens);
    subscripts_first(&mut tokens);
    let lead = tokens
        .iter()
        .take_while(|t| matches!(t.tok, Tok::Row | Tok::Op('&' | ':' | ',' | '.')))
        .count();
    let tokens = &tokens[lead..];
    if tokens.is_empty() {
        return Err(ParseError::Empty);
    }
    let bars_left = tokens.iter().filter(|t| t.tok == Tok::Bar).count();
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        bars_open: 0,
        bars_left,
        integrals: 0,
        found_differential: false,
        groups: 0,
        links: 0,
        in_set: false,
    };
    let expr = parser.list(true)?;
    if parser.at < tokens.len() {
        return Err(ParseError::Unexpected(parser.at));
    }
    Ok(strip_degrees(&expr))
}

/// Degrees outside a trigonometric argument are a unit.
fn strip_degrees(expr: &Expr) -> Expr {
    match expr {
        Expr::Degree(x) => strip_degrees(x),
        other => other.map(&mut strip_degrees),
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Tok> {
        self.tokens.get(self.at).map(|t| &t.tok)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Tok> {
        self.tokens.get(self.at + ahead).map(|t| &t.tok)
    }

    fn spaced(&self) -> bool {
        self.tokens.get(self.at).is_some_and(|t| t.space)
    }

    fn is_op(&self, c: char) -> bool {
        self.peek() == Some(&Tok::Op(c))
    }

    fn eat(&mut self, tok: &Tok) -> bool {
        let hit = self.peek() == Some(tok);
        self.at += hit as usize;
        hit
    }

    fn expect(&mut self, tok: &Tok) -> Result<()> {
        if self.eat(tok) {
            return Ok(());
        }
        self.fail()
    }

    fn fail<T>(&self) -> Result<T> {
        Err(ParseError::Unexpected(self.at))
    }

    /// Counts another operator of a chain that nests to the left; the first of a chain is free.
    fn link(&mut self, chain: &mut usize) -> Result<()> {
        *chain += 1;
        self.links += usize::from(*chain > 1);
        if self.links > MAX_LINKS {
            return Err(ParseError::TooDeep);
        }
        Ok(())
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(ParseError::TooDeep);
        }
        self.depth += 1;
        let out = inner(self);
        self.depth -= 1;
        out
    }
}

/// `1A_{16}`, `FF_{16}`: capital letters as digits of a base over ten.
fn letter_digits(tokens: &mut Vec<Token>) {
    let digit = |t: &Token| match &t.tok {
        Tok::Num(n, digits) if n.decimals.is_none() && !digits.is_empty() => Some(digits.clone()),
        Tok::Sym(s) if s.len() == 1 && s.as_bytes()[0].is_ascii_uppercase() => Some(s.clone()),
        _ => None,
    };
    let mut i = 0;
    while i < tokens.len() {
        let run: Vec<String> = tokens[i..]
            .iter()
            .enumerate()
            .map_while(|(k, t)| digit(t).filter(|_| k == 0 || !t.space))
            .collect();
        let after = i + run.len();
        let based = tokens.get(after).map(|t| &t.tok) == Some(&Tok::Op('_'));
        let base = tokens[after.min(tokens.len())..]
            .iter()
            .skip(1)
            .find(|t| t.tok != Tok::Open(Delim::Brace))
            .and_then(digit)
            .and_then(|d| d.parse::<u32>().ok())
            .filter(|b| (11..=36).contains(b));
        let digits = run.concat();
        if let (true, true, Some(base)) = (based, run.len() > 1, base) {
            if digits.chars().all(|c| c.is_digit(base)) {
                tokens[i].tok = Tok::Num(Number::int(0), digits);
                tokens.drain(i + 1..after);
                i += 1;
                continue;
            }
        }
        i = after.max(i + 1);
    }
}

/// `x^2_i` → `x_i^2`, and the same for the bounds of operators.
fn subscripts_first(tokens: &mut [Token]) {
    let mut i = 0;
    while i + 2 < tokens.len() {
        if tokens[i].tok == Tok::Op('^') {
            if let Some(middle) = argument_end(tokens, i + 1) {
                if tokens.get(middle).map(|t| &t.tok) == Some(&Tok::Op('_')) {
                    if let Some(end) = argument_end(tokens, middle + 1) {
                        tokens[i..end].rotate_left(middle - i);
                        i = end;
                        continue;
                    }
                }
            }
        }
        i += 1;
    }
}

/// After the group or single token at `from`; longer groups are left as they are.
fn argument_end(tokens: &[Token], from: usize) -> Option<usize> {
    const LONGEST: usize = 64;
    let mut depth = 0usize;
    for (k, token) in tokens.iter().enumerate().skip(from).take(LONGEST) {
        match token.tok {
            Tok::Open(Delim::Brace) => depth += 1,
            Tok::Close(Delim::Brace) => depth = depth.checked_sub(1)?,
            Tok::Num(..) | Tok::Sym(_) | Tok::Const(_) => {}
            _ if depth == 0 => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(k + 1);
        }
    }
    None
}
