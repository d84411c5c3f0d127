//! From tokenizer.json to the byte-level engine, in one pass over the large parts.

use super::added::{vocab_id, Added, AddedToken};
use super::alphabet::push_bytes;
use super::merges::Merges;
use super::normalize::{Form, Normalizer};
use super::post::Post;
use super::vocab::Vocab;
use super::{ByteLevel, Truncation};
use crate::tokenizer::error::{Error, Result};
use crate::tokenizer::split::Splitter;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

/// Ids beyond this are refused: tables are indexed by id.
const MAX_ID: u32 = 1 << 24;

#[derive(Deserialize)]
struct File<'a> {
    #[serde(default)]
    truncation: Option<Truncation>,
    #[serde(default)]
    padding: Value,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(borrow)]
    model: Model<'a>,
}

#[derive(Deserialize)]
struct Model<'a> {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    dropout: Option<f64>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    ignore_merges: Option<bool>,
    #[serde(borrow)]
    vocab: &'a RawValue,
    #[serde(borrow, default)]
    merges: Option<&'a RawValue>,
}

fn syntax(e: serde_json::Error) -> Error {
    Error::syntax(format!("Cannot load tokenizer: {e}"))
}

/// Loads a byte-level BPE file; `None` if it is valid but of another kind.
pub fn load(json: &[u8], extra: &[AddedToken]) -> Result<Option<ByteLevel>> {
    let file: File = serde_json::from_slice(json).map_err(syntax)?;
    let model = &file.model;
    let plain = |text: &Option<String>| text.as_deref().unwrap_or("").is_empty();
    let merges = match (model.kind.as_deref(), model.merges) {
        (Some("BPE") | None, Some(merges)) => merges,
        _ => return Ok(None),
    };
    let suits = model.dropout.unwrap_or(0.0) == 0.0
        && plain(&model.continuing_subword_prefix)
        && plain(&model.end_of_word_suffix)
        && file.padding.is_null()
        && file.decoder["type"] == "ByteLevel";
    if !suits {
        return Ok(None);
    }
    let Some(normalizer) = normalizer(&file.normalizer) else {
        return Ok(None);
    };
    let Some((splitters, prefix_space)) = splitters(&file.pre_tokenizer) else {
        return Ok(None);
    };
    let Some(post) = Post::parse(&file.post_processor)? else {
        return Ok(None);
    };
    let text = model.vocab.get();
    let mut words = VocabSeed {
        vocab: Vocab::with_capacity(text.len() / 18, text.len() / 2),
        odd: HashMap::new(),
        odd_ids: HashMap::new(),
    };
    let mut de = serde_json::Deserializer::from_str(text);
    (&mut words).deserialize(&mut de).map_err(syntax)?;
    let VocabSeed {
        vocab,
        odd,
        odd_ids,
    } = words;
    let mut byte_ids = [0; 256];
    for (byte, id) in byte_ids.iter_mut().enumerate() {
        match vocab.get(&[byte as u8]) {
            Some(found) => *id = found,
            // Bytes without a token are left out or unknown; the general engine does that.
            None => return Ok(None),
        }
    }
    let mut seed = MergesSeed {
        vocab: &vocab,
        merges: Merges::with_capacity(merges.get().len() / 12),
        rank: 0,
        bytes: vec![],
    };
    let mut de = serde_json::Deserializer::from_str(merges.get());
    (&mut seed).deserialize(&mut de).map_err(syntax)?;
    let merges = seed.merges;
    let mut tokens = file.added_tokens;
    tokens.extend(
        extra
            .iter()
            .filter(|e| !tokens.iter().any(|t| t.content == e.content))
            .cloned()
            .collect::<Vec<_>>(),
    );
    let size = vocab.count() + odd.len();
    let added = Added::new(tokens, &normalizer, size, |t| vocab_id(&vocab, &odd, t))?;
    if file
        .truncation
        .as_ref()
        .is_some_and(|t| t.strategy == "OnlySecond")
    {
        return Ok(None);
    }
    Ok(Some(ByteLevel {
        vocab,
        odd,
        odd_ids,
        merges,
        byte_ids,
        ignore_merges: model.ignore_merges.unwrap_or(false),
        normalizer,
        splitters,
        prefix_space,
        added,
        post,
        truncation: file.truncation,
        state: Default::default(),
    }))
}

fn normalizer(value: &Value) -> Option<Normalizer> {
    let form = match value["type"].as_str() {
        None if value.is_null() => return Some(Normalizer::default()),
        Some("NFC") => Form::Nfc,
        Some("NFD") => Form::Nfd,
        Some("NFKC") => Form::Nfkc,
        Some("NFKD") => Form::Nfkd,
        Some("Sequence") => {
            let parts = value["normalizers"].as_array()?.iter().map(normalizer);
            return Some(Normalizer(
                parts
                    .collect::<Option<Vec<_>>>()?
                    .into_iter()
                    .flat_map(|n| n.0)
                    .collect(),
            ));
        }
        _ => return None,
    };
    Some(Normalizer(vec![form]))
}

