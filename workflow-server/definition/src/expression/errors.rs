//! The errors of an expression: when it is read, checked or evaluated.

use std::ops::Range;

use thiserror::Error;

/// Why a text is not a valid expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ExpressionFault {
    /// The problem, in a sentence without a subject.
    pub message: String,
    /// The invalid bytes of the expression; `None` if all of it is invalid.
    pub range: Option<Range<usize>>,
}

impl ExpressionFault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            range: None,
        }
    }
}

/// An error of an expression that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The problem, in a sentence without a subject.
    pub message: String,
    /// The invalid name, as written; empty if the whole expression is invalid.
    pub part: String,
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self {
            message,
            part: String::new(),
        }
    }
}

/// Why an expression has no value for the given facts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpressionFailure {
    /// A field or name in it has no value.
    #[error("`{0}` has no value")]
    NoValue(Box<str>),
    /// Its values have the wrong types, or are out of range.
    #[error("its values have the wrong types or are out of range")]
    Values,
    /// Its value does not have the required type.
    #[error("its value is not {0}")]
    NotA(&'static str),
}
