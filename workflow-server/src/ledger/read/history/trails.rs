//! Trails: which entries changed an instance or a call. Each change names the one before it, so a
//! trail is found by reading all of them; it is kept, so that the next page of a history, or the
//! next look at the notes, reads only what came since.
//!
//! Promise: a trail holds sequences and no content. What an entry holds is read when it is shown,
//! masked as everything is.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::Entry;
use aftercall_engine::call::{Call, CallKey};
use aftercall_engine::instance::{Instance, InstanceId};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{History, HistoryError};
use crate::limits::{HISTORY_WALK_MAX, TRAILS_KEPT_STEPS};

/// An entry of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its sequence.
    pub sequence: u64,
    /// Whether somebody wrote something with it.
    pub has_note: bool,
}

/// All entries of a trail, oldest first.
pub type Trail = Arc<[Step]>;

/// What a trail is of. A call's key may come again: when it was first heard of tells which call it
/// is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum TrailKey {
    Instance(InstanceId),
    Call(CallKey, Time),
}

/// A trail weighs as much as it has steps.
#[derive(Clone)]
pub(super) struct Steps;

impl Weighter<TrailKey, Trail> for Steps {
    fn weight(&self, _: &TrailKey, trail: &Trail) -> u64 {
        trail.len() as u64 + 1
    }
}

/// The trails that were read last.
pub(super) type Trails = Cache<TrailKey, Trail, Steps>;

/// None yet.
pub(super) fn trails() -> Trails {
    // Most follow-ups have some ten changes.
    Cache::with_weighter(TRAILS_KEPT_STEPS / 10, TRAILS_KEPT_STEPS as u64, Steps)
}

impl History {
    /// Where everything that happened to one instance is.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn trail_of_instance(&self, instance: &Instance) -> Result<Trail, HistoryError> {
        let id = instance.id;
        let previous = |entry: &Entry| {
            let change = entry
                .instances
                .iter()
                .find(|change| change.after.id() == id)?;
            Some(change.before.as_ref().map_or(0, |before| before.sequence))
        };
        self.trail(TrailKey::Instance(id), instance.sequence, previous)
            .await
    }

    /// Where everything that happened to a call itself is.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn trail_of_call(&self, call: &Call) -> Result<Trail, HistoryError> {
        let previous =
            |entry: &Entry| Some(entry.call.as_ref().map_or(0, |change| change.previous));
        self.trail(
            TrailKey::Call(call.key.clone(), call.created_at),
            call.sequence,
            previous,
        )
        .await
    }

    /// From the newest entry back to what is known already, at most [`HISTORY_WALK_MAX`] entries.
    async fn trail(
        &self,
        key: TrailKey,
        newest: u64,
        previous: impl Fn(&Entry) -> Option<u64>,
    ) -> Result<Trail, HistoryError> {
        let known = self.trails.get(&key).unwrap_or_default();
        // Somebody may have read on from a newer root meanwhile.
        let reaching = known.partition_point(|step| step.sequence <= newest);
        let is_newer = reaching < known.len();
        let known_upto = known[..reaching].last().map_or(0, |step| step.sequence);
        let mut found = Vec::new();
        let mut next = newest;
        while next != known_upto && next != 0 && found.len() < HISTORY_WALK_MAX {
            let entry = self.entry(next).await?;
            found.push(Step {
                sequence: next,
                has_note: !entry.details.note.is_empty(),
            });
            next = previous(&entry).ok_or(HistoryError::NoSuchEntry(next))?;
        }
        if found.is_empty() && !is_newer {
            return Ok(known);
        }
        let before = if next == known_upto {
            &known[..reaching]
        } else {
            &[][..]
        };
        let trail: Trail = before
            .iter()
            .copied()
            .chain(found.into_iter().rev())
            .collect();
        if !is_newer {
            self.trails.insert(key, trail.clone());
        }
        Ok(trail)
    }
}
