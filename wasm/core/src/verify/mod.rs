//! Math-answer extraction, parsing and equality.
//!
//! text → candidates → the best one that can be read → expression tree → comparison with the gold.

pub mod bindings;
pub mod budget;
pub mod equal;
pub mod extract;
pub mod options;
pub mod parse;
pub mod tree;

use budget::{Budget, DEFAULT_UNITS};
use equal::{compare, Context, Rule};
use extract::{Candidate, Kind, Part};
use options::{ExtractionMode, FallbackMode, Options, Target};
use parse::{parse, ParseError, ParseOptions};
use tree::Expr;

/// A formula longer than this is compared as text.
const MAX_FORMULA: usize = 20_000;

/// What a call finds.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub equal: bool,
    /// What made them equal.
    pub rule: Option<Rule>,
    pub confidence: f64,
    /// The relative error within which values were equal, where evaluation had a part in it.
    pub error_bound: Option<f64>,
    /// The gold answer as it was read; `None` if there is none.
    pub gold_parsed: Option<String>,
    pub prediction_parsed: Option<String>,
    /// Why nothing could be said.
    pub error: Option<&'static str>,
}

/// Whether `prediction` says what `gold` says.
pub fn verify(gold: &str, prediction: &str, options: &Options) -> Verdict {
    let budget = Budget::new(DEFAULT_UNITS);
    let cx = Context::new(options, &budget);
    let gold_options = Options {
        reasoning_delimiter: None,
        ..options.clone()
    };
    let (g, p) = (
        Answer::find(gold, &gold_options),
        Answer::find(prediction, options),
    );
    let shown = |a: &Option<Answer>| a.as_ref().map(|a| parse::print::print(&a.expr));
    let mut verdict = Verdict {
        equal: false,
        rule: None,
        confidence: 1.0,
        error_bound: None,
        gold_parsed: shown(&g),
        prediction_parsed: shown(&p),
        error: None,
    };
    let (Some(g), Some(p)) = (g, p) else {
        verdict.error = Some(if verdict.gold_parsed.is_none() {
            "no answer in the gold text"
        } else {
            "no answer in the prediction"
        });
        return verdict;
    };
    verdict.rule = compare(&g.expr, &p.expr, &cx)
        .or_else(|| relisted(&g, &p, &cx))
        .or_else(|| same_words(&g, &p))
        .or_else(|| same_text(&g, &p));
    verdict.equal = verdict.rule.is_some();
    verdict.confidence = verdict.rule.map_or(1.0, Rule::confidence);
    let bound = cx.error_bound.get();
    if verdict.equal && bound > 0.0 {
        verdict.error_bound = Some(bound);
        verdict.confidence = verdict.confidence.min(1.0 - bound);
    }
    if budget.exhausted() && !verdict.equal {
        verdict.error = Some("the comparison ran out of its allowance");
        verdict.confidence = 0.0;
    }
    verdict
}

/// `70,110` is a number unless only two numbers make sense of it.
fn relisted(g: &Answer, p: &Answer, cx: &Context) -> Option<Rule> {
    let grouped = |a: &Answer| {
        a.candidate.kind == Kind::Latex && a.candidate.parts.iter().any(|x| has_grouping(&x.text))
    };
    if !grouped(g) && !grouped(p) {
        return None;
    }
    let apart = |a: &Answer| {
        if grouped(a) {
            a.candidate.read(false).unwrap_or_else(|| a.expr.clone())
        } else {
            a.expr.clone()
        }
    };
    let (x, y) = (apart(g), apart(p));
    // Only a list of the same kind on the other side: `1,234` never equals `234`.
    let is_list = |e: &Expr| matches!(e, Expr::List(_) | Expr::Set(_) | Expr::Tuple(_));
    if !is_list(&x) || !is_list(&y) {
        return None;
    }
    compare(&x, &y, cx)
}

/// One text twice says one thing, even `0/0`.
fn same_text(g: &Answer, p: &Answer) -> Option<Rule> {
    let same = |(a, b): (&Part, &Part)| a.text.trim() == b.text.trim() && a.percent == b.percent;
    let (a, b) = (&g.candidate.parts, &p.candidate.parts);
    (a.len() == b.len() && a.iter().zip(b).all(same)).then_some(Rule::Identical)
}

