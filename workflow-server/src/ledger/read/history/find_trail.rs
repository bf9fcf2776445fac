//! Finds the trail of an instance or a call. Walks from its newest entry back to the known part.

use aftercall_engine::Entry;
use aftercall_engine::call::Call;
use aftercall_engine::instance::Instance;

use super::History;
use super::error::HistoryError;
use super::trails::{Step, Trail, TrailKey};
use crate::limits::HISTORY_WALK_MAX;

impl History {
    /// The entries that changed this instance.
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

    /// The entries that changed this call itself.
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

    /// Walks from the newest entry back to the known part, over at most [`HISTORY_WALK_MAX`]
    /// entries.
    async fn trail(
        &self,
        key: TrailKey,
        newest: u64,
        previous: impl Fn(&Entry) -> Option<u64>,
    ) -> Result<Trail, HistoryError> {
        let known = self.trails.get(&key).unwrap_or_default();
        // Another reader may have read more from a newer root meanwhile.
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
