//! Commands of people who work with a Call Manager.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;

use crate::actor::Subject;
use crate::command::{EndAway, ExpectedRevision, RemoveView, SaveView, SetAway};
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
    /// See [`SaveView`].
    SaveView(Box<SaveView>),
    /// See [`RemoveView`].
    RemoveView(RemoveView),
    /// See [`SetAway`].
    SetAway(SetAway),
    /// See [`EndAway`].
    EndAway(EndAway),
}

family!(requested Desk, DeskCommand:
    PushButton (Box::new), AddNote, AcknowledgeAlert, ClaimInstance, ExtendClaim, ReleaseClaim, TakeOver,
    HandOver, ListHandOver, ClaimNext (Box::new), SnoozeAlert (Box::new), PauseInstance, ResumeInstance,
    FinishFollowUp (Box::new), UndoPush (Box::new), SaveView (Box::new), RemoveView,
    SetAway, EndAway,
);

/// Pushes a button.
#[derive(Clone, Debug)]
pub struct PushButton {
    /// The instance.
    pub instance: InstanceId,
    /// The id of the button's event.
    pub button: Box<str>,
    /// The stage that the person saw; `None` if the client does not send it.
    pub stage: Option<u32>,
    /// The visit that the person saw.
    pub visit: u32,
    /// A note; empty if there is none.
    pub note: Box<str>,
    /// The values of the form, by field name.
    pub form: Vec<(Box<str>, Value)>,
}

/// Adds a note to an instance.
#[derive(Clone, Debug)]
pub struct AddNote {
    /// The instance.
    pub instance: InstanceId,
    /// The note.
    pub text: Box<str>,
}

/// Records that a person has seen an alert.
#[derive(Clone, Copy, Debug)]
pub struct AcknowledgeAlert {
    /// The instance.
    pub instance: InstanceId,
    /// The alert.
    pub alert: SeenAlert,
}

/// Claims an instance. If the person already has a claim, extends it.
#[derive(Clone, Copy, Debug)]
pub struct ClaimInstance {
    /// The instance.
    pub instance: InstanceId,
    /// The duration of the claim from now, in milliseconds.
    pub lease_millis: i64,
}

/// Extends the person's claim on an instance.
#[derive(Clone, Copy, Debug)]
pub struct ExtendClaim {
    /// The instance.
    pub instance: InstanceId,
    /// The duration of the claim from now, in milliseconds.
    pub lease_millis: i64,
}

/// Releases the person's claim on an instance.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseClaim {
    /// The instance.
    pub instance: InstanceId,
}

/// Claims an instance, even if another person has a claim.
#[derive(Clone, Debug)]
pub struct TakeOver {
    /// The instance.
    pub instance: InstanceId,
    /// The duration of the claim from now, in milliseconds.
    pub lease_millis: i64,
    /// The reason for taking the instance over.
    pub reason: Box<str>,
}

/// Hands an instance over to a person or a team.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// The instance.
    pub instance: InstanceId,
    /// The recipient.
    pub to: Recipient,
    /// The reason; required if another person has a claim on the instance.
    pub reason: Box<str>,
}

/// Stores the list of instances of a hand-over. A repeated request then hands over the same ones.
#[derive(Clone, Debug)]
pub struct ListHandOver {
    /// The instances, in the order in which they are handed over.
    pub instances: Vec<InstanceId>,
    /// The number of further instances that did not fit into one request.
    pub remaining: u32,
}

/// Claims the most urgent of some unclaimed instances. The server searches for them on a root
/// before it sends the command. The decision checks only a few.
#[derive(Clone, Debug)]
pub struct ClaimNext {
    /// The filter that the instance must still match.
    pub filter: FollowUpFilter,
    /// The candidates, most urgent first. At most [`crate::limits::CLAIM_CANDIDATES_MAX`] of them
    /// are checked. If the search found none, the list is empty and nothing is claimed.
    pub candidates: Vec<InstanceId>,
    /// The duration of the claim from now, in milliseconds.
    pub lease_millis: i64,
}

/// Pauses an instance: stops its clocks.
#[derive(Clone, Debug)]
pub struct PauseInstance {
    /// The instance.
    pub instance: InstanceId,
    /// When the instance resumes automatically; `None` if a person must resume it.
    pub until: Option<Time>,
    /// The reason for the pause.
    pub reason: Box<str>,
    /// The revision that the person saw.
    pub expected: ExpectedRevision,
}

/// Resumes an instance: its clocks run again.
#[derive(Clone, Debug)]
pub struct ResumeInstance {
    /// The instance.
    pub instance: InstanceId,
    /// A note; empty if there is none.
    pub note: Box<str>,
    /// The revision that the person saw.
    pub expected: ExpectedRevision,
}

/// The end of a snooze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnoozeUntil {
    /// Until this moment.
    Moment(Time),
    /// For this duration, in milliseconds.
    For(i64),
    /// For this number of days: until the caller's clock shows the same time of day.
    Days(u32),
    /// Until the caller's clock shows this: `2026-11-25T09:00`, or `09:00` for the next 09:00.
    Clock(Box<str>),
    /// The alert returns at once.
    Now,
}

/// An alert as it was when a person acknowledged or snoozed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenAlert {
    /// The stage that the person saw.
    pub stage: u32,
    /// The visit of the stage.
    pub visit: u32,
    /// The action of the stage that raised the alert, counted from 0.
    pub action: u16,
    /// The urgency that the person saw: [`crate::instance::Instance::urgency_count`].
    pub urgency_count: u32,
    /// The team that the alert was for, by place; `None` if the client does not send it.
    pub team: Option<u32>,
}

/// Snoozes an alert: hides it until a time.
#[derive(Clone, Debug)]
pub struct SnoozeAlert {
    /// The instance.
    pub instance: InstanceId,
    /// The alert as the person saw it.
    pub alert: SeenAlert,
    /// The end of the snooze.
    pub until: SnoozeUntil,
    /// The outcome of an attempt to reach the caller; empty if there was no attempt.
    pub outcome: Box<str>,
    /// A note; empty if there is none.
    pub note: Box<str>,
}

/// Finishes an incomplete instance by hand, because its workflow cannot move it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishFollowUp {
    /// The instance.
    pub instance: InstanceId,
    /// The stage that the person saw.
    pub stage: u32,
    /// The visit that the person saw.
    pub visit: u32,
    /// The outcome, as reports count it: lower-case letters, digits and hyphens.
    pub outcome: Box<str>,
    /// A note; empty if there is none.
    pub note: Box<str>,
    /// The revision that the person saw.
    pub expected: ExpectedRevision,
}

/// Undoes a push.
#[derive(Clone, Debug)]
pub struct UndoPush {
    /// The instance.
    pub instance: InstanceId,
    /// The newest change of the instance: the push, or an automatic change after it
    /// ([`crate::work::can_undo_over`]).
    pub sequence: u64,
    /// The person who pushed.
    pub pushed_by: Box<str>,
    /// Who that person is; `None` if only the name is known.
    pub pushed_by_subject: Subject,
    /// When the person pushed.
    pub pushed_at: Time,
    /// The instance before the push, from the journal.
    pub before: Arc<Instance>,
    /// How long after a push it can be undone, in milliseconds.
    pub within_millis: i64,
    /// Whether the actor may undo the push of another person.
    pub as_supervisor: bool,
    /// The reason; required if another person pushed.
    pub reason: Box<str>,
}
