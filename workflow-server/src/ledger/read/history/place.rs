//! The names of the chunks of the history in the vault.

use aftercall_engine::history::HistoryChunk;

use crate::journal::Term;

/// What the names of history chunks begin with.
pub(in crate::ledger) const PREFIX: &str = "history-";

/// One file of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Place {
    /// The first sequence in it.
    pub(in crate::ledger) first: u64,
    /// The last.
    pub(in crate::ledger) last: u64,
    /// Counts how often it was written again.
    pub(in crate::ledger) generation: u32,
    /// The term in which it was written.
    pub(in crate::ledger) term: Term,
}

impl From<HistoryChunk> for Place {
    fn from(chunk: HistoryChunk) -> Self {
        Self {
            first: chunk.first,
            last: chunk.last,
            generation: chunk.generation,
            term: Term(chunk.term),
        }
    }
}

impl From<Place> for HistoryChunk {
    fn from(place: Place) -> Self {
        Self {
            first: place.first,
            last: place.last,
            generation: place.generation,
            term: place.term.0,
        }
    }
}

impl Place {
    pub(in crate::ledger) fn name(&self) -> String {
        match (self.generation, self.range_name()) {
            (0, range) if self.term <= Term::FIRST => range,
            (generation, range) => format!("{range}-{generation}{}", self.term.suffix()),
        }
    }

    /// What the names of all files of its range begin with.
    pub(in crate::ledger) fn range_name(&self) -> String {
        let Self { first, last, .. } = self;
        format!("{PREFIX}{first:020}-{last:020}")
    }

    /// Of two files of one range the higher counts.
    pub(in crate::ledger) fn rank(&self) -> (u32, Term) {
        (self.generation, self.term)
    }

    pub(in crate::ledger) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.split('-');
        let (first, last) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let generation = parts.next().map_or(Some(0), |part| part.parse().ok())?;
        let term = parts
            .next()
            .map_or(Some(Term::FIRST), |part| part.parse().ok().map(Term))?;
        parts.next().is_none().then_some(Self {
            first,
            last,
            generation,
            term,
        })
    }
}

/// The first and the last sequence of the chunk with this name; none where it is no chunk.
pub(in crate::ledger) fn range_of(name: &str) -> Option<(u64, u64)> {
    Place::parse(name).map(|place| (place.first, place.last))
}