/// `\text{June 20}` against `June 20`: the same words, however they were read.
fn same_words(g: &Answer, p: &Answer) -> Option<Rule> {
    let Expr::Text(words) = &g.expr else {
        return None;
    };
    let [part] = p.candidate.parts.as_slice() else {
        return None;
    };
    let lower = |text: &str| equal::words::bare(text).to_lowercase();
    let (a, b) = (lower(words), lower(&part.text));
    (a.chars().count() > 2 && a == b).then_some(Rule::Text)
}

fn has_grouping(text: &str) -> bool {
    let b = text.as_bytes();
    (1..b.len().saturating_sub(3)).any(|i| {
        b[i] == b',' && b[i - 1].is_ascii_digit() && b[i + 1..i + 4].iter().all(u8::is_ascii_digit)
    })
}

/// The answer of a text.
struct Answer {
    candidate: Candidate,
    expr: Expr,
}

impl Answer {
    fn find(text: &str, options: &Options) -> Option<Answer> {
        let mut fallback: Option<Answer> = None;
        for candidate in extract::candidates(text, options).into_iter().take(24) {
            if let Some(expr) = candidate.read(true) {
                // A better announced formula that could not be read is the answer all the same.
                if let Some(f) = fallback {
                    return Some(f);
                }
                return Some(Answer { candidate, expr });
            }
            // A sign that ends a proof is no answer.
            if candidate.parts.iter().all(|p| p.is_blank()) {
                continue;
            }
            if fallback.is_none()
                && candidate.kind == Kind::Latex
                && options.fallback_mode == FallbackMode::FirstMatch
            {
                let words = candidate
                    .parts
                    .iter()
                    .map(|p| p.text.trim())
                    .collect::<Vec<_>>()
                    .join(" and ");
                fallback = Some(Answer {
                    expr: Expr::Text(words),
                    candidate,
                });
            }
            if options.extraction_mode == ExtractionMode::FirstMatch {
                break;
            }
        }
        if fallback.is_none()
            && options.fallback_mode == FallbackMode::FirstMatch
            && !options.wants(Target::String)
        {
            return None;
        }
        fallback
    }
}

impl Candidate {
    /// The tree of its formulas; `thousands` joins digits across commas.
    fn read(&self, thousands: bool) -> Option<Expr> {
        if self.kind == Kind::String {
            return Some(Expr::Text(self.parts[0].text.clone()));
        }
        let mut items = vec![];
        for part in &self.parts {
            let expr = part.read(self.kind, thousands)?;
            match expr {
                Expr::List(v) if self.parts.len() > 1 => items.extend(v),
                other => items.push(other),
            }
        }
        if items.len() == 1 {
            return items.pop();
        }
        Some(Expr::List(items))
    }
}

impl Part {
    /// Whether nothing in it means anything.
    fn is_blank(&self) -> bool {
        self.text.len() < 40
            && parse(&self.text, &ParseOptions::default()) == Err(ParseError::Empty)
    }

    fn read(&self, kind: Kind, thousands: bool) -> Option<Expr> {
        if self.text.len() > MAX_FORMULA {
            return None;
        }
        let decimal_comma = kind == Kind::Plain
            && !self.text.contains(['(', '[', '{'])
            && has_decimal_comma(&self.text);
        let options = ParseOptions {
            thousands,
            decimal_comma,
        };
        let expr = match parse(&self.text, &options) {
            Ok(e) => e,
            Err(ParseError::TooLong | ParseError::TooDeep | ParseError::Empty) => return None,
            Err(ParseError::Unexpected(_)) => parse(last_side(&self.text)?, &options).ok()?,
        };
        let percent = self.percent && !matches!(expr, Expr::Percent(_));
        Some(if percent {
            Expr::Percent(Box::new(expr))
        } else {
            expr
        })
    }
}

/// One comma, not before three digits: `1,5`.
fn has_decimal_comma(text: &str) -> bool {
    let mut parts = text.split(',');
    let (Some(a), Some(b), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = b.bytes().take_while(u8::is_ascii_digit).count();
    a.bytes().last().is_some_and(|c| c.is_ascii_digit())
        && digits > 0
        && (digits != 3 || a.trim_start_matches('-').len() > 3 || a.trim_start_matches('-') == "0")
}

/// After the last `=` of a chain that cannot be read as a whole.
fn last_side(text: &str) -> Option<&str> {
    let at = text.rfind('=')?;
    let before = text[..at].chars().last();
    if matches!(before, Some('\\' | '<' | '>' | '!')) || text.contains([',', ';', '&']) {
        return None;
    }
    Some(&text[at + 1..])
}
