//! Filters: which follow-ups a stream shows.
//!
//! Promise: a filter decides by an instance alone, never by the kind of change, so that a client's
//! picture can be exact. Two filters that select the same by the same values have the same hash, in
//! any order of the values. The scope of the client is a part of its filter, so that clients with the
//! same filter and scope share a view.

use std::collections::{BTreeMap, BTreeSet};

use aftercall_proto::workflow::v1::{CallRef, FollowUpFilter, Priority, WorkflowStage};
use aftercall_scope::Scope;
use aftercall_serving::FieldError;
use prost::Message as _;
use twox_hash::XxHash3_64;

use crate::field::{Field, value_of_call};
use crate::limits::{FILTER_VALUE_CHARACTERS_MAX, FILTER_VALUES_MAX};
use crate::shown::Facts;

/// Which follow-ups. Fields are and-ed, the values of one or-ed; an empty field lets everything
/// through.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    teams: BTreeSet<String>,
    customers: BTreeSet<String>,
    workflows: BTreeSet<String>,
    stages: BTreeMap<String, BTreeSet<u32>>,
    priorities: BTreeSet<i32>,
    calls: BTreeMap<String, BTreeSet<String>>,
    holders: BTreeSet<String>,
    unclaimed: bool,
    /// What the client may see.
    scope: Scope,
    hash: u64,
}

impl Filter {
    /// Checks and normalises what a client asked for; returns every invalid field.
    pub(crate) fn new(asked: FollowUpFilter) -> Result<Self, Vec<FieldError>> {
        let errors = errors_of(&asked);
        if !errors.is_empty() {
            return Err(errors);
        }
        let hash = hash(&asked);
        let mut stages = BTreeMap::<String, BTreeSet<u32>>::new();
        for WorkflowStage { workflow, stage } in asked.stages {
            stages.entry(workflow).or_default().insert(stage);
        }
        let mut calls = BTreeMap::<String, BTreeSet<String>>::new();
        for CallRef { source, id } in asked.calls {
            calls.entry(source).or_default().insert(id);
        }
        Ok(Self {
            teams: asked.teams.into_iter().collect(),
            customers: asked.customers.into_iter().collect(),
            workflows: asked.workflows.into_iter().collect(),
            stages,
            priorities: asked.priorities.into_iter().collect(),
            calls,
            holders: asked.holders.into_iter().collect(),
            unclaimed: asked.unclaimed,
            scope: Scope::everything(),
            hash,
        })
    }

    /// The same filter for a client that may see only a scope. Its tokens are of no use within
    /// another scope. Without a limit the filter is unchanged.
    pub(crate) fn within(self, scope: &Scope) -> Self {
        if scope.is_everything() {
            return self;
        }
        let bytes = [&self.hash.to_be_bytes()[..], &scope.to_bytes()].concat();
        Self {
            scope: scope.clone(),
            hash: XxHash3_64::oneshot(&bytes),
            ..self
        }
    }

    /// What the client may see.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Names the filter in tokens.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// A field of which everything that the filter selects has one of these values; nothing where
    /// it has no such field.
    pub(crate) fn key(&self) -> Option<(Field, Vec<String>)> {
        let of_names = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
        let of_scope = |names: &[Box<str>]| names.iter().map(ToString::to_string).collect();
        let values = |field| match field {
            Field::Call => self
                .calls
                .iter()
                .flat_map(|(source, ids)| ids.iter().map(|id| value_of_call(source, id)))
                .collect(),
            Field::Holder => of_names(&self.holders),
            Field::Customer if self.customers.is_empty() => of_scope(self.scope.customers()),
            Field::Customer => of_names(&self.customers),
            Field::Team => of_names(&self.teams),
            Field::TeamOfScope => of_scope(self.scope.teams()),
            Field::Workflow if self.workflows.is_empty() => self.stages.keys().cloned().collect(),
            Field::Workflow => of_names(&self.workflows),
        };
        Field::ALL
            .into_iter()
            .map(|field| (field, values(field)))
            .find(|(_, values)| !values.is_empty())
    }

    /// Whether a stream with this filter shows a visible follow-up with these facts.
    pub(crate) fn selects(&self, facts: &Facts) -> bool {
        let passes =
            |names: &BTreeSet<String>, name: &str| names.is_empty() || names.contains(name);
        (self.scope.is_everything() || facts.is_in(&self.scope))
            && passes(&self.workflows, &facts.workflow)
            && passes(&self.customers, &facts.customer)
            && passes(&self.holders, &facts.holder)
            && (!self.unclaimed || facts.holder.is_empty())
            && (self.stages.is_empty() || self.selects_stage(&facts.workflow, facts.stage))
            && (self.calls.is_empty()
                || facts
                    .call
                    .as_ref()
                    .is_none_or(|(source, id)| self.selects_call(source, id)))
            && (self.teams.is_empty() && self.priorities.is_empty()
                || facts
                    .alerts
                    .iter()
                    .any(|(team, priority)| self.selects_alert(team, *priority)))
    }

