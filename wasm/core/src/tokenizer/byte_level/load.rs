//! From tokenizer.json to the byte-level engine.

use super::added::{vocab_id, Added, AddedToken};
use super::normalize::{Form, Normalizer};
use super::parse::{parse, MergesSeed, Model, VocabSeed};
use super::post::Post;
use super::ByteLevel;
use crate::tokenizer::error::{Error, Result};
use crate::tokenizer::split::Splitter;
use serde::de::DeserializeSeed;
use serde_json::Value;

fn syntax(e: serde_json::Error) -> Error {
    Error::syntax(format!("Cannot load tokenizer: {e}"))
}

/// Loads a byte-level BPE file; `None` if it is valid but of another kind.
pub fn load(json: &[u8], extra: &[AddedToken]) -> Result<Option<ByteLevel>> {
    let file = parse(json).map_err(syntax)?;
    let Some(model) = file.model else {
        return Ok(None);
    };
    let plain = |text: &Option<String>| text.as_deref().unwrap_or("").is_empty();
    let suits = matches!(model.kind.as_deref(), Some("BPE") | None)
        && model.dropout.unwrap_or(0.0) == 0.0
        && plain(&model.continuing_subword_prefix)
        && plain(&model.end_of_word_suffix)
        && file.padding.is_null()
        && file.decoder["type"] == "ByteLevel"
        && file
            .truncation
            .as_ref()
            .is_none_or(|t| t.strategy != "OnlySecond");
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
    let Model {
        vocab: Some(words),
        merges,
        late_merges,
        ..
    } = model
    else {
        return Ok(None);
    };
    let merges = match (merges, late_merges) {
        (Some(merges), _) => merges,
        (None, Some(raw)) => {
            let mut seed = MergesSeed::new(&words.vocab);
            (&mut seed)
                .deserialize(&mut serde_json::Deserializer::from_str(raw.get()))
                .map_err(syntax)?;
            seed.finish()
        }
        (None, None) => return Ok(None),
    };
    let merges = merges.map_err(|e| Error::syntax(format!("Cannot load tokenizer: {e}")))?;
    let VocabSeed {
        vocab,
        odd,
        odd_ids,
        repeats,
    } = words;
    if repeats {
        return Ok(None);
    }
    let mut byte_ids = [0; 256];
    for (byte, id) in byte_ids.iter_mut().enumerate() {
        match vocab.get(&[byte as u8]) {
            Some(found) => *id = found,
            // Bytes without a token are left out or unknown; the general engine does that.
            None => return Ok(None),
        }
    }
    let mut tokens = file.added_tokens;
    let missing = extra
        .iter()
        .filter(|e| !tokens.iter().any(|t| t.content == e.content));
    let missing: Vec<_> = missing.cloned().collect();
    tokens.extend(missing);
    let size = vocab.count() + odd.len();
    let added = Added::new(tokens, &normalizer, size, |t| vocab_id(&vocab, &odd, t))?;
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
        post_processor: file.post_processor,
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
