//! Where a text announces its answer, and how clearly.

use super::languages::{Language, LANGUAGES};
use super::{starts, Source};

/// A word for "answer" in the text.
pub struct Anchor {
    /// Right after the word, and after "final" if that follows.
    pub at: usize,
    /// Whether "final" stands on either side.
    pub is_final: bool,
    language: &'static Language,
}

/// Every place where a word for "answer" stands, in `language` or in any.
pub fn anchors(chars: &[char], language: Option<&'static Language>) -> Vec<Anchor> {
    let languages: Vec<&'static Language> = match language {
        Some(one) => vec![one],
        None => LANGUAGES.iter().collect(),
    };
    // First letters, so that most places are passed over at once.
    let mut first: Vec<char> = languages
        .iter()
        .flat_map(|l| l.answer)
        .filter_map(|w| w.chars().next())
        .collect();
    first.sort_unstable();
    first.dedup();
    let mut out = vec![];
    for (i, c) in chars.iter().enumerate() {
        let lower = c.to_lowercase().next().unwrap_or(*c);
        if first.binary_search(&lower).is_err() || inside_a_word(chars, i) {
            continue;
        }
        let found = languages.iter().find_map(|l| {
            let longest = l.answer.iter().filter(|w| starts(chars, i, w));
            longest.map(|w| (*l, w.chars().count())).max_by_key(|x| x.1)
        });
        if let Some((language, length)) = found {
            out.push(anchor(chars, i, i + length, language));
        }
    }
    out
}

/// A small letter after another letter of an alphabet; other scripts write words without gaps.
fn inside_a_word(chars: &[char], i: usize) -> bool {
    let alphabetic = |c: char| c.is_alphabetic() && (c.is_lowercase() || c.is_uppercase());
    i > 0 && alphabetic(chars[i - 1]) && chars[i].is_lowercase()
}

fn anchor(chars: &[char], start: usize, end: usize, language: &'static Language) -> Anchor {
    let before: String = chars[start.saturating_sub(16)..start]
        .iter()
        .collect::<String>()
        .to_lowercase();
    let before = before.trim_end();
    let mut at = end;
    let mut is_final = language.last.iter().any(|w| before.ends_with(w));
    let mut next = end;
    while chars.get(next).is_some_and(|c| c.is_whitespace()) {
        next += 1;
    }
    if let Some(word) = language.last.iter().find(|w| starts(chars, next, w)) {
        at = next + word.chars().count();
        is_final = true;
    }
    Anchor {
        at,
        is_final,
        language,
    }
}

impl Source {
    /// How clearly the candidate at `start..end` is announced.
    pub fn priority(&self, start: usize, end: usize) -> i32 {
        let mut best = 300;
        // Only the nearest few anchors can be close enough.
        let until = self.anchors.partition_point(|a| a.at <= start);
        for anchor in self.anchors[..until].iter().rev().take(4) {
            let gap = &self.chars[anchor.at..start];
            if gap.len() > 120 {
                break;
            }
            let says_is = says_is(gap, anchor.language);
            if anchor.is_final && says_is && gap.len() <= 8 && self.hopes(end) {
                return 0;
            }
            let colon = matches!(
                gap.iter().find(|c| !c.is_whitespace() && **c != '*'),
                Some(':' | '：')
            );
            let p = if anchor.is_final && says_is {
                50
            } else if colon && gap.len() <= 60 {
                100
            } else if gap.len() <= 60 {
                200
            } else {
                300
            };
            best = best.min(p);
        }
        best
    }

    /// Where what the anchor announces starts: past a colon and "is", if one of them stands there.
    pub fn statement(&self, anchor: &Anchor) -> Option<usize> {
        let skip = |mut k: usize, line: bool| {
            while self
                .chars
                .get(k)
                .is_some_and(|c| matches!(c, ' ' | '*') || line && c.is_whitespace())
            {
                k += 1;
            }
            k
        };
        let mut at = skip(anchor.at, false);
        let mut announced = false;
        if matches!(self.chars.get(at), Some(':' | '：')) {
            announced = true;
            at = skip(at + 1, true);
        }
        if let Some(word) = anchor
            .language
            .is
            .iter()
            .find(|w| starts(&self.chars, at, w))
        {
            let after = at + word.chars().count();
            if !word.is_ascii() || !self.chars.get(after).is_some_and(|c| c.is_alphanumeric()) {
                announced = true;
                at = skip(after, false);
            }
        }
        if announced && matches!(self.chars.get(at), Some(':' | '：')) {
            at = skip(at + 1, true);
        }
        announced.then_some(at)
    }

    /// As [`Source::priority`], where a word for "answer" announces only the first thing after it.
    pub fn announce(&self, start: usize, end: usize, announced: &mut [bool]) -> i32 {
        let priority = self.priority(start, end);
        let nearest = self.anchors.partition_point(|a| a.at <= start);
        if !(100..300).contains(&priority) || nearest == 0 {
            return priority;
        }
        if std::mem::replace(&mut announced[nearest - 1], true) {
            return 300;
        }
        priority
    }

    /// `… I hope it is correct`, which one prompt asks for.
    fn hopes(&self, end: usize) -> bool {
        let mut i = end;
        while self
            .chars
            .get(i)
            .is_some_and(|c| c.is_whitespace() || matches!(c, '.' | '$' | '*'))
        {
            i += 1;
        }
        starts(&self.chars, i, "i hope")
    }
}

/// Whether the gap ends in "is", right before the answer.
fn says_is(gap: &[char], language: &Language) -> bool {
    let text: String = gap.iter().collect::<String>().to_lowercase();
    // Another sentence says something else.
    if ["。", ". ", "! ", "? ", "\n\n"]
        .iter()
        .any(|end| text.trim_start().contains(end))
    {
        return false;
    }
    let text = text
        .trim_end()
        .trim_end_matches([':', '：', '*', '$'])
        .trim_end();
    language.is.iter().any(|w| {
        text.strip_suffix(w).is_some_and(|before| {
            before.is_empty() || before.ends_with(char::is_whitespace) || !w.is_ascii()
        })
    })
}
