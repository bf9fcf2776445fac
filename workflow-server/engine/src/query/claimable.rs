//! Looking for the next follow-up that a person may take: what a filter lets through, is active,
//! and nobody holds.
//!
//! The search reads a root, off the writer's thread. Its result is kept and brought up to a newer
//! root by the changes since: people who ask the same question every second cost one walk, not one
//! walk each.

use aftercall_definition::time::Time;

use crate::filter::FollowUpFilter;
use crate::instance::{Instance, InstanceId, Status};
use crate::limits;
use crate::query::follow_ups::{FollowUpCursor, candidates, most_urgent, row};
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::world::Root;

/// Follow-ups that a search keeps: enough that a crowd of people at one list needs one search.
const FOUND_MAX: usize = 256;
/// Changes that are looked at to bring a result up to a newer root; with more of them a new search
/// is as cheap.
const CHANGES_MAX: usize = 2_048;

/// What a search found at one root, most urgent first.
#[derive(Clone, Debug)]
pub struct Claimable {
    sequence: u64,
    found: Vec<InstanceId>,
    /// Whether there were no others.
    is_all: bool,
}

impl Claimable {
    /// Walks the follow-ups in the order of their urgency until enough are found.
    ///
    /// # Errors
    /// [`Stopped`].
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

    /// The same at a newer root, from what changed since; none where that takes a new search.
    #[must_use]
    pub fn renewed(&self, root: &Root, filter: &FollowUpFilter, now: Time) -> Option<Self> {
        if !self.is_all || root.sequence < self.sequence {
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

    /// The most urgent of them, as many as one command takes.
    #[must_use]
    pub fn candidates(&self) -> &[InstanceId] {
        &self.found[..self.found.len().min(limits::CLAIM_CANDIDATES_MAX)]
    }
}

/// Whether a person may take an instance that the filter is to let through.
#[must_use]
pub fn is_claimable(root: &Root, filter: &FollowUpFilter, instance: &Instance, now: Time) -> bool {
    cursor_of(root, filter, instance, now).is_some()
}

/// Where an instance is in the order of urgency; none where it is not to be taken.
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
