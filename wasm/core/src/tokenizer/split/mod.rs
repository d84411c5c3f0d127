//! Pre-tokenisation: cutting text into the words that byte pairs may not cross.

pub mod cl100k;
pub mod gpt2;
pub mod native_classes;
pub mod regex;
mod regex_emit;
mod regex_match;
mod regex_parse;

use super::char_class::{char_at, table, SPLIT_BITS};
use regex::Regex;

/// One splitting step.
pub enum Splitter {
    /// GPT-2's pattern, the default of `ByteLevel`.
    Gpt2,
    /// The pattern of cl100k, Llama 3 and Qwen, with at most this many digits to a word.
    Cl100k { digits: usize },
    /// Any other pattern; `isolated` keeps the text between matches, else it is dropped.
    Regex { regex: Regex, isolated: bool },
    /// Digits apart from everything else, each alone if `individual`.
    Digits { individual: bool },
    /// No cut at all.
    Whole,
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const CL100K: [&str; 2] = [
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
];

impl Splitter {
    /// The splitter for a `Split` pattern; hand-written ones are recognised by the pattern's text.
    /// `None` if the pattern uses a construct this crate's own matcher does not have.
    pub fn from_pattern(pattern: &str, isolated: bool) -> Option<Self> {
        if pattern == GPT2 {
            return Some(Self::Gpt2);
        }
        if let Some(rest) = pattern.strip_prefix(CL100K[0]) {
            if let Some(count) = rest.strip_suffix(CL100K[1]) {
                match count {
                    "" => return Some(Self::Cl100k { digits: 1 }),
                    "{1,3}" => return Some(Self::Cl100k { digits: 3 }),
                    _ => (),
                }
            }
        }
        Regex::new(pattern).map(|regex| Self::Regex { regex, isolated })
    }

    /// Calls `word(start, end)` for each word of `text[from..to]`; matching does not see beyond.
    #[inline]
    pub fn split(&self, text: &str, from: usize, to: usize, word: &mut impl FnMut(usize, usize)) {
        if from == to {
            return;
        }
        let bytes = &text.as_bytes()[..to];
        let classes = table();
        let mut at = from;
        match self {
            Self::Gpt2 => {
                while at < to {
                    let end = gpt2::word_end(bytes, classes, at);
                    word(at, end);
                    at = end;
                }
            }
            Self::Cl100k { digits } => {
                while at < to {
                    let end = cl100k::word_end(bytes, classes, at, *digits);
                    word(at, end);
                    at = end;
                }
            }
            Self::Regex { regex, isolated } => regex.split(bytes, from, &mut |start, end, hit| {
                if (hit || *isolated) && start < end {
                    word(start, end);
                }
            }),
            Self::Digits { individual } => split_digits(text, from, to, *individual, word),
            Self::Whole => word(from, to),
        }
    }
}

fn split_digits(
    text: &str,
    from: usize,
    to: usize,
    individual: bool,
    word: &mut impl FnMut(usize, usize),
) {
    let mut start = from;
    let mut previous = None;
    for (i, c) in text[from..to].char_indices() {
        let numeric = c.is_numeric();
        let cut = previous.is_some_and(|p| p != numeric || (numeric && individual));
        if cut {
            word(start, from + i);
            start = from + i;
        }
        previous = Some(numeric);
    }
    word(start, to);
}

/// The end of the run of characters that begins at `at` and whose class satisfies `keep`.
#[inline(always)]
pub(crate) fn run_end(
    bytes: &[u8],
    classes: &[u8],
    mut at: usize,
    keep: impl Fn(u8) -> bool,
) -> usize {
    while at < bytes.len() {
        let (c, next) = char_at(bytes, at);
        if !keep(classes[c as usize] & SPLIT_BITS) {
            break;
        }
        at = next;
    }
    at
}
