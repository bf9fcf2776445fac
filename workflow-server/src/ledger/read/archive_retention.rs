//! How long the archive keeps ended instances, and which of them are past their retention.

use std::collections::{HashMap, HashSet};

use aftercall_definition::time::{Span, Time};
use aftercall_engine::Root;
use aftercall_engine::archive::{Tally, is_outlived, oldest_kept};
use aftercall_engine::world::definitions::Workflow;

use super::archive::Archive;
use crate::records::{ArchivedCall, ArchivedInstance};

/// How long instances of a workflow are kept after their end. This is the longest valid retention
/// of the workflow, or the default of the server.
fn retention_of(root: &Root, workflow: u32, default: Span) -> Span {
    let counted = root
        .workflows
        .at(workflow)
        .into_iter()
        .flat_map(Workflow::retentions);
    counted
        .map(|own| own.unwrap_or(default))
        .max_by_key(|span| span.millis())
        .unwrap_or(default)
}

/// A shorter retention that waits for the confirmation of operations, and its effect now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShorterRetention {
    /// The retention that is used now.
    pub in_force: Span,
    /// The retention of the newest version, or of the server if the version has none.
    pub newest: Span,
    /// How many archived instances it would remove immediately, at most.
    pub instances: u64,
    /// The number of versions of these instances.
    pub versions: u32,
}

impl Archive {
    /// Whether an instance is past its retention.
    pub(in crate::ledger) fn instance_is_outlived(
        &self,
        root: &Root,
        one: &ArchivedInstance,
        now: Time,
    ) -> bool {
        is_outlived(
            one.ended_at,
            retention_of(root, one.workflow, self.retention),
            now,
        )
    }

    /// Returns a test for instances past their retention. It looks up the retention of each
    /// workflow once.
    pub(in crate::ledger) fn outlived(
        &self,
        root: &Root,
        now: Time,
    ) -> impl FnMut(&ArchivedInstance) -> bool {
        let mut retentions: HashMap<u32, Span> = HashMap::new();
        move |one| {
            let own = retentions.entry(one.workflow);
            is_outlived(
                one.ended_at,
                *own.or_insert_with(|| retention_of(root, one.workflow, self.retention)),
                now,
            )
        }
    }

    /// The retention of the newest version, if it is shorter than the one that is used now.
    #[must_use]
    pub fn shorter_retention(
        &self,
        root: &Root,
        workflow: u32,
        now: Time,
    ) -> Option<ShorterRetention> {
        let in_force = retention_of(root, workflow, self.retention);
        let newest = root
            .workflows
            .at(workflow)?
            .versions
            .last()?
            .definition
            .retention
            .unwrap_or(self.retention);
        if newest.millis() >= in_force.millis() {
            return None;
        }
        let tallies = root
            .archive
            .chunks
            .values()
            .flat_map(|chunk| chunk.tallies.iter());
        let gone: Vec<&Tally> = tallies
            .filter(|tally| {
                tally.workflow == workflow && is_outlived(tally.oldest_end, newest, now)
            })
            .filter(|tally| !is_outlived(tally.newest_end, in_force, now))
            .collect();
        let versions: HashSet<u32> = gone.iter().map(|tally| tally.version).collect();
        let instances = gone.iter().map(|tally| u64::from(tally.count)).sum();
        Some(ShorterRetention {
            in_force,
            newest,
            instances,
            versions: versions.len() as u32,
        })
    }

    /// The oldest end of an instance of a workflow that is still kept. What ended before is past its
    /// retention.
    #[must_use]
    pub fn oldest_kept(&self, root: &Root, workflow: u32, now: Time) -> Time {
        oldest_kept(retention_of(root, workflow, self.retention), now)
    }

    /// Whether a call without instances is past its retention.
    pub(in crate::ledger) fn call_is_outlived(&self, call: &ArchivedCall, now: Time) -> bool {
        is_outlived(call.created_at, self.retention, now)
    }
}
