//! The cache: the visible instances, and a ring of the newest entries.
//!
//! Promise: a clone is cheap (the maps are persistent), never changes, and is consistent: its
//! instances are the state at its head, and its ring ends there. It does no I/O and knows neither
//! the feed nor clients.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use aftercall_proto::feed::v1::FeedEntry;
use aftercall_proto::workflow::v1::FollowUp;
use aftercall_scope::Scope;
use imbl::{OrdMap, Vector};

use crate::position::Position;
use crate::ring::RingEntry;
use crate::shown::Shown;
use crate::token::epoch_hash;

/// How much the ring holds: the limit that is reached first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingLimits {
    /// Entries.
    pub(crate) entries_max: usize,
    /// About how much memory they take, in bytes.
    pub(crate) bytes_max: usize,
}

/// Whether a stream can resume from a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resumability {
    /// All later entries are in the ring.
    Resumable,
    /// The ring has dropped the next entry.
    TooOld,
    /// It is ahead of the head.
    FromTheFuture,
    /// It is of another store, or of another history of this one.
    OtherHistory,
}

/// Why entries do not follow on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Discontinuity {
    /// A sequence was left out, or came twice.
    #[error("entry {came} came where {expected} was expected")]
    Gap {
        /// The sequence that should have come.
        expected: u64,
        /// The one that came.
        came: u64,
    },
    /// The chain hash at a sequence that was known is another one.
    #[error("the journal's history up to entry {sequence} is not the one that was known")]
    Chain {
        /// That sequence.
        sequence: u64,
    },
}

/// A change of an instance: its states before and after; `None` while it is not visible.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    /// Its state before.
    pub(crate) before: Option<Arc<Shown>>,
    /// Its state after.
    pub(crate) after: Option<Arc<Shown>>,
}

/// The visible instances and the newest entries.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    epoch: Arc<str>,
    epoch_hash: u64,
    generation: u64,
    instances: OrdMap<Arc<str>, Arc<Shown>>,
    /// The place of the snapshot with which this generation began.
    snapshot: Position,
    /// The newest entry's place. While the ring is being filled it is still before the snapshot's.
    head: Position,
    /// After this sequence it is known of each change for whom its follow-up was in scope before.
    teams_known_from: u64,
    /// The place before the ring's first entry, if its chain hash is known.
    base: Option<Position>,
    ring: Vector<Arc<RingEntry>>,
    ring_bytes: usize,
    /// The newest entry that erased a caller, while the ring holds what came before it.
    erased: Option<u64>,
    limits: RingLimits,
}

impl Cache {
    /// A cache with the state at `snapshot`; `from` is the first entry that will be given to
    /// [`Self::append`].
    pub(crate) fn new(
        epoch: &str,
        generation: u64,
        snapshot: Position,
        from: u64,
        limits: RingLimits,
    ) -> Self {
        let before = from.saturating_sub(1);
        let base = match before {
            0 => Some(Position::default()),
            before if before == snapshot.sequence => Some(snapshot),
            _ => None,
        };
        Self {
            epoch: epoch.into(),
            epoch_hash: epoch_hash(epoch),
            generation,
            instances: OrdMap::new(),
            snapshot,
            head: base.unwrap_or(Position {
                sequence: before,
                chain: 0,
            }),
            teams_known_from: 0,
            base,
            ring: Vector::new(),
            ring_bytes: 0,
            erased: None,
            limits,
        }
    }

    /// Adds an instance of the snapshot, with the teams that the feed sends beside it; one that is
    /// not visible is not kept.
    pub(crate) fn insert(&mut self, follow_up: &FollowUp, of_workflow: &[String]) {
        if follow_up.visible {
            self.instances.insert(
                follow_up.instance_id.as_str().into(),
                Arc::new(Shown::new(follow_up, of_workflow)),
            );
        }
    }

    /// Takes the next entry. Up to the snapshot it only fills the ring; after it, it changes the
    /// instances, and adds to `moved` what it changed.
    pub(crate) fn append(
        &mut self,
        entry: FeedEntry,
        moved: &mut Vec<Moved>,
    ) -> Result<(), Discontinuity> {
        let expected = self.head.sequence + 1;
        if entry.sequence != expected {
            return Err(Discontinuity::Gap {
                expected,
                came: entry.sequence,
            });
        }
        if entry.sequence == self.snapshot.sequence && entry.chain != self.snapshot.chain {
            return Err(Discontinuity::Chain {
                sequence: entry.sequence,
            });
        }
        self.head = Position {
            sequence: entry.sequence,
            chain: entry.chain,
        };
        if entry.erased {
            self.erased = Some(entry.sequence);
        }
        let mut entry = RingEntry::new(entry);
        if entry.position.sequence > self.snapshot.sequence {
            self.change_instances(&mut entry, moved);
        } else if entry.changes.iter().any(|change| change.before.is_some()) {
            self.teams_known_from = entry.position.sequence;
        }
        self.ring_bytes += entry.bytes;
        self.ring.push_back(Arc::new(entry));
        self.trim();
        Ok(())
    }

    /// The entry that erased a caller, while the ring holds what came before it.
    pub(crate) fn erased(&self) -> Option<u64> {
        self.erased
    }

