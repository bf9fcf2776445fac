//! Filters of follow-ups.

use aftercall_definition::model::Priority;

use crate::call::{Call, CallKey};
use crate::instance::{Alert, Claim, Instance};

/// A filter of follow-ups. Fields are and-ed, values of one field are or-ed; an empty field matches
/// all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FollowUpFilter {
    /// Teams by place; an alert must be for one of them.
    pub teams: Vec<u32>,
    /// Whether only undeclared teams were named: then nothing matches.
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
    /// Whether an alert matches; a snoozed one never does.
    #[must_use]
    pub fn matches_alert(&self, alert: &Alert) -> bool {
        alert.snooze.is_none()
            && (self.teams.is_empty() || alert.teams().any(|team| self.teams.contains(&team)))
            && (self.priorities.is_empty() || self.priorities.contains(&alert.priority))
    }

    /// Whether it matches only follow-ups with an alert.
    #[must_use]
    pub fn needs_alert(&self) -> bool {
        !self.teams.is_empty() || !self.priorities.is_empty()
    }

    fn matches_holder(&self, claim: Option<&Claim>) -> bool {
        let is_named = claim.is_some_and(|claim| self.holders.contains(&claim.by));
        (self.holders.is_empty() || is_named) && !(self.unclaimed_only && claim.is_some())
    }

    /// Whether an instance of this workflow, on this call, matches, without regard to its alerts.
    #[must_use]
    pub fn matches_instance(&self, workflow: &str, instance: &Instance, call: &Call) -> bool {
        let stage =
            |(name, number): &(Box<str>, u32)| **name == *workflow && *number == instance.stage;
        (self.customers.is_empty() || self.customers.contains(&call.customer))
            && (self.workflows.is_empty() || self.workflows.iter().any(|name| **name == *workflow))
            && (self.stages.is_empty() || self.stages.iter().any(stage))
            && (self.calls.is_empty() || self.calls.contains(&call.key))
            && self.matches_holder(instance.claim.as_deref())
    }
}
