//! Decoding ids as they come, without ever splitting a character.

use super::error::Result;
use super::Tokenizer;

/// The state of a streaming decode.
#[derive(Default)]
pub struct DecodeStream {
    skip_special_tokens: bool,
    /// Bytes of a character that is not complete yet.
    pending: Vec<u8>,
    /// The general engine's ids, text and place so far.
    general: (Vec<u32>, String, usize),
}

impl DecodeStream {
    pub fn new(skip_special_tokens: bool) -> Self {
        Self {
            skip_special_tokens,
            ..Self::default()
        }
    }

    /// The text that `id` completes; often empty.
    pub fn step(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<String> {
        match tokenizer {
            Tokenizer::General(engine) => {
                engine.step(id, self.skip_special_tokens, &mut self.general)
            }
            Tokenizer::ByteLevel(engine) => {
                if !(self.skip_special_tokens && engine.is_special(id)) {
                    engine.push_token_bytes(id, &mut self.pending);
                }
                Ok(take_text(&mut self.pending))
            }
        }
    }

    /// What is left at the end: an unfinished character becomes U+FFFD, as in a whole decode.
    pub fn finish(&mut self, tokenizer: &Tokenizer) -> Result<String> {
        let (ids, prefix, _) = std::mem::take(&mut self.general);
        if let Tokenizer::General(engine) = tokenizer {
            let text = engine.decode(&ids, self.skip_special_tokens)?;
            return Ok(text.strip_prefix(prefix.as_str()).unwrap_or("").to_owned());
        }
        let bytes = std::mem::take(&mut self.pending);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Takes all but an unfinished last character; bytes that can never become one turn into U+FFFD.
fn take_text(pending: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut done = 0;
    loop {
        match std::str::from_utf8(&pending[done..]) {
            Ok(rest) => {
                text.push_str(rest);
                pending.clear();
                return text;
            }
            Err(e) => {
                let valid = done + e.valid_up_to();
                text.push_str(&String::from_utf8_lossy(&pending[done..valid]));
                match e.error_len() {
                    Some(n) => {
                        text.push('\u{FFFD}');
                        done = valid + n;
                    }
                    None => {
                        pending.drain(..valid);
                        return text;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_lossy_whole() {
        let bytes = [
            b"a\xF0\x9F\x98\x80".as_slice(),
            b"\xE2\x82",
            b"\xFFb",
            b"\xC3",
        ]
        .concat();
        for size in 1..bytes.len() {
            let (mut pending, mut text) = (vec![], String::new());
            for chunk in bytes.chunks(size) {
                pending.extend_from_slice(chunk);
                text += &take_text(&mut pending);
            }
            text += &String::from_utf8_lossy(&pending);
            assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
