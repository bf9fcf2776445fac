//! One workflow running on one call, and the table of its legal moves.

use std::fmt;
use std::str::FromStr;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use thiserror::Error;

pub use crate::alert::{Alert, Filling, FormValues, Seen, Snooze};

/// The permanent id of an instance: the sequence that created it, its slot, and a random salt. With
/// the salt, an id from before a restored backup does not name another instance by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    /// The sequence of the entry that made it.
    pub made_at: u64,
    /// Its slot in the World.
    pub slot: u32,
    /// The random number of the command.
    pub salt: u16,
}

impl fmt::Display for InstanceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:x}-{:x}-{:04x}", self.made_at, self.slot, self.salt)
    }
}

/// The text is not the id of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not the id of an instance: ids look like 1a-3-9f3c")]
pub struct BadInstanceId;

impl FromStr for InstanceId {
    type Err = BadInstanceId;

    fn from_str(text: &str) -> Result<Self, BadInstanceId> {
        let mut parts = text.split('-');
        let mut part = || {
            parts
                .next()
                .filter(|part| !part.is_empty() && !part.starts_with('+'))
                .ok_or(BadInstanceId)
        };
        let id = Self {
            made_at: u64::from_str_radix(part()?, 16).map_err(|_| BadInstanceId)?,
            slot: u32::from_str_radix(part()?, 16).map_err(|_| BadInstanceId)?,
            salt: u16::from_str_radix(part()?, 16).map_err(|_| BadInstanceId)?,
        };
        if parts.next().is_some() {
            Err(BadInstanceId)
        } else {
            Ok(id)
        }
    }
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Unseen until the call has ended.
    WaitingForCallEnd,
    /// In a stage that waits for a button or a timer.
    Active,
    /// In such a stage, with its clocks stopped, until it is resumed.
    Paused,
    /// Ran into an unlinked end.
    Incomplete,
    /// Finished, with an outcome.
    Finished,
    /// Cancelled, with a reason.
    Cancelled,
}

impl Status {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 6] = [
        Self::WaitingForCallEnd,
        Self::Active,
        Self::Paused,
        Self::Incomplete,
        Self::Finished,
        Self::Cancelled,
    ];

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }

    /// The word for it in sentences.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::WaitingForCallEnd => "waiting for the call to end",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Incomplete => "incomplete",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What can happen to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// The workflow is set again on its call.
    SetAgain,
    /// Its call ends, or its release time comes.
    Release,
    /// The script takes it back.
    Withdraw,
    /// A button is pushed.
    Push,
    /// A timer elapses.
    Elapse,
    /// Somebody writes a note.
    Note,
    /// Somebody has seen an alert.
    Acknowledge,
    /// It is claimed, or its claim is extended, released or taken over.
    Claim,
    /// An alert of it escalates.
    Escalate,
    /// An alert of it is hidden for a time.
    Snooze,
    /// Its clocks are stopped.
    Pause,
    /// Its clocks run again.
    Resume,
    /// The caller asks for it again.
    Chase,
    /// Somebody moves it to any stage.
    Move,
    /// It is migrated to another version of its workflow.
    Migrate,
    /// A person finishes it with an outcome.
    Finish,
    /// A push is taken back.
    Undo,
    /// It is cancelled or replaced.
    Cancel,
    /// Its call changes.
    CallChange,
}

/// The table of legal moves. All others are refused.
///
/// ```text
///                       WAITING_FOR_CALL_END  ACTIVE  PAUSED  INCOMPLETE  FINISHED  CANCELLED
/// SetAgain                        x             x       x         x          -          -
/// Release                         x             -       -         -          -          -
/// Push, Elapse, Pause             -             x       -         -          -          -
/// Note                            x             x       x         x          x          x
/// Acknowledge, Snooze, Claim      -             x       x         x          -          -
/// Escalate                        -             x       -         x          -          -
/// Resume                          -             -       x         -          -          -
/// Move                            -             x       x         x          -          -
/// Finish                          -             -       -         x          -          -
/// Undo                            -             x       -         x          x          -
/// Chase, Cancel, CallChange,      x             x       x         x          -          -
///   Migrate, Withdraw
/// ```
#[must_use]
pub fn is_legal(status: Status, happening: Happening) -> bool {
    use Status::{Active, Finished, Incomplete, Paused, WaitingForCallEnd};
    match happening {
        Happening::Note => true,
        Happening::SetAgain
        | Happening::Chase
        | Happening::Cancel
        | Happening::CallChange
        | Happening::Migrate
        | Happening::Withdraw => !status.is_ended(),
        Happening::Release => status == WaitingForCallEnd,
        Happening::Push | Happening::Elapse | Happening::Pause => status == Active,
        Happening::Acknowledge | Happening::Snooze | Happening::Claim | Happening::Move => {
            matches!(status, Active | Paused | Incomplete)
        }
        Happening::Finish => status == Incomplete,
        Happening::Escalate => matches!(status, Active | Incomplete),
        Happening::Resume => status == Paused,
        Happening::Undo => matches!(status, Active | Incomplete | Finished),
    }
}

