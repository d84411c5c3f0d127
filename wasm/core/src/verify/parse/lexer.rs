//! Text → tokens, in one pass.

use super::numbers::lex_number;
use super::symbols::{
    blackboard, command, function, is_invisible, is_unit, superscript, unicode, vulgar, GLUED,
};
use super::token::{Delim, Tok, Token};
use super::ParseOptions;
use crate::verify::tree::{Constant, NamedSet, Number, RelOp};
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
    out: Vec<Token>,
    space: bool,
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

    fn push(&mut self, tok: Tok) {
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

    fn eat(&mut self, c: char) -> bool {
        let hit = self.peek(0) == c;
        self.at += hit as usize;
        hit
    }

    fn open_brace(&mut self) {
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

    /// A run of Latin letters outside a command.
    fn letters(&mut self) {
        let start = self.at;
        while self.peek(0).is_ascii_alphabetic() {
            self.at += 1;
        }
        let run: String = self.chars[start..self.at].iter().collect();
        let after_value = self.out.last().is_some_and(|t| {
            matches!(
                t.tok,
                Tok::Num(..) | Tok::Close(_) | Tok::Text(_) | Tok::Degree
            )
        });
        if let Some(tok) = self.word(&run, after_value) {
            return self.push(tok);
        }
        // `kx`, `2ab`: a product of symbols. `sinx`: a function glued to its argument.
        let chars: Vec<char> = run.chars().collect();
        let mut i = 0;
        while i < chars.len() {
            let rest: String = chars[i..].iter().collect();
            if let Some(name) = GLUED.iter().find(|g| rest.starts_with(**g)) {
                if let Some(tok) = self.word(name, false) {
                    self.push(tok);
                    i += name.len();
                    continue;
                }
            }
            self.push(letter(chars[i]));
            i += 1;
        }
    }

    fn word(&mut self, run: &str, after_value: bool) -> Option<Tok> {
        let lower = run.to_ascii_lowercase();
        if run.len() > 1 {
            if let Some(f) = function(run).or_else(|| function(&lower)) {
                if !matches!(run, "sh" | "ch" | "th" | "tr" | "sign" | "min")
                    || (run == "min" && !after_value && self.opens_next())
                {
                    return Some(Tok::Func(f));
                }
            }
        }
        let plain = match lower.as_str() {
            "and" | "or" => Some(Tok::And),
            "if" | "when" | "otherwise" | "else" => Some(Tok::If),
            "sqrt" => Some(Tok::Sqrt),
            "log" => Some(Tok::Log),
            "pi" if run != "PI" => Some(Tok::Const(Constant::Pi)),
            "inf" | "infinity" | "oo" if run.len() > 2 || run == "oo" => {
                Some(Tok::Const(Constant::Infinity))
            }
            "percent" | "percentage" | "pct" => Some(Tok::Op('%')),
            "degrees" | "degree" | "deg" => Some(Tok::Degree),
            "mod" => Some(Tok::Mod),
            "choose" if run == "choose" => Some(Tok::Choose),
            _ => None,
        };
        if plain.is_some() {
            return plain;
        }
        let greek = command(run).filter(|t| matches!(t, Tok::Sym(_)) && run.len() > 2);
        if greek.is_some() {
            return greek;
        }
        if after_value && is_unit(run) {
            return Some(Tok::Word(run.into()));
        }
        // A run of four letters or more that stands apart is prose, not a product.
        if run.len() >= 4 && (self.space || self.out.is_empty()) {
            return Some(Tok::Word(run.into()));
        }
        let product = run.len() == 2
            && run == lower
            && !matches!(run, "no" | "yes" | "up" | "on" | "it" | "is")
            && !is_unit(run);
        if run.len() >= 2 && !product && self.out.is_empty() && self.at == self.chars.len() {
            return Some(Tok::Word(run.into()));
        }
        None
    }

    fn opens_next(&self) -> bool {
        let mut i = self.at;
        while self.chars.get(i).is_some_and(|c| c.is_whitespace()) {
            i += 1;
        }
        matches!(self.chars.get(i), Some('(' | '\\' | '{'))
    }

    fn command(&mut self) {
        self.at += 1;
        let c = self.peek(0);
        if !c.is_ascii_alphabetic() {
            self.at += 1;
            return match c {
                '\\' => {
                    // Row end, with an optional `[2pt]`.
                    if self.peek(0) == '['
                        && self.chars[self.at..].iter().take(8).any(|c| *c == ']')
                        && self.chars[self.at..]
                            .iter()
                            .take(8)
                            .any(|c| *c == 'p' || *c == 'm')
                    {
                        while self.peek(0) != ']' {
                            self.at += 1;
                        }
                        self.at += 1;
                    }
                    self.push(Tok::Row)
                }
                '{' => self.push(Tok::Open(Delim::SetBrace)),
                '}' => self.push(Tok::Close(Delim::SetBrace)),
                '%' => self.push(Tok::Op('%')),
                '|' => self.push(Tok::Bar),
                ',' | ';' | ':' | ' ' | '!' | '$' | '>' | '\n' => self.space |= c != '!',
                '&' => self.push(Tok::Op('&')),
                '_' | '#' | '(' | ')' | '[' | ']' => self.space = true,
                _ => self.space = true,
            };
        }
        let start = self.at;
        while self.peek(0).is_ascii_alphabetic() {
            self.at += 1;
        }
        let mut name: String = self.chars[start..self.at].iter().collect();
        // A known command glued to letters: `\quadx`.
        if command(&name).is_none()
            && !is_invisible(&name)
            && !takes_text(&name)
            && !matches!(
                name.as_str(),
                "begin"
                    | "end"
                    | "operatorname"
                    | "char"
                    | "mathbb"
                    | "kern"
                    | "hspace"
                    | "stackrel"
                    | "phantom"
            )
        {
            let cut = (2..name.len()).rev().find(|n| {
                let head = &name[..*n];
                (command(head).is_some() || is_invisible(head))
                    && (*n > 2
                        || matches!(
                            head,
                            "pi" | "pm" | "le" | "ge" | "ne" | "mu" | "nu" | "xi" | "in" | "to"
                        ))
            });
            if let Some(n) = cut {
                self.at = start + n;
                name.truncate(n);
            }
        }
        self.named(&name)
    }

    fn named(&mut self, name: &str) {
        match name {
            "left" | "right" | "mleft" | "mright" | "bigl" | "bigr" | "Bigl" | "Bigr" | "biggl"
            | "biggr" | "Biggl" | "Biggr" => self.sized(name),
            "begin" | "end" => {
                let env = self.braced();
                let env = env.trim().trim_end_matches('*').to_string();
                self.push(if name == "begin" {
                    Tok::Begin(env.clone())
                } else {
                    Tok::End(env.clone())
                });
                if name == "begin" && env == "array" && self.peek_past_space() == '{' {
                    self.braced();
                }
            }
            "mathbb" | "mathbf" | "boldsymbol" | "Bbb" => {
                let letter = if self.peek_past_space() == '{' {
                    self.braced()
                } else {
                    self.next_letter()
                };
                match blackboard(letter.trim()).filter(|_| name != "boldsymbol") {
                    Some(set)
                        if name == "mathbb"
                            || name == "Bbb"
                            || matches!(set, NamedSet::Reals | NamedSet::Integers) =>
                    {
                        self.push(Tok::Named(set))
                    }
                    _ => self.relex(letter.trim()),
                }
            }
            "operatorname" | "mathop" => {
                self.eat('*');
                let inner = self.braced();
                let inner = inner
                    .trim()
                    .trim_start_matches("\\mathrm")
                    .trim_matches(['{', '}'])
                    .trim()
                    .to_string();
                match command(&inner) {
                    Some(tok) => self.push(tok),
                    None => self.text(&inner, true),
                }
            }
            "char" => {
                // `\char"000190`: a character by its code.
                self.eat('"');
                let mut code = 0u32;
                while let Some(d) = self.peek(0).to_digit(16) {
                    code = code.saturating_mul(16).saturating_add(d);
                    self.at += 1;
                }
                if let Some(tok) = char::from_u32(code).and_then(unicode) {
                    self.push(tok);
                }
            }
            "hspace" | "kern" | "phantom" | "vspace" | "tag" | "label" | "color" | "hphantom"
            | "vphantom" => {
                if self.peek_past_space() == '{' {
                    self.braced();
                }
                self.space = true;
            }
            _ if takes_text(name) => {
                let content = if self.peek_past_space() == '{' {
                    self.braced()
                } else {
                    self.next_letter()
                };
                let math = name.starts_with("math");
                self.text(&content, math);
            }
            _ if is_invisible(name) => {
                self.space |= !matches!(name, "limits" | "nolimits" | "displaylimits")
            }
            _ => match command(name) {
                Some(Tok::Op('%')) => self.push(Tok::Op('%')),
                Some(tok) => self.push(tok),
                None => self.push(Tok::Sym(format!("\\{name}"))),
            },
        }
    }

    /// The bracket after `\left` or `\right`.
    fn sized(&mut self, name: &str) {
        let opens = name.ends_with("left") || name.ends_with('l');
        while self.peek(0) == ' ' {
            self.at += 1;
        }
        match self.peek(0) {
            '|' => {
                self.at += 1;
                self.push(if opens {
                    Tok::Open(Delim::Bar)
                } else {
                    Tok::Close(Delim::Bar)
                });
            }
            '.' => self.at += 1,
            '\\' if self.chars[self.at..].starts_with(&['\\', 'v', 'e', 'r', 't']) => {
                self.at += 5;
                self.push(if opens {
                    Tok::Open(Delim::Bar)
                } else {
                    Tok::Close(Delim::Bar)
                });
            }
            '\\' if self.peek(1) == '|' => {
                self.at += 2;
                self.push(if opens {
                    Tok::Open(Delim::Norm)
                } else {
                    Tok::Close(Delim::Norm)
                });
            }
            '{' => {
                self.at += 1;
                self.push(Tok::Open(Delim::SetBrace));
            }
            '}' if !opens => {
                self.at += 1;
                self.push(Tok::Close(Delim::SetBrace));
            }
            _ => {}
        }
    }

    fn peek_past_space(&mut self) -> char {
        while self.peek(0) == ' ' {
            self.at += 1;
        }
        self.peek(0)
    }

    fn next_letter(&mut self) -> String {
        let c = self.peek(0);
        self.at += 1;
        c.to_string()
    }

    /// The content of the `{…}` here, nested braces included; at most 400 characters.
    fn braced(&mut self) -> String {
        if self.peek_past_space() != '{' {
            return String::new();
        }
        let start = self.at + 1;
        let mut depth = 0usize;
        while self.at < self.chars.len() {
            match self.peek(0) {
                '{' => depth += 1,
                '}' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        let end = self.at.min(self.chars.len());
        self.at = (self.at + 1).min(self.chars.len());
        self.chars[start.min(end)..end].iter().collect()
    }

    /// What stands inside `\text{…}` or, with `math`, inside a font command.
    fn text(&mut self, content: &str, math: bool) {
        let bare = content.trim();
        let lower = bare.trim_matches([',', '.', ' ']).to_ascii_lowercase();
        match lower.as_str() {
            "" => {
                self.space = true;
                if bare == "," {
                    self.push(Tok::Op(','));
                }
                return;
            }
            "and" | "or" | "und" | "et" | "y" if !math || lower.len() > 1 => {
                return self.push(Tok::And)
            }
            "if" | "when" | "otherwise" | "for" | "else" => return self.push(Tok::If),
            "percent" | "percentage" | "pct" | "%" | "\\%" => return self.push(Tok::Op('%')),
            "degrees" | "degree" => return self.push(Tok::Degree),
            "such that" | "s.t" => return self.push(Tok::Mid),
            "sqrt" => return self.push(Tok::Sqrt),
            _ => {}
        }
        if math {
            if let Some(tok) =
                command(bare).filter(|t| matches!(t, Tok::Func(_) | Tok::Log | Tok::Lim))
            {
                return self.push(tok);
            }
            if bare.chars().count() == 1 {
                return self.relex(bare);
            }
        }
        let numeric = bare
            .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | '\\' | '$' | '+'));
        if numeric {
            return self.relex(bare);
        }
        let clean: String = bare.replace("\\ ", " ").replace(['{', '}', '$'], "");
        self.push(Tok::Text(clean));
    }

    /// Lexes `text` in place of a group.
    fn relex(&mut self, text: &str) {
        if let Some(tokens) = lex_shallow(text, self.options) {
            for (i, token) in tokens.into_iter().enumerate() {
                if i > 0 {
                    self.space = token.space;
                }
                self.push(token.tok);
            }
        }
    }
}

/// As [`lex`], where fonts inside are not followed further.
fn lex_shallow(text: &str, options: &ParseOptions) -> Option<Vec<Token>> {
    let flat: String = text.replace("\\text", "").replace("\\math", "\\");
    if flat.chars().count() > 400 {
        return None;
    }
    lex(&flat, options)
}

fn takes_text(name: &str) -> bool {
    matches!(
        name,
        "text"
            | "textbf"
            | "textit"
            | "textrm"
            | "textnormal"
            | "texttt"
            | "textsf"
            | "textup"
            | "mbox"
            | "hbox"
            | "mathrm"
            | "mathit"
            | "mathnormal"
            | "textsc"
            | "emph"
    )
}

/// One letter as a symbol or a constant.
pub fn letter(c: char) -> Tok {
    match c {
        'e' => Tok::Const(Constant::E),
        'i' => Tok::Const(Constant::I),
        _ => Tok::Sym(c.to_string()),
    }
}
