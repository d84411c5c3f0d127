//! Text pairs and type ids, for both engines by the native library's own rules: its truncation and its
//! post-processors run on what the engine found.

use super::byte_level::{offsets, ByteLevel};
use super::error::{Error, Result};
use super::{EncodeOptions, Encoded, OffsetUnit};
use tokenizers::utils::truncation::truncate_encodings;
use tokenizers::{
    Encoding, PostProcessor, PostProcessorWrapper, Token, TruncationDirection, TruncationParams,
    TruncationStrategy,
};

/// Cuts and joins what an engine found in a text, or two, before post-processing; offsets count code
/// points. `file` is the truncation of the file.
pub fn join(
    (first, second): (Encoding, Option<Encoding>),
    processor: Option<&PostProcessorWrapper>,
    file: Option<TruncationParams>,
    options: &EncodeOptions,
) -> Result<Encoding> {
    let fail = |e: tokenizers::Error| Error::range(format!("Cannot encode text: {e}"));
    let added = processor.map_or(0, |p| p.added_tokens(second.is_some()));
    let (first, second) = match truncation(options, file, added)? {
        Some(params) => truncate_encodings(first, second, &params).map_err(fail)?,
        None => (first, second),
    };
    match processor {
        Some(processor) => processor
            .process(first, second, options.add_special_tokens)
            .map_err(fail),
        None => Ok(joined(first, second)),
    }
}

/// What is cut where `added` special tokens come on top.
fn truncation(
    options: &EncodeOptions,
    file: Option<TruncationParams>,
    added: usize,
) -> Result<Option<TruncationParams>> {
    let Some(max) = options.max_length.or(file.as_ref().map(|t| t.max_length)) else {
        return Ok(None);
    };
    let added = if options.add_special_tokens { added } else { 0 };
    let Some(max_length) = max.checked_sub(added) else {
        return Err(Error::range(format!(
            "Cannot truncate to {max} tokens: expected at least the {added} special tokens"
        )));
    };
    let mut params = TruncationParams {
        max_length,
        stride: 0,
        ..file.unwrap_or_default()
    };
    if let Some(strategy) = options.truncate {
        params.strategy = strategy;
    }
    if let Some(left) = options.truncate_left {
        params.direction = direction(left);
    }
    Ok(Some(params))
}

/// The side to cut on.
pub fn direction(left: bool) -> TruncationDirection {
    match left {
        true => TruncationDirection::Left,
        false => TruncationDirection::Right,
    }
}

impl ByteLevel {
    /// See [`super::Tokenizer::encode_pair`].
    pub fn encode_pair(
        &self,
        text: &str,
        pair: Option<&str>,
        options: &EncodeOptions,
    ) -> Result<Encoded> {
        let processor: Option<PostProcessorWrapper> = match self.post_processor() {
            value if value.is_null() => None,
            value => serde_json::from_value(value.clone())
                .map_err(|e| Error::syntax(format!("Cannot read post-processor: {e}")))?,
        };
        let file = self.file_truncation().map(|t| TruncationParams {
            max_length: t.max_length,
            direction: direction(t.direction.as_deref() == Some("Left")),
            strategy: match t.strategy == "OnlyFirst" {
                true => TruncationStrategy::OnlyFirst,
                false => TruncationStrategy::LongestFirst,
            },
            stride: 0,
        });
        let found = (
            self.unprocessed(text, 0, options),
            pair.map(|pair| self.unprocessed(pair, 1, options)),
        );
        let encoding = join(found, processor.as_ref(), file, options)?;
        Ok(encoded(&encoding, text, pair, options))
    }

    /// The tokens of one text with offsets in code points, as they are before post-processing.
    fn unprocessed(&self, text: &str, type_id: u32, options: &EncodeOptions) -> Encoding {
        let options = EncodeOptions {
            offsets: Some(OffsetUnit::CodePoint),
            ..options.clone()
        };
        let (ids, spans) = self.spans_of(text, &options);
        let places = offsets::convert(text, &spans, &[], OffsetUnit::CodePoint);
        let tokens = ids.into_iter().zip(places).map(|(id, (start, end))| {
            let offsets = (start as usize, end as usize);
            Token::new(id, self.token(id).unwrap_or_default(), offsets)
        });
        Encoding::from_tokens(tokens.collect(), type_id)
    }
}

/// Two texts without a post-processor: one after the other.
fn joined(mut first: Encoding, second: Option<Encoding>) -> Encoding {
    if let Some(mut second) = second {
        first.set_sequence_id(0);
        second.set_sequence_id(1);
        first.merge_with(second, false);
    }
    first
}

/// What a caller gets of an encoding whose offsets count code points.
pub fn encoded(
    encoding: &Encoding,
    text: &str,
    pair: Option<&str>,
    options: &EncodeOptions,
) -> Encoded {
    Encoded {
        ids: encoding.get_ids().to_vec(),
        type_ids: encoding.get_type_ids().to_vec(),
        offsets: match options.offsets {
            Some(unit) => char_offsets(encoding, text, pair, unit),
            None => vec![],
        },
    }
}

/// Offsets in code points → the wanted unit, each in its own text.
pub fn char_offsets(
    encoding: &Encoding,
    text: &str,
    pair: Option<&str>,
    unit: OffsetUnit,
) -> Vec<(u32, u32)> {
    let places = [text, pair.unwrap_or("")].map(|text| match unit {
        OffsetUnit::CodePoint => None,
        OffsetUnit::Utf16 => utf16_places(text),
    });
    let place = |sequence: usize, n: usize| match &places[sequence] {
        Some(units) => units.get(n).copied().unwrap_or(n as u32),
        None => n as u32,
    };
    let offsets = encoding.get_offsets().iter().enumerate();
    offsets
        .map(|(token, &(start, end))| {
            let sequence = encoding.token_to_sequence(token).unwrap_or(0);
            (place(sequence, start), place(sequence, end))
        })
        .collect()
}

/// The UTF-16 place of each code point and of the end; `None` where they agree.
fn utf16_places(text: &str) -> Option<Vec<u32>> {
    if text.is_ascii() {
        return None;
    }
    let mut at = 0;
    let mut places = vec![0];
    places.extend(text.chars().map(|c| {
        at += c.len_utf16() as u32;
        at
    }));
    Some(places)
}
