//! Choice letters and other fixed strings that stand alone.

use super::{Candidate, Kind, Part, Source};
use crate::verify::options::Options;

/// Adds every place where one of the strings stands on its own.
pub fn find(source: &Source, options: &Options, out: &mut Vec<Candidate>) {
    let chars = &source.chars;
    let keys: Vec<Vec<char>> = options
        .strings
        .iter()
        .take(64)
        .map(|s| s.chars().collect())
        .filter(|s: &Vec<char>| !s.is_empty())
        .collect();
    let first_word = chars
        .iter()
        .position(|c| !c.is_whitespace() && *c != '*')
        .unwrap_or(0);
    // Only the first string after each anchor is announced by it.
    let mut announced = vec![false; source.anchors.len()];
    for i in 0..chars.len() {
        let before = if i == 0 { ' ' } else { chars[i - 1] };
        if !(before.is_whitespace()
            || matches!(
                before,
                '*' | '(' | '"' | '\'' | ':' | '：' | '{' | '$' | '['
            )
            || !before.is_ascii())
        {
            continue;
        }
        let Some(key) = keys
            .iter()
            .filter(|k| chars[i..].starts_with(k))
            .max_by_key(|k| k.len())
        else {
            continue;
        };
        let end = i + key.len();
        let after = chars.get(end).copied().unwrap_or(' ');
        if !(after.is_whitespace()
            || matches!(
                after,
                '*' | ')' | '.' | ',' | ':' | ';' | '!' | '?' | '"' | '}' | '$' | ']'
            )
            || !after.is_ascii())
        {
            continue;
        }
        let mut priority = source.announce(i, end, &mut announced);
        if priority == 300 && i == first_word {
            priority = 250;
        }
        out.push(Candidate {
            priority,
            start: i,
            end,
            kind: Kind::String,
            parts: vec![Part {
                text: key.iter().collect(),
                percent: false,
            }],
        });
    }
}
