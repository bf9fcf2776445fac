//! The uses of a team: follow-ups, definitions and batches. A team with a use cannot be removed.

use std::sync::Arc;

use aftercall_definition::Definition;
use aftercall_definition::model::Action;

use crate::batch::{BatchState, BatchWork};
use crate::instance::Instance;
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::recipient::Recipient;
use crate::world::Root;
use crate::world::definitions::Workflows;

/// The largest number of changes since the search that the writer checks.
const CHANGES_MAX: usize = 4_096;

/// The result of a search for the uses of a team.
#[derive(Clone, Debug)]
pub struct TeamUse {
    /// The uses in words; empty if there are none.
    pub used_by: Box<str>,
    sequence: u64,
    workflows: Arc<Workflows>,
}

impl TeamUse {
    /// Searches for the uses of the team at a place. Walks over all definitions and slots.
    ///
    /// # Errors
    /// [`Stopped`] if `should_stop` stops the walk.
    pub fn search(root: &Root, place: u32, should_stop: ShouldStop<'_>) -> Result<Self, Stopped> {
        let name = root.teams.at(place).map_or("", |team| &team.name);
        let mut used_by = in_definitions(&root.workflows, name);
        let mut open = 0_u64;
        for instance in checked(root.instances.iter().flatten(), should_stop) {
            open += u64::from(is_for(instance?, place));
        }
        match open {
            0 => {}
            1 => used_by.push("1 open follow-up".to_owned()),
            open => used_by.push(format!("{open} open follow-ups")),
        }
        let (sequence, workflows) = (root.sequence, root.workflows.clone());
        Ok(Self {
            used_by: used_by.join(", ").into(),
            sequence,
            workflows,
        })
    }

    /// Whether the result is still valid: since the search, nothing has changed that could use the
    /// team. Reads only the changes.
    #[must_use]
    pub fn is_current(&self, root: &Root, place: u32) -> bool {
        let is_unused = |slot| {
            root.instance_at(slot)
                .is_none_or(|instance| !is_for(instance, place))
        };
        let changed = root.changes.after(self.sequence, CHANGES_MAX);
        Arc::ptr_eq(&self.workflows, &root.workflows)
            && changed.is_some_and(|mut slots| slots.all(is_unused))
    }
}

/// The running batches that hand instances over to the team at a place.
pub(crate) fn batches_for(root: &Root, place: u32) -> Vec<u64> {
    let is_for = |work: &BatchWork| *work == BatchWork::HandOver(Recipient::Team { team: place });
    let running = root
        .batches
        .values()
        .filter(|batch| batch.state == BatchState::Running && is_for(&batch.work));
    running.map(|batch| batch.id).collect()
}

fn is_for(instance: &Instance, place: u32) -> bool {
    !instance.status.is_ended()
        && instance
            .alerts
            .iter()
            .any(|alert| alert.teams().any(|team| team == place))
}

/// The definitions that name a team. All versions count: a request may set or migrate to any of
/// them by its number, and archiving can be undone.
fn in_definitions(workflows: &Workflows, team: &str) -> Vec<String> {
    let uses = |workflow: &crate::world::definitions::Workflow| {
        let newest = workflow
            .versions
            .iter()
            .enumerate()
            .rev()
            .find(|(_, version)| names(&version.definition, team));
        let draft = workflow
            .draft
            .as_ref()
            .filter(|draft| names(draft, team))
            .map(|_| "its draft".to_owned());
        let place = draft.or_else(|| newest.map(|(at, _)| format!("version {}", at + 1)))?;
        Some(format!("workflow {} ({place})", workflow.name))
    };
    workflows.by_name().filter_map(uses).collect()
}

fn names(definition: &Definition, team: &str) -> bool {
    let mut alerts = definition
        .stages
        .iter()
        .flat_map(|stage| &stage.actions)
        .filter_map(Action::alert);
    alerts.any(|alert| alert.teams().any(|named| named == team))
}
