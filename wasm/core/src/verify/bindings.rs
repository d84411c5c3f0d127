//! The verifier's face to JavaScript: JSON in, JSON out, so that a batch crosses the border once.

use super::options::Options;
use super::verify;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

/// Characters of a gold answer or prediction; a longer one is not looked at.
const MAX_CHARACTERS: usize = 4_000_000;

#[derive(Deserialize)]
struct Item {
    gold: String,
    prediction: String,
    #[serde(default)]
    options: Options,
}

#[derive(Serialize)]
struct Answer {
    equal: bool,
    rule: Option<&'static str>,
    confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_bound: Option<f64>,
    gold_parsed: Option<String>,
    prediction_parsed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Answer {
    fn failed(error: String) -> Self {
        Answer {
            equal: false,
            rule: None,
            confidence: 0.0,
            error_bound: None,
            gold_parsed: None,
            prediction_parsed: None,
            error: Some(error),
        }
    }
}

/// Checks each of a JSON list of items; one that cannot be read answers with an error of its own.
#[wasm_bindgen]
pub fn verify_batch(json: &str) -> String {
    let items: Vec<serde_json::Value> = match serde_json::from_str(json) {
        Ok(items) => items,
        Err(e) => {
            let answer = Answer::failed(format!("Cannot read the items: {e}"));
            return serde_json::to_string(&[answer]).unwrap_or_default();
        }
    };
    let answers: Vec<Answer> = items.into_iter().map(check).collect();
    serde_json::to_string(&answers).unwrap_or_default()
}

fn check(item: serde_json::Value) -> Answer {
    let item: Item = match serde_json::from_value(item) {
        Ok(item) => item,
        Err(e) => return Answer::failed(format!("Cannot read the item: {e}")),
    };
    if item.gold.len().max(item.prediction.len()) > MAX_CHARACTERS {
        return Answer::failed(format!(
            "Cannot verify: a text is over {MAX_CHARACTERS} bytes"
        ));
    }
    let verdict = verify(&item.gold, &item.prediction, &item.options);
    Answer {
        equal: verdict.equal,
        rule: verdict.rule.map(|r| r.name()),
        confidence: verdict.confidence,
        error_bound: verdict.error_bound,
        gold_parsed: verdict.gold_parsed,
        prediction_parsed: verdict.prediction_parsed,
        error: verdict.error.map(String::from),
    }
}
