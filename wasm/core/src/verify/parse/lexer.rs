//! Text → tokens, in one pass.

use super::numbers::lex_number;
use super::symbols::{subscript, superscript, unicode, vulgar};
use super::token::{Delim, Tok, Token};
use super::ParseOptions;
use crate::verify::tree::{Number, RelOp};
use num_bigint::BigInt;
use num_rational::BigRational;

/// More tokens than any answer has; a longer text is compared as text.
pub const MAX_TOKENS: usize = 4096;

pub struct Lexer<'a> {
    pub chars: &'a [char],
    pub at: usize,
    pub options: &'a ParseOptions,
    /// Open brackets, braces that group apart.
    depth: usize,
    /// Whether each open `{` counted.
    braces: Vec<bool>,
    pub out: Vec<Token>,
    pub space: bool,
}

/// The tokens of `text`, or `None` when there are too many.
pub fn lex(text: &str, options: &ParseOptions) -> Option<Vec<Token>> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer {
        chars: &chars,
        at: 0,
        options,
        depth: 0,
        braces: vec![],
        out: vec![],
        space: false,
    };
    while lexer.at < chars.len() {
        lexer.step();
        if lexer.out.len() > MAX_TOKENS {
            return None;
        }
    }
    lexer.close_groups();
    Some(lexer.out)
}

