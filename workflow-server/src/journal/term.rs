//! The terms of leadership. Each leader of a store has its own term.

use std::fmt;

/// The lower bits of a blob number count the blobs of one term. The bits above these hold the term.
const TERM_SHIFT: u32 = 40;

/// A term of leadership. 0 before the first leader, then one more for each leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

impl Term {
    /// The first term. A store that only one process uses has no other.
    pub const FIRST: Self = Self(1);

    /// The term of the next leader.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// A leader of this term uses blob numbers above this one, so that two leaders never use the
    /// same. 0 for the first term.
    #[must_use]
    pub fn numbers_above(self) -> u64 {
        self.0.saturating_sub(1) << TERM_SHIFT
    }

    /// The suffix of a blob name of this term. Empty for the first term, so that names without
    /// terms stay valid.
    #[must_use]
    pub fn suffix(self) -> String {
        if self <= Self::FIRST {
            String::new()
        } else {
            format!("-{}", self.0)
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
