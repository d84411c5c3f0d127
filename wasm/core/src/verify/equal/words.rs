//! Answers in words, and letters that choose an option.

use super::Rule;
use crate::verify::parse::number_word;
use crate::verify::tree::{Constant, Expr};

/// A text without spaces, brackets and punctuation; operators stay, for it may be a formula.
pub fn bare(text: &str) -> String {
    const STYLE: &[&str] = &[
        "\\displaystyle",
        "\\textstyle",
        "\\left",
        "\\right",
        "\\text",
        "\\mathrm",
        "\\,",
        "\\;",
        "\\!",
        "\\ ",
    ];
    let mut text = text
        .replace("\\dfrac", "\\frac")
        .replace("\\tfrac", "\\frac");
    // `\leftarrow` and the like only lose a part that both sides lose.
    for style in STYLE {
        text = text.replace(style, "");
    }
    // `non-negative`: a hyphen between words of two letters or more.
    let words = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|w| !w.is_empty());
    let prose = text
        .chars()
        .all(|c| c.is_alphabetic() || c.is_whitespace() || c == '-')
        && words.into_iter().all(|w| w.chars().count() > 1);
    text.chars()
        .filter(|c| {
            c.is_alphanumeric()
                || (matches!(
                    c,
                    '+' | '-' | '*' | '/' | '=' | '<' | '>' | '^' | '_' | '\\' | '|' | '&' | '%'
                ) && !(prose && *c == '-'))
        })
        .collect()
}

/// The letters an expression spells: `\text{MAKE}`, `MAKE` and `M·A·K·E` are the same word.
fn spelled(e: &Expr) -> Option<String> {
    Some(match e {
        Expr::Text(s) => bare(s),
        Expr::Sym(s) => s.trim_start_matches('\\').to_string(),
        Expr::Const(Constant::E) => "e".into(),
        Expr::Const(Constant::I) => "i".into(),
        Expr::Mul(v) => v.iter().map(spelled).collect::<Option<String>>()?,
        Expr::Num(n) if n.value.is_integer() => n.value.numer().to_string(),
        _ => return None,
    })
}

/// Whether the words say that there is no solution.
pub fn says_nothing(words: &str) -> bool {
    matches!(
        synonym(&bare(words).to_lowercase()),
        "nosolution" | "emptyset"
    )
}

/// One spelling for words that mean the same.
fn synonym(word: &str) -> &str {
    match word {
        "dne" => "doesnotexist",
        "nosolutions"
        | "norealsolution"
        | "norealsolutions"
        | "therearenosolutions"
        | "thereisnosolution" => "nosolution",
        "theemptyset" => "emptyset",
        other => other,
    }
}

/// Case counts for one letter only.
pub fn equal(g: &Expr, p: &Expr) -> Option<Rule> {
    let is_word = |e: &Expr| matches!(e, Expr::Text(_) | Expr::Sym(_) | Expr::Const(_));
    if !is_word(g) && !is_word(p) {
        return None;
    }
    let (a, b) = (spelled(g)?, spelled(p)?);
    let number = |s: &str| number_word(s).map(|n| n.to_string());
    if a.is_empty() || b.is_empty() {
        return None;
    }
    // `e` may be the constant on one side and a letter on the other; so may an option's letter.
    let single = a.chars().count() == 1 && b.chars().count() == 1;
    let same = if single {
        a == b || (a.eq_ignore_ascii_case("e") && b.eq_ignore_ascii_case("e"))
    } else {
        synonym(&a.to_lowercase()) == synonym(&b.to_lowercase())
    };
    (same || number(&a).is_some_and(|n| n == b) || number(&b).is_some_and(|n| n == a))
        .then_some(Rule::Text)
}