impl Lexer<'_> {
    pub fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    /// Whether a comma here stands outside every bracket.
    pub fn outside(&self) -> bool {
        self.depth == 0
    }

    pub(super) fn push(&mut self, tok: Tok) {
        // `x &= 1`, `x = & 1`: an alignment, not a cell.
        let last = self.out.last().map(|t| &t.tok);
        match (last, &tok) {
            (Some(Tok::Op('&')), Tok::Rel(_)) => {
                self.out.pop();
                // `x &= 2 + 3 \\ &= 5` goes on in the next line.
                if matches!(self.out.last(), Some(t) if t.tok == Tok::Row) {
                    self.out.pop();
                }
            }
            (Some(Tok::Rel(_)), Tok::Op('&')) => return,
            _ => {}
        }
        match tok {
            Tok::Open(Delim::Paren | Delim::Bracket | Delim::SetBrace | Delim::Angle) => {
                self.depth += 1
            }
            Tok::Close(Delim::Paren | Delim::Bracket | Delim::SetBrace | Delim::Angle) => {
                self.depth = self.depth.saturating_sub(1)
            }
            _ => {}
        }
        self.out.push(Token {
            tok,
            space: self.space,
        });
        self.space = false;
    }

    fn step(&mut self) {
        let c = self.peek(0);
        if c.is_whitespace() || c == '~' || c == '\u{200b}' {
            self.at += 1;
            if c == '~' && self.peek(0) == '=' {
                self.at += 1;
                return self.push(Tok::Rel(RelOp::Approx));
            }
            self.space = true;
            return;
        }
        if c.is_ascii_digit() || (c == '.' && self.peek(1).is_ascii_digit()) {
            let (number, digits, used) = lex_number(self);
            self.at += used;
            return self.push(Tok::Num(number, digits));
        }
        if c == '\\' {
            return self.command();
        }
        if c.is_ascii_alphabetic() {
            return self.letters();
        }
        self.at += 1;
        match c {
            '$' | '"' | '`' | '€' | '£' | '¥' | '₹' | '₽' => self.space = true,
            '<' => {
                let op = if self.eat('=') {
                    RelOp::Le
                } else if self.eat('>') {
                    RelOp::Ne
                } else {
                    RelOp::Lt
                };
                self.push(Tok::Rel(op));
            }
            '>' => {
                let op = if self.eat('=') { RelOp::Ge } else { RelOp::Gt };
                self.push(Tok::Rel(op));
            }
            '=' => {
                let op = if self.eat('<') {
                    RelOp::Le
                } else if self.eat('>') {
                    return self.push(Tok::Arrow);
                } else {
                    self.eat('=');
                    RelOp::Eq
                };
                self.push(Tok::Rel(op));
            }
            '!' if self.peek(0) == '=' && self.peek(1) != '=' => {
                self.at += 1;
                self.push(Tok::Rel(RelOp::Ne));
            }
            '-' if self.peek(0) == '>' => {
                self.at += 1;
                self.push(Tok::Arrow);
            }
            '+' if self.peek(0) == '-'
                && self
                    .out
                    .last()
                    .is_none_or(|t| !matches!(t.tok, Tok::Op('+')))
                && self.peek(1).is_ascii_digit()
                && !self.space =>
            {
                // `+-3` and `a+-b` are ± in plain text only when written tight after a space; read as minus.
                self.push(Tok::Op('+'));
            }
            '*' if self.peek(0) == '*' => {
                self.at += 1;
                self.push(Tok::Op('^'));
            }
            '(' => self.push(Tok::Open(Delim::Paren)),
            ')' => self.push(Tok::Close(Delim::Paren)),
            '[' => self.push(Tok::Open(Delim::Bracket)),
            ']' => self.push(Tok::Close(Delim::Bracket)),
            '{' => self.open_brace(),
            '}' => {
                if self.braces.pop() == Some(true) {
                    self.depth = self.depth.saturating_sub(1);
                }
                self.push(Tok::Close(Delim::Brace));
            }
            '|' => {
                if self.out.last().is_some_and(|t| t.tok == Tok::Bar)
                    && !self.space
                    && self.peek(0) == '\0'
                {
                    // kept as two bars
                }
                self.push(Tok::Bar)
            }
            '&' => self.push(Tok::Op('&')),
            '#' => self.space = true,
            '+' | '-' | '*' | '/' | '^' | '_' | '!' | '\'' | '%' | ':' | ';' | ',' | '.' => {
                self.push(Tok::Op(c))
            }
            _ => self.other(c),
        }
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        let hit = self.peek(0) == c;
        self.at += hit as usize;
        hit
    }

    /// `\frac{1}{2` and `\sqrt{3}}`: groups left open at the end are closed, closing braces too many dropped.
    fn close_groups(&mut self) {
        self.systems();
        let mut open: Vec<Delim> = vec![];
        let mut braces = 0usize;
        self.out.retain(|token| {
            match token.tok {
                Tok::Open(d) => {
                    braces += usize::from(d == Delim::Brace);
                    open.push(d);
                }
                Tok::Close(Delim::Brace) if braces == 0 => return false,
                Tok::Close(_) => {
                    braces -= usize::from(open.pop() == Some(Delim::Brace));
                }
                _ => {}
            }
            true
        });
        let groups = |d: &Delim| matches!(d, Delim::Brace | Delim::Paren);
        if open.iter().all(groups) {
            while let Some(d) = open.pop() {
                self.push(Tok::Close(d));
            }
        }
    }

    /// `\left\{ \begin{array}{l} … \end{array} \right.`: a brace that does not close joins a system.
    fn systems(&mut self) {
        let count = |tok: Tok| self.out.iter().filter(|t| t.tok == tok).count();
        if count(Tok::Open(Delim::SetBrace)) <= count(Tok::Close(Delim::SetBrace)) {
            return;
        }
        let at = self.out.windows(2).position(|w| {
            w[0].tok == Tok::Open(Delim::SetBrace)
                && matches!(&w[1].tok, Tok::Begin(env) if env != "cases")
        });
        if let Some(at) = at {
            self.out.remove(at);
            self.out[at].tok = Tok::Begin("cases".into());
        }
    }

    fn open_brace(&mut self) {
        // `3{:}30`
        if matches!(self.peek(0), ':' | ',' | ';') && self.peek(1) == '}' {
            let c = self.peek(0);
            self.at += 2;
            return self.push(Tok::Op(c));
        }
        let is_argument = self.out.last().is_some_and(|t| {
            matches!(
                t.tok,
                Tok::Frac
                    | Tok::Sqrt
                    | Tok::Binom
                    | Tok::Transparent
                    | Tok::Overline
                    | Tok::Op('^' | '_')
                    | Tok::Close(Delim::Brace | Delim::Bracket)
                    | Tok::Func(_)
            )
        });
        self.braces.push(!is_argument);
        self.depth += !is_argument as usize;
        self.push(Tok::Open(Delim::Brace));
    }

    fn other(&mut self, c: char) {
        if let Some(tok) = unicode(c) {
            return self.push(tok);
        }
        if let Some((n, d)) = vulgar(c) {
            let value = BigRational::new(BigInt::from(n), BigInt::from(d));
            // `1½` is one and a half.
            if let (
                Some(Token {
                    tok: Tok::Num(before, _),
                    ..
                }),
                false,
            ) = (self.out.last(), self.space)
            {
                let sum = Number::exact(&before.value + &value);
                self.out.pop();
                return self.push(Tok::Num(sum, String::new()));
            }
            return self.push(Tok::Num(Number::exact(value), String::new()));
        }
        if subscript(c).is_some() {
            self.at -= 1;
            let mut digits = String::new();
            while let Some(d) = subscript(self.peek(0)) {
                digits.push(d);
                self.at += 1;
            }
            let value = digits.parse::<BigInt>().unwrap_or_default();
            self.push(Tok::Op('_'));
            self.push(Tok::Open(Delim::Brace));
            self.push(Tok::Num(Number::int(value), digits));
            return self.push(Tok::Close(Delim::Brace));
        }
        if superscript(c).is_some() {
            self.at -= 1;
            let mut digits = String::new();
            while let Some(d) = superscript(self.peek(0)) {
                digits.push(d);
                self.at += 1;
            }
            if let Ok(n) = digits.parse::<i64>() {
                self.push(Tok::Op('^'));
                self.push(Tok::Open(Delim::Brace));
                self.push(Tok::Num(Number::int(n), digits));
                self.push(Tok::Close(Delim::Brace));
            }
            return;
        }
        if c.is_alphabetic() {
            // Prose in another script.
            let start = self.at - 1;
            while self.peek(0).is_alphabetic() && !self.peek(0).is_ascii() {
                self.at += 1;
            }
            let word: String = self.chars[start..self.at].iter().collect();
            self.push(match word.as_str() {
                "和" | "或" | "与" | "或者" | "以及" => Tok::And,
                _ => Tok::Word(word),
            });
            return;
        }
        self.space = true;
    }
}
