//! Filters of follow-ups.

use aftercall_definition::model::Priority;

use crate::call::{Call, CallKey};
use crate::instance::{Alert, Claim, Instance};
use crate::reach::Reach;

/// A filter of follow-ups. All fields must match. A field matches if one of its values matches. An
/// empty field matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FollowUpFilter {
    /// Teams by place. An alert must be for one of them.
    pub teams: Vec<u32>,
    /// Whether the request named only undeclared teams. Then nothing matches.
    pub only_unknown_teams: bool,
    /// Customers.
    pub customers: Vec<Box<str>>,
    /// Workflows by name.
    pub workflows: Vec<Box<str>>,
    /// Stages: the name of the workflow and the number of the stage.
    pub stages: Vec<(Box<str>, u32)>,
    /// Priorities. The alert that matches the teams must have one of them.
    pub priorities: Vec<Priority>,
    /// Keys of calls.
    pub calls: Vec<CallKey>,
    /// Names of people with a claim.
    pub holders: Vec<Box<str>>,
    /// Only follow-ups without a claim.
    pub unclaimed_only: bool,
    /// Only what the caller may see.
    pub reach: Reach,
}

impl FollowUpFilter {
    /// Whether an alert matches. A snoozed alert never does.
    #[must_use]
    pub fn matches_alert(&self, alert: &Alert) -> bool {
        alert.snooze.is_none()
            && (self.teams.is_empty() || alert.teams().any(|team| self.teams.contains(&team)))
            && (self.priorities.is_empty() || self.priorities.contains(&alert.priority))
    }

    /// Whether the filter matches only follow-ups with an alert.
    #[must_use]
    pub fn needs_alert(&self) -> bool {
        !self.teams.is_empty() || !self.priorities.is_empty()
    }

    fn matches_holder(&self, claim: Option<&Claim>) -> bool {
        let is_named = claim.is_some_and(|claim| self.holders.contains(&claim.by));
        (self.holders.is_empty() || is_named) && !(self.unclaimed_only && claim.is_some())
    }

    /// Whether an instance of this workflow on this call matches. Its alerts are not checked.
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
