//! What a text states right after its word for "answer", without a formula's delimiters:
//! `The answer is two.`, `Answer: 2x + 3`.

use super::{Candidate, Kind, Part, Source};
use crate::verify::parse::{is_letter_unit, number_word, parse, ParseOptions};
use crate::verify::tree::Expr;

/// A longer statement is prose.
const LONGEST: usize = 80;
/// Anchors further from the end are never reached.
const MAX_ANCHORS: usize = 200;

/// Adds numbers in words and expressions with symbols.
pub fn find(source: &Source, out: &mut Vec<Candidate>) {
    for anchor in source.anchors.iter().rev().take(MAX_ANCHORS) {
        let Some(start) = source.statement(anchor) else {
            continue;
        };
        let end = end(&source.chars, start);
        let text = source.text(start, end);
        if number_word(&text).is_some() || is_symbolic(&text) {
            out.push(Candidate {
                priority: source.priority(start, end),
                start,
                end,
                kind: Kind::Plain,
                parts: vec![Part {
                    text,
                    percent: false,
                }],
            });
        }
    }
}

/// The end of the line or sentence, bold marks left out.
fn end(chars: &[char], start: usize) -> usize {
    let stops = |k: &usize| match chars[*k] {
        '\n' | '。' | '*' => true,
        '.' | '!' | '?' => chars.get(k + 1).is_none_or(|c| c.is_whitespace()),
        _ => false,
    };
    let limit = chars.len().min(start + LONGEST + 1);
    let mut end = (start..limit).find(stops).unwrap_or(limit);
    while end > start && chars[end - 1].is_whitespace() {
        end -= 1;
    }
    end
}

/// An expression with letters or signs that a plain number lacks, and without a word.
fn is_symbolic(text: &str) -> bool {
    let signs = |c: char| c.is_alphabetic() || matches!(c, '√' | '^' | '²' | '³' | '∞');
    if text.chars().count() > LONGEST || !text.contains(signs) || text.contains(['$', '\\', '"']) {
        return false;
    }
    let foreign = |c: char| c.is_alphabetic() && !c.is_ascii() && !('α'..='ω').contains(&c);
    if text.contains(foreign) {
        return false;
    }
    let after =
        text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'));
    let unit = after.trim_end_matches(['2', '3', '^', '²', '³']);
    if after.len() < text.len()
        && (is_letter_unit(unit) || matches!(unit, "st" | "nd" | "rd" | "th"))
    {
        return false;
    }
    let words = text.split(|c: char| !c.is_alphabetic());
    let is_word = |w: &str| {
        w.chars().count() > 2
            && !matches!(
                w,
                "sqrt" | "sin" | "cos" | "tan" | "log" | "and" | "exp" | "inf"
            )
            || matches!(
                w,
                "is" | "it"
                    | "in"
                    | "to"
                    | "of"
                    | "no"
                    | "on"
                    | "by"
                    | "at"
                    | "as"
                    | "so"
                    | "we"
                    | "an"
            )
    };
    if words.into_iter().any(is_word) {
        return false;
    }
    matches!(
        parse(text, &ParseOptions::default()),
        Ok(e) if !e.any(&|x| matches!(x, Expr::Text(_) | Expr::WithUnit { .. }))
    )
}
