//! Where each id came from in the text, by the native library's rules.

use super::{ByteLevel, EncodeOptions, Output, State};
use crate::tokenizer::OffsetUnit;
use tokenizers::tokenizer::normalizer::Range;
use tokenizers::NormalizedString;

/// Bytes of the text, and how many spaces of the token are at either end.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    leading: usize,
    trailing: usize,
}

impl Span {
    /// The span of an added token that was found as `found`.
    pub fn added(start: usize, end: usize, found: &str) -> Self {
        let space = |c: &char| *c == 'Ġ' || c.is_whitespace();
        Self {
            start,
            end,
            leading: found.chars().take_while(space).count(),
            trailing: found.chars().rev().take_while(space).count(),
        }
    }

    /// The span of a token that begins at byte `start` of `text`, widened to whole characters.
    pub fn bytes(start: usize, text: &str, token: &[u8]) -> Self {
        let (mut a, mut b) = (start, start + token.len());
        while !text.is_char_boundary(a) {
            a -= 1;
        }
        while !text.is_char_boundary(b) {
            b += 1;
        }
        Self {
            start: a,
            end: b,
            leading: token.iter().take_while(|&&b| b == b' ').count(),
            trailing: token.iter().rev().take_while(|&&b| b == b' ').count(),
        }
    }
}

/// Byte spans → trimmed offsets in the wanted unit.
pub fn convert(text: &str, spans: &[Span], trims: &[bool], unit: OffsetUnit) -> Vec<(u32, u32)> {
    let index = Index::new(text);
    let mut out: Vec<(usize, usize)> = spans
        .iter()
        .map(|s| (index.at(s.start), index.at(s.end)))
        .collect();
    for &prefix in trims {
        for (i, (offset, span)) in out.iter_mut().zip(spans).enumerate() {
            trim(offset, span, i, prefix);
        }
    }
    let place = |n: usize| n as u32;
    if unit == OffsetUnit::CodePoint || text.is_ascii() {
        return out.into_iter().map(|(a, b)| (place(a), place(b))).collect();
    }
    let mut units = Vec::with_capacity(text.len() + 1);
    let mut at = 0u32;
    for c in text.chars() {
        units.push(at);
        at += c.len_utf16() as u32;
    }
    units.push(at);
    out.into_iter().map(|(a, b)| (units[a], units[b])).collect()
}

fn trim(offset: &mut (usize, usize), span: &Span, i: usize, prefix: bool) {
    let mut leading = span.leading;
    if leading > 0 {
        // A single leading space at the very start is the one that was added.
        if (i == 0 || offset.0 == 0) && prefix && leading == 1 {
            leading = 0;
        }
        offset.0 = (offset.0 + leading).min(offset.1);
    }
    if span.trailing > 0 && offset.1 >= span.trailing {
        offset.1 = (offset.1 - span.trailing).max(offset.0);
    }
}

/// From byte places to character places.
struct Index(Option<Vec<u32>>);

impl Index {
    fn new(text: &str) -> Self {
        if text.is_ascii() {
            return Self(None);
        }
        let mut places = vec![0u32; text.len() + 1];
        let mut count = 0;
        for (i, c) in text.char_indices() {
            places[i..i + c.len_utf8()].fill(count);
            count += 1;
        }
        places[text.len()] = count;
        Self(Some(places))
    }

    fn at(&self, byte: usize) -> usize {
        self.0.as_ref().map_or(byte, |places| places[byte] as usize)
    }
}

impl ByteLevel {
    /// As `encode_part`, for text that normalisation or an added space changes: places in the new
    /// text are carried back to the old one.
    pub(super) fn encode_aligned(
        &self,
        text: &str,
        start: usize,
        end: usize,
        options: &EncodeOptions,
        state: &mut State,
        out: &mut Output,
    ) {
        let mut normal = NormalizedString::from(&text[start..end]);
        self.normalizer.align(&mut normal);
        let mut parts = vec![];
        self.added
            .parts(normal.get(), true, options.allow_special, &mut parts);
        for (id, a, b) in parts {
            let Some(mut slice) = normal.slice(Range::Normalized(a..b)) else {
                continue;
            };
            let base = start + slice.offsets_original().0;
            let from = out.ids.len();
            match id {
                Some(id) => {
                    let found = slice.get().to_owned();
                    self.push_added(id, &found, 0, found.len(), out);
                }
                None => {
                    if self.prefix_space && !slice.get().starts_with(' ') {
                        slice.prepend(" ");
                    }
                    let piece = slice.get().to_owned();
                    self.words(&piece, 0, piece.len(), state, out);
                }
            }
            for span in out.spans.iter_mut().flat_map(|spans| &mut spans[from..]) {
                let range = Range::Normalized(span.start..span.end);
                if let Some(original) = slice.convert_offsets(range) {
                    (span.start, span.end) = (base + original.start, base + original.end);
                }
            }
        }
    }
}
