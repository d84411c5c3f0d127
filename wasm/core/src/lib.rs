//! The text core of noregret: a tokeniser and a math-answer verifier. This file only names the
//! modules; each has a `bindings` file that exposes it to JavaScript.

pub mod tokenizer;
pub mod verify;
