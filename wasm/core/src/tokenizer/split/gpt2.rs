//! GPT-2's split pattern by hand:
//! `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

use super::run_end;
use crate::tokenizer::char_class::{char_at, char_before, IS_SPACE, SPLIT_BITS};

/// The end of the word that starts at `at`. Out of line, so that a first long text does not stay in
/// the slow tier of the WebAssembly engine.
#[inline(never)]
pub fn word_end(bytes: &[u8], classes: &[u8], at: usize) -> usize {
    if bytes[at] == b'\'' {
        match (bytes.get(at + 1), bytes.get(at + 2)) {
            (Some(b's' | b't' | b'm' | b'd'), _) => return at + 2,
            (Some(b'r' | b'v'), Some(b'e')) | (Some(b'l'), Some(b'l')) => return at + 3,
            _ => (),
        }
    }
    let (c, next) = char_at(bytes, at);
    let class = classes[c as usize] & SPLIT_BITS;
    if class != IS_SPACE {
        return run_end(bytes, classes, next, |k| k == class);
    }
    if c == b' ' as u32 && next < bytes.len() {
        let (d, after) = char_at(bytes, next);
        let class = classes[d as usize] & SPLIT_BITS;
        if class != IS_SPACE {
            return run_end(bytes, classes, after, |k| k == class);
        }
    }
    space_end(bytes, at, run_end(bytes, classes, next, |k| k == IS_SPACE))
}

/// `\s+(?!\S)|\s+` on the run `at..end`: its last character is left to the next word, if there
/// is one.
#[inline]
pub(super) fn space_end(bytes: &[u8], at: usize, end: usize) -> usize {
    if end == bytes.len() {
        return end;
    }
    let last = char_before(bytes, end);
    if last > at {
        last
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use crate::tokenizer::split::Splitter;

    fn words(text: &str) -> Vec<&str> {
        let mut out = vec![];
        Splitter::Gpt2.split(text, 0, text.len(), &mut |a, b| out.push(&text[a..b]));
        out
    }

    #[test]
    fn splits_as_the_pattern_does() {
        assert_eq!(
            words("I'll go  to\n\n x1"),
            ["I", "'ll", " go", " ", " to", "\n\n", " x", "1"]
        );
        assert_eq!(words("'S ''s "), ["'", "S", " ''", "s", " "]);
        assert_eq!(words("  "), ["  "]);
    }
}
