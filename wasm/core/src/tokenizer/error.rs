//! What can go wrong, by the JavaScript class it becomes.

use std::fmt;

/// The JavaScript error class of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The input cannot be parsed.
    Syntax,
    /// The input has the wrong shape.
    Type,
    /// The input is outside the allowed range.
    Range,
}

/// A failure: its class and a message of the form `action: state, allowed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: Kind,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn syntax(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Syntax,
            message: message.into(),
        }
    }

    pub fn type_(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Type,
            message: message.into(),
        }
    }

    pub fn range(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Range,
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
