//! The ways in which a term ends.

use proptest::prelude::*;

/// How the term of a leader ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum TermEnd {
    /// Another leader begins after this many more writes. Each later write is refused.
    Deposed(u64),
    /// After this many more appends, the next one is durable and its answer is lost.
    AnswerLost(u64),
}

pub(super) fn term_ends() -> impl Strategy<Value = TermEnd> {
    prop_oneof![
        3 => (0_u64..40).prop_map(TermEnd::Deposed),
        1 => (0_u64..20).prop_map(TermEnd::AnswerLost),
    ]
}

/// A kind of upkeep that writes files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upkeep {
    Snapshots,
    Packing,
    Archiving,
    Erasing,
    Purging,
}

impl Upkeep {
    pub(super) const ALL: [Self; 5] = [
        Self::Snapshots,
        Self::Packing,
        Self::Archiving,
        Self::Erasing,
        Self::Purging,
    ];

    /// A text that only the writes of this upkeep contain, at the time when it is expected.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Snapshots => " snapshot-",
            // Before an erasure, history chunks are only packed and never rewritten.
            Self::Packing => " history-",
            Self::Archiving => " archive-",
            // The older version of a rewritten chunk.
            Self::Erasing => "remove history-",
            Self::Purging => "remove archive-",
        }
    }
}
