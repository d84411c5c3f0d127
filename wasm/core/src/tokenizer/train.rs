//! Training a byte-level BPE: the pair that is seen most often becomes the next token. Ties go to
//! the smaller pair of ids, and ids are given out, as in the native library's trainer.

use super::byte_level::alphabet::BYTE_TO_CHAR;
use super::error::{Error, Result};
use super::split::Splitter;
use serde_json::{json, Map, Value};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

type Pair = (u32, u32);

/// What to train.
pub struct TrainOptions {
    pub vocab_size: usize,
    /// Pairs seen less often are not merged.
    pub min_frequency: u64,
    /// Ids 0, 1, … go to these.
    pub special_tokens: Vec<String>,
}

/// Words and how often each was seen.
pub struct Corpus {
    pattern: String,
    splitter: Splitter,
    counts: HashMap<Vec<u8>, u64>,
}

impl Corpus {
    /// An empty corpus whose words are the matches of `pattern`.
    pub fn new(pattern: &str) -> Result<Self> {
        let splitter = Splitter::from_pattern(pattern, true).ok_or_else(|| {
            Error::syntax(format!(
                "Cannot train: split pattern {pattern:?} is not supported"
            ))
        })?;
        Ok(Self {
            pattern: pattern.to_owned(),
            splitter,
            counts: HashMap::new(),
        })
    }

    /// Counts the words of one text.
    pub fn add(&mut self, text: &str) {
        let Self {
            splitter, counts, ..
        } = self;
        splitter.split(text, 0, text.len(), &mut |a, b| {
            let word = &text.as_bytes()[a..b];
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.to_vec(), 1);
                }
            }
        });
    }

    /// Learns the vocabulary and writes it as tokenizer.json.
    pub fn train(&self, options: &TrainOptions) -> Result<String> {
        let least = 256 + options.special_tokens.len();
        if options.vocab_size < least {
            return Err(Error::range(format!(
                "Cannot train tokenizer: vocabulary of {} tokens, expected at least {least}",
                options.vocab_size
            )));
        }
        let mut tokens = options.special_tokens.clone();
        if tokens.iter().collect::<HashSet<_>>().len() != tokens.len() {
            return Err(Error::range(
                "Cannot train tokenizer: a special token repeats",
            ));
        }
        let mut alphabet: Vec<(char, u8)> =
            (0..=255u8).map(|b| (BYTE_TO_CHAR[b as usize], b)).collect();
        alphabet.sort_unstable();
        let mut byte_ids = [0u32; 256];
        for (c, byte) in alphabet {
            byte_ids[byte as usize] = tokens.len() as u32;
            tokens.push(c.to_string());
        }
        let mut words: Vec<(&Vec<u8>, &u64)> = self.counts.iter().collect();
        words.sort_unstable();
        let words = words
            .into_iter()
            .map(|(word, &count)| {
                (
                    word.iter().map(|&b| byte_ids[b as usize]).collect(),
                    count as i64,
                )
            })
            .collect();
        let merges = learn(words, &mut tokens, options);
        Ok(self.file(&tokens, &merges, options))
    }

    fn file(&self, tokens: &[String], merges: &[Pair], options: &TrainOptions) -> String {
        let vocab: Map<String, Value> = tokens
            .iter()
            .enumerate()
            .map(|(id, token)| (token.clone(), json!(id)))
            .collect();
        let name = |id: u32| &tokens[id as usize];
        let merges: Vec<_> = merges
            .iter()
            .map(|&(a, b)| json!([name(a), name(b)]))
            .collect();
        let added: Vec<_> = options
            .special_tokens
            .iter()
            .enumerate()
            .map(|(id, content)| {
                json!({"id": id, "content": content, "single_word": false, "lstrip": false,
                       "rstrip": false, "normalized": false, "special": true})
            })
            .collect();
        let byte_level = |use_regex: bool| {
            json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                   "use_regex": use_regex})
        };
        let file = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
            "normalizer": null,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": self.pattern}, "behavior": "Isolated",
                 "invert": false},
                byte_level(false)]},
            "post_processor": null, "decoder": byte_level(true),
            "model": {"type": "BPE", "dropout": null, "unk_token": null,
                "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
                "byte_fallback": false, "ignore_merges": false, "vocab": vocab, "merges": merges},
        });
        format!("{file:#}\n")
    }
}

