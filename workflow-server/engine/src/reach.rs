//! What a caller may see and touch of the World: the scope of an identity.
//!
//! Promise: an instance is within reach if its call's customer is, and if one of the teams of its
//! open alerts is. Without an open alert, between stages or at its end, the teams count that its
//! version of the workflow names anywhere; where it names none, the customer alone decides.

use std::sync::Arc;

use aftercall_definition::Definition;
use aftercall_definition::model::{Action, AlertAction};

use crate::alert::Alert;
use crate::call::Call;
use crate::entry::Before;
use crate::instance::Instance;
use crate::world::Root;

/// What a caller may see and touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reach(Option<Arc<Limits>>);

/// Customers and teams, sorted; an empty list has no limit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Limits {
    customers: Box<[Box<str>]>,
    teams: Box<[Box<str>]>,
}

impl Reach {
    /// No limit.
    pub const EVERYTHING: Self = Self(None);

    /// These customers and teams, in any order; an empty list has no limit.
    #[must_use]
    pub fn new(customers: &[Box<str>], teams: &[Box<str>]) -> Self {
        let sorted = |names: &[Box<str>]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names.into_boxed_slice()
        };
        let is_limited = !(customers.is_empty() && teams.is_empty());
        Self(is_limited.then(|| {
            Arc::new(Limits {
                customers: sorted(customers),
                teams: sorted(teams),
            })
        }))
    }

    /// Whether there is no limit.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Whether calls of this customer are within reach, as far as their customer decides.
    #[must_use]
    pub fn has_customer(&self, customer: &str) -> bool {
        self.limits()
            .is_none_or(|limits| has(&limits.customers, customer))
    }

    /// Whether an instance in memory is within reach.
    #[must_use]
    pub fn can_see(&self, root: &Root, instance: &Instance) -> bool {
        self.is_everything()
            || root
                .call_of(instance)
                .is_some_and(|call| self.can_see_on(root, instance, call))
    }

    /// Whether an instance is within reach, with its call as it is or was.
    #[must_use]
    pub fn can_see_on(&self, root: &Root, instance: &Instance, call: &Call) -> bool {
        self.limits().is_none_or(|limits| {
            has(&limits.customers, &call.customer)
                && (limits.teams.is_empty() || has_team_of(&limits.teams, root, instance))
        })
    }

    /// Whether an instance is within reach, as far as its teams decide.
    #[must_use]
    pub fn has_teams_of(&self, root: &Root, instance: &Instance) -> bool {
        self.limits().is_none_or(|limits| {
            limits.teams.is_empty() || has_team_of(&limits.teams, root, instance)
        })
    }

    /// Whether an instance was within reach before a change, as far as the change shows it.
    #[must_use]
    pub fn could_see(&self, root: &Root, before: &Before) -> bool {
        let has_team = |place: u32, teams: &[Box<str>]| has(teams, team_name(root, place));
        self.limits().is_none_or(|limits| {
            has(&limits.customers, &before.customer)
                && (limits.teams.is_empty()
                    || before
                        .alerts
                        .iter()
                        .any(|alert| has_team(alert.team, &limits.teams)))
        })
    }

    /// Whether a call is within reach, with these instances of it. Where teams are limited, one of
    /// its instances must be.
    #[must_use]
    pub fn has_call<'i>(
        &self,
        root: &Root,
        call: &Call,
        mut instances: impl Iterator<Item = &'i Arc<Instance>>,
    ) -> bool {
        self.limits().is_none_or(|limits| {
            has(&limits.customers, &call.customer)
                && (limits.teams.is_empty()
                    || instances.any(|instance| has_team_of(&limits.teams, root, instance)))
        })
    }

    /// The same for a call in memory.
    #[must_use]
    pub fn has_call_in_memory(&self, root: &Root, call: &Call) -> bool {
        let instances = call.instances.iter();
        self.has_call(
            root,
            call,
            instances.filter_map(|slot| root.instance_at(*slot)),
        )
    }

    /// Whether instances of a version that wait in no stage are within reach, as far as their teams
    /// decide.
    #[must_use]
    pub fn has_definition(&self, definition: &Definition) -> bool {
        self.limits()
            .is_none_or(|limits| limits.teams.is_empty() || has_team_in(&limits.teams, definition))
    }

    fn limits(&self) -> Option<&Limits> {
        self.0.as_deref()
    }
}

fn has_team_of(teams: &[Box<str>], root: &Root, instance: &Instance) -> bool {
    if instance.alerts.is_empty() {
        return root
            .definition_of(instance)
            .is_none_or(|definition| has_team_in(teams, definition));
    }
    let mut places = instance.alerts.iter().flat_map(Alert::teams);
    places.any(|place| has(teams, team_name(root, place)))
}

fn has_team_in(teams: &[Box<str>], definition: &Definition) -> bool {
    let mut names = named(definition).peekable();
    names.peek().is_none() || names.any(|name| has(teams, name))
}

fn named(definition: &Definition) -> impl Iterator<Item = &str> {
    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    actions
        .filter_map(Action::alert)
        .flat_map(AlertAction::teams)
}

fn team_name(root: &Root, place: u32) -> &str {
    root.teams.at(place).map_or("", |team| &team.name)
}

fn has(names: &[Box<str>], name: &str) -> bool {
    names.is_empty()
        || names
            .binary_search_by(|known| known.as_ref().cmp(name))
            .is_ok()
}
