//! Reading tokenizer.json in one pass, straight into the tables: the vocabulary and the merges are
//! nearly all of the file.
//!
//! What handles one entry is kept out of line on purpose. An engine that compiles WebAssembly in
//! tiers swaps code in between calls only: one long inlined loop would stay in the slow tier for
//! the whole of the first load.

use super::added::AddedToken;
use super::alphabet::push_bytes;
use super::merges::Merges;
use super::vocab::Vocab;
use super::Truncation;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

type Outcome<T, E> = std::result::Result<T, E>;

/// Ids beyond this are refused: tables are indexed by id.
const MAX_ID: u32 = 1 << 24;
/// About this many bytes of a file go with each token; an estimate, to size tables once.
const BYTES_PER_TOKEN: usize = 64;

/// A file's parts.
#[derive(Default)]
pub struct File<'a> {
    pub truncation: Option<Truncation>,
    pub padding: Value,
    pub added_tokens: Vec<AddedToken>,
    pub normalizer: Value,
    pub pre_tokenizer: Value,
    pub post_processor: Value,
    pub decoder: Value,
    /// Absent if the decoder, which comes first, already tells that it is of another kind.
    pub model: Option<Model<'a>>,
}

/// The model; the tables are there if it can be byte-level.
#[derive(Default)]
pub struct Model<'a> {
    pub kind: Option<String>,
    pub dropout: Option<f64>,
    pub continuing_subword_prefix: Option<String>,
    pub end_of_word_suffix: Option<String>,
    pub ignore_merges: Option<bool>,
    pub vocab: Option<VocabSeed>,
    /// The merges, or why they are none.
    pub merges: Option<Outcome<Merges, String>>,
    /// Merges that stand before the vocabulary.
    pub late_merges: Option<&'a RawValue>,
}

/// Reads a whole file.
pub fn parse(json: &[u8]) -> serde_json::Result<File<'_>> {
    let mut de = serde_json::Deserializer::from_slice(json);
    let file = de.deserialize_map(FileVisitor {
        tokens: json.len() / BYTES_PER_TOKEN,
    })?;
    de.end()?;
    Ok(file)
}

struct FileVisitor {
    tokens: usize,
}

