//! Unicode classes as the native library's regular expressions see them, one byte a code point.

use super::unicode_tables::{CATEGORIES, CATEGORY_RUNS, DIGIT, SPACE, WORD};
use std::sync::LazyLock;

/// Bit of `\s`.
pub const IS_SPACE: u8 = 0x20;
/// Bit of `\p{L}`.
pub const IS_LETTER: u8 = 0x40;
/// Bit of `\p{N}`.
pub const IS_NUMBER: u8 = 0x80;
/// Mask of the general category, an index into [`CATEGORIES`].
pub const CATEGORY: u8 = 0x1F;
/// What the alternatives of the well-known split patterns tell apart.
pub const SPLIT_BITS: u8 = IS_SPACE | IS_LETTER | IS_NUMBER;

const CODE_POINTS: usize = 0x11_0000;

static TABLE: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut table = vec![0u8; CODE_POINTS].into_boxed_slice();
    for (i, &run) in CATEGORY_RUNS.iter().enumerate() {
        let start = (run >> 8) as usize;
        let end = CATEGORY_RUNS
            .get(i + 1)
            .map_or(CODE_POINTS, |next| (next >> 8) as usize);
        let category = (run & 0xFF) as u8;
        let letter = if CATEGORIES[category as usize].starts_with('L') {
            IS_LETTER
        } else {
            0
        };
        let number = if CATEGORIES[category as usize].starts_with('N') {
            IS_NUMBER
        } else {
            0
        };
        table[start..end].fill(category | letter | number);
    }
    for &(first, last) in &SPACE {
        for class in &mut table[first as usize..=last as usize] {
            *class |= IS_SPACE;
        }
    }
    table
});

/// The table of classes by code point; fetch it once per call, not per character.
pub fn table() -> &'static [u8] {
    &TABLE
}

/// Whether `c` is in the inclusive `ranges`.
fn in_ranges(ranges: &[(u32, u32)], c: u32) -> bool {
    ranges
        .binary_search_by(|&(a, b)| match () {
            _ if b < c => std::cmp::Ordering::Less,
            _ if a > c => std::cmp::Ordering::Greater,
            _ => std::cmp::Ordering::Equal,
        })
        .is_ok()
}

/// Whether `\w` matches.
pub fn is_word(c: u32) -> bool {
    in_ranges(&WORD, c)
}

/// Whether `\d` matches.
pub fn is_digit(c: u32) -> bool {
    in_ranges(&DIGIT, c)
}

/// The code points at which a category, `\s`, `\d` or `\w` begins or ends.
pub fn breaks() -> Vec<u32> {
    let runs = CATEGORY_RUNS.iter().map(|run| run >> 8);
    let ranges = SPACE.iter().chain(&DIGIT).chain(&WORD);
    runs.chain(ranges.flat_map(|&(first, last)| [first, last + 1]))
        .collect()
}

/// The bit set, by category index, of a property such as `L` or `Lu`; `None` for other properties.
pub fn category_set(name: &str) -> Option<u32> {
    let name = match name {
        "Letter" => "L",
        "Number" => "N",
        "Mark" => "M",
        "Punctuation" => "P",
        "Symbol" => "S",
        "Separator" => "Z",
        "Other" => "C",
        other => other,
    };
    if name.is_empty() || name.len() > 2 {
        return None;
    }
    let set = CATEGORIES
        .iter()
        .enumerate()
        .filter(|(_, category)| category.starts_with(name))
        .fold(0, |set, (i, _)| set | 1 << i);
    (set != 0).then_some(set)
}

/// The character that starts at byte `i` of UTF-8 `bytes`, and the byte after it.
#[inline(always)]
pub fn char_at(bytes: &[u8], i: usize) -> (u32, usize) {
    let b = bytes[i] as u32;
    if b < 0x80 {
        return (b, i + 1);
    }
    let next = |k: usize| (bytes[i + k] & 0x3F) as u32;
    if b < 0xE0 {
        ((b & 0x1F) << 6 | next(1), i + 2)
    } else if b < 0xF0 {
        ((b & 0x0F) << 12 | next(1) << 6 | next(2), i + 3)
    } else {
        (
            (b & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3),
            i + 4,
        )
    }
}

/// The start of the character that ends before byte `i > 0`.
#[inline(always)]
pub fn char_before(bytes: &[u8], mut i: usize) -> usize {
    i -= 1;
    while i > 0 && bytes[i] & 0xC0 == 0x80 {
        i -= 1;
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_native_engine() {
        let t = table();
        assert_eq!(t['a' as usize] & SPLIT_BITS, IS_LETTER);
        assert_eq!(t['٣' as usize] & SPLIT_BITS, IS_NUMBER);
        assert_eq!(t[0x85] & SPLIT_BITS, IS_SPACE);
        assert_eq!(t[0x200B] & SPLIT_BITS, 0);
        assert!(is_word('_' as u32) && !is_word('-' as u32) && is_digit('٣' as u32));
    }

    #[test]
    fn char_at_and_char_before_walk_the_same_characters() {
        let text = "aé한😀";
        let mut i = 0;
        for c in text.chars() {
            let (code, end) = char_at(text.as_bytes(), i);
            assert_eq!((code, char_before(text.as_bytes(), end)), (c as u32, i));
            i = end;
        }
    }
}
