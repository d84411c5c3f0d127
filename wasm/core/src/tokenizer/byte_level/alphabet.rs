//! GPT-2's printable stand-ins for bytes: the characters in which a byte-level vocabulary is
//! written down.

/// The character that stands for each byte.
pub const BYTE_TO_CHAR: [char; 256] = build();

const fn build() -> [char; 256] {
    let mut table = ['\0'; 256];
    let (mut byte, mut extra) = (0usize, 0u32);
    while byte < 256 {
        let printable = matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
        let code = if printable {
            byte as u32
        } else {
            0x100 + extra
        };
        if !printable {
            extra += 1;
        }
        table[byte] = match char::from_u32(code) {
            Some(c) => c,
            None => '\0',
        };
        byte += 1;
    }
    table
}

/// One past the largest code point of the alphabet.
const LIMIT: usize = 0x144;

/// For each code point of the alphabet its byte, else -1.
const CHAR_TO_BYTE: [i16; LIMIT] = {
    let mut table = [-1i16; LIMIT];
    let mut byte = 0;
    while byte < 256 {
        table[BYTE_TO_CHAR[byte] as usize] = byte as i16;
        byte += 1;
    }
    table
};

/// The byte that `c` stands for.
#[inline]
pub fn byte_of(c: char) -> Option<u8> {
    CHAR_TO_BYTE
        .get(c as usize)
        .filter(|&&b| b >= 0)
        .map(|&b| b as u8)
}

/// Appends the bytes that `token` stands for; false, with nothing appended, if a character of it
/// is not in the alphabet.
pub fn push_bytes(token: &str, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    for c in token.chars() {
        match byte_of(c) {
            Some(b) => out.push(b),
            None => {
                out.truncate(start);
                return false;
            }
        }
    }
    true
}

/// The characters that stand for `bytes`.
pub fn to_chars(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| BYTE_TO_CHAR[b as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_is_a_bijection() {
        for byte in 0..=255u8 {
            assert_eq!(byte_of(BYTE_TO_CHAR[byte as usize]), Some(byte));
        }
        assert_eq!(to_chars(b" a\n"), "ĠaĊ");
        let mut out = vec![];
        assert!(push_bytes("Ġa", &mut out) && !push_bytes("a b", &mut out));
        assert_eq!(out, b" a");
    }
}
