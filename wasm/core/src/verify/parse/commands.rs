//! Commands: what follows a backslash, and the text and fonts it brackets.

use super::lexer::{lex, Lexer};
use super::symbols::{blackboard, command, function, is_invisible, unicode};
use super::token::{Delim, Tok, Token};
use super::words::letter;
use super::ParseOptions;
use crate::verify::tree::NamedSet;

impl Lexer<'_> {
    pub(super) fn command(&mut self) {
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
                let lower = inner.to_lowercase();
                match command(&inner).or_else(|| function(&lower).map(Tok::Func)) {
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
            "angle"
                if self
                    .out
                    .last()
                    .is_some_and(|t| matches!(t.tok, Tok::Num(..) | Tok::Close(_))) =>
            {
                self.push(Tok::Angle)
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
            "and" | "or" | "und" | "et" | "y" | "&" | "oder" | "ou" | "o" | "и" | "или"
                if !math || lower.len() > 1 =>
            {
                return self.push(Tok::And)
            }
            "if" | "when" | "otherwise" | "for" | "else" | "where" => return self.push(Tok::If),
            "percent" | "percentage" | "pct" | "%" | "\\%" => return self.push(Tok::Op('%')),
            "degrees" | "degree" => return self.push(Tok::Degree),
            "such that" | "s.t" => return self.push(Tok::Mid),
            ":" | "to" | "is to" => return self.push(Tok::Op(':')),
            "mod" => return self.push(Tok::Mod),
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
        if let Some(items) = letters_listed(bare) {
            for (k, c) in items.into_iter().enumerate() {
                if k > 0 {
                    self.push(Tok::And);
                }
                self.push(letter(c));
            }
            return;
        }
        let clean: String = bare.replace("\\ ", " ").replace(['{', '}', '$'], "");
        self.push(Tok::Text(clean));
    }

    /// Lexes `text` in place of a group.
    pub(super) fn relex(&mut self, text: &str) {
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

/// `A and C`, `A, B`: several letters that choose options.
fn letters_listed(text: &str) -> Option<Vec<char>> {
    if text.len() > 40 || !text.contains([',', ' ']) {
        return None;
    }
    let text = text.replace(" and ", ",").replace(" or ", ",");
    let letters = text
        .split(',')
        .map(|part| {
            let mut chars = part.trim().chars();
            let c = chars.next().filter(char::is_ascii_uppercase)?;
            chars.next().is_none().then_some(c)
        })
        .collect::<Option<Vec<char>>>()?;
    (letters.len() > 1).then_some(letters)
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
