//! Added tokens: found in the text before anything else, with the native library's rules for
//! ids, white space and whole words.

use super::normalize::Normalizer;
use super::vocab::Vocab;
use crate::tokenizer::error::{Error, Result};
use aho_corasick::{AhoCorasick, MatchKind};
use regex_syntax::is_word_character;
use serde::Deserialize;
use std::collections::HashMap;

/// An added token as tokenizer.json has it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct AddedToken {
    pub content: String,
    #[serde(default)]
    pub single_word: bool,
    #[serde(default)]
    pub lstrip: bool,
    #[serde(default)]
    pub rstrip: bool,
    #[serde(default)]
    pub normalized: bool,
    #[serde(default)]
    pub special: bool,
}

/// A part of the text: an added token with its id, or the text between.
pub type Part = (Option<u32>, usize, usize);

struct Matcher {
    automaton: AhoCorasick,
    ids: Vec<u32>,
}

/// The added vocabulary.
#[derive(Default)]
pub struct Added {
    by_content: HashMap<String, u32>,
    by_id: HashMap<u32, AddedToken>,
    /// What the normaliser makes of a normalised token, where that differs.
    normal_forms: HashMap<u32, String>,
    raw: Option<Matcher>,
    normalized: Option<Matcher>,
}

impl Added {
    /// Gives ids to `tokens` in order: that of the same text in the vocabulary, else a new one.
    pub fn new(
        tokens: Vec<AddedToken>,
        normalizer: &Normalizer,
        vocab_size: usize,
        known: impl Fn(&str) -> Option<u32>,
    ) -> Result<Self> {
        let mut added = Self::default();
        let mut next = vocab_size as u32;
        for token in tokens.into_iter().filter(|t| !t.content.is_empty()) {
            let id = added.by_content.get(&token.content).copied();
            let id = id.or_else(|| known(&token.content)).unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            let normal = normalizer.apply(&token.content);
            if token.normalized && normal != token.content {
                added.normal_forms.insert(id, normal.into_owned());
            }
            added.by_content.insert(token.content.clone(), id);
            added.by_id.insert(id, token);
        }
        added.raw = added.matcher(false)?;
        added.normalized = added.matcher(true)?;
        Ok(added)
    }

    fn matcher(&self, normalized: bool) -> Result<Option<Matcher>> {
        let mut ids: Vec<u32> = self.by_id.keys().copied().collect();
        ids.sort_unstable();
        ids.retain(|id| self.by_id[id].normalized == normalized);
        if ids.is_empty() {
            return Ok(None);
        }
        let texts = ids.iter().map(|id| match self.normal_forms.get(id) {
            Some(text) if normalized => text.as_str(),
            _ => self.by_id[id].content.as_str(),
        });
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(texts)
            .map_err(|e| Error::range(format!("Cannot load tokenizer: added tokens: {e}")))?;
        Ok(Some(Matcher { automaton, ids }))
    }

    pub fn get(&self, id: u32) -> Option<&AddedToken> {
        self.by_id.get(&id)
    }

    pub fn id(&self, content: &str) -> Option<u32> {
        self.by_content.get(content).copied()
    }

    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_id.keys().copied()
    }

    /// The text of an added token when decoding.
    pub fn decoded(&self, id: u32) -> Option<&str> {
        let token = self.by_id.get(&id)?;
        Some(self.normal_forms.get(&id).unwrap_or(&token.content))
    }

    pub fn is_special(&self, id: u32) -> bool {
        self.by_id.get(&id).is_some_and(|t| t.special)
    }

    /// Whether any token is matched on normalised text.
    pub fn has_normalized(&self) -> bool {
        self.normalized.is_some()
    }

    /// The parts of `text`; special tokens count as text unless `allow_special`.
    pub fn parts(&self, text: &str, normalized: bool, allow_special: bool, out: &mut Vec<Part>) {
        out.clear();
        let matcher = if normalized {
            &self.normalized
        } else {
            &self.raw
        };
        let Some(Matcher { automaton, ids }) = matcher else {
            out.push((None, 0, text.len()));
            return;
        };
        let mut done = 0;
        for found in automaton.find_iter(text) {
            let id = ids[found.pattern().as_usize()];
            let token = &self.by_id[&id];
            let (mut start, mut end) = (found.start(), found.end());
            if token.special && !allow_special {
                continue;
            }
            if token.single_word && !is_whole_word(text, start, end) {
                continue;
            }
            if token.lstrip {
                start = text[..start]
                    .trim_end_matches(char::is_whitespace)
                    .len()
                    .max(done);
            }
            if token.rstrip {
                end = text.len() - text[end..].trim_start_matches(char::is_whitespace).len();
            }
            if done < start {
                out.push((None, done, start));
            }
            out.push((Some(id), start, end));
            done = end;
        }
        if done != text.len() {
            out.push((None, done, text.len()));
        }
    }
}

fn is_whole_word(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    !before.is_some_and(is_word_character) && !after.is_some_and(is_word_character)
}

/// What a model token is written as, for lookups by text.
pub fn vocab_id(vocab: &Vocab, odd: &HashMap<String, u32>, token: &str) -> Option<u32> {
    let mut bytes = Vec::with_capacity(token.len());
    if super::alphabet::push_bytes(token, &mut bytes) {
        vocab.get(&bytes)
    } else {
        odd.get(token).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(content: &str, set: impl Fn(&mut AddedToken)) -> AddedToken {
        let mut token = AddedToken {
            content: content.into(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: true,
        };
        set(&mut token);
        token
    }

    fn parts(added: &Added, text: &str, allow: bool) -> Vec<Part> {
        let mut out = vec![];
        added.parts(text, false, allow, &mut out);
        out
    }

    #[test]
    fn tokens_strip_space_and_keep_to_whole_words() {
        let tokens = vec![
            token("<m>", |t| t.lstrip = true),
            token("<n>", |t| t.rstrip = true),
            token("dog", |t| t.single_word = true),
        ];
        let added = Added::new(tokens, &Normalizer::default(), 10, |_| None).unwrap();
        assert_eq!(
            parts(&added, "a <m>b", true),
            [(None, 0, 1), (Some(10), 1, 5), (None, 5, 6)]
        );
        assert_eq!(
            parts(&added, "<n> \tb", true),
            [(Some(11), 0, 5), (None, 5, 6)]
        );
        assert_eq!(parts(&added, "dogs", true), [(None, 0, 4)]);
        assert_eq!(parts(&added, "<m>", false), [(None, 0, 3)]);
    }
}