/// Somebody has stopped the clocks of an instance. The name and the reason are personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Who paused it.
    pub by: Box<str>,
    /// When the pause began.
    pub since: Time,
    /// When it continues automatically; none where a person must resume it.
    pub until: Option<Time>,
    /// Why.
    pub reason: Box<str>,
}

/// The attempts at reaching the caller. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The number of attempts.
    pub times: u32,
    /// The outcome of the newest: lower-case letters, digits and hyphens.
    pub outcome: Box<str>,
    /// Who made the newest.
    pub by: Box<str>,
    /// When the newest was made.
    pub at: Time,
}

/// A claim of a person on an instance, so that two people do not do the same work. The name is
/// personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who holds it.
    pub by: Box<str>,
    /// When the claim began; an extension does not change that.
    pub since: Time,
    /// When it lapses.
    pub until: Time,
}

/// A timer that runs on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Which action of the stage started it, counted from 0.
    pub action: u16,
    /// When it fires.
    pub due: Time,
    /// Whether it waits, once it is due, until nobody holds the instance.
    pub waits_for_claim: bool,
    /// When its wait is over, where a time of day follows the wait: a pause delays the wait, not
    /// the time of day.
    pub waited: Option<Time>,
}

/// What may happen to an instance automatically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The release time.
    Release,
    /// The end of a claim.
    Lapse,
    /// The end of a pause.
    Resume,
    /// The escalation of the alert that this action raised.
    Escalate(u16),
    /// The end of the snooze of the alert that this action raised.
    Return(u16),
    /// Filling in texts of alerts that are out of date because the call has changed.
    Refresh,
    /// The timer of this action of the stage, counted from 0.
    Timer(u16),
}

/// How often something of a stage has happened on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The stage's number.
    pub stage: u32,
    /// For a link: its action, counted from 0. For visits: 0.
    pub action: u16,
    /// How often.
    pub times: u32,
}

/// One workflow running on one call, pinned to one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The slot of its call.
    pub call: u32,
    /// Its workflow's place in the World's list.
    pub workflow: u32,
    /// The version, from 1.
    pub version: u32,
    /// Where it is in its life.
    pub status: Status,
    /// The number of the stage it is in, or was in last; 0 before the first.
    pub stage: u32,
    /// How often each stage has been entered.
    pub visits: Box<[Count]>,
    /// How often each limited link has been followed.
    pub links: Box<[Count]>,
    /// Counts its changes, from 1.
    pub revision: u32,
    /// How many notes it has.
    pub notes: u32,
    /// The sequence of its newest change.
    pub sequence: u64,
    /// The sequence of the newest entry that holds all of it: later ones only changed its call.
    pub whole_at: u64,
    /// When the workflow was set.
    pub started_at: Time,
    /// When the present stage was entered; the start before the first.
    pub entered_at: Time,
    /// When it was finished or cancelled.
    pub ended_at: Option<Time>,
    /// A deadline over all stages.
    pub deadline: Option<Time>,
    /// When it is released at the latest, while it waits for the call to end.
    pub release_at: Option<Time>,
    /// Its fields, by place in the definition, ascending. Personal data.
    pub fields: Box<[(u16, Value)]>,
    /// The open alerts.
    pub alerts: Box<[Alert]>,
    /// What the texts need besides the fields and the call; none for most instances.
    pub filling: Option<Box<Filling>>,
    /// The timers that run.
    pub timers: Box<[Timer]>,
    /// The actions of the present stage whose condition did not hold when it was entered, counted
    /// from 0, ascending.
    pub skipped: Box<[u16]>,
    /// Who holds it.
    pub claim: Option<Box<Claim>>,
    /// Who has stopped its clocks; exactly while it is paused.
    pub pause: Option<Box<Pause>>,
    /// How often the caller has asked again.
    pub chases: u32,
    /// The attempts at reaching the caller.
    pub attempts: Option<Box<Attempts>>,
    /// The outcome, or the reason why it was cancelled; empty while it is open.
    pub ending: Box<str>,
}

