//! The errors of a template.

use std::ops::Range;

use thiserror::Error as ThisError;

/// Why a text is not a valid template.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("{message}")]
pub struct TemplateFault {
    /// A sentence for the author.
    pub message: String,
    /// The invalid bytes of the text; `None` if all of it is invalid.
    pub range: Option<Range<usize>>,
}

impl TemplateFault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            range: None,
        }
    }

    pub(super) fn at(self, range: Range<usize>) -> Self {
        Self {
            range: Some(range),
            ..self
        }
    }
}
