//! Numbers and expressions in prose, `#### 42`, and texts that are an expression as a whole.

use super::{brackets, starts, stated, Candidate, Kind, Part, Source};
use crate::verify::options::{Options, Target};
use crate::verify::parse::is_letter_unit;

/// A longer text is prose.
const MAX_WHOLE: usize = 400;
/// Numbers further from the end are never reached.
const MAX_CANDIDATES: usize = 4000;

/// Adds candidates in prose.
pub fn find(source: &Source, options: &Options, out: &mut Vec<Candidate>) {
    let chars = &source.chars;
    hashes(source, out);
    let formulas: Vec<(usize, usize)> = if options.wants(Target::Latex) {
        out.iter().map(|c| (c.start, c.end)).collect()
    } else {
        vec![]
    };
    if formulas.is_empty() && chars.len() <= MAX_WHOLE {
        let text: String = chars.iter().collect();
        let text = text.trim().trim_matches('*').trim();
        if !text.is_empty() {
            let candidate = Candidate {
                priority: 301,
                start: 0,
                end: chars.len(),
                kind: Kind::Plain,
                parts: vec![Part {
                    text: text.into(),
                    percent: false,
                }],
            };
            // A text that is nothing but an expression is the answer itself.
            let whole = is_whole(text);
            if whole {
                out.push(Candidate {
                    priority: -1,
                    ..candidate
                });
            }
        }
    }
    stated::find(source, out);
    let mut announced = vec![false; source.anchors.len()];
    let mut i = 0;
    let mut found = 0;
    while i < chars.len() && found < MAX_CANDIDATES {
        if !may_start(chars, i) && !brackets::may_start(chars, i) {
            i += 1;
            continue;
        }
        if let Some(end) = brackets::group(chars, i) {
            out.push(Candidate {
                priority: source.announce(i, end, &mut announced),
                start: i,
                end,
                kind: Kind::Plain,
                parts: vec![Part {
                    text: source.text(i, end),
                    percent: false,
                }],
            });
            found += 1;
            i = end;
            continue;
        }
        let (number_end, expression_end) = (number(chars, i), expression(chars, i));
        let longest = number_end.unwrap_or(i).max(expression_end.unwrap_or(i));
        for (end, is_number) in [(number_end, true), (expression_end, false)] {
            let Some(end) = end else { continue };
            // A longer expression says more than the number that it starts with.
            if is_number && expression_end.is_some_and(|e| e > end) {
                continue;
            }
            let end = scaled(chars, end);
            let percent = source.percent(end);
            let text = source.text(i, end);
            // `x = 5 = …`: a value in the middle of a chain is not announced by the word before it.
            let mut priority = if after_equals(chars, i) {
                source.priority(i, end)
            } else {
                source.announce(i, end, &mut announced)
            };
            let mut next = end;
            while chars.get(next) == Some(&' ') {
                next += 1;
            }
            if chars.get(next) == Some(&'=') {
                priority = priority.max(299);
            }
            out.push(Candidate {
                priority,
                start: i,
                end,
                kind: Kind::Plain,
                parts: vec![Part { text, percent }],
            });
            found += 1;
        }
        i = longest.max(i + 1);
    }
}

/// `#### 42` on a line of its own, as GSM8K writes it.
fn hashes(source: &Source, out: &mut Vec<Candidate>) {
    let chars = &source.chars;
    let mut i = 0;
    while i + 4 < chars.len() {
        if chars[i..i + 4] == ['#', '#', '#', '#']
            && chars.get(i + 4) != Some(&'#')
            && (i == 0 || chars[i - 1] != '#')
        {
            let end = (i + 4..chars.len())
                .find(|k| chars[*k] == '\n')
                .unwrap_or(chars.len());
            let text = source.text(i + 4, end);
            let text = text.trim().trim_end_matches('.').trim();
            if !text.is_empty() && text.len() < 100 && is_whole(text) {
                out.push(Candidate {
                    priority: 45,
                    start: i,
                    end,
                    kind: Kind::Plain,
                    parts: vec![Part {
                        text: text.into(),
                        percent: false,
                    }],
                });
            }
            i = end;
        }
        i += 1;
    }
}

/// Nothing in it is a word, units after a number aside.
fn is_whole(text: &str) -> bool {
    use crate::verify::parse::{parse, ParseOptions};
    use crate::verify::tree::Expr;
    match parse(text, &ParseOptions::default()) {
        Ok(e) => !e.any(&|x| matches!(x, Expr::Text(_))) && prose(text) == 0,
        Err(_) => false,
    }
}

/// Words of three letters or more that are no function names or units.
fn prose(text: &str) -> usize {
    let mut count = 0;
    let mut command = false;
    for word in text.split(|c: char| !c.is_alphabetic() && c != '\\') {
        command = word.contains('\\') || (command && false);
        if !command
            && word.chars().count() >= 3
            && !matches!(
                word,
                "sin"
                    | "cos"
                    | "tan"
                    | "log"
                    | "sqrt"
                    | "cot"
                    | "sec"
                    | "csc"
                    | "and"
                    | "pct"
                    | "percent"
                    | "percentage"
                    | "exp"
                    | "pi"
                    | "lim"
                    | "inf"
                    | "infinity"
                    | "oo"
            )
        {
            count += 1;
        }
    }
    count
}

