//! The tokeniser's face to JavaScript. Every failure is a built-in error class by meaning.

use super::byte_level::added::AddedToken;
use super::error::{Error, Kind};
use super::stream::DecodeStream;
use super::train::{Corpus, TrainOptions};
use super::{EncodeOptions, Encoded, OffsetUnit, Tokenizer};
use js_sys::{RangeError, SyntaxError, TypeError};
use tokenizers::TruncationStrategy;
use wasm_bindgen::prelude::*;

impl From<Error> for JsValue {
    fn from(e: Error) -> Self {
        match e.kind {
            Kind::Syntax => SyntaxError::new(&e.message).into(),
            Kind::Type => TypeError::new(&e.message).into(),
            Kind::Range => RangeError::new(&e.message).into(),
        }
    }
}

/// Bits of the `flags` of an encode call.
const ADD_SPECIAL_TOKENS: u32 = 1;
const ALLOW_SPECIAL: u32 = 2;
const OFFSETS: u32 = 4;
const UTF16: u32 = 8;
const TRUNCATE_LEFT: u32 = 16;
const TRUNCATE_RIGHT: u32 = 32;
const LONGEST_FIRST: u32 = 64;
const ONLY_FIRST: u32 = 128;
const ONLY_SECOND: u32 = 256;

fn encode_options(flags: u32, max_length: i32) -> EncodeOptions {
    let has = |bit: u32| flags & bit != 0;
    let unit = if has(UTF16) {
        OffsetUnit::Utf16
    } else {
        OffsetUnit::CodePoint
    };
    EncodeOptions {
        add_special_tokens: has(ADD_SPECIAL_TOKENS),
        allow_special: has(ALLOW_SPECIAL),
        offsets: has(OFFSETS).then_some(unit),
        max_length: usize::try_from(max_length).ok(),
        truncate_left: (has(TRUNCATE_LEFT) || has(TRUNCATE_RIGHT)).then(|| has(TRUNCATE_LEFT)),
        truncate: match () {
            () if has(LONGEST_FIRST) => Some(TruncationStrategy::LongestFirst),
            () if has(ONLY_FIRST) => Some(TruncationStrategy::OnlyFirst),
            () if has(ONLY_SECOND) => Some(TruncationStrategy::OnlySecond),
            () => None,
        },
    }
}

/// Ids, type ids, starts and ends, as many of them as there are.
fn flat(encoded: Encoded) -> Vec<u32> {
    let mut out = encoded.ids;
    out.reserve_exact(encoded.type_ids.len() + encoded.offsets.len() * 2);
    out.extend(encoded.type_ids);
    out.extend(encoded.offsets.iter().map(|o| o.0));
    out.extend(encoded.offsets.iter().map(|o| o.1));
    out
}

/// A loaded tokeniser.
#[wasm_bindgen]
pub struct RawTokenizer(Tokenizer);

#[wasm_bindgen]
impl RawTokenizer {
    /// Reads the bytes of tokenizer.json and a JSON list of further added tokens.
    pub fn load(json: &[u8], extra: &str) -> Result<RawTokenizer, JsValue> {
        let extra: Vec<AddedToken> = serde_json::from_str(extra)
            .map_err(|e| Error::syntax(format!("Cannot load tokenizer: added tokens: {e}")))?;
        Ok(Self(Tokenizer::load(json, &extra)?))
    }

    /// Ids, followed by starts and ends if offsets are asked for. A negative `max_length` keeps
    /// what the file says.
    pub fn encode(&mut self, text: &str, flags: u32, max_length: i32) -> Result<Vec<u32>, JsValue> {
        let encoded = self.0.encode(text, &encode_options(flags, max_length))?;
        Ok(flat(encoded))
    }

    /// As `encode`, for a text or two with the type id of each id: ids, type ids, starts and ends.
    pub fn encode_pair(
        &mut self,
        text: &str,
        pair: Option<String>,
        flags: u32,
        max_length: i32,
    ) -> Result<Vec<u32>, JsValue> {
        let options = encode_options(flags, max_length);
        Ok(flat(self.0.encode_pair(text, pair.as_deref(), &options)?))
    }

    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, JsValue> {
        Ok(self.0.decode(ids, skip_special_tokens)?)
    }

    pub fn token(&self, id: u32) -> Option<String> {
        self.0.token(id)
    }

    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.0.token_id(token)
    }

    pub fn is_special(&self, id: u32) -> bool {
        self.0.is_special(id)
    }

    pub fn vocab_size(&self) -> usize {
        self.0.vocab_size()
    }

    /// Whether the byte-level engine runs it.
    pub fn is_byte_level(&self) -> bool {
        matches!(self.0, Tokenizer::ByteLevel(_))
    }
}

/// A streaming decode.
#[wasm_bindgen]
pub struct RawDecodeStream(DecodeStream);

#[wasm_bindgen]
impl RawDecodeStream {
    #[wasm_bindgen(constructor)]
    pub fn new(skip_special_tokens: bool) -> Self {
        Self(DecodeStream::new(skip_special_tokens))
    }

    pub fn step(&mut self, tokenizer: &RawTokenizer, id: u32) -> Result<String, JsValue> {
        Ok(self.0.step(&tokenizer.0, id)?)
    }

    pub fn finish(&mut self, tokenizer: &RawTokenizer) -> Result<String, JsValue> {
        Ok(self.0.finish(&tokenizer.0)?)
    }
}

/// A trainer of byte-level BPE.
#[wasm_bindgen]
pub struct RawTrainer(Corpus);

#[wasm_bindgen]
impl RawTrainer {
    #[wasm_bindgen(constructor)]
    pub fn new(pattern: &str) -> Result<RawTrainer, JsValue> {
        Ok(Self(Corpus::new(pattern)?))
    }

    pub fn add(&mut self, text: &str) {
        self.0.add(text);
    }

    pub fn train(
        &self,
        vocab_size: usize,
        min_frequency: u32,
        special_tokens: Vec<String>,
    ) -> Result<String, JsValue> {
        let options = TrainOptions {
            vocab_size,
            min_frequency: min_frequency.into(),
            special_tokens,
        };
        Ok(self.0.train(&options)?)
    }
}