/// The splitting steps, and whether a space is put before the text; `None` unless the last step is
/// `ByteLevel`.
fn splitters(value: &Value) -> Option<(Vec<Splitter>, bool)> {
    let list = match value["type"].as_str()? {
        "Sequence" => value["pretokenizers"].as_array()?.iter().collect(),
        _ => vec![value],
    };
    let (last, steps) = list.split_last()?;
    let mut out = vec![];
    for step in steps {
        out.push(match step["type"].as_str()? {
            "Digits" => Splitter::Digits {
                individual: step["individual_digits"].as_bool()?,
            },
            "Split" => {
                let isolated = match (step["behavior"].as_str()?, step["invert"].as_bool()?) {
                    ("Isolated", _) => true,
                    ("Removed", true) => false,
                    _ => return None,
                };
                Splitter::from_pattern(step["pattern"]["Regex"].as_str()?, isolated)?
            }
            _ => return None,
        });
    }
    if last["type"] != "ByteLevel" {
        return None;
    }
    let prefix = last["add_prefix_space"].as_bool().unwrap_or(true);
    if prefix && !out.is_empty() {
        return None;
    }
    if last["use_regex"].as_bool().unwrap_or(true) {
        out.push(Splitter::Gpt2);
    }
    Some((out, prefix))
}

struct VocabSeed {
    vocab: Vocab,
    /// Tokens with characters outside the byte alphabet: never made by merging.
    odd: HashMap<String, u32>,
    odd_ids: HashMap<u32, String>,
}

impl<'de> DeserializeSeed<'de> for &mut VocabSeed {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut VocabSeed {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map from tokens to ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        use serde::de::Error as _;
        let mut bytes = vec![];
        while let Some(Text(token)) = map.next_key()? {
            let id: u32 = map.next_value()?;
            if id > MAX_ID {
                return Err(A::Error::custom(format!(
                    "id {id}, expected at most {MAX_ID}"
                )));
            }
            bytes.clear();
            let token: &str = &token;
            if !push_bytes(token, &mut bytes) {
                self.odd.insert(token.to_owned(), id);
                self.odd_ids.insert(id, token.to_owned());
            } else if !self.vocab.insert(&bytes, id) {
                return Err(A::Error::custom(format!(
                    "token {token:?} or id {id} repeats"
                )));
            }
        }
        Ok(())
    }
}

/// A string, borrowed from the file where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

struct MergesSeed<'v> {
    vocab: &'v Vocab,
    merges: Merges,
    rank: u32,
    bytes: Vec<u8>,
}

impl MergesSeed<'_> {
    fn add<E: serde::de::Error>(&mut self, left: &str, right: &str) -> std::result::Result<(), E> {
        let unknown =
            |token: &str| E::custom(format!("merge token {token:?} is not in the vocabulary"));
        self.bytes.clear();
        if !push_bytes(left, &mut self.bytes) {
            return Err(unknown(left));
        }
        let cut = self.bytes.len();
        if !push_bytes(right, &mut self.bytes) {
            return Err(unknown(right));
        }
        let find = |bytes: &[u8]| {
            self.vocab
                .get(bytes)
                .ok_or_else(|| unknown(&super::alphabet::to_chars(bytes)))
        };
        let (a, b) = (find(&self.bytes[..cut])?, find(&self.bytes[cut..])?);
        let id = find(&self.bytes)?;
        self.merges.insert(a, b, self.rank, id);
        self.rank += 1;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut MergesSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut MergesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of merges")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        while seq.next_element_seed(MergeSeed(self))?.is_some() {}
        Ok(())
    }
}

/// One merge, as `"a b"` or `["a", "b"]`.
struct MergeSeed<'a, 'v>(&'a mut MergesSeed<'v>);

impl<'de> DeserializeSeed<'de> for MergeSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MergeSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a merge of two tokens")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<(), E> {
        if text.starts_with("#version") {
            return Ok(());
        }
        match text.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => self.0.add(left, right),
            _ => Err(E::custom(format!(
                "merge {text:?}, expected two tokens and one space"
            ))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        use serde::de::Error as _;
        let (left, right): (Option<Text>, Option<Text>) =
            (seq.next_element()?, seq.next_element()?);
        match (left, right, seq.next_element::<Text>()?) {
            (Some(Text(left)), Some(Text(right)), None) => self.0.add(&left, &right),
            _ => Err(A::Error::custom("merge of another length than two")),
        }
    }
}