impl Instance {
    /// An upper bound, and about the number, of the bytes that it takes in an entry.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let value = |value: &Value| {
            if let Value::Text(text) = value {
                text.len()
            } else {
                0
            }
        };
        let seen = |alert: &Alert| alert.seen.as_ref().map_or(0, |seen| seen.by.len());
        let snooze = |alert: &Alert| alert.snooze.as_ref().map_or(0, |snooze| snooze.by.len());
        let alert = |alert: &Alert| {
            128 + alert.text.len() + 8 * alert.added_teams.len() + seen(alert) + snooze(alert)
        };
        let held = self.claim.as_ref().map_or(0, |claim| claim.by.len())
            + self
                .pause
                .as_ref()
                .map_or(0, |pause| pause.by.len() + pause.reason.len())
            + self
                .attempts
                .as_ref()
                .map_or(0, |attempts| attempts.by.len() + attempts.outcome.len());
        let form = self.form().unwrap_or_default();
        384 + self
            .fields
            .iter()
            .map(|(_, held)| 24 + value(held))
            .sum::<usize>()
            + form
                .iter()
                .map(|(name, held)| 32 + name.len() + value(held))
                .sum::<usize>()
            + self.alerts.iter().map(alert).sum::<usize>()
            + 24 * (self.visits.len() + self.links.len() + self.timers.len())
            + 4 * self.skipped.len()
            + held
            + self.ending.len()
    }

    /// How often the present stage has been entered; 0 before the first. A push must name it.
    #[must_use]
    pub fn visit(&self) -> u32 {
        self.visits_of(self.stage)
    }

    /// How often a stage has been entered.
    #[must_use]
    pub fn visits_of(&self, stage: u32) -> u32 {
        self.visits
            .iter()
            .find(|count| count.stage == stage)
            .map_or(0, |count| count.times)
    }

    /// Whether this action of the present stage, counted from 0, was done when the stage was
    /// entered. A button is available where its action was done.
    #[must_use]
    pub fn has_done(&self, action: usize) -> bool {
        self.skipped
            .iter()
            .all(|skipped| usize::from(*skipped) != action)
    }

    /// The claim at `now`. A lease that has run out is no claim, even before an entry removes it.
    #[must_use]
    pub fn claim_at(&self, now: Time) -> Option<&Claim> {
        self.claim.as_deref().filter(|claim| claim.until > now)
    }

    /// When a timer of it fires: when it is due or, if it waits for the claim, when the claim ends
    /// after that.
    #[must_use]
    pub fn fires_at(&self, timer: &Timer) -> Time {
        match &self.claim {
            Some(claim) if timer.waits_for_claim => timer.due.max(claim.until),
            _ => timer.due,
        }
    }

    /// The time that its due times are compared with at `now`; it stops while the instance is
    /// paused.
    #[must_use]
    pub fn clock(&self, now: Time) -> Time {
        self.pause
            .as_ref()
            .map_or(now, |pause| now.min(pause.since))
    }

    /// From when the time of an alert counts.
    #[must_use]
    pub fn counts_from(&self, alert: &Alert) -> Time {
        alert.counts_from.unwrap_or(self.entered_at)
    }

    /// The due time of an alert or the deadline, the earlier of them.
    #[must_use]
    pub fn due_of(&self, alert: &Alert) -> Option<Time> {
        alert.due.into_iter().chain(self.deadline).min()
    }

    /// The earliest of the due times of its alerts and the deadline.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        self.alerts
            .iter()
            .filter_map(|alert| alert.due)
            .chain(self.deadline)
            .min()
    }

    /// Whether its due time has passed at `now`; an instance that has ended is never overdue.
    #[must_use]
    pub fn is_overdue(&self, now: Time) -> bool {
        !self.status.is_ended() && self.due().is_some_and(|due| due <= self.clock(now))
    }
}

impl Instance {
    /// How often an alert of it has become more urgent, by its escalation or because the caller
    /// asked again. A person who acknowledges or snoozes the alert names the number that they saw.
    #[must_use]
    pub fn urgency_count(&self, alert: &Alert) -> u32 {
        u32::from(alert.escalated).saturating_add(self.chases)
    }
}

impl Instance {
    /// The kept values of the form of the push that led to the stage; none where none are kept.
    #[must_use]
    pub fn form(&self) -> Option<&[(Box<str>, Value)]> {
        self.filling.as_ref()?.form.as_deref()
    }

    /// When the texts of its alerts are filled in again; none where they are up to date.
    #[must_use]
    pub fn refresh_at(&self) -> Option<Time> {
        self.filling.as_ref()?.refresh_at
    }

    /// Sets when the texts of its alerts are filled in again.
    pub fn set_refresh_at(&mut self, at: Option<Time>) {
        if self.refresh_at() != at {
            self.filling.get_or_insert_default().refresh_at = at;
        }
        self.filling = self
            .filling
            .take()
            .filter(|filling| **filling != Filling::default());
    }
}
