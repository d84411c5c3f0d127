//! Finds the answer in a completion: candidates of several kinds, grouped by how clearly they are
//! announced; within a group the last one wins.

mod anchors;
mod boxes;
mod brackets;
mod environments;
pub mod languages;
mod plain;
mod stated;
mod strings;

use super::options::{Options, Target};
use anchors::{anchors, Anchor};

/// Longer texts are read from their end only.
const MAX_TEXT: usize = 200_000;

/// What a candidate is, which decides how it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Latex,
    /// A number or expression in prose.
    Plain,
    /// One of the strings asked for.
    String,
}

/// A piece of text that may be the answer.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Lower is taken first.
    pub priority: i32,
    pub start: usize,
    pub end: usize,
    pub kind: Kind,
    /// Several when neighbouring boxes or environments list the answer.
    pub parts: Vec<Part>,
}

/// One formula of a candidate.
#[derive(Clone, Debug)]
pub struct Part {
    pub text: String,
    /// A percent sign follows the closing delimiter.
    pub percent: bool,
}

/// The text to look at, as characters.
pub struct Source {
    pub chars: Vec<char>,
    /// Each place where a word for "answer" stands.
    pub anchors: Vec<Anchor>,
}

/// Every candidate, best first.
pub fn candidates(text: &str, options: &Options) -> Vec<Candidate> {
    let Some(text) = after_reasoning(text, options) else {
        return vec![];
    };
    let chars: Vec<char> = mend(text);
    let anchors = anchors(&chars, options.language.map(|l| l.0));
    let source = Source { chars, anchors };
    let mut out = vec![];
    if options.wants(Target::Latex) {
        let boxes = boxes::find(&source, options.boxed_match_priority);
        environments::find(&source, &boxes, &mut out);
        out.extend(boxes);
    }
    if options.wants(Target::Expr) {
        plain::find(&source, options, &mut out);
    }
    if options.wants(Target::String) {
        strings::find(&source, options, &mut out);
    }
    out.sort_by(|a, b| {
        a.priority
            .cmp(&b.priority)
            .then(b.end.cmp(&a.end))
            .then(a.start.cmp(&b.start))
    });
    out
}

/// What follows the reasoning.
fn after_reasoning<'a>(text: &'a str, options: &Options) -> Option<&'a str> {
    let text = match &options.reasoning_delimiter {
        Some(d) if !d.is_empty() => &text[text.rfind(d.as_str())? + d.len()..],
        _ => text
            .rfind("</think>")
            .map_or(text, |at| &text[at + "</think>".len()..]),
    };
    if text.len() <= MAX_TEXT {
        return Some(text);
    }
    let mut from = text.len() - MAX_TEXT;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    Some(&text[from..])
}

/// Backslashes that were escaped once too often, and line ends that were escaped.
fn mend(text: &str) -> Vec<char> {
    const DOUBLED: &[&str] = &[
        "boxed", "fbox", "frac", "dfrac", "tfrac", "left", "right", "sqrt", "text", "begin", "end",
        "pi", "cdot", "times", "cup", "infty", "pm", "mathbb", "le", "ge", "leq", "geq", "circ",
        "theta", "binom", "in",
    ];
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::with_capacity(chars.len());
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        if c != '\\' {
            out.push(c);
            i += 1;
            continue;
        }
        let run = chars[i..].iter().take_while(|c| **c == '\\').count();
        let name: String = chars[i + run..]
            .iter()
            .take(12)
            .take_while(|c| c.is_ascii_alphabetic())
            .collect();
        if run == 2 && DOUBLED.contains(&name.as_str()) {
            out.push('\\');
        } else if run == 1 && name == "n" {
            out.push('\n');
            i += 2;
            continue;
        } else {
            out.extend(std::iter::repeat_n('\\', run));
        }
        i += run;
    }
    out
}

/// Whether `word`, in lower case, stands at `i` in any case.
pub fn starts(chars: &[char], i: usize, word: &str) -> bool {
    let mut k = i;
    for w in word.chars() {
        match chars.get(k) {
            Some(c)
                if *c == w
                    || (c.is_ascii() && c.to_ascii_lowercase() == w)
                    || c.to_lowercase().eq([w]) =>
            {
                k += 1
            }
            _ => return false,
        }
    }
    true
}

impl Source {
    /// The text of a range.
    pub fn text(&self, start: usize, end: usize) -> String {
        self.chars[start.min(end)..end].iter().collect()
    }

    /// Whether a percent sign or word follows `at`, past a closing delimiter.
    pub fn percent(&self, mut at: usize) -> bool {
        for _ in 0..6 {
            match self.chars.get(at) {
                Some('$' | ' ' | '*') => at += 1,
                Some('\\') if matches!(self.chars.get(at + 1), Some(')' | ']')) => at += 2,
                _ => break,
            }
        }
        if self.chars.get(at) == Some(&'\\') {
            at += 1;
        }
        if matches!(self.chars.get(at), Some('%' | '％')) {
            return true;
        }
        ["percent", "percentage", "pct"]
            .iter()
            .any(|w| starts(&self.chars, at, w) && !starts(&self.chars, at, "percentage point"))
    }
}
