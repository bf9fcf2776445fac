//! A follow-up as the alerter keeps it: what filters look at, and the rest as it will be sent.
//!
//! Promise: a follow-up is encoded once, however many streams show it, and kept once, in the
//! snapshot and in the ring.

use std::time::SystemTime;

use aftercall_proto::workflow::v1::{Alert, FollowUp};
use aftercall_scope::Scope;
use bytes::Bytes;
use prost::Message as _;
use prost_types::Timestamp;

/// What filters look at: the present state of a follow-up, or the state before a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The workflow's name.
    pub(crate) workflow: Box<str>,
    /// The stage's number.
    pub(crate) stage: u32,
    /// The call's customer.
    pub(crate) customer: Box<str>,
    /// The call's source and id.
    pub(crate) call: Option<(Box<str>, Box<str>)>,
    /// Team and priority of each alert that is not snoozed, once for each of its teams.
    pub(crate) alerts: Box<[(Box<str>, i32)]>,
    /// Who holds it; empty for nobody.
    pub(crate) holder: Box<str>,
    /// The teams that decide for whom it is in scope, besides those in `alerts`: the teams of
    /// snoozed alerts, or without any alert those of its workflow. `None` if they are not known:
    /// then it is in no scope that limits teams.
    pub(crate) further_teams: Option<Box<[Box<str>]>>,
}

/// A visible follow-up.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// What filters look at.
    pub(crate) facts: Facts,
    /// What its stage is called.
    pub(crate) stage_title: Box<str>,
    /// The priority of its most urgent alert, as the proto numbers them; 0 without an alert.
    pub(crate) priority: i32,
    /// When it becomes overdue; none while it is paused, unless it was overdue then.
    pub(crate) due: Option<SystemTime>,
    /// When it was started.
    pub(crate) started_at: SystemTime,
    /// The encoded follow-up.
    pub(crate) encoded: Bytes,
}

impl Facts {
    /// The facts of a follow-up; `of_workflow` has the teams that the feed sends beside it.
    pub(crate) fn of(follow_up: &FollowUp, of_workflow: &[String]) -> Self {
        let call = follow_up.call.as_ref();
        let reference = call.and_then(|call| call.r#ref.as_ref());
        Self {
            workflow: follow_up.workflow.as_str().into(),
            stage: follow_up.stage.as_ref().map_or(0, |stage| stage.number),
            customer: call.map_or("", |call| &call.customer).into(),
            call: reference.map(|call| (call.source.as_str().into(), call.id.as_str().into())),
            alerts: follow_up.alerts.iter().flat_map(facts_of).collect(),
            holder: follow_up
                .claim
                .as_ref()
                .map_or("", |claim| &claim.holder)
                .into(),
            further_teams: Some(further_teams(follow_up, of_workflow)),
        }
    }

    /// Whether it is in a scope.
    pub(crate) fn is_in(&self, scope: &Scope) -> bool {
        if scope.teams().is_empty() {
            return scope.has_customer(&self.customer);
        }
        let Some(further) = &self.further_teams else {
            return false;
        };
        let of_alerts = self.alerts.iter().map(|(team, _)| &**team);
        let teams = of_alerts.chain(further.iter().map(|team| &**team));
        scope.has_follow_up(&self.customer, teams)
    }
}

/// A snoozed alert is hidden from everyone.
fn facts_of(alert: &Alert) -> impl Iterator<Item = (Box<str>, i32)> + '_ {
    teams_of(alert)
        .filter(|_| alert.snoozed_until.is_none())
        .map(|team| (team.as_str().into(), alert.priority))
}

/// Usually empty: most follow-ups have alerts, and few are snoozed.
fn further_teams(follow_up: &FollowUp, of_workflow: &[String]) -> Box<[Box<str>]> {
    let snoozed = follow_up
        .alerts
        .iter()
        .filter(|alert| alert.snoozed_until.is_some());
    let teams = snoozed.flat_map(teams_of).chain(of_workflow);
    teams.map(|team| team.as_str().into()).collect()
}

fn teams_of(alert: &Alert) -> impl Iterator<Item = &String> {
    std::iter::once(&alert.team).chain(&alert.added_teams)
}

impl Shown {
    /// The present state of a follow-up; `of_workflow` has the teams that the feed sends beside it.
    pub(crate) fn new(follow_up: &FollowUp, of_workflow: &[String]) -> Self {
        Self {
            facts: Facts::of(follow_up, of_workflow),
            stage_title: follow_up
                .stage
                .as_ref()
                .map_or("", |stage| &stage.title)
                .into(),
            priority: follow_up.priority,
            due: due(follow_up),
            started_at: time(follow_up.started_at).unwrap_or(SystemTime::UNIX_EPOCH),
            encoded: follow_up.encode_to_vec().into(),
        }
    }
}

/// The dues of a paused follow-up stand still: one that is still to come never comes.
fn due(follow_up: &FollowUp) -> Option<SystemTime> {
    let due = time(follow_up.due)?;
    let paused_since = follow_up.pause.as_ref().and_then(|pause| time(pause.since));
    (paused_since.is_none_or(|since| due <= since)).then_some(due)
}

fn time(timestamp: Option<Timestamp>) -> Option<SystemTime> {
    timestamp.and_then(|timestamp| timestamp.try_into().ok())
}
