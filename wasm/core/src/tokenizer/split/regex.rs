//! A small backtracking matcher for split patterns, with the native engine's Unicode classes.
//! General-purpose Rust engines carry another Unicode version, and ids would differ.

use super::regex_match::{find_at, Stack};
use super::regex_parse::parse;

/// A set of code points.
pub(super) struct CharSet {
    ascii: u128,
    /// Sorted, inclusive.
    ranges: Vec<(u32, u32)>,
}

impl CharSet {
    /// The set of all code points that satisfy `member`, which changes only at `edges`.
    pub fn collect(mut edges: Vec<u32>, member: impl Fn(u32) -> bool) -> Self {
        edges.push(0);
        edges.retain(|&c| c < 0x11_0000);
        edges.sort_unstable();
        edges.dedup();
        let mut ranges: Vec<(u32, u32)> = vec![];
        for (i, &first) in edges.iter().enumerate().filter(|(_, &c)| member(c)) {
            let last = edges.get(i + 1).map_or(0x10_FFFF, |next| next - 1);
            match ranges.last_mut() {
                Some(range) if range.1 + 1 == first => range.1 = last,
                _ => ranges.push((first, last)),
            }
        }
        let ascii = ranges
            .iter()
            .flat_map(|&(a, b)| a..=b.min(127))
            .fold(0, |set, c| set | 1 << c);
        Self { ascii, ranges }
    }

    #[inline]
    pub fn has(&self, c: u32) -> bool {
        if c < 128 {
            return self.ascii >> c & 1 == 1;
        }
        let i = self.ranges.partition_point(|&(_, last)| last < c);
        self.ranges.get(i).is_some_and(|&(first, _)| first <= c)
    }
}

/// One step of a compiled pattern; numbers are indices of steps or sets.
pub(super) enum Step {
    /// One character of the set.
    Set(usize),
    /// As many characters of the set as possible (or as few, if `lazy`), then `min` is given back
    /// no further; `possessive` gives nothing back.
    Repeat {
        set: usize,
        min: u32,
        max: u32,
        mode: Mode,
    },
    /// Try the first step, then the second.
    Fork(usize, usize),
    Jump(usize),
    /// A look-ahead whose steps follow and end in `Accept`; goes on at `next`.
    Look {
        negative: bool,
        next: usize,
    },
    /// A one-character look-behind.
    Behind {
        negative: bool,
        set: usize,
    },
    Start,
    End,
    Accept,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Greedy,
    Lazy,
    Possessive,
}

/// A compiled pattern.
pub struct Regex {
    pub(super) steps: Vec<Step>,
    pub(super) sets: Vec<CharSet>,
}

impl Regex {
    /// Compiles; `None` for a pattern that uses a construct this matcher does not have.
    pub fn new(pattern: &str) -> Option<Self> {
        parse(pattern)
    }

    /// Calls `piece(start, end, is_match)` over all of `bytes[from..]` in order.
    pub fn split(&self, bytes: &[u8], from: usize, piece: &mut impl FnMut(usize, usize, bool)) {
        let mut stack = Stack::new();
        let (mut at, mut done) = (from, from);
        while at < bytes.len() {
            match find_at(self, bytes, from, at, &mut stack) {
                Some(end) if end > at => {
                    if done < at {
                        piece(done, at, false);
                    }
                    piece(at, end, true);
                    (at, done) = (end, end);
                }
                // An empty match cuts here as well.
                Some(_) => {
                    if done < at {
                        piece(done, at, false);
                        done = at;
                    }
                    at = super::char_at(bytes, at).1;
                }
                None => at = super::char_at(bytes, at).1,
            }
        }
        if done < bytes.len() {
            piece(done, bytes.len(), false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::split::Splitter;

    fn matches<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
        let mut out = vec![];
        Regex::new(pattern)
            .unwrap()
            .split(text.as_bytes(), 0, &mut |a, b, hit| {
                if hit {
                    out.push(&text[a..b]);
                }
            });
        out
    }

    #[test]
    fn alternatives_are_tried_in_order() {
        assert_eq!(matches("a|ab|b+", "abbb"), ["a", "bbb"]);
        assert_eq!(matches("(?:ab|a)b", "abab"), ["ab", "ab"]);
    }

    #[test]
    fn repeats_give_back_what_the_rest_needs() {
        assert_eq!(matches(r"\s+(?!\S)|\s+", "a   b \t"), ["  ", " ", " \t"]);
        assert_eq!(matches(r"\p{Lu}*\p{L}b", "ABCbx"), ["ABCb"]);
        assert_eq!(matches("a*?b", "aab"), ["aab"]);
        assert!(matches("a*+a", "aaa").is_empty());
        assert_eq!(matches("(?:ab){1,2}", "ababab"), ["abab", "ab"]);
    }

    #[test]
    fn classes_nest_and_negate() {
        assert_eq!(matches(r"[^\s\p{L}&-]+", "a1-2 &3"), ["1", "2", "3"]);
        assert_eq!(matches(r"(?i:'LL|'s)", "'ll 'ſ"), ["'ll", "'ſ"]);
        assert_eq!(matches(r"[一-龥]+|\x{e9}", "é一二x"), ["é", "一二"]);
    }

    #[test]
    fn unknown_constructs_are_refused() {
        for pattern in [r"(a)\1", "(?<n>a)", r"\b", "(a*)*", "[a&&b]", "("] {
            assert!(Regex::new(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn the_hand_written_splitters_agree_with_their_patterns() {
        let gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
        let cl = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        let alphabet: Vec<char> =
            "aZ1٣ \t\n\r'sSlLvVeErRmdDtTſ!.,é한😀\u{301}\u{85}\u{a0}\u{200b}\u{3000}"
                .chars()
                .collect();
        let mut seed = 1u64;
        for pattern in [gpt2, cl] {
            let hand = Splitter::from_pattern(pattern, true).unwrap();
            assert!(!matches!(hand, Splitter::Regex { .. }));
            let regex = Splitter::Regex {
                regex: Regex::new(pattern).unwrap(),
                isolated: true,
            };
            for _ in 0..20_000 {
                let mut text = String::new();
                for _ in 0..12 {
                    seed = seed
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    text.push(alphabet[(seed >> 33) as usize % alphabet.len()]);
                }
                let (mut a, mut b) = (vec![], vec![]);
                hand.split(&text, 0, text.len(), &mut |s, e| a.push((s, e)));
                regex.split(&text, 0, text.len(), &mut |s, e| b.push((s, e)));
                assert_eq!(a, b, "{text:?}");
            }
        }
    }
}
