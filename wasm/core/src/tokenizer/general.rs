//! The rare kinds (SentencePiece-style BPE, Unigram, WordPiece, …) on the native library's crate.

use super::byte_level::added::AddedToken;
use super::error::{Error, Result};
use super::pair::{char_offsets, direction, encoded, join};
use super::split::native_classes::spell_out_file;
use super::{EncodeOptions, Encoded};
use tokenizers::{pad_encodings, PostProcessorWrapper, Tokenizer, TruncationParams};

/// Any tokenizer.json.
pub struct General {
    inner: Tokenizer,
    /// The file's own truncation, to return to after a call that asked for another.
    truncation: Option<TruncationParams>,
}

impl General {
    pub fn load(json: &[u8], extra: &[AddedToken]) -> Result<Self> {
        let spelt = spell_out_file(json);
        let mut inner = Tokenizer::from_bytes(spelt.as_deref().unwrap_or(json))
            .map_err(|e| Error::syntax(format!("Cannot load tokenizer: {e}")))?;
        let missing: Vec<_> = extra
            .iter()
            .filter(|t| {
                inner
                    .get_added_vocabulary()
                    .get_vocab()
                    .get(&t.content)
                    .is_none()
            })
            .map(|t| {
                tokenizers::AddedToken::from(t.content.clone(), t.special)
                    .single_word(t.single_word)
                    .lstrip(t.lstrip)
                    .rstrip(t.rstrip)
                    .normalized(t.normalized)
            })
            .collect();
        inner
            .add_tokens(missing)
            .map_err(|e| Error::range(format!("Cannot load tokenizer: added tokens: {e}")))?;
        let truncation = inner.get_truncation().cloned();
        Ok(Self { inner, truncation })
    }

    pub fn encode(&mut self, text: &str, options: &EncodeOptions) -> Result<Encoded> {
        self.set_truncation(options)?;
        self.inner.set_encode_special_tokens(!options.allow_special);
        let fail = |e: tokenizers::Error| Error::range(format!("Cannot encode text: {e}"));
        let add = options.add_special_tokens;
        let Some(unit) = options.offsets else {
            let encoding = self.inner.encode_fast(text, add).map_err(fail)?;
            return Ok(Encoded {
                ids: encoding.get_ids().to_vec(),
                ..Encoded::default()
            });
        };
        let encoding = self.inner.encode_char_offsets(text, add).map_err(fail)?;
        Ok(Encoded {
            offsets: char_offsets(&encoding, text, None, unit),
            ids: encoding.get_ids().to_vec(),
            type_ids: vec![],
        })
    }

    /// See [`super::Tokenizer::encode_pair`].
    pub fn encode_pair(
        &mut self,
        text: &str,
        pair: Option<&str>,
        options: &EncodeOptions,
    ) -> Result<Encoded> {
        let fail = |e: tokenizers::Error| Error::range(format!("Cannot encode text: {e}"));
        self.inner.set_encode_special_tokens(!options.allow_special);
        // The crate stops early where it truncates, and then takes the part that it has read for the
        // whole: which of two texts is longer would depend on where it stopped.
        self.inner
            .with_truncation(None)
            .map_err(|e| Error::range(format!("Cannot truncate: {e}")))?;
        let padding = self.inner.get_padding().cloned();
        let processor = self.inner.get_post_processor().cloned();
        self.inner.with_padding(None);
        self.inner.with_post_processor(None::<PostProcessorWrapper>);
        let first = self.inner.encode_char_offsets(text, false);
        let second = pair.map(|pair| self.inner.encode_char_offsets(pair, false));
        self.inner.with_padding(padding.clone());
        self.inner.with_post_processor(processor.clone());
        let mut second = second.transpose().map_err(fail)?;
        if let Some(second) = &mut second {
            second.set_type_ids(vec![1; second.len()]);
        }
        let found = (first.map_err(fail)?, second);
        let file = self.truncation.clone();
        let mut encoding = [join(found, processor.as_ref(), file, options)?];
        if let Some(padding) = &padding {
            pad_encodings(&mut encoding, padding).map_err(fail)?;
        }
        Ok(encoded(&encoding[0], text, pair, options))
    }

    fn set_truncation(&mut self, options: &EncodeOptions) -> Result<()> {
        let mut params = self.truncation.clone();
        if let Some(max_length) = options.max_length {
            params = Some(TruncationParams {
                max_length,
                stride: 0,
                ..params.unwrap_or_default()
            });
        }
        if let (Some(params), Some(left)) = (&mut params, options.truncate_left) {
            params.direction = direction(left);
        }
        if let Some(params) = &params {
            use tokenizers::PostProcessor;
            let post = self.inner.get_post_processor();
            let special = post.map_or(0, |p| p.added_tokens(false));
            if options.add_special_tokens && params.max_length < special {
                return Err(Error::range(format!(
                    "Cannot truncate to {} tokens: expected at least the {special} special tokens",
                    params.max_length
                )));
            }
        }
        let set = self.inner.with_truncation(params);
        set.map(|_| ())
            .map_err(|e| Error::range(format!("Cannot truncate: {e}")))
    }

    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String> {
        self.inner
            .decode(ids, skip_special_tokens)
            .map_err(|e| Error::range(format!("Cannot decode ids: {e}")))
    }

    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    pub fn is_special(&self, id: u32) -> bool {
        self.inner
            .get_added_vocabulary()
            .get_added_tokens_decoder()
            .get(&id)
            .is_some_and(|t| t.special)
    }

    /// One step of a streaming decode: see the native library's `DecodeStream`.
    pub fn step(
        &self,
        id: u32,
        skip_special_tokens: bool,
        state: &mut (Vec<u32>, String, usize),
    ) -> Result<String> {
        let (ids, prefix, index) = state;
        tokenizers::tokenizer::step_decode_stream(
            &self.inner,
            vec![id],
            skip_special_tokens,
            ids,
            prefix,
            index,
        )
        .map(Option::unwrap_or_default)
        .map_err(|e| Error::range(format!("Cannot decode ids: {e}")))
    }
}
