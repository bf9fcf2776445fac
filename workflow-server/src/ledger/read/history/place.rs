//! The names of history chunks in the vault.

use aftercall_engine::history::HistoryChunk;

use crate::journal::Term;

/// The prefix of the names of history chunks.
pub(in crate::ledger) const PREFIX: &str = "history-";

/// A file of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Place {
    /// The first sequence in the file.
    pub(in crate::ledger) first: u64,
    /// The last sequence.
    pub(in crate::ledger) last: u64,
    /// How often the chunk was rewritten.
    pub(in crate::ledger) generation: u32,
    /// The term that wrote the file.
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

    /// The common prefix of all files of this range.
    pub(in crate::ledger) fn range_name(&self) -> String {
        let Self { first, last, .. } = self;
        format!("{PREFIX}{first:020}-{last:020}")
    }

    /// The rank of a file: of two files of one range the higher is valid.
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

/// The first and last sequence of the chunk with this name. `None` if it is not a chunk.
pub(in crate::ledger) fn range_of(name: &str) -> Option<(u64, u64)> {
    Place::parse(name).map(|place| (place.first, place.last))
}
