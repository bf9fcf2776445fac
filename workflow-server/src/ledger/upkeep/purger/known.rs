//! Finds out which history entries are still needed. Chunks of the history are collected into a
//! window. One pass over the archive looks up their calls and instances. Then each entry is judged.

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

pub(super) const DAY_MILLIS: i64 = 86_400_000;

/// Calls, by key and the time of their first report. The same key may be used again later.
type Calls = HashSet<(u64, Time)>;

/// Chunks of the history that are checked together, with the keys of their entries.
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
    /// Adds a chunk of the history. Skips a chunk that is too young: nothing in it can be past a
    /// retention.
    pub(super) fn add(
        &mut self,
        place: Place,
        entries: &[Arc<Entry>],
        (keys, now): (ArchiveKeys, Time),
    ) {
        // The last entry need not be the newest, because the time may have been set back.
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

    /// Whether the window has as many keys as one pass may look up.
    pub(super) fn is_full(&self) -> bool {
        self.instances.len() + self.calls.len() >= PURGE_WINDOW_KEYS
    }

    /// Whether a chunk of the archive may hold a call or instance of these entries.
    pub(super) fn may_be_about(&self, chunk: &Chunk) -> bool {
        self.places
            .first()
            .is_some_and(|first| chunk.newest >= first.first && chunk.oldest <= self.until)
    }

    /// Notes which of the keys a chunk of the archive holds.
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

    /// The chunks in order, and the calls and instances that the archive still has.
    pub(super) fn into_known(self) -> (Vec<Place>, Known) {
        (self.places, self.known)
    }
}

/// The instances and calls of some entries that the archive still has.
#[derive(Default)]
pub(super) struct Known {
    instances: HashSet<InstanceId>,
    calls: Calls,
}

impl Known {
    /// The entry without the calls and instances that are no longer known.
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
            // The details belong to a removed instance.
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

/// Whether only the time and kind of an entry are left. Entries about definitions, batches and
/// erasures are kept for ever. Entries about the archive are not needed later.
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

/// The entry with only its time, kind and kind of actor.
fn emptied(entry: &Entry) -> Entry {
    Entry {
        actor: Actor {
            kind: entry.actor.kind,
            name: "".into(),
            subject: None,
        },
        mark: None,
        details: Details::default(),
        answer: Answer::Done,
        ..entry.clone()
    }
}
