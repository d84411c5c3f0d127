//! Points, intervals and sets in prose: `(1, 2]`, `{1, 2}`, `(-∞, 1) ∪ (3, ∞)`.

/// A longer group is prose.
const LONGEST: usize = 120;

/// Whether a bracket opens at `i` that no name stands before.
pub fn may_start(chars: &[char], i: usize) -> bool {
    matches!(chars[i], '(' | '[' | '{')
        && (i == 0
            || chars[i - 1].is_whitespace()
            || matches!(chars[i - 1], '=' | ':' | '*' | '：'))
}

/// Where the group at `i` ends: brackets around values and commas, joined by `∪`, `∩` or commas.
pub fn group(chars: &[char], i: usize) -> Option<usize> {
    if !may_start(chars, i) {
        return None;
    }
    let mut end = one(chars, i)?;
    while let Some(next) = joined(chars, end).and_then(|k| one(chars, k)) {
        end = next;
    }
    let goes_on = |c: &char| c.is_alphanumeric() || matches!(c, '^' | '_' | '(' | '[');
    (!chars.get(end).is_some_and(goes_on)).then_some(end)
}

/// After one pair of brackets that holds a comma.
fn one(chars: &[char], open: usize) -> Option<usize> {
    let mut comma = false;
    for (k, c) in chars.iter().enumerate().skip(open + 1).take(LONGEST) {
        match c {
            ')' | ']' | '}' => {
                return (comma && !is_grouping(&chars[open + 1..k])).then_some(k + 1);
            }
            ',' | ';' => comma = k > open + 1,
            '0'..='9' | '.' | '-' | '−' | '+' | '/' | ' ' | '∞' | 'π' | '√' => {}
            c if c.is_ascii_alphabetic() => {
                let word: String = word(chars, k);
                if !matches!(word.as_str(), "oo" | "inf" | "infinity" | "pi" | "sqrt") {
                    return None;
                }
            }
            _ => return None,
        }
    }
    None
}

/// The letters around `k`, in lower case.
fn word(chars: &[char], k: usize) -> String {
    let from = (0..=k)
        .rev()
        .take(9)
        .take_while(|j| chars[*j].is_ascii_alphabetic());
    let from = from.last().unwrap_or(k);
    chars[from..]
        .iter()
        .take(9)
        .take_while(|c| c.is_ascii_alphabetic())
        .map(char::to_ascii_lowercase)
        .collect()
}

/// `(1,234)` is a number in brackets.
fn is_grouping(inner: &[char]) -> bool {
    inner.len() > 4
        && inner.iter().all(|c| c.is_ascii_digit() || *c == ',')
        && inner
            .split(|c| *c == ',')
            .enumerate()
            .all(|(k, part)| part.len() == 3 || k == 0 && (1..=3).contains(&part.len()))
}

/// Where the next pair opens after a sign that joins it to the last.
fn joined(chars: &[char], end: usize) -> Option<usize> {
    let past = |mut k: usize| {
        while chars.get(k) == Some(&' ') {
            k += 1;
        }
        k
    };
    let sign = past(end);
    if !matches!(chars.get(sign), Some('∪' | '∩' | 'U' | ',')) {
        return None;
    }
    let open = past(sign + 1);
    matches!(chars.get(open), Some('(' | '[' | '{')).then_some(open)
}
