//! The text of the file that an author imported, kept for its comments.

use std::sync::Arc;

/// Bytes of a file that is kept. The largest sample has 3 KB. A larger file is exported without its
/// comments.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the files that are kept of one workflow. Those of the oldest versions are dropped
/// first.
pub const SOURCES_BYTES_MAX: usize = 1 << 20;

/// The text of a file, if it has comments. It does not belong to the content: definitions that
/// differ only in their comments are equal. So a changed comment makes no new version.
#[derive(Clone, Debug, Default)]
pub struct Source(Option<Arc<str>>);

impl PartialEq for Source {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Source {}

impl Source {
    /// The text of a file.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Some(text.into()))
    }

    /// The text; `None` if it is not kept.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether both have the same text, or both have none.
    #[must_use]
    pub fn is_same_text(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
