//! Instances: a workflow that runs on a call. Contains the table of legal changes.

use std::fmt;
use std::str::FromStr;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use thiserror::Error;

use crate::actor::Subject;
pub use crate::alert::{Alert, Filling, FormValues, Seen, Snooze};

/// The permanent id of an instance: the sequence that made it, its slot, and a random salt. The
/// salt prevents a mix-up after a restore of a backup: an id that is newer than the backup then
/// does not name another instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    /// The sequence of the entry that made the instance.
    pub made_at: u64,
    /// The slot of the instance in the World.
    pub slot: u32,
    /// The random number of the request.
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

/// The status of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Waiting for the end of the call. Nobody sees it.
    WaitingForCallEnd,
    /// In a stage that waits for a button or a timer.
    Active,
    /// In such a stage, but its clocks are stopped until it is resumed.
    Paused,
    /// In a stage that nothing can leave, such as an unlinked end.
    Incomplete,
    /// Finished, with an outcome.
    Finished,
    /// Cancelled, with a reason.
    Cancelled,
}

impl Status {
    /// All statuses, in the order of a life.
    pub const ALL: [Self; 6] = [
        Self::WaitingForCallEnd,
        Self::Active,
        Self::Paused,
        Self::Incomplete,
        Self::Finished,
        Self::Cancelled,
    ];

    /// Whether the instance has ended. Then nothing but a note or an undo can happen to it.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }

    /// The word for the status in sentences.
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
    /// A script withdraws it.
    Withdraw,
    /// A button is pushed.
    Push,
    /// A timer fires.
    Elapse,
    /// A note is added.
    Note,
    /// A person has seen an alert.
    Acknowledge,
    /// It is claimed, or its claim is extended, released or taken over.
    Claim,
    /// An alert escalates, or a seen one counts as new again.
    Escalate,
    /// An alert is snoozed.
    Snooze,
    /// It is paused.
    Pause,
    /// It is resumed.
    Resume,
    /// The caller asks again.
    Chase,
    /// A person moves it to another stage.
    Move,
    /// It is migrated to another version of its workflow.
    Migrate,
    /// A person finishes it with an outcome.
    Finish,
    /// A push is undone.
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
/// Escalate (and alert again)      -             x       -         x          -          -
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

/// A pause of an instance. The name and the reason are personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The person who paused it.
    pub by: Box<str>,
    /// When the pause began.
    pub since: Time,
    /// When it resumes automatically; `None` if a person must resume it.
    pub until: Option<Time>,
    /// The reason for the pause.
    pub reason: Box<str>,
}

/// Attempts to reach the caller. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The number of attempts.
    pub times: u32,
    /// The outcome of the newest attempt: lower-case letters, digits and hyphens.
    pub outcome: Box<str>,
    /// The person who made the newest attempt.
    pub by: Box<str>,
    /// When the newest attempt was made.
    pub at: Time,
}

/// A claim: only its holder works on the instance, so two people do not do the same work. The name
/// is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The person with the claim, its holder.
    pub by: Box<str>,
    /// Who the holder is; `None` if only the name is known, as after a hand-over to a name.
    pub subject: Subject,
    /// When the claim began. An extension does not change this.
    pub since: Time,
    /// When the claim ends.
    pub until: Time,
}

/// A running timer of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The action of the stage that started the timer, counted from 0.
    pub action: u16,
    /// When the timer is due.
    pub due: Time,
    /// Whether a timer that is due waits until nobody has a claim on the instance.
    pub waits_for_claim: bool,
    /// If a time of day follows a wait: when the wait ends. A pause delays the wait, not the time
    /// of day.
    pub waited: Option<Time>,
}

/// What a timer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Releases the instance.
    Release,
    /// Ends a claim.
    Lapse,
    /// Ends a pause.
    Resume,
    /// Escalates the alert of this action.
    Escalate(u16),
    /// Ends the snooze of the alert of this action.
    Return(u16),
    /// Makes the seen alert of this action new again.
    AlertAgain(u16),
    /// Fills in the texts of alerts again after a change of the call.
    Refresh,
    /// Follows the event of a timer action of the stage, counted from 0.
    Timer(u16),
}

