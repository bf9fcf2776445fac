//! Commands of people at Call Managers.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::command::ExpectedRevision;
use crate::filter::FollowUpFilter;
use crate::instance::{Instance, InstanceId};
use crate::recipient::Recipient;

/// A command of a person.
#[derive(Clone, Debug)]
pub enum DeskCommand {
    /// See [`PushButton`].
    PushButton(Box<PushButton>),
    /// See [`AddNote`].
    AddNote(AddNote),
    /// See [`AcknowledgeAlert`].
    AcknowledgeAlert(AcknowledgeAlert),
    /// See [`ClaimInstance`].
    ClaimInstance(ClaimInstance),
    /// See [`ExtendClaim`].
    ExtendClaim(ExtendClaim),
    /// See [`ReleaseClaim`].
    ReleaseClaim(ReleaseClaim),
    /// See [`TakeOver`].
    TakeOver(TakeOver),
    /// See [`HandOver`].
    HandOver(HandOver),
    /// See [`ListHandOver`].
    ListHandOver(ListHandOver),
    /// See [`ClaimNext`].
    ClaimNext(Box<ClaimNext>),
    /// See [`SnoozeAlert`].
    SnoozeAlert(Box<SnoozeAlert>),
    /// See [`PauseInstance`].
    PauseInstance(PauseInstance),
    /// See [`ResumeInstance`].
    ResumeInstance(ResumeInstance),
    /// See [`FinishFollowUp`].
    FinishFollowUp(Box<FinishFollowUp>),
    /// See [`UndoPush`].
    UndoPush(Box<UndoPush>),
}

family!(requested Desk, DeskCommand:
    PushButton (Box::new), AddNote, AcknowledgeAlert, ClaimInstance, ExtendClaim, ReleaseClaim, TakeOver,
    HandOver, ListHandOver, ClaimNext (Box::new), SnoozeAlert (Box::new), PauseInstance, ResumeInstance,
    FinishFollowUp (Box::new), UndoPush (Box::new),
);

/// Pushes a button.
#[derive(Clone, Debug)]
pub struct PushButton {
    /// The instance.
    pub instance: InstanceId,
    /// The id of the button's event.
    pub button: Box<str>,
    /// The stage that the person was looking at; none where the client does not send it.
    pub stage: Option<u32>,
    /// The visit that the person was looking at.
    pub visit: u32,
    /// A note; empty for none.
    pub note: Box<str>,
    /// The form, by field name.
    pub form: Vec<(Box<str>, Value)>,
}

/// Adds a note.
#[derive(Clone, Debug)]
pub struct AddNote {
    /// The instance.
    pub instance: InstanceId,
    /// The note.
    pub text: Box<str>,
}

/// Records that an alert has been seen.
#[derive(Clone, Copy, Debug)]
pub struct AcknowledgeAlert {
    /// The instance.
    pub instance: InstanceId,
    /// The alert.
    pub alert: SeenAlert,
}

/// Claims an instance; where the person holds it already, extends the claim.
#[derive(Clone, Copy, Debug)]
pub struct ClaimInstance {
    /// The instance.
    pub instance: InstanceId,
    /// How long the claim lasts from now, in milliseconds.
    pub lease_millis: i64,
}

/// Extends the claim of the person who holds an instance.
#[derive(Clone, Copy, Debug)]
pub struct ExtendClaim {
    /// The instance.
    pub instance: InstanceId,
    /// How long the claim lasts from now, in milliseconds.
    pub lease_millis: i64,
}

/// Releases an instance that the person holds.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseClaim {
    /// The instance.
    pub instance: InstanceId,
}

/// Claims an instance, also where another person holds it.
#[derive(Clone, Debug)]
pub struct TakeOver {
    /// The instance.
    pub instance: InstanceId,
    /// How long the claim lasts from now, in milliseconds.
    pub lease_millis: i64,
    /// Why.
    pub reason: Box<str>,
}

/// Hands an instance over to a person or a team.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// The instance.
    pub instance: InstanceId,
    /// The recipient.
    pub to: Recipient,
    /// Why; required where another person holds the instance.
    pub reason: Box<str>,
}

/// Records which instances a hand-over is about, so that the same request names the same ones
/// again.
#[derive(Clone, Debug)]
pub struct ListHandOver {
    /// The instances, in the order in which they are handed over.
    pub instances: Vec<InstanceId>,
    /// How many more there were than one request takes.
    pub remaining: u32,
}

/// Claims the most urgent of some instances that nobody holds. The search for them is done before,
/// on a root: the decision looks at a few only.
#[derive(Clone, Debug)]
pub struct ClaimNext {
    /// What a follow-up must still pass.
    pub filter: FollowUpFilter,
    /// The candidates, most urgent first; at most [`crate::limits::CLAIM_CANDIDATES_MAX`] of them
    /// are looked at. Empty where the search found none: then nothing is claimed.
    pub candidates: Vec<InstanceId>,
    /// How long the claim lasts from now, in milliseconds.
    pub lease_millis: i64,
}

/// Stops the clocks of an instance.
#[derive(Clone, Debug)]
pub struct PauseInstance {
    /// The instance.
    pub instance: InstanceId,
    /// When it continues automatically; none where a person must resume it.
    pub until: Option<Time>,
    /// Why.
    pub reason: Box<str>,
    /// The revision that the person saw.
    pub expected: ExpectedRevision,
}

/// Starts the clocks of an instance again.
#[derive(Clone, Debug)]
pub struct ResumeInstance {
    /// The instance.
    pub instance: InstanceId,
    /// A note; empty for none.
    pub note: Box<str>,
    /// The revision that the person saw.
    pub expected: ExpectedRevision,
}

/// Until when an alert is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnoozeUntil {
    /// Until this moment.
    Moment(Time),
    /// For so long, in milliseconds.
    For(i64),
    /// For so many days: until the clock where the caller is shows the same time of day.
    Days(u32),
    /// Until the clock where the caller is shows this: `2026-11-25T09:00`, or `09:00` for the next
    /// time that it does.
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
    /// The revision that the person saw.
    pub expected: ExpectedRevision,
}

/// Takes a push back.
#[derive(Clone, Debug)]
pub struct UndoPush {
    /// The instance.
    pub instance: InstanceId,
    /// The newest change of the instance: the push, or an automatic change after it
    /// ([`crate::work::can_undo_over`]).
    pub sequence: u64,
    /// Who pushed.
    pub pushed_by: Box<str>,
    /// When they pushed.
    pub pushed_at: Time,
    /// The instance as it was before, from the journal.
    pub before: Arc<Instance>,
    /// For how long after a push it may be taken back, in milliseconds.
    pub within_millis: i64,
    /// Whether the actor may take back what another person pushed.
    pub as_supervisor: bool,
    /// Why; required where another person pushed.
    pub reason: Box<str>,
}
