//! What of the history is still known: chunks of it are gathered into a window, what their entries
//! are about is looked up in one pass over the archive, and then each entry is judged.

use std::collections::HashSet;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::Actor;
use aftercall_engine::archive::Chunk;
use aftercall_engine::call::Call;
use aftercall_engine::entry::{Answer, ChangeKind, Details};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::{Entry, Root};

use crate::ledger::ArchiveKeys;
use crate::ledger::read::history::Place;
use crate::ledger::upkeep::history_files::Rewritten;
use crate::limits::PURGE_WINDOW_KEYS;
use crate::records::ChunkContent;

/// Milliseconds of a day.
pub(super) const DAY_MILLIS: i64 = 86_400_000;

/// Calls, by key and the time of their first report: the same key may come again.
type Calls = HashSet<(u64, Time)>;

/// Chunks of the history that are looked through together, with what their entries are about.
#[derive(Default)]
pub(super) struct Window {
    places: Vec<Place>,
    /// The newest time of an entry.
    until: Time,
    instances: HashSet<InstanceId>,
    calls: Calls,
    known: Known,
}

impl Window {
    /// Adds a chunk of the history, unless it is so young that nothing in it can have outlived a
    /// retention.
    pub(super) fn add(
        &mut self,
        place: Place,
        entries: &[Arc<Entry>],
        (keys, now): (ArchiveKeys, Time),
    ) {
        // The last one need not be the newest: time may have gone back in between.
        let Some(newest) = entries.iter().map(|entry| entry.at).max() else {
            return;
        };
        // No retention is shorter than a day.
        if entries
            .first()
            .is_none_or(|first| now.0.saturating_sub(first.at.0) < DAY_MILLIS)
        {
            return;
        }
        self.until = if self.places.is_empty() {
            newest
        } else {
            newest.max(self.until)
        };
        self.places.push(place);
        let calls = entries
            .iter()
            .filter_map(|entry| entry.call.as_ref())
            .map(|change| &change.after);
        self.calls
            .extend(calls.map(|call| (keys.of_call(&call.key), call.created_at)));
        self.instances.extend(
            entries
                .iter()
                .flat_map(|entry| &entry.instances)
                .map(|change| change.after.id()),
        );
    }

    /// Whether no more is to be looked up at once.
    pub(super) fn is_full(&self) -> bool {
        self.instances.len() + self.calls.len() >= PURGE_WINDOW_KEYS
    }

    /// Whether a chunk of the archive may hold something that the entries are about.
    pub(super) fn may_be_about(&self, chunk: &Chunk) -> bool {
        self.places
            .first()
            .is_some_and(|first| chunk.newest >= first.first && chunk.oldest <= self.until)
    }

    /// Notes what a chunk of the archive knows of it.
    pub(super) fn look_up(&mut self, content: &ChunkContent) {
        let calls = content.calls.iter().map(|call| (call.key, call.created_at));
        self.known
            .calls
            .extend(calls.filter(|call| self.calls.contains(call)));
        let instances = content.instances.iter().map(|one| one.id);
        self.known
            .instances
            .extend(instances.filter(|id| self.instances.contains(id)));
    }

    /// The chunks, in order, and what the archive still knows of what their entries are about.
    pub(super) fn into_known(self) -> (Vec<Place>, Known) {
        (self.places, self.known)
    }
}

/// Which instances and calls of some entries the archive still knows.
#[derive(Default)]
pub(super) struct Known {
    instances: HashSet<InstanceId>,
    calls: Calls,
}

impl Known {
    /// The part of an entry that is about a call or an instance that is still known.
    pub(super) fn left_of(&self, root: &Root, keys: ArchiveKeys, entry: Arc<Entry>) -> Rewritten {
        let is_known_call = |call: &Call| {
            root.call(&call.key)
                .is_some_and(|live| live.created_at == call.created_at)
                || self
                    .calls
                    .contains(&(keys.of_call(&call.key), call.created_at))
        };
        let is_known = |id: InstanceId| root.instance(id).is_some() || self.instances.contains(&id);
        let call_goes = entry
            .call
            .as_ref()
            .is_some_and(|change| !is_known_call(&change.after));
        let gone = || {
            entry
                .instances
                .iter()
                .filter(|change| !is_known(change.after.id()))
        };
        if !call_goes
            && gone().next().is_none()
            && entry.archive.is_none()
            && !is_empty_shell(&entry)
        {
            return Rewritten::Same(entry);
        }
        let mut left = Entry::clone(&entry);
        left.archive = None;
        left.call = left.call.filter(|_| !call_goes);
        left.instances.retain(|change| is_known(change.after.id()));
        if gone().any(|change| change.kind == entry.kind) {
            // The details are about the call that is gone.
            left.details = Details::default();
        }
        if is_empty_shell(&left) {
            let left = emptied(&left);
            Rewritten::Gone(if left == *entry {
                entry
            } else {
                Arc::new(left)
            })
        } else if left == *entry {
            Rewritten::Same(entry)
        } else {
            Rewritten::Other(Arc::new(left))
        }
    }
}

/// Whether nothing is left of an entry but that something happened then. What is about definitions,
/// batches and erasures is kept for ever; what the archive did is of no interest afterwards.
fn is_empty_shell(entry: &Entry) -> bool {
    entry.instances.is_empty()
        && entry.call.is_none()
        && entry.definition.is_none()
        && entry.batch.is_none()
        && entry.erasure.is_none()
        && !matches!(
            entry.kind,
            ChangeKind::ClockAccepted | ChangeKind::PurgeConfirmed
        )
}

/// That something happened then, and by what kind of party.
fn emptied(entry: &Entry) -> Entry {
    Entry {
        actor: Actor {
            kind: entry.actor.kind,
            name: "".into(),
        },
        mark: None,
        details: Details::default(),
        answer: Answer::Done,
        ..entry.clone()
    }
}
