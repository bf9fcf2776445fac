//! Where a term ends.

use proptest::prelude::*;

/// How the term of a leader ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum TermEnd {
    /// Another leader has begun, after so many more writes: each later one is refused.
    Deposed(u64),
    /// After so many more appends the next one is durable, and its answer is lost.
    AnswerLost(u64),
}

pub(super) fn term_ends() -> impl Strategy<Value = TermEnd> {
    prop_oneof![
        3 => (0_u64..40).prop_map(TermEnd::Deposed),
        1 => (0_u64..20).prop_map(TermEnd::AnswerLost),
    ]
}

/// A kind of upkeep, which writes files.
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

    /// What only the writes of this upkeep contain while it is expected.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Snapshots => " snapshot-",
            // Before anything is erased a chunk is never written again.
            Self::Packing => " history-",
            Self::Archiving => " archive-",
            // The older form of a chunk that was written again.
            Self::Erasing => "remove history-",
            Self::Purging => "remove archive-",
        }
    }
}