    fn selects_stage(&self, workflow: &str, stage: u32) -> bool {
        self.stages
            .get(workflow)
            .is_some_and(|numbers| numbers.contains(&stage))
    }

    fn selects_call(&self, source: &str, id: &str) -> bool {
        self.calls.get(source).is_some_and(|ids| ids.contains(id))
    }

    fn selects_alert(&self, team: &str, priority: i32) -> bool {
        (self.teams.is_empty() || self.teams.contains(team))
            && (self.priorities.is_empty() || self.priorities.contains(&priority))
    }
}

/// Hashes the filter with its values in order and each once.
fn hash(asked: &FollowUpFilter) -> u64 {
    let mut canonical = asked.clone();
    let FollowUpFilter {
        teams,
        customers,
        workflows,
        holders,
        ..
    } = &mut canonical;
    for values in [teams, customers, workflows, holders] {
        values.sort_unstable();
        values.dedup();
    }
    canonical
        .stages
        .sort_unstable_by(|a, b| (&a.workflow, a.stage).cmp(&(&b.workflow, b.stage)));
    canonical.stages.dedup();
    canonical.priorities.sort_unstable();
    canonical.priorities.dedup();
    canonical
        .calls
        .sort_unstable_by(|a, b| (&a.source, &a.id).cmp(&(&b.source, &b.id)));
    canonical.calls.dedup();
    XxHash3_64::oneshot(&canonical.encode_to_vec())
}

/// Everything that is wrong with a filter.
fn errors_of(asked: &FollowUpFilter) -> Vec<FieldError> {
    let mut found = Vec::new();
    let names = [
        ("teams", &asked.teams),
        ("customers", &asked.customers),
        ("workflows", &asked.workflows),
        ("holders", &asked.holders),
    ];
    for (field, values) in names {
        check(&mut found, field, values, |value| {
            bad_name(value).map(|why| (String::new(), why))
        });
    }
    check(
        &mut found,
        "stages",
        &asked.stages,
        |stage| match bad_name(&stage.workflow) {
            Some(why) => Some((".workflow".into(), why)),
            None => {
                (stage.stage == 0).then(|| (".stage".into(), "stages are counted from 1".into()))
            }
        },
    );
    check(&mut found, "priorities", &asked.priorities, |priority| {
        let known =
            Priority::try_from(*priority).is_ok_and(|priority| priority != Priority::Unspecified);
        (!known).then(|| (String::new(), format!("{priority} is not a priority")))
    });
    check(&mut found, "calls", &asked.calls, |call| {
        match (bad_name(&call.source), bad_name(&call.id)) {
            (Some(why), _) => Some((".source".into(), why)),
            (None, Some(why)) => Some((".id".into(), why)),
            (None, None) => None,
        }
    });
    let of_lists = [
        ("overdue", asked.overdue),
        ("snoozed", asked.snoozed),
        ("text", !asked.text.is_empty()),
        ("phone", !asked.phone.is_empty()),
        ("reference", !asked.reference.is_empty()),
    ];
    for (field, _) in of_lists.into_iter().filter(|(_, is_given)| *is_given) {
        found.push(FieldError {
            field: format!("filter.{field}"),
            message: "a stream does not select by it: leave it out, or ask for a list".to_owned(),
        });
    }
    if asked.unclaimed && !asked.holders.is_empty() {
        let message = "what is held by somebody is not unclaimed: give one of the two".to_owned();
        found.push(FieldError {
            field: "filter.unclaimed".to_owned(),
            message,
        });
    }
    found
}

/// Adds what is wrong with the values of one field: too many, or else each bad one.
fn check<V>(
    found: &mut Vec<FieldError>,
    field: &str,
    values: &[V],
    wrong: impl Fn(&V) -> Option<(String, String)>,
) {
    if values.len() > FILTER_VALUES_MAX {
        let message = format!(
            "has {} values; at most {FILTER_VALUES_MAX} are taken",
            values.len()
        );
        found.push(FieldError {
            field: format!("filter.{field}"),
            message,
        });
        return;
    }
    for (at, value) in values.iter().enumerate() {
        if let Some((part, message)) = wrong(value) {
            found.push(FieldError {
                field: format!("filter.{field}[{at}]{part}"),
                message,
            });
        }
    }
}

fn bad_name(value: &str) -> Option<String> {
    if value.is_empty() {
        return Some("is empty; leave it out to let everything through".into());
    }
    let characters = value.chars().count();
    (characters > FILTER_VALUE_CHARACTERS_MAX).then(|| {
        format!("has {characters} characters; at most {FILTER_VALUE_CHARACTERS_MAX} are taken")
    })
}

#[cfg(test)]
#[path = "filter/tests.rs"]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests;
