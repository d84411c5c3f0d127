//! The split pattern of cl100k, Llama 3 (three digits to a word) and Qwen (one) by hand:
//! `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

use super::gpt2::space_end;
use super::run_end;
use crate::tokenizer::char_class::{char_at, IS_LETTER, IS_NUMBER, IS_SPACE, SPLIT_BITS};

/// The end of the word that starts at `at`. Out of line, so that a first long text does not stay in
/// the slow tier of the WebAssembly engine.
#[inline(never)]
pub fn word_end(bytes: &[u8], classes: &[u8], at: usize, digits: usize) -> usize {
    if bytes[at] == b'\'' {
        if let Some(end) = contraction_end(bytes, at) {
            return end;
        }
    }
    let (c, next) = char_at(bytes, at);
    let class = classes[c as usize] & SPLIT_BITS;
    match class {
        IS_LETTER => return run_end(bytes, classes, next, |k| k == IS_LETTER),
        IS_NUMBER => return number_end(bytes, classes, next, digits),
        _ => (),
    }
    let newline = c == b'\r' as u32 || c == b'\n' as u32;
    if !newline && next < bytes.len() {
        let (d, after) = char_at(bytes, next);
        let second = classes[d as usize] & SPLIT_BITS;
        if second == IS_LETTER {
            return run_end(bytes, classes, after, |k| k == IS_LETTER);
        }
        if second == 0 && c == b' ' as u32 {
            return symbol_end(bytes, classes, after);
        }
    }
    if class == 0 {
        return symbol_end(bytes, classes, next);
    }
    let end = run_end(bytes, classes, at, |k| k == IS_SPACE);
    match bytes[at..end]
        .iter()
        .rposition(|&b| b == b'\r' || b == b'\n')
    {
        Some(last) => at + last + 1,
        None => space_end(bytes, at, end),
    }
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)`; folding case also equates `ſ` with `s`.
fn contraction_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    match (first | 0x20, bytes.get(at + 2).map(|b| b | 0x20)) {
        (b's' | b't' | b'm' | b'd', _) if first < 0x80 => Some(at + 2),
        (b'r' | b'v', Some(b'e')) | (b'l', Some(b'l')) => Some(at + 3),
        _ => bytes[at + 1..]
            .starts_with("ſ".as_bytes())
            .then_some(at + 3),
    }
}

fn number_end(bytes: &[u8], classes: &[u8], mut at: usize, digits: usize) -> usize {
    for _ in 1..digits {
        if at == bytes.len() {
            break;
        }
        let (c, next) = char_at(bytes, at);
        if classes[c as usize] & SPLIT_BITS != IS_NUMBER {
            break;
        }
        at = next;
    }
    at
}

/// The rest of `[^\s\p{L}\p{N}]+[\r\n]*`.
fn symbol_end(bytes: &[u8], classes: &[u8], at: usize) -> usize {
    let mut end = run_end(bytes, classes, at, |k| k == 0);
    while matches!(bytes.get(end), Some(b'\r' | b'\n')) {
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use crate::tokenizer::split::Splitter;

    fn words(text: &str) -> Vec<&str> {
        let mut out = vec![];
        Splitter::Cl100k { digits: 3 }
            .split(text, 0, text.len(), &mut |a, b| out.push(&text[a..b]));
        out
    }

    #[test]
    fn splits_as_the_pattern_does() {
        assert_eq!(
            words("I'LL 12345\tgo"),
            ["I", "'LL", " ", "123", "45", "\tgo"]
        );
        assert_eq!(
            words("a  \n \n  b!!\n\nc"),
            ["a", "  \n \n", " ", " b", "!!\n\n", "c"]
        );
        assert_eq!(words("'ſ x  "), ["'ſ", " x", "  "]);
    }
}
