//! Byte-level BPE (GPT-2, Llama 3, Qwen and their kin): text → parts → words → ids.

pub mod added;
pub mod alphabet;
pub mod bpe;
pub mod load;
pub mod merges;
pub mod normalize;
pub mod offsets;
pub mod parse;
pub mod post;
pub mod vocab;
pub mod word_cache;

use super::error::{Error, Result};
use super::split::Splitter;
use super::{EncodeOptions, Encoded};
use added::{Added, Part};
use merges::Merges;
use normalize::Normalizer;
use post::Post;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use vocab::Vocab;
use word_cache::{WordCache, MAX_WORD};

/// Truncation as tokenizer.json has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Truncation {
    pub max_length: usize,
    #[serde(default)]
    pub direction: Option<String>,
    #[serde(default)]
    pub strategy: String,
}

/// A byte-level tokeniser.
pub struct ByteLevel {
    vocab: Vocab,
    odd: HashMap<String, u32>,
    odd_ids: HashMap<u32, String>,
    merges: Merges,
    byte_ids: [u32; 256],
    ignore_merges: bool,
    normalizer: Normalizer,
    splitters: Vec<Splitter>,
    prefix_space: bool,
    added: Added,
    post: Post,
    /// The same as the file has it, for text pairs.
    post_processor: Value,
    truncation: Option<Truncation>,
    state: RefCell<State>,
}

/// What calls leave behind for the next one.
#[derive(Default)]
struct State {
    cache: WordCache,
    scratch: bpe::Scratch,
}

/// Ids, with the byte spans in the text they came from if those are wanted.
struct Output {
    ids: Vec<u32>,
    spans: Option<Vec<offsets::Span>>,
}

impl ByteLevel {
    /// The ids of `text`.
    pub fn encode(&self, text: &str, options: &EncodeOptions) -> Result<Encoded> {
        let limit = self.limit(options)?;
        let Output { mut ids, mut spans } = self.output(text, options);
        if let Some((max, left)) = limit {
            if ids.len() > max {
                let keep = if left {
                    ids.len() - max..ids.len()
                } else {
                    0..max
                };
                spans = spans.map(|s| s[keep.clone()].to_vec());
                ids = ids[keep].to_vec();
            }
        }
        let mut offsets = match (options.offsets, spans) {
            (Some(unit), Some(spans)) => offsets::convert(text, &spans, &self.post.trims, unit),
            _ => vec![],
        };
        if options.add_special_tokens {
            let Post { before, after, .. } = &self.post;
            ids.splice(0..0, before.iter().copied());
            ids.extend(after);
            if options.offsets.is_some() {
                offsets.splice(0..0, before.iter().map(|_| (0, 0)));
                offsets.extend(after.iter().map(|_| (0, 0)));
            }
        }
        Ok(Encoded {
            ids,
            offsets,
            type_ids: vec![],
        })
    }

    /// The ids of `text` before truncation and post-processing, with the place of each.
    pub fn spans_of(&self, text: &str, options: &EncodeOptions) -> (Vec<u32>, Vec<offsets::Span>) {
        let Output { ids, spans } = self.output(text, options);
        (ids, spans.unwrap_or_default())
    }

    /// The post-processor of the file.
    pub fn post_processor(&self) -> &Value {
        &self.post_processor
    }

    /// The truncation of the file.
    pub fn file_truncation(&self) -> Option<&Truncation> {
        self.truncation.as_ref()
    }

    fn output(&self, text: &str, options: &EncodeOptions) -> Output {
        let mut out = Output {
            ids: vec![],
            spans: options.offsets.map(|_| vec![]),
        };
        let state = &mut *self.state.borrow_mut();
        let mut parts = vec![];
        self.added
            .parts(text, false, options.allow_special, &mut parts);
        for &(id, start, end) in &parts {
            match id {
                Some(id) => self.push_added(id, text, start, end, &mut out),
                None => self.encode_part(text, start, end, options, state, &mut out),
            }
        }
        out
    }

    /// How many ids of the text itself may stay, and whether to cut on the left.
    fn limit(&self, options: &EncodeOptions) -> Result<Option<(usize, bool)>> {
        let file = self.truncation.as_ref();
        let Some(max) = options.max_length.or(file.map(|t| t.max_length)) else {
            return Ok(None);
        };
        let special = self.post.before.len() + self.post.after.len();
        let special = if options.add_special_tokens {
            special
        } else {
            0
        };
        let left = file.and_then(|t| t.direction.as_deref()) == Some("Left");
        match max.checked_sub(special) {
            Some(max) => Ok(Some((max, options.truncate_left.unwrap_or(left)))),
            None => Err(Error::range(format!(
                "Cannot truncate to {max} tokens: expected at least the {special} special tokens"
            ))),
        }
    }

    fn push_added(&self, id: u32, text: &str, start: usize, end: usize, out: &mut Output) {
        out.ids.push(id);
        if let Some(spans) = &mut out.spans {
            spans.push(offsets::Span::added(start, end, &text[start..end]));
        }
    }

