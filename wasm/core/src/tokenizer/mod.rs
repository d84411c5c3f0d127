//! Byte-level BPE and the other Hugging Face tokeniser kinds.
//!
//! text → added tokens → normalise → split into words → merge → post-process → ids. The common
//! kind runs on [`byte_level`]; everything else on the native library's own crate ([`general`]).

pub mod bindings;
pub mod byte_level;
pub mod char_class;
pub mod error;
pub mod general;
pub mod pair;
pub mod split;
pub mod stream;
pub mod train;
mod unicode_tables;

use byte_level::added::AddedToken;
use byte_level::ByteLevel;
use error::Result;
use general::General;
use tokenizers::TruncationStrategy;

/// What offsets count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetUnit {
    /// Unicode code points, as in Python.
    CodePoint,
    /// UTF-16 code units, as in JavaScript.
    Utf16,
}

/// How to encode.
#[derive(Clone, Debug)]
pub struct EncodeOptions {
    /// Put the post-processor's tokens around the text.
    pub add_special_tokens: bool,
    /// Recognise special tokens that are written in the text.
    pub allow_special: bool,
    pub offsets: Option<OffsetUnit>,
    /// Keep at most this many ids, special ones included; by default what the file says.
    pub max_length: Option<usize>,
    /// Cut on the left; by default what the file says, else on the right.
    pub truncate_left: Option<bool>,
    /// Which of two texts is cut; by default what the file says, else the longest first.
    pub truncate: Option<TruncationStrategy>,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            add_special_tokens: true,
            allow_special: true,
            offsets: None,
            max_length: None,
            truncate_left: None,
            truncate: None,
        }
    }
}

/// Ids, and one pair of offsets for each if they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    pub ids: Vec<u32>,
    pub offsets: Vec<(u32, u32)>,
    /// The type id of each, where [`Tokenizer::encode_pair`] gave them.
    pub type_ids: Vec<u32>,
}

/// A loaded tokenizer.json.
pub enum Tokenizer {
    ByteLevel(Box<ByteLevel>),
    General(Box<General>),
}

impl Tokenizer {
    /// Reads tokenizer.json; `extra` are added tokens that only its companion files name.
    pub fn load(json: &[u8], extra: &[AddedToken]) -> Result<Self> {
        Ok(match byte_level::load::load(json, extra)? {
            Some(engine) => Self::ByteLevel(Box::new(engine)),
            None => Self::General(Box::new(General::load(json, extra)?)),
        })
    }

    pub fn encode(&mut self, text: &str, options: &EncodeOptions) -> Result<Encoded> {
        match self {
            Self::ByteLevel(engine) => engine.encode(text, options),
            Self::General(engine) => engine.encode(text, options),
        }
    }

    /// Encodes a text, or two as one sequence, with the type ids of the post-processor.
    pub fn encode_pair(
        &mut self,
        text: &str,
        pair: Option<&str>,
        options: &EncodeOptions,
    ) -> Result<Encoded> {
        match self {
            Self::ByteLevel(engine) => engine.encode_pair(text, pair, options),
            Self::General(engine) => engine.encode_pair(text, pair, options),
        }
    }

    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String> {
        match self {
            Self::ByteLevel(engine) => Ok(engine.decode(ids, skip_special_tokens)),
            Self::General(engine) => engine.decode(ids, skip_special_tokens),
        }
    }

    pub fn vocab_size(&self) -> usize {
        match self {
            Self::ByteLevel(engine) => engine.vocab_size(),
            Self::General(engine) => engine.vocab_size(),
        }
    }

    pub fn token(&self, id: u32) -> Option<String> {
        match self {
            Self::ByteLevel(engine) => engine.token(id),
            Self::General(engine) => engine.token(id),
        }
    }

    pub fn token_id(&self, token: &str) -> Option<u32> {
        match self {
            Self::ByteLevel(engine) => engine.token_id(token),
            Self::General(engine) => engine.token_id(token),
        }
    }

    pub fn is_special(&self, id: u32) -> bool {
        match self {
            Self::ByteLevel(engine) => engine.is_special(id),
            Self::General(engine) => engine.is_special(id),
        }
    }
}
