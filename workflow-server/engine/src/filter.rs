//! Which follow-ups people ask for.

use aftercall_definition::model::Priority;

use crate::call::{Call, CallKey};
use crate::instance::{Alert, Claim, Instance};

/// Which follow-ups: fields are and-ed, values within one or-ed; an empty one lets everything
/// through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FollowUpFilter {
    /// Teams by place; an alert must be for one of them.
    pub teams: Vec<u32>,
    /// Names of teams that are not declared were given: they match nothing.
    pub only_unknown_teams: bool,
    /// Customers.
    pub customers: Vec<Box<str>>,
    /// Workflows by name.
    pub workflows: Vec<Box<str>>,
    /// Workflow and stage number.
    pub stages: Vec<(Box<str>, u32)>,
    /// Priorities; of the same alert as the team.
    pub priorities: Vec<Priority>,
    /// Calls.
    pub calls: Vec<CallKey>,
    /// Who holds it.
    pub holders: Vec<Box<str>>,
    /// Only what nobody holds.
    pub unclaimed_only: bool,
}

impl FollowUpFilter {
    /// Whether an alert is one that the filter lets through; a snoozed one never is.
    #[must_use]
    pub fn lets_alert_through(&self, alert: &Alert) -> bool {
        alert.snooze.is_none()
            && (self.teams.is_empty() || alert.teams().any(|team| self.teams.contains(&team)))
            && (self.priorities.is_empty() || self.priorities.contains(&alert.priority))
    }

    /// Whether it lets only follow-ups with an alert through.
    #[must_use]
    pub fn asks_for_alert(&self) -> bool {
        !self.teams.is_empty() || !self.priorities.is_empty()
    }

    fn lets_holder_through(&self, claim: Option<&Claim>) -> bool {
        let is_named = claim.is_some_and(|claim| self.holders.contains(&claim.by));
        (self.holders.is_empty() || is_named) && !(self.unclaimed_only && claim.is_some())
    }

    /// Whether an instance of this workflow, on this call, is one that it lets through, its alerts
    /// aside.
    #[must_use]
    pub fn lets_instance_through(&self, workflow: &str, instance: &Instance, call: &Call) -> bool {
        let stage =
            |(name, number): &(Box<str>, u32)| **name == *workflow && *number == instance.stage;
        (self.customers.is_empty() || self.customers.contains(&call.customer))
            && (self.workflows.is_empty() || self.workflows.iter().any(|name| **name == *workflow))
            && (self.stages.is_empty() || self.stages.iter().any(stage))
            && (self.calls.is_empty() || self.calls.contains(&call.key))
            && self.lets_holder_through(instance.claim.as_deref())
    }
}
