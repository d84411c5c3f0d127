//! What a call may ask for, with Math-Verify's names and defaults.

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

/// One call's options.
#[derive(Clone, Debug, Deserialize)]
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
    /// Accepted for compatibility: the words for "answer" of every known language are looked for.
    pub language: Option<String>,
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