/// Whether a number may start at `i`: after white space, `=`, a bracket, bold marks, or a script without spaces.
fn may_start(chars: &[char], i: usize) -> bool {
    let c = chars[i];
    let digit = |k: usize| chars.get(k).is_some_and(|c| c.is_ascii_digit());
    let opens = c.is_ascii_digit()
        || (matches!(c, '-' | '+' | '.' | '−' | '(')
            && (digit(i + 1)
                || (matches!(chars.get(i + 1), Some('.' | '-' | '(')) && digit(i + 2))));
    if !opens {
        return false;
    }
    if i == 0 {
        return true;
    }
    let before = chars[i - 1];
    let bold = before == '_' && i > 1 && chars[i - 2] == '_';
    bold || before.is_whitespace()
        || matches!(
            before,
            '=' | '*'
                | ':'
                | '：'
                | '('
                | '['
                | '"'
                | '\''
                | '≈'
                | '~'
                | '，'
                | '>'
                | '“'
                | ','
                | ';'
                | '#'
                | '`'
        )
        || is_currency(before)
        || (!before.is_ascii() && before.is_alphabetic())
}

fn is_currency(c: char) -> bool {
    matches!(c, '$' | '€' | '£' | '¥' | '₽' | '₪' | '₩' | '₫' | '฿')
        || ('\u{20a0}'..='\u{20bf}').contains(&c)
}

/// Where the number at `i` ends.
fn number(chars: &[char], i: usize) -> Option<usize> {
    let digits = |mut k: usize| {
        let from = k;
        while chars.get(k).is_some_and(|c| c.is_ascii_digit()) {
            k += 1;
        }
        k - from
    };
    let mut k = i + usize::from(matches!(chars[i], '-' | '+' | '−'));
    let first = digits(k);
    let leading = chars.get(k) != Some(&'0');
    k += first;
    if (1..=3).contains(&first) && leading {
        while matches!(chars.get(k), Some(',' | ' ' | '\u{a0}' | '\u{202f}')) && digits(k + 1) == 3
        {
            k += 4;
        }
    }
    if matches!(chars.get(k), Some('.' | ',')) && digits(k + 1) > 0 {
        k += 1 + digits(k + 1);
    }
    (first > 0 || k > i + 1)
        .then_some(k)
        .filter(|k| *k > i && chars[*k - 1].is_ascii_digit() && !is_factor(chars, *k))
}

/// `2x`, `3(x + 1)`: a number that a symbol or bracket follows at once is no answer; `5m` and `3rd` are.
fn is_factor(chars: &[char], end: usize) -> bool {
    let letters: String = chars[end..]
        .iter()
        .take(9)
        .take_while(|c| c.is_ascii_alphabetic())
        .collect();
    match letters.len() {
        0 => matches!(chars.get(end), Some('√' | '^' | 'π')),
        1 => !is_letter_unit(&letters) && letters != "e" && letters != "E",
        _ => false,
    }
}

/// `5 million`: after the word that scales the number.
fn scaled(chars: &[char], end: usize) -> usize {
    let mut at = end;
    while chars.get(at) == Some(&' ') {
        at += 1;
    }
    ["hundred", "thousand", "million", "billion", "trillion"]
        .iter()
        .map(|w| (w, at + w.len()))
        .find(|(w, after)| {
            at > end
                && starts(chars, at, w)
                && !chars.get(*after).is_some_and(|c| c.is_alphanumeric())
        })
        .map_or(end, |(_, after)| after)
}

/// Where an expression of digits and operators ends; it has one operator at least.
fn expression(chars: &[char], i: usize) -> Option<usize> {
    let mut k = i;
    let mut depth = 0i32;
    let mut operators = 0;
    let mut last_good = None;
    let mut after_value = false;
    while let Some(c) = chars.get(k) {
        match c {
            '0'..='9' => after_value = true,
            '.' | ','
                if chars.get(k + 1).is_some_and(|c| c.is_ascii_digit())
                    && (*c == '.' || after_value) => {}
            ' ' | '\u{a0}' => {}
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            '+' | '-' | '−' | '*' | '×' | '/' | '÷' | '^' | '⁄' => {
                operators += usize::from(after_value);
                after_value = false;
            }
            _ => break,
        }
        k += 1;
        if k - i > 200 {
            break;
        }
        if after_value && depth == 0 && operators > 0 && matches!(c, '0'..='9' | ')') {
            last_good = Some(k);
        }
    }
    let end = last_good?;
    // `5/2x` is no number, `2 * 3 apples` is.
    let tail = chars.get(end);
    (!tail.is_some_and(|c| c.is_ascii_alphabetic() || *c == '_') || starts(chars, end, "percent"))
        .then_some(end)
}

/// Whether `=` stands right before `i`.
fn after_equals(chars: &[char], i: usize) -> bool {
    chars[..i].iter().rev().find(|c| **c != ' ') == Some(&'=')
}
