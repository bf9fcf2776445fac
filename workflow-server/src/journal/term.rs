//! The terms of leadership: each leader of a store has one of its own.

use std::fmt;

/// Bits of a number of a blob that count the blobs of one term; the bits above hold the term.
const TERM_SHIFT: u32 = 40;

/// A term of leadership: 0 before anybody has led, then one more with each leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

impl Term {
    /// The first term, and the only one of a store that one process has for itself.
    pub const FIRST: Self = Self(1);

    /// The term of the next leader.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Numbers of blobs that a leader of this term makes are above this one, so that two leaders
    /// never make the same. It is 0 for the first term.
    #[must_use]
    pub fn numbers_above(self) -> u64 {
        self.0.saturating_sub(1) << TERM_SHIFT
    }

    /// What the name of a blob of this term ends with: nothing for the first term, as names were
    /// before there were terms.
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