/// How often something in a stage has happened on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The stage's number.
    pub stage: u32,
    /// For a link: its action, counted from 0. For visits: 0.
    pub action: u16,
    /// The number of times.
    pub times: u32,
}

/// A workflow that runs on a call, on one version of the workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// The permanent id.
    pub id: InstanceId,
    /// The slot of the call.
    pub call: u32,
    /// The workflow's place in the World's list.
    pub workflow: u32,
    /// The version, from 1.
    pub version: u32,
    /// The status of the instance.
    pub status: Status,
    /// The number of the present stage, or of the last one after the end; 0 before the first.
    pub stage: u32,
    /// How often each stage has been entered.
    pub visits: Box<[Count]>,
    /// How often each limited link has been followed.
    pub links: Box<[Count]>,
    /// The number of changes of the instance, from 1.
    pub revision: u32,
    /// The number of notes.
    pub notes: u32,
    /// The sequence of the newest change.
    pub sequence: u64,
    /// The sequence of the newest entry that contains the whole instance. Later entries only
    /// changed its call.
    pub whole_at: u64,
    /// When the workflow was set.
    pub started_at: Time,
    /// When the present stage was entered. Before the first stage, when the workflow was set.
    pub entered_at: Time,
    /// When the instance was finished or cancelled.
    pub ended_at: Option<Time>,
    /// The deadline for all stages together.
    pub deadline: Option<Time>,
    /// When the instance is released at the latest, while it waits for the end of the call.
    pub release_at: Option<Time>,
    /// The values of the fields, by place in the definition, ascending. Personal data.
    pub fields: Box<[(u16, Value)]>,
    /// The open alerts.
    pub alerts: Box<[Alert]>,
    /// What the texts need besides the fields and the call; `None` for most instances.
    pub filling: Option<Box<Filling>>,
    /// The running timers.
    pub timers: Box<[Timer]>,
    /// The actions of the present stage whose condition was false when it was entered, counted from
    /// 0, ascending.
    pub skipped: Box<[u16]>,
    /// The claim of a person.
    pub claim: Option<Box<Claim>>,
    /// The pause, if the status is paused.
    pub pause: Option<Box<Pause>>,
    /// How often the caller has asked again.
    pub chases: u32,
    /// The attempts to reach the caller.
    pub attempts: Option<Box<Attempts>>,
    /// The outcome, or the reason of the cancellation; empty while the instance is open.
    pub ending: Box<str>,
}

impl Instance {
    /// An upper bound of the bytes of the instance in an entry. It is close to the real number.
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

    /// How often the present stage has been entered; 0 before the first. A push must name this
    /// number.
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

    /// Whether an action of the present stage was done when the stage was entered. The actions are
    /// counted from 0. A button is available if its action was done.
    #[must_use]
    pub fn has_done(&self, action: usize) -> bool {
        self.skipped
            .iter()
            .all(|skipped| usize::from(*skipped) != action)
    }

    /// The claim at `now`. A claim whose lease is over does not count, even before an entry removes
    /// it.
    #[must_use]
    pub fn claim_at(&self, now: Time) -> Option<&Claim> {
        self.claim.as_deref().filter(|claim| claim.until > now)
    }
}

impl Instance {
    /// How often an alert has become more urgent, by an escalation or because the caller asked
    /// again. A person who acknowledges or snoozes the alert sends the number that they saw.
    #[must_use]
    pub fn urgency_count(&self, alert: &Alert) -> u32 {
        u32::from(alert.escalated).saturating_add(self.chases)
    }
}

impl Instance {
    /// The kept values of the form of the push that led to the stage; `None` if no form was kept.
    #[must_use]
    pub fn form(&self) -> Option<&[(Box<str>, Value)]> {
        self.filling.as_ref()?.form.as_deref()
    }

    /// When a timer fills in the texts of the alerts again; `None` if they are up to date.
    #[must_use]
    pub fn refresh_at(&self) -> Option<Time> {
        self.filling.as_ref()?.refresh_at
    }

    /// Sets when a timer fills in the texts of the alerts again.
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