    /// Drops what came before the newest entry that erased a caller: it may still name that caller.
    pub(crate) fn forget_erased(&mut self) {
        let Some(erased) = self.erased.take() else {
            return;
        };
        while self
            .ring
            .front()
            .is_some_and(|entry| entry.position.sequence < erased)
        {
            self.drop_oldest();
        }
    }

    /// Whether the ring has been filled up to the snapshot, so that the cache may be shown.
    pub(crate) fn is_whole(&self) -> bool {
        self.head.sequence >= self.snapshot.sequence
    }

    /// The store's epoch.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The epoch's hash, as tokens carry it.
    pub(crate) fn epoch_hash(&self) -> u64 {
        self.epoch_hash
    }

    /// Counts the snapshots that this server has begun with: within one generation, places are of
    /// one history.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The newest entry's place.
    pub(crate) fn head(&self) -> Position {
        self.head
    }

    /// The oldest place from which a stream can resume.
    pub(crate) fn oldest(&self) -> u64 {
        let first = self
            .ring
            .front()
            .map_or(self.head.sequence, |entry| entry.position.sequence);
        self.base.map_or(first, |base| base.sequence)
    }

    /// The visible instances after an id, by id; all of them if it is `None`.
    pub(crate) fn instances_after<'a>(
        &'a self,
        id: Option<&Arc<str>>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Arc<Shown>)> {
        let from = id.map_or(Bound::Unbounded, |id| Bound::Excluded(Arc::clone(id)));
        self.instances.range((from, Bound::Unbounded))
    }

    /// Entries in the ring, and their bytes.
    pub(crate) fn ring_size(&self) -> (usize, usize) {
        (self.ring.len(), self.ring_bytes)
    }

    /// What changed of the instances since an earlier state; `None` if the ring does not hold all
    /// entries since then.
    pub(crate) fn moved_since(&self, earlier: &Self) -> Option<Vec<Moved>> {
        if self.generation != earlier.generation {
            return None;
        }
        let mut ids = BTreeSet::new();
        for sequence in earlier.head.sequence + 1..=self.head.sequence {
            let changes = self.entry(sequence)?.changes.iter();
            ids.extend(changes.map(|change| &change.instance_id));
        }
        let moved = |id: &Arc<str>| Moved {
            before: earlier.instances.get(id).cloned(),
            after: self.instances.get(id).cloned(),
        };
        Some(ids.into_iter().map(moved).collect())
    }

    /// The entry at a sequence, if the ring holds it.
    pub(crate) fn entry(&self, sequence: u64) -> Option<&Arc<RingEntry>> {
        let first = self.ring.front()?.position.sequence;
        self.ring
            .get(usize::try_from(sequence.checked_sub(first)?).ok()?)
    }

    /// Whether a stream of a scope can resume from a place of the store with that epoch. A scope
    /// that limits teams needs entries of which it is known for whom their follow-ups were in scope
    /// before them.
    pub(crate) fn resumability_in(
        &self,
        scope: &Scope,
        epoch_hash: u64,
        place: Position,
    ) -> Resumability {
        let resumability = self.resumability(epoch_hash, place);
        let is_unknown = !scope.teams().is_empty() && place.sequence < self.teams_known_from;
        if is_unknown && resumability == Resumability::Resumable {
            Resumability::TooOld
        } else {
            resumability
        }
    }

    /// Whether a stream can resume from a place of the store with that epoch.
    pub(crate) fn resumability(&self, epoch_hash: u64, place: Position) -> Resumability {
        if epoch_hash != self.epoch_hash {
            return Resumability::OtherHistory;
        }
        if place.sequence > self.head.sequence {
            return Resumability::FromTheFuture;
        }
        let known = [self.base, Some(self.head)]
            .into_iter()
            .flatten()
            .find(|known| known.sequence == place.sequence);
        match known
            .map(|known| known.chain)
            .or_else(|| self.entry(place.sequence).map(|entry| entry.position.chain))
        {
            None => Resumability::TooOld,
            Some(chain) if chain == place.chain => Resumability::Resumable,
            Some(_) => Resumability::OtherHistory,
        }
    }

    fn change_instances(&mut self, entry: &mut RingEntry, moved: &mut Vec<Moved>) {
        for change in &mut entry.changes {
            let id = &change.instance_id;
            let before = match &change.after {
                Some(shown) => self.instances.insert(Arc::clone(id), Arc::clone(shown)),
                None => self.instances.remove(id),
            };
            if let Some(known) = &before {
                change.complete(known);
            }
            moved.push(Moved {
                before,
                after: change.after.clone(),
            });
        }
    }

    fn trim(&mut self) {
        while self.ring.len() > self.limits.entries_max || self.ring_bytes > self.limits.bytes_max {
            if !self.drop_oldest() {
                break;
            }
        }
    }

    /// Drops the oldest entry; returns whether there was one.
    fn drop_oldest(&mut self) -> bool {
        let Some(gone) = self.ring.pop_front() else {
            return false;
        };
        self.ring_bytes -= gone.bytes;
        self.base = Some(gone.position);
        true
    }
}

#[cfg(test)]
#[path = "cache/tests.rs"]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests;
