//! Unicode normalisation, with the native library's own (older) tables.

use std::borrow::Cow;
use tokenizers::NormalizedString;
use unicode_normalization_alignments::{
    is_nfc_quick, is_nfd_quick, is_nfkc_quick, is_nfkd_quick, IsNormalized, UnicodeNormalization,
};

/// A normalisation form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

/// Normalisation forms, applied in order.
#[derive(Clone, Debug, Default)]
pub struct Normalizer(pub Vec<Form>);

impl Normalizer {
    /// The normalised text; borrowed if nothing changes, which offsets rely on.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.0.is_empty() || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut out = Cow::Borrowed(text);
        for form in &self.0 {
            let quick = match form {
                Form::Nfc => is_nfc_quick(out.chars()),
                Form::Nfd => is_nfd_quick(out.chars()),
                Form::Nfkc => is_nfkc_quick(out.chars()),
                Form::Nfkd => is_nfkd_quick(out.chars()),
            };
            if quick == IsNormalized::Yes {
                continue;
            }
            let normal: String = match form {
                Form::Nfc => out.nfc().map(|(c, _)| c).collect(),
                Form::Nfd => out.nfd().map(|(c, _)| c).collect(),
                Form::Nfkc => out.nfkc().map(|(c, _)| c).collect(),
                Form::Nfkd => out.nfkd().map(|(c, _)| c).collect(),
            };
            if normal != *out {
                out = Cow::Owned(normal);
            }
        }
        out
    }

    /// The same, keeping track of where each character came from.
    pub fn align(&self, text: &mut NormalizedString) {
        for form in &self.0 {
            match form {
                Form::Nfc => text.nfc(),
                Form::Nfd => text.nfd(),
                Form::Nfkc => text.nfkc(),
                Form::Nfkd => text.nfkd(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_normal_form_is_borrowed() {
        let nfc = Normalizer(vec![Form::Nfc]);
        assert!(matches!(nfc.apply("é 한"), Cow::Borrowed(_)));
        assert_eq!(nfc.apply("e\u{301} \u{1112}\u{1161}\u{11ab}"), "é 한");
    }
}
