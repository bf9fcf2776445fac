//! What a caller may see and touch of the World: the scope of an identity.
//!
//! Promise: an instance is within reach if its call's customer is, and if one of the teams of its
//! open alerts is. Without an open alert, between stages or at its end, the teams count that its
//! version of the workflow names anywhere; where it names none, the customer alone decides.

use std::sync::Arc;

use aftercall_definition::Definition;
use aftercall_definition::model::{Action, AlertAction};
use aftercall_scope::Scope;

use crate::alert::Alert;
use crate::call::Call;
use crate::entry::Before;
use crate::instance::Instance;
use crate::world::Root;

/// What a caller may see and touch. Without a scope nothing is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reach {
    scope: Option<Arc<Scope>>,
    /// Whether the caller does not choose among the work of teams that share it fairly.
    takes_next: bool,
}

impl Reach {
    /// No limit.
    pub const EVERYTHING: Self = Self {
        scope: None,
        takes_next: false,
    };

    /// What is in this scope.
    #[must_use]
    pub fn new(scope: &Scope) -> Self {
        Self {
            scope: (!scope.is_everything()).then(|| Arc::new(scope.clone())),
            takes_next: false,
        }
    }

    /// The same for a caller who does not choose among the work of teams that share it fairly.
    #[must_use]
    pub fn taking_next(self, takes_next: bool) -> Self {
        Self { takes_next, ..self }
    }

    /// Whether the caller does not choose among the work of teams that share it fairly.
    #[must_use]
    pub fn takes_next(&self) -> bool {
        self.takes_next
    }

    /// Whether the caller gets this instance only as the next one: an open alert of it is for a team
    /// of the caller that shares its work fairly.
    #[must_use]
    pub(crate) fn gets_as_next(&self, root: &Root, instance: &Instance) -> bool {
        let is_shared = |place: u32| {
            let team = root.teams.at(place);
            team.is_some_and(|team| team.claim_next_only && self.has_team(&team.name))
        };
        let mut teams = instance.alerts.iter().flat_map(Alert::teams);
        self.takes_next && teams.any(is_shared)
    }

    /// Whether there is no limit.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.scope.is_none()
    }

    /// Whether calls of this customer are within reach, as far as their customer decides.
    #[must_use]
    pub fn has_customer(&self, customer: &str) -> bool {
        self.scope()
            .is_none_or(|scope| scope.has_customer(customer))
    }

    /// Whether follow-ups of this team are within reach, as far as their team decides.
    #[must_use]
    pub fn has_team(&self, team: &str) -> bool {
        self.scope().is_none_or(|scope| scope.has_team(team))
    }

    /// What may be seen and touched, as a scope.
    #[must_use]
    pub fn to_scope(&self) -> Scope {
        self.scope().cloned().unwrap_or_default()
    }

    /// Whether something of a scope is within reach.
    #[must_use]
    pub fn overlaps(&self, scope: &Scope) -> bool {
        self.scope().is_none_or(|own| own.overlaps(scope))
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
        self.scope()
            .is_none_or(|scope| scope.has_follow_up(&call.customer, deciding_teams(root, instance)))
    }

    /// Whether an instance is within reach, as far as its teams decide.
    #[must_use]
    pub fn has_teams_of(&self, root: &Root, instance: &Instance) -> bool {
        self.scope()
            .is_none_or(|scope| scope.has_teams(deciding_teams(root, instance)))
    }

    /// Whether an instance was within reach before a change, as far as the change shows it.
    #[must_use]
    pub fn could_see(&self, root: &Root, before: &Before) -> bool {
        let has_team = |scope: &Scope| {
            let mut teams = before
                .alerts
                .iter()
                .map(|alert| team_name(root, alert.team));
            scope.teams().is_empty() || teams.any(|team| scope.has_team(team))
        };
        self.scope()
            .is_none_or(|scope| scope.has_customer(&before.customer) && has_team(scope))
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
        self.scope().is_none_or(|scope| {
            scope.has_customer(&call.customer)
                && (scope.teams().is_empty()
                    || instances.any(|instance| scope.has_teams(deciding_teams(root, instance))))
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
        self.scope()
            .is_none_or(|scope| scope.has_teams(named(definition)))
    }

    fn scope(&self) -> Option<&Scope> {
        self.scope.as_deref()
    }
}

/// The teams that decide for whom an instance without an open alert is within reach, each once;
/// empty if it has an open alert, because then the teams of its alerts decide.
#[must_use]
pub fn teams_of_workflow(root: &Root, instance: &Instance) -> Vec<String> {
    let mut teams: Vec<String> = teams_without_alert(root, instance)
        .map(str::to_owned)
        .collect();
    teams.sort_unstable();
    teams.dedup();
    teams
}

fn deciding_teams<'r>(root: &'r Root, instance: &'r Instance) -> impl Iterator<Item = &'r str> {
    let of_alerts = instance.alerts.iter().flat_map(Alert::teams);
    of_alerts
        .map(|place| team_name(root, place))
        .chain(teams_without_alert(root, instance))
}

fn teams_without_alert<'r>(
    root: &'r Root,
    instance: &'r Instance,
) -> impl Iterator<Item = &'r str> {
    let definition = root
        .definition_of(instance)
        .filter(|_| instance.alerts.is_empty());
    definition
        .into_iter()
        .flat_map(|definition| named(definition))
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