impl<'de> Visitor<'de> for FileVisitor {
    type Value = File<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Outcome<File<'de>, A::Error> {
        let mut file = File::default();
        let mut found = false;
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "truncation" => file.truncation = map.next_value()?,
                "padding" => file.padding = map.next_value()?,
                "added_tokens" => file.added_tokens = map.next_value()?,
                "normalizer" => file.normalizer = map.next_value()?,
                "pre_tokenizer" => file.pre_tokenizer = map.next_value()?,
                "post_processor" => file.post_processor = map.next_value()?,
                "decoder" => file.decoder = map.next_value()?,
                "model" => {
                    found = true;
                    let kind = file.decoder["type"].as_str();
                    if kind.is_none_or(|kind| kind == "ByteLevel") {
                        file.model = Some(map.next_value_seed(ModelSeed {
                            tokens: self.tokens,
                        })?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !found {
            return Err(A::Error::missing_field("model"));
        }
        Ok(file)
    }
}

struct ModelSeed {
    tokens: usize,
}

impl<'de> DeserializeSeed<'de> for ModelSeed {
    type Value = Model<'de>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Outcome<Model<'de>, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ModelSeed {
    type Value = Model<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a model")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Outcome<Model<'de>, A::Error> {
        let mut model = Model::default();
        while let Some(Text(key)) = map.next_key()? {
            let other = model.kind.as_deref().is_some_and(|kind| kind != "BPE");
            match &*key {
                "type" => model.kind = map.next_value()?,
                "dropout" if !other => model.dropout = map.next_value()?,
                "continuing_subword_prefix" if !other => {
                    model.continuing_subword_prefix = map.next_value()?;
                }
                "end_of_word_suffix" if !other => model.end_of_word_suffix = map.next_value()?,
                "ignore_merges" if !other => model.ignore_merges = map.next_value()?,
                "vocab" if !other => {
                    let mut seed = VocabSeed::new(self.tokens);
                    model.vocab = map.next_value_seed(&mut seed)?.then_some(seed);
                }
                "merges" if !other => match &model.vocab {
                    Some(words) => {
                        let mut seed = MergesSeed::new(&words.vocab);
                        map.next_value_seed(&mut seed)?;
                        model.merges = Some(seed.finish());
                    }
                    None => model.late_merges = Some(map.next_value()?),
                },
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(model)
    }
}

/// Collects the vocabulary.
pub struct VocabSeed {
    pub vocab: Vocab,
    /// Tokens with characters outside the byte alphabet: never made by merging.
    pub odd: HashMap<String, u32>,
    pub odd_ids: HashMap<u32, String>,
    /// Whether a token or an id was there twice.
    pub repeats: bool,
}

impl VocabSeed {
    fn new(tokens: usize) -> Self {
        Self {
            vocab: Vocab::with_capacity(tokens, tokens * 8),
            odd: HashMap::new(),
            odd_ids: HashMap::new(),
            repeats: false,
        }
    }

    #[inline(never)]
    fn add(&mut self, token: &str, id: u32, bytes: &mut Vec<u8>) {
        bytes.clear();
        if push_bytes(token, bytes) {
            self.repeats |= !self.vocab.insert(bytes, id);
        } else {
            let repeats = self.odd.insert(token.to_owned(), id).is_some();
            self.repeats |= repeats || self.odd_ids.insert(id, token.to_owned()).is_some();
        }
    }
}

/// Whether the vocabulary is a map; other kinds have lists.
impl<'de> DeserializeSeed<'de> for &mut VocabSeed {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Outcome<bool, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut VocabSeed {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map from tokens to ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Outcome<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Outcome<bool, A::Error> {
        let mut bytes = vec![];
        while let Some(Text(token)) = map.next_key()? {
            let id: u32 = map.next_value()?;
            if id > MAX_ID {
                return Err(A::Error::custom(format!(
                    "id {id}, expected at most {MAX_ID}"
                )));
            }
            self.add(&token, id, &mut bytes);
        }
        Ok(true)
    }
}

/// A string, borrowed from the file where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

/// Collects the merges.
pub struct MergesSeed<'v> {
    vocab: &'v Vocab,
    merges: Merges,
    rank: u32,
    bytes: Vec<u8>,
    /// The first token that the vocabulary lacks; files of other kinds may have them.
    unknown: Option<String>,
}

impl<'v> MergesSeed<'v> {
    pub fn new(vocab: &'v Vocab) -> Self {
        let merges = Merges::with_capacity(vocab.count() * 2);
        Self {
            vocab,
            merges,
            rank: 0,
            bytes: vec![],
            unknown: None,
        }
    }

    /// The merges, or why they are none.
    pub fn finish(self) -> Outcome<Merges, String> {
        match self.unknown {
            None => Ok(self.merges),
            Some(token) => Err(format!("merge token {token:?} is not in the vocabulary")),
        }
    }

    #[inline(never)]
    fn add(&mut self, left: &str, right: &str) {
        self.bytes.clear();
        let written = push_bytes(left, &mut self.bytes);
        let cut = self.bytes.len();
        let written = push_bytes(right, &mut self.bytes) && written;
        let ids = (
            self.vocab.get(&self.bytes[..cut]),
            self.vocab.get(&self.bytes[cut..]),
            self.vocab.get(&self.bytes),
        );
        match ids {
            (Some(a), Some(b), Some(id)) if written => {
                self.merges.insert(a, b, self.rank, id);
                self.rank += 1;
            }
            (None, _, _) if self.unknown.is_none() => self.unknown = Some(left.to_owned()),
            (_, None, _) if self.unknown.is_none() => self.unknown = Some(right.to_owned()),
            _ if self.unknown.is_none() => self.unknown = Some(format!("{left}{right}")),
            _ => (),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut MergesSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Outcome<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut MergesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of merges")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Outcome<(), A::Error> {
        while seq.next_element_seed(MergeSeed(self))?.is_some() {}
        Ok(())
    }
}

/// One merge, as `"a b"` or `["a", "b"]`.
struct MergeSeed<'a, 'v>(&'a mut MergesSeed<'v>);

impl<'de> DeserializeSeed<'de> for MergeSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Outcome<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MergeSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a merge of two tokens")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Outcome<(), E> {
        if text.starts_with("#version") {
            return Ok(());
        }
        match text.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => self.0.add(left, right),
            _ => return Err(E::custom(format!("merge {text:?}, expected two tokens"))),
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Outcome<(), A::Error> {
        let (left, right): (Option<Text>, Option<Text>) =
            (seq.next_element()?, seq.next_element()?);
        match (left, right, seq.next_element::<Text>()?) {
            (Some(Text(left)), Some(Text(right)), None) => self.0.add(&left, &right),
            _ => return Err(A::Error::custom("merge of another length than two")),
        }
        Ok(())
    }
}
