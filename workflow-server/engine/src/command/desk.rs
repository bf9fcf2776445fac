//! What people at their desks ask for that says much: snoozing an alert, and taking a push back.

use std::sync::Arc;

use crate::instance::{Instance, InstanceId};
use crate::time::Time;

/// Until when an alert is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnoozeUntil {
    /// Until this moment.
    Moment(Time),
    /// For so long, in milliseconds.
    For(i64),
    /// For so many days: until the clock where the caller is shows the same time of day.
    Days(u32),
    /// Until the clock where the caller is shows this: `2026-11-25T09:00`, or `09:00` for the next time that it does.
    Clock(Box<str>),
    /// It comes back at once.
    Now,
}

/// An alert as the person saw it who acknowledges or snoozes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenAlert {
    /// The stage that the person was looking at.
    pub stage: u32,
    /// The visit of it.
    pub visit: u32,
    /// Which action of the stage raised the alert, counted from 0.
    pub action: u16,
    /// How urgent it had become: [`crate::instance::Instance::urgency_count`].
    pub urgency_count: u32,
    /// The team that it was for, by place; none where the client does not say it.
    pub team: Option<u32>,
}

/// Hides an alert for a time.
#[derive(Clone, Debug)]
pub struct SnoozeAlert {
    /// On which instance.
    pub instance: InstanceId,
    /// Which alert.
    pub alert: SeenAlert,
    /// Until when.
    pub until: SnoozeUntil,
    /// What came of an attempt at reaching the caller; empty where there was none.
    pub outcome: Box<str>,
    /// A note; empty for none.
    pub note: Box<str>,
}

/// Finishes by hand what nothing in its workflow moves on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishFollowUp {
    /// Which instance.
    pub instance: InstanceId,
    /// The stage that the person was looking at.
    pub stage: u32,
    /// The visit that the person was looking at.
    pub visit: u32,
    /// How it ended, as reports count it: lower-case letters, digits and hyphens.
    pub outcome: Box<str>,
    /// A note; empty for none.
    pub note: Box<str>,
    /// The revision the asker saw.
    pub expected: Option<u64>,
}

/// Takes a push back.
#[derive(Clone, Debug)]
pub struct UndoPush {
    /// Of which instance.
    pub instance: InstanceId,
    /// The newest change of the instance: the push, or what has happened by itself since ([`crate::work::can_undo_over`]).
    pub sequence: u64,
    /// Who pushed.
    pub pushed_by: Box<str>,
    /// When.
    pub pushed_at: Time,
    /// The instance as it was before, from the journal.
    pub before: Arc<Instance>,
    /// For how long after a push it may be taken back, in milliseconds.
    pub within_millis: i64,
    /// Whether the asker may take back what another pushed.
    pub as_supervisor: bool,
    /// Why; needed where another pushed.
    pub reason: Box<str>,
}

/// Lets an instance go on on another version of its workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateInstance {
    /// Which.
    pub instance: InstanceId,
    /// The version.
    pub version: u32,
    /// Where it goes whose stage's event the version does not have: from which stage to which.
    pub stages: Vec<(u32, u32)>,
    /// Why.
    pub reason: Box<str>,
}
