//! Finds the next follow-up that a person may claim. It must match the filter, be active, and have
//! no claim.
//!
//! The search reads a root on another thread than the writer's. The server keeps its result and
//! updates it with the changes of a newer root. So people who ask for the same list every second
//! cost one walk, not one walk each.

use aftercall_definition::time::Time;

use crate::filter::FollowUpFilter;
use crate::instance::{Instance, InstanceId, Status};
use crate::limits;
use crate::query::follow_ups::{FollowUpCursor, candidates, most_urgent, row};
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::world::Root;

/// How many follow-ups a search keeps. They are enough for a crowd of people who use one list.
const FOUND_MAX: usize = 256;
/// How many changes an update of a result reads. With more changes, a new search costs as little.
const CHANGES_MAX: usize = 2_048;

/// The result of a search on one root, most urgent first.
#[derive(Clone, Debug)]
pub struct Claimable {
    sequence: u64,
    found: Vec<InstanceId>,
    /// Whether the search found all.
    is_all: bool,
}

impl Claimable {
    /// Walks the follow-ups in the order of their urgency until it has found enough.
    ///
    /// # Errors
    /// [`Stopped`] if `should_stop` stops the walk.
    pub fn search(
        root: &Root,
        filter: &FollowUpFilter,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<Self, Stopped> {
        let (mut found, mut is_all) = (Vec::new(), true);
        for cursor in checked(candidates(root, filter, now, None), should_stop) {
            let cursor = cursor?;
            let Some(instance) = root
                .instance_at(cursor.slot)
                .filter(|one| is_free(one, now))
            else {
                continue;
            };
            if row(root, filter, now, cursor).is_some() {
                found.push(instance.id);
                if found.len() == FOUND_MAX {
                    is_all = false;
                    break;
                }
            }
        }
        Ok(Self {
            sequence: root.sequence,
            found,
            is_all,
        })
    }

    /// The result for a newer root, updated with the changes since. Returns `None` if a new search
    /// is required.
    #[must_use]
    pub fn updated(&self, root: &Root, filter: &FollowUpFilter, now: Time) -> Option<Self> {
        // Becoming overdue is no change.
        if !self.is_all || root.sequence < self.sequence || filter.overdue_only {
            return None;
        }
        let changed = root.changes.after(self.sequence, CHANGES_MAX)?;
        let changed = changed
            .filter_map(|slot| root.instance_at(slot))
            .map(|instance| instance.id);
        let cursor_of =
            |id: InstanceId| Some((cursor_of(root, filter, root.instance(id)?, now)?, id));
        let mut found: Vec<_> = self
            .found
            .iter()
            .copied()
            .chain(changed)
            .filter_map(cursor_of)
            .collect();
        found.sort_unstable();
        found.dedup();
        let is_all = found.len() < FOUND_MAX;
        found.truncate(FOUND_MAX);
        let found = found.into_iter().map(|(_, id)| id).collect();
        Some(Self {
            sequence: root.sequence,
            found,
            is_all,
        })
    }

    /// The most urgent follow-ups, as many as one command takes.
    #[must_use]
    pub fn candidates(&self) -> &[InstanceId] {
        &self.found[..self.found.len().min(limits::CLAIM_CANDIDATES_MAX)]
    }
}

/// Whether a person may claim an instance that the filter must match.
#[must_use]
pub fn is_claimable(root: &Root, filter: &FollowUpFilter, instance: &Instance, now: Time) -> bool {
    cursor_of(root, filter, instance, now).is_some()
}

/// The place of an instance in the order of urgency. Returns `None` if people may not claim it.
fn cursor_of(
    root: &Root,
    filter: &FollowUpFilter,
    instance: &Instance,
    now: Time,
) -> Option<FollowUpCursor> {
    if filter.only_unknown_teams || !is_free(instance, now) || !root.is_listed(instance) {
        return None;
    }
    let (cursor, _) = most_urgent(instance, filter, now)?;
    row(root, filter, now, cursor).map(|_| cursor)
}

fn is_free(instance: &Instance, now: Time) -> bool {
    matches!(instance.status, Status::Active | Status::Incomplete)
        && instance.claim_at(now).is_none()
}
