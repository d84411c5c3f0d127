//! What a call may ask for, with Math-Verify's names and defaults.

use super::extract::languages::{self, Language, LANGUAGES};
use serde::Deserialize;

/// How text is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// LaTeX environments and boxes.
    Latex,
    /// Plain numbers and expressions.
    Expr,
    /// One of the strings in [`Options::strings`].
    String,
}

/// What to do when the first match cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtractionMode {
    FirstMatch,
    AnyMatch,
}

/// Whether text that is no formula is compared as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackMode {
    NoFallback,
    FirstMatch,
}

/// A language by its English name.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub struct AnswerLanguage(pub &'static Language);

impl TryFrom<String> for AnswerLanguage {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        languages::named(&name).map(Self).ok_or_else(|| {
            let known: Vec<&str> = LANGUAGES.iter().map(|l| l.name).collect();
            format!(
                "unknown language \"{name}\": expected one of {}",
                known.join(", ")
            )
        })
    }
}

/// One call's options.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub targets: Vec<Target>,
    /// Decimals that a written decimal is compared at.
    pub precision: u32,
    /// 0 takes a box before everything else; negative ignores boxes.
    pub boxed_match_priority: i32,
    /// Names of variables count.
    pub strict: bool,
    /// A gold set may be met by an inequality.
    pub allow_set_relation_comp: bool,
    pub extraction_mode: ExtractionMode,
    pub fallback_mode: FallbackMode,
    /// What the target `string` looks for.
    pub strings: Vec<String>,
    /// Whether the case of those strings is ignored.
    pub lowercase: bool,
    /// Only this language's words for "answer" announce one; by default every known language's do.
    pub language: Option<AnswerLanguage>,
    /// Only what follows it counts; without it in the text there is no answer.
    pub reasoning_delimiter: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            targets: vec![Target::Latex, Target::Expr],
            precision: 6,
            boxed_match_priority: 50,
            strict: true,
            allow_set_relation_comp: false,
            extraction_mode: ExtractionMode::AnyMatch,
            fallback_mode: FallbackMode::FirstMatch,
            strings: ["A", "B", "C", "D"].map(String::from).to_vec(),
            lowercase: true,
            language: None,
            reasoning_delimiter: None,
        }
    }
}

impl Options {
    /// Whether `target` is looked for.
    pub fn wants(&self, target: Target) -> bool {
        self.targets.contains(&target)
    }
}
