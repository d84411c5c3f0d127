//! Runs of letters outside commands: functions, units, prose, products of symbols.

use super::lexer::{Lexer, MAX_TOKENS};
use super::symbols::{command, function, is_unit, GLUED};
use super::token::{Delim, Tok};
use crate::verify::tree::Constant;

impl Lexer<'_> {
    /// A run of Latin letters outside a command.
    pub(super) fn letters(&mut self) {
        let start = self.at;
        while self.peek(0).is_ascii_alphabetic() {
            self.at += 1;
        }
        let run: String = self.chars[start..self.at].iter().collect();
        let after_value = self.out.last().is_some_and(|t| {
            matches!(
                t.tok,
                Tok::Num(..)
                    | Tok::Close(_)
                    | Tok::Text(_)
                    | Tok::Degree
                    | Tok::Const(Constant::Pi)
            )
        });
        // `(1, 2) U (3, 4)`: a union; `(1, 2)or(3, 4)`, `x=1orx=2`: a list.
        if run == "U" && self.between_sets() {
            return self.push(Tok::Cup);
        }
        if let Some(rest) = ["or", "and"].iter().find_map(|w| run.strip_prefix(w)) {
            if after_value && rest.len() == 1 {
                self.push(Tok::And);
                return self.push(letter(rest.chars().next().expect("one letter")));
            }
        }
        // `3 to 4`: a ratio.
        if run == "to" && matches!(self.out.last(), Some(t) if matches!(t.tok, Tok::Num(..))) {
            return self.push(Tok::Op(':'));
        }
        if let Some(tok) = self.word(&run, after_value) {
            return self.push(tok);
        }
        // `kx`, `2ab`: a product of symbols. `sinx`: a function glued to its argument.
        let mut rest = run.as_str();
        while let Some(first) = rest.chars().next() {
            if self.out.len() > MAX_TOKENS {
                return;
            }
            if let Some(name) = GLUED.iter().find(|g| rest.starts_with(**g)) {
                if let Some(tok) = self.word(name, false) {
                    self.push(tok);
                    rest = &rest[name.len()..];
                    continue;
                }
            }
            self.push(letter(first));
            rest = &rest[1..];
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
        let time = matches!(lower.as_str(), "am" | "pm") && (self.space || run != lower);
        if after_value && (time || is_unit(run)) {
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

    /// Whether a set ends before this place and another starts after it.
    fn between_sets(&self) -> bool {
        let closes = self.out.last().is_some_and(|t| {
            matches!(
                t.tok,
                Tok::Close(Delim::Paren | Delim::Bracket | Delim::SetBrace | Delim::Brace)
            )
        });
        let next = self.chars[self.at..].iter().find(|c| !c.is_whitespace());
        closes && matches!(next, Some('(' | '[' | '{' | '\\' | ']'))
    }

    fn opens_next(&self) -> bool {
        let mut i = self.at;
        while self.chars.get(i).is_some_and(|c| c.is_whitespace()) {
            i += 1;
        }
        matches!(self.chars.get(i), Some('(' | '\\' | '{'))
    }
}

/// One letter as a symbol or a constant.
pub fn letter(c: char) -> Tok {
    match c {
        'e' => Tok::Const(Constant::E),
        'i' => Tok::Const(Constant::I),
        _ => Tok::Sym(c.to_string()),
    }
}
