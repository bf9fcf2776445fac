//! What the World knows of an instance that was found already, and what authors wrote.
//!
//! Promise: nothing of a call is found or counted by it. An instance or a call comes from a view,
//! or from a decision that checked the scope.

use std::sync::Arc;

use aftercall_definition::time::{Time, WallClock};
use aftercall_definition::{Definition, Fault, FieldError};
use aftercall_engine::alert::Alert;
use aftercall_engine::call::Call;
use aftercall_engine::instance::Instance;
use aftercall_engine::query::{self, ShouldStop, Stopped, TeamUse};
use aftercall_engine::world::definitions::{Calendars, Teams, Workflow, Workflows};
use aftercall_engine::{Entry, Request, Root, mask, reach, request_errors_in};
use jiff::tz::TimeZone;

use crate::ledger::{Archive, ShorterRetention};

/// The names and definitions of a World.
#[derive(Clone, Debug)]
pub(crate) struct Names(Arc<Root>);

impl Names {
    /// Those of a World.
    pub(crate) fn of_world(root: Arc<Root>) -> Self {
        Self(root)
    }

    /// The World itself. Only views read it.
    pub(super) fn root(&self) -> &Root {
        &self.0
    }

    /// Sequence of its newest entry.
    pub(crate) fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// Time of its newest entry.
    pub(crate) fn at(&self) -> Time {
        self.0.at
    }

    /// The entries at which time went back, by their sequences.
    pub(crate) fn time_set_back(&self) -> &[u64] {
        &self.0.time_set_back
    }

    /// The teams.
    pub(crate) fn teams(&self) -> &Teams {
        &self.0.teams
    }

    /// The calendars.
    pub(crate) fn calendars(&self) -> &Calendars {
        &self.0.calendars
    }

    /// The workflows with their versions.
    pub(crate) fn workflows(&self) -> &Workflows {
        &self.0.workflows
    }

    /// The zone that counts if no other is known.
    pub(crate) fn default_zone(&self) -> &TimeZone {
        self.0.default_zone()
    }

    /// The zone to use if the caller's is unknown.
    pub(crate) fn zone_beside_caller(&self, definition: &Definition) -> &TimeZone {
        query::zone_beside_caller(&self.0, definition, None)
    }

    /// What is wrong with a definition.
    pub(crate) fn validate(&self, definition: &Definition) -> Vec<Fault> {
        self.0.validate(definition)
    }

    /// What uses a team, so that it cannot be removed.
    pub(crate) fn use_of_team(
        &self,
        place: u32,
        should_stop: ShouldStop<'_>,
    ) -> Result<TeamUse, Stopped> {
        TeamUse::search(&self.0, place, should_stop)
    }

    /// What the newest version's retention of a workflow would remove, if it is shorter than the
    /// one in force.
    pub(crate) fn shorter_retention(
        &self,
        archive: &Archive,
        workflow: u32,
        now: Time,
    ) -> Option<ShorterRetention> {
        archive.shorter_retention(&self.0, workflow, now)
    }

    /// The oldest end of an ended instance that is still kept, for each workflow by its name.
    pub(crate) fn oldest_kept(&self, archive: &Archive, now: Time) -> Vec<(String, Time)> {
        let workflows = (0..).zip(self.0.workflows.by_place());
        workflows
            .map(|(place, workflow)| {
                let oldest = archive.oldest_kept(&self.0, place, now);
                (workflow.name.clone(), oldest)
            })
            .collect()
    }

    /// The invalid fields of a request.
    pub(crate) fn request_errors(&self, request: &Request, now: Time) -> Vec<FieldError> {
        request_errors_in(&self.0, request, now)
    }

    /// The workflow of an instance.
    pub(crate) fn workflow_of(&self, instance: &Instance) -> Option<&Workflow> {
        self.0.workflow_of(instance)
    }

    /// The version of the workflow that an instance runs on.
    pub(crate) fn definition_of(&self, instance: &Instance) -> Option<&Arc<Definition>> {
        self.0.definition_of(instance)
    }

    /// The call of an instance in memory.
    pub(crate) fn call_of(&self, instance: &Instance) -> Option<&Arc<Call>> {
        self.0.call_of(instance)
    }

    /// Whether Call Managers see an instance.
    pub(crate) fn is_visible(&self, instance: &Instance) -> bool {
        self.0.is_visible(instance)
    }

    /// Whether a timer or a button of an instance waits.
    pub(crate) fn is_waiting(&self, instance: &Instance) -> bool {
        query::is_waiting(&self.0, instance)
    }

    /// When an alert of an instance is due soon.
    pub(crate) fn due_soon_from(
        &self,
        definition: &Definition,
        instance: &Instance,
        alert: Option<&Alert>,
    ) -> Option<Time> {
        query::due_soon_from(&self.0, definition, instance, alert)
    }

    /// The zone of an instance.
    pub(crate) fn zone_of(&self, of: (Option<&Call>, &Instance), action: Option<u16>) -> TimeZone {
        query::zone_of(&self.0, of, action)
    }

    /// The clock by which errors show the times of an instance.
    pub(crate) fn wall_clock_of(&self, instance: &Instance) -> WallClock {
        query::wall_clock_of(&self.0, instance)
    }

    /// The teams that decide for whom an instance without an open alert is in scope.
    pub(crate) fn teams_of_workflow(&self, instance: &Instance) -> Vec<String> {
        reach::teams_of_workflow(&self.0, instance)
    }

    /// Whether an entry is of a caller who is being erased.
    pub(crate) fn is_masked(&self, entry: &Entry) -> bool {
        mask::is_masked(&self.0.erasing, &self.0, entry)
    }

    /// The entry, without what is known of a caller who is being erased.
    pub(crate) fn masked(&self, entry: Arc<Entry>) -> Arc<Entry> {
        mask::masked(&self.0.erasing, &self.0, entry)
    }
}