    /// Encodes `text[start..end]`, which holds no added token of the unnormalised kind.
    fn encode_part(
        &self,
        text: &str,
        start: usize,
        end: usize,
        options: &EncodeOptions,
        state: &mut State,
        out: &mut Output,
    ) {
        let normal = self.normalizer.apply(&text[start..end]);
        let changed = matches!(normal, Cow::Owned(_));
        if (changed || self.prefix_space) && out.spans.is_some() {
            self.encode_aligned(text, start, end, options, state, out);
        } else if changed || self.prefix_space || self.added.has_normalized() {
            let mut parts: Vec<Part> = vec![];
            self.added
                .parts(&normal, true, options.allow_special, &mut parts);
            for (id, a, b) in parts {
                match id {
                    // Here spans are wanted only if nothing has changed, so that places agree.
                    Some(id) if changed => out.ids.push(id),
                    Some(id) => self.push_added(id, text, start + a, start + b, out),
                    None if self.prefix_space && !normal[a..b].starts_with(' ') => {
                        let spaced = format!(" {}", &normal[a..b]);
                        self.words(&spaced, 0, spaced.len(), state, out);
                    }
                    None if changed => self.words(&normal, a, b, state, out),
                    None => self.words(text, start + a, start + b, state, out),
                }
            }
        } else {
            self.words(text, start, end, state, out);
        }
    }

    /// Splits `text[start..end]` into words and appends their ids.
    fn words(&self, text: &str, start: usize, end: usize, state: &mut State, out: &mut Output) {
        self.split_from(0, text, start, end, &mut |a, b| {
            self.word(text, a, b, state, out);
        });
    }

    fn split_from(
        &self,
        step: usize,
        text: &str,
        start: usize,
        end: usize,
        word: &mut dyn FnMut(usize, usize),
    ) {
        match self.splitters.get(step) {
            None => Splitter::Whole.split(text, start, end, &mut |a, b| word(a, b)),
            Some(splitter) if step + 1 == self.splitters.len() => {
                splitter.split(text, start, end, &mut |a, b| word(a, b));
            }
            Some(splitter) => splitter.split(text, start, end, &mut |a, b| {
                self.split_from(step + 1, text, a, b, word);
            }),
        }
    }

    #[inline(never)]
    fn word(&self, text: &str, start: usize, end: usize, state: &mut State, out: &mut Output) {
        let word = &text.as_bytes()[start..end];
        let from = out.ids.len();
        self.word_ids(word, state, &mut out.ids);
        if let Some(spans) = &mut out.spans {
            let mut at = start;
            for &id in &out.ids[from..] {
                let bytes = self.vocab.bytes(id).unwrap_or(&[]);
                spans.push(offsets::Span::bytes(at, text, bytes));
                at += bytes.len();
            }
        }
    }

    #[inline]
    fn word_ids(&self, word: &[u8], state: &mut State, ids: &mut Vec<u32>) {
        if word.len() > MAX_WORD {
            if self.ignore_merges {
                if let Some(id) = self.vocab.get(word) {
                    ids.push(id);
                    return;
                }
            }
            self.merge(word, &mut state.scratch, ids);
            return;
        }
        let Some(slot) = state.cache.get(word, ids) else {
            return;
        };
        let from = ids.len();
        match if self.ignore_merges {
            self.vocab.get(word)
        } else {
            None
        } {
            Some(id) => ids.push(id),
            None => self.merge(word, &mut state.scratch, ids),
        }
        state.cache.put(slot, word, &ids[from..]);
    }

    fn merge(&self, word: &[u8], scratch: &mut bpe::Scratch, ids: &mut Vec<u32>) {
        let first = word.iter().map(|&b| self.byte_ids[b as usize]);
        bpe::merge(first, &self.merges, scratch, ids);
    }

    /// The number of tokens, added ones included.
    pub fn vocab_size(&self) -> usize {
        let model = |id: u32| self.vocab.bytes(id).is_some() || self.odd_ids.contains_key(&id);
        self.vocab.count() + self.odd.len() + self.added.ids().filter(|&id| !model(id)).count()
    }

    /// How a token is written in the vocabulary.
    pub fn token(&self, id: u32) -> Option<String> {
        if let Some(token) = self.added.get(id) {
            return Some(token.content.clone());
        }
        match self.odd_ids.get(&id) {
            Some(token) => Some(token.clone()),
            None => self.vocab.bytes(id).map(alphabet::to_chars),
        }
    }

    /// The id of a token as it is written in the vocabulary.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.added
            .id(token)
            .or_else(|| added::vocab_id(&self.vocab, &self.odd, token))
    }

    pub fn is_special(&self, id: u32) -> bool {
        self.added.is_special(id)
    }

    /// Appends the bytes of a token; ids that no token has are passed over.
    pub fn push_token_bytes(&self, id: u32, out: &mut Vec<u8>) {
        let text = self
            .added
            .decoded(id)
            .or_else(|| self.odd_ids.get(&id).map(String::as_str));
        match text {
            Some(text) => {
                if !alphabet::push_bytes(text, out) {
                    out.extend_from_slice(text.as_bytes());
                }
            }
            None => out.extend_from_slice(self.vocab.bytes(id).unwrap_or(&[])),
        }
    }

    /// The text of `ids`.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> String {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            if !(skip_special_tokens && self.is_special(id)) {
                self.push_token_bytes(id, &mut bytes);
            }
        }
        match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
        }
    }
}
