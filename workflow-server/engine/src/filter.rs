//! Filters of follow-ups.

mod candidate;
mod search;

use aftercall_definition::model::Priority;
pub use candidate::Candidate;
pub use search::{SearchText, Texts};

use crate::call::CallKey;
use crate::instance::{Alert, Claim};
use crate::reach::Reach;
use crate::world::caller_index::CallerKey;

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
    /// Only overdue follow-ups.
    pub overdue_only: bool,
    /// Snoozed alerts instead of the others.
    pub snoozed_only: bool,
    /// A text that the follow-up, its call or its caller has. Sensitive values are not searched.
    pub text: Option<SearchText>,
    /// The caller of its call, by a telephone number.
    pub caller: Option<Box<CallerKey>>,
    /// A reference, in upper or lower case: the caller's at the customer, the id of the call, or a
    /// whole value of a field or of the call's details, such as an order. Sensitive values are not
    /// compared.
    pub reference: Option<Box<str>>,
    /// Only what the caller may see.
    pub reach: Reach,
}

impl FollowUpFilter {
    /// Whether an alert matches. A snoozed alert matches only a filter for snoozed alerts.
    #[must_use]
    pub fn matches_alert(&self, alert: &Alert) -> bool {
        alert.snooze.is_some() == self.snoozed_only
            && (self.teams.is_empty() || alert.teams().any(|team| self.teams.contains(&team)))
            && (self.priorities.is_empty() || self.priorities.contains(&alert.priority))
    }

    /// Whether the filter selects by nothing but teams and what the caller may see.
    #[must_use]
    pub(crate) fn is_by_team_alone(&self) -> bool {
        let by_team = Self {
            teams: self.teams.clone(),
            only_unknown_teams: self.only_unknown_teams,
            unclaimed_only: self.unclaimed_only,
            reach: self.reach.clone(),
            ..Self::default()
        };
        *self == by_team
    }

    /// Whether the filter matches only follow-ups with an alert.
    #[must_use]
    pub fn needs_alert(&self) -> bool {
        self.snoozed_only || !self.teams.is_empty() || !self.priorities.is_empty()
    }

    fn matches_holder(&self, claim: Option<&Claim>) -> bool {
        let is_named = claim.is_some_and(|claim| self.holders.contains(&claim.by));
        (self.holders.is_empty() || is_named) && !(self.unclaimed_only && claim.is_some())
    }

    /// Whether the text of the filter is in a follow-up. This costs more than all other fields.
    #[must_use]
    pub fn matches_text(&self, candidate: &Candidate<'_>) -> bool {
        let is_found =
            |text: &SearchText| text.is_in(&Texts::of(candidate), &candidate.call.caller);
        self.text.as_ref().is_none_or(is_found)
    }

    /// Whether a follow-up matches. Its alerts, the text and whether it is overdue are not checked.
    #[must_use]
    pub fn matches_instance(&self, candidate: &Candidate<'_>) -> bool {
        let (workflow, instance, call) = (candidate.workflow, candidate.instance, candidate.call);
        let stage =
            |(name, number): &(Box<str>, u32)| **name == *workflow && *number == instance.stage;
        (self.customers.is_empty() || self.customers.contains(&call.customer))
            && (self.workflows.is_empty() || self.workflows.iter().any(|name| **name == *workflow))
            && (self.stages.is_empty() || self.stages.iter().any(stage))
            && (self.calls.is_empty() || self.calls.contains(&call.key))
            && self.matches_holder(instance.claim.as_deref())
            && self
                .reference
                .as_deref()
                .is_none_or(|wanted| search::has_reference(wanted, candidate))
            && self
                .caller
                .as_ref()
                .is_none_or(|caller| caller.matches(&call.caller))
    }
}
