//! Spells out Unicode classes in patterns for the general engine's matcher, which has another
//! Unicode version than the native library's.

use crate::tokenizer::char_class::{breaks, category_set, is_digit, is_word, table, CATEGORY};
use serde_json::value::RawValue;
use serde_json::Value;
use std::collections::BTreeMap;

/// The pattern with `\p{…}`, `\w` and `\d` as explicit ranges.
pub fn spell_out(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (class, used) = match class_at(rest) {
            Some(found) => found,
            None => {
                let used = rest.char_indices().nth(2).map_or(rest.len(), |(i, _)| i);
                (rest[..used].to_owned(), used)
            }
        };
        out.push_str(&class);
        rest = &rest[used..];
    }
    out + rest
}

/// The ranges of the class escape that `text` begins with, and the escape's length.
fn class_at(text: &str) -> Option<(String, usize)> {
    let letter = *text.as_bytes().get(1)?;
    let negative = letter.is_ascii_uppercase();
    match letter.to_ascii_lowercase() {
        b'w' => Some((ranges(negative, is_word), 2)),
        b'd' => Some((ranges(negative, is_digit), 2)),
        b'p' => {
            let end = text.find('}')?;
            let name = text.get(3..end).filter(|_| text.as_bytes()[2] == b'{')?;
            let (name, inverted) = name.strip_prefix('^').map_or((name, false), |n| (n, true));
            let set = category_set(name)?;
            let has = |c: u32| set >> (table()[c as usize] & CATEGORY) & 1 == 1;
            Some((ranges(negative != inverted, has), end + 1))
        }
        _ => None,
    }
}

fn ranges(negative: bool, has: impl Fn(u32) -> bool) -> String {
    let mut edges: Vec<u32> = breaks().into_iter().filter(|&c| c < 0x11_0000).collect();
    edges.extend([0, 0xD800, 0xE000]);
    edges.sort_unstable();
    edges.dedup();
    let mut out = String::from(if negative { "[^" } else { "[" });
    for (i, &first) in edges.iter().enumerate() {
        let last = edges.get(i + 1).map_or(0x10_FFFF, |next| next - 1);
        if has(first) && !(0xD800..0xE000).contains(&first) {
            out.push_str(&format!("\\x{{{first:x}}}-\\x{{{last:x}}}"));
        }
    }
    out.push(']');
    out
}

/// Spells out the patterns of a whole tokenizer.json; `None` if it has nothing to spell out.
pub fn spell_out_file(json: &[u8]) -> Option<Vec<u8>> {
    // The vocabulary, nearly all of the file, is carried over unread.
    let mut file: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(json).ok()?;
    let mut changed = false;
    for part in ["normalizer", "pre_tokenizer", "decoder"] {
        let Some(raw) = file
            .get_mut(part)
            .filter(|raw| raw.get().contains("\"Regex\""))
        else {
            continue;
        };
        let mut value: Value = serde_json::from_str(raw.get()).ok()?;
        walk(&mut value);
        *raw = serde_json::value::to_raw_value(&value).ok()?;
        changed = true;
    }
    changed.then(|| serde_json::to_vec(&file).ok())?
}

fn walk(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(walk),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(pattern) if key == "Regex" => *pattern = spell_out(pattern),
                    _ => walk(value),
                }
            }
        }
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_become_ranges_and_other_escapes_stay() {
        assert_eq!(spell_out(r"a\s\\p{Lu}\n"), r"a\s\\p{Lu}\n");
        assert!(spell_out(r"[\d_]+").starts_with(r"[[\x{30}-\x{39}\x{660}"));
        assert!(spell_out(r"\P{Zl}") == r"[^\x{2028}-\x{2028}]");
    }
}