/// Merges pairs in `words` until the vocabulary is full; appends the new tokens.
fn learn(
    mut words: Vec<(Vec<u32>, i64)>,
    tokens: &mut Vec<String>,
    options: &TrainOptions,
) -> Vec<Pair> {
    let mut by_name: HashMap<String, u32> = tokens
        .iter()
        .cloned()
        .enumerate()
        .map(|(id, token)| (token, id as u32))
        .collect();
    let mut counts: HashMap<Pair, i64> = HashMap::new();
    let mut places: HashMap<Pair, Vec<usize>> = HashMap::new();
    for (i, (word, count)) in words.iter().enumerate() {
        for pair in word.windows(2).map(|w| (w[0], w[1])) {
            *counts.entry(pair).or_default() += count;
            places.entry(pair).or_default().push(i);
        }
    }
    let mut queue: BinaryHeap<(i64, Reverse<Pair>)> = counts
        .iter()
        .map(|(&pair, &count)| (count, Reverse(pair)))
        .collect();
    let mut merges = vec![];
    while tokens.len() < options.vocab_size {
        let Some((count, Reverse(pair))) = queue.pop() else {
            break;
        };
        let now = counts.get(&pair).copied().unwrap_or(0);
        if now != count {
            if now > 0 {
                queue.push((now, Reverse(pair)));
            }
            continue;
        }
        if count < 1 || count < options.min_frequency as i64 {
            break;
        }
        let name = format!("{}{}", tokens[pair.0 as usize], tokens[pair.1 as usize]);
        let id = *by_name.entry(name).or_insert_with_key(|name| {
            tokens.push(name.clone());
            tokens.len() as u32 - 1
        });
        merges.push(pair);
        let mut at = places.remove(&pair).unwrap_or_default();
        at.dedup();
        let mut fresh: HashSet<Pair> = HashSet::new();
        for i in at {
            let (word, weight) = &mut words[i];
            merge_in(word, pair, id, &mut |changed, by| {
                *counts.entry(changed).or_default() += by * *weight;
                if by > 0 {
                    places.entry(changed).or_default().push(i);
                    fresh.insert(changed);
                }
            });
        }
        counts.remove(&pair);
        let fresh = fresh
            .into_iter()
            .filter_map(|p| Some((*counts.get(&p)?, Reverse(p))));
        queue.extend(fresh.filter(|(count, _)| *count > 0));
    }
    merges
}

/// Replaces `pair` by `id` in `word` and reports how pairs beside it changed.
fn merge_in(word: &mut Vec<u32>, pair: Pair, id: u32, changed: &mut impl FnMut(Pair, i64)) {
    let mut i = 0;
    while i + 1 < word.len() {
        if (word[i], word[i + 1]) == pair {
            if i > 0 {
                changed((word[i - 1], pair.0), -1);
                changed((word[i - 1], id), 1);
            }
            if let Some(&next) = word.get(i + 2) {
                changed((pair.1, next), -1);
                changed((id, next), 1);
            }
            word[i] = id;
            word.remove(i + 1);
        }
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::{EncodeOptions, Tokenizer};

    #[test]
    fn a_trained_tokenizer_loads_and_merges_what_is_frequent() {
        let mut corpus = Corpus::new(r"\p{L}+|[^\p{L}]+").unwrap();
        corpus.add("low low low lower lowest newest newest");
        let options = TrainOptions {
            vocab_size: 262,
            min_frequency: 2,
            special_tokens: vec!["<|end|>".into()],
        };
        let file = corpus.train(&options).unwrap();
        let mut tokenizer = Tokenizer::load(file.as_bytes(), &[]).unwrap();
        assert!(matches!(tokenizer, Tokenizer::ByteLevel(_)));
        let ids = tokenizer
            .encode("low<|end|>", &EncodeOptions::default())
            .unwrap()
            .ids;
        assert_eq!(ids.last(), Some(&0));
        assert_eq!(tokenizer.token(ids[0]).as_deref(), Some("low"));
        assert_eq!(tokenizer.decode(&ids, true).unwrap(), "low");
        assert!(corpus
            .train(&TrainOptions {
                vocab_size: 10,
                ..options
            })
            .is_err());
    }
}
