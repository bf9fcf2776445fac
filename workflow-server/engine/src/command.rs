//! What the engine can be asked to do: a closed list.

mod desk;
mod script;

use std::sync::Arc;

use crate::archive::Chunk;
use crate::batch::StartBatch;
use crate::calendar::Calendar;
use crate::call::CallKey;
use crate::definition::{Definition, Fault};
use crate::erasure::EraseCaller;
use crate::filter::FollowUpFilter;
use crate::instance::{InstanceId, Wake};
use crate::query::TeamUse;
use crate::time::Time;
use crate::value::Value;

pub use desk::{FinishFollowUp, MigrateInstance, SeenAlert, SnoozeAlert, SnoozeUntil, UndoPush};
pub use script::{CallChanges, IfRunning, KnownCall, Release, SetWorkflow};

/// What kind of party does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A call script, through its script engine.
    ScriptEngine,
    /// A person at a Call Manager.
    Person,
    /// Somebody on the operations desk.
    Operations,
    /// Somebody who writes workflows.
    Author,
    /// A timer, or a release time, that came.
    Timer,
}

/// Who does something. The name is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of party.
    pub kind: ActorKind,
    /// Its name; empty for timers.
    pub name: Box<str>,
}

/// Marks a request that may be asked again: keyed hashes, made outside, of who asked what by which id, and of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestMark {
    /// Of identity, RPC and request id.
    pub key: u128,
    /// Of the request's content.
    pub fingerprint: u64,
}

/// A command with all that comes from outside with it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub actor: Actor,
    /// Present where the request carried a request id.
    pub mark: Option<RequestMark>,
    /// Chance, for the id of a new instance.
    pub salt: u16,
    /// What the archive knows of the call that the command names; none where nobody has looked.
    pub known: Option<KnownCall>,
    /// What is asked.
    pub command: Command,
}

/// Names the revision that the asker saw; anything else is refused.
pub type ExpectedRevision = Option<u64>;

/// Pushes a button.
#[derive(Clone, Debug)]
pub struct PushButton {
    /// Which instance.
    pub instance: InstanceId,
    /// The id of the button's event.
    pub button: Box<str>,
    /// The stage that the person was looking at; none where the client does not say it.
    pub stage: Option<u32>,
    /// The visit that the person was looking at.
    pub visit: u32,
    /// A note; empty for none.
    pub note: Box<str>,
    /// The form, by field name.
    pub form: Vec<(Box<str>, Value)>,
}

/// To whom work is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A person, who holds it from then on.
    Person {
        /// Who.
        name: Box<str>,
        /// For how long from now, in milliseconds.
        lease_millis: i64,
    },
    /// A team, for which all its alerts are from then on, and which nobody of holds it yet.
    Team {
        /// The team's place in the World's list.
        team: u32,
    },
}

/// Claims the first of some follow-ups that is still free. The search for them is done before, on a root: deciding looks at a
/// few only.
#[derive(Clone, Debug)]
pub struct ClaimNext {
    /// What a follow-up must still pass.
    pub filter: FollowUpFilter,
    /// The candidates, most urgent first, at most [`crate::limits::CLAIM_CANDIDATES_MAX`] of which count. Empty where the search
    /// found none: then nothing is claimed.
    pub candidates: Vec<InstanceId>,
    /// For how long from now, in milliseconds.
    pub lease_millis: i64,
}

/// What validating a draft found, off the writer's thread.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The draft.
    pub draft: Arc<Definition>,
    /// Its errors and warnings.
    pub faults: Vec<Fault>,
}

/// A call of which all instances have ended, as it stood at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchivableCall {
    /// Its slot.
    pub slot: u32,
    /// The sequence of its newest change.
    pub sequence: u64,
    /// The sequence of the newest change of its instances; 0 where it has none.
    pub newest: u64,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Declare a team, or change its title.
    ImportTeam {
        /// The team's name.
        name: Box<str>,
        /// What people call it.
        title: Box<str>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Remove a team that nothing uses.
    RemoveTeam {
        /// The team's name.
        name: Box<str>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
        /// What a look off the writer's thread found; none where nobody has looked.
        found: Option<Box<TeamUse>>,
    },
    /// Declare a calendar, or change it.
    ImportCalendar {
        /// The calendar, read from a file; its revision does not count.
        calendar: Arc<Calendar>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Store a definition as its workflow's draft.
    ImportWorkflow {
        /// The content, read from a file.
        definition: Box<Definition>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Make the draft an immutable version.
    PublishWorkflow {
        /// The workflow's name.
        name: Box<str>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
        /// What validating the draft found before; none where it is to be validated now.
        validated: Option<Box<Validated>>,
    },
    /// Take a workflow out of use, or bring it back.
    ArchiveWorkflow {
        /// The workflow's name.
        name: Box<str>,
        /// Whether it is out of use then.
        archived: bool,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Let the retention of a workflow's newest version, which is this one, count for all that has ended.
    ConfirmRetention(Box<str>, u32),
    /// Start an instance.
    SetWorkflow(Box<SetWorkflow>),
    /// Take an instance back.
    WithdrawWorkflow {
        /// Which.
        instance: InstanceId,
        /// Why.
        reason: Box<str>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
        /// Whether somebody has worked on it, as its history tells: see [`crate::work::is_work`].
        worked: bool,
    },
    /// Change what is known of a call.
    UpdateCall {
        /// Which.
        call: CallKey,
        /// How.
        changes: CallChanges,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Say that a call has ended.
    EndCall {
        /// Which.
        call: CallKey,
    },
    /// Push a button.
    PushButton(Box<PushButton>),
    /// Add a note.
    AddNote {
        /// To which instance.
        instance: InstanceId,
        /// What.
        text: Box<str>,
    },
    /// Say that an alert has been seen.
    AcknowledgeAlert {
        /// On which instance.
        instance: InstanceId,
        /// Which alert.
        alert: SeenAlert,
    },
    /// Cancel an instance.
    CancelInstance {
        /// Which.
        instance: InstanceId,
        /// Why.
        reason: Box<str>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Hold an instance, or go on holding it.
    Claim {
        /// Which.
        instance: InstanceId,
        /// For how long from now, in milliseconds.
        lease_millis: i64,
    },
    /// Go on holding an instance that the asker holds.
    ExtendClaim {
        /// Which.
        instance: InstanceId,
        /// For how long from now, in milliseconds.
        lease_millis: i64,
    },
    /// Give back what the asker holds.
    ReleaseClaim {
        /// Which.
        instance: InstanceId,
    },
    /// Hold an instance, whoever holds it.
    TakeOver {
        /// Which.
        instance: InstanceId,
        /// For how long from now, in milliseconds.
        lease_millis: i64,
        /// Why.
        reason: Box<str>,
    },
    /// Give an instance to a person or a team.
    HandOver {
        /// Which.
        instance: InstanceId,
        /// To whom.
        to: Recipient,
        /// Why; needed where neither the asker nor nobody holds it.
        reason: Box<str>,
    },
    /// Record which instances a hand-over is about, so that the same request names the same ones again.
    ListHandOver {
        /// Which, in the order in which they are handed over.
        instances: Vec<InstanceId>,
        /// How many more there were than one request takes.
        remaining: u32,
    },
    /// Hold the most urgent of some instances that nobody holds.
    ClaimNext(Box<ClaimNext>),
    /// Hide an alert for a time.
    SnoozeAlert(Box<SnoozeAlert>),
    /// Stop the clocks of an instance.
    Pause {
        /// Which.
        instance: InstanceId,
        /// When it continues by itself; none where somebody must say so.
        until: Option<Time>,
        /// Why.
        reason: Box<str>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Let the clocks of an instance go on.
    Resume {
        /// Which.
        instance: InstanceId,
        /// A note; empty for none.
        note: Box<str>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Finish by hand what is incomplete.
    FinishFollowUp(Box<FinishFollowUp>),
    /// Take a push back.
    UndoPush(Box<UndoPush>),
    /// Say that the caller asked for it again.
    Chase {
        /// For which instance.
        instance: InstanceId,
        /// What the caller said; empty for nothing.
        note: Box<str>,
    },
    /// Move an instance to a stage of its workflow, whatever its buttons.
    MoveInstance {
        /// Which.
        instance: InstanceId,
        /// The number of the stage.
        stage: u32,
        /// Why.
        reason: Box<str>,
        /// The revision the asker saw.
        expected: ExpectedRevision,
    },
    /// Let an instance go on on another version; with the revision the asker saw.
    MigrateInstance(Box<MigrateInstance>, ExpectedRevision),
    /// Start a batch.
    StartBatch(Box<StartBatch>),
    /// Do the next item of a batch. What does not run changes nothing.
    StepBatch {
        /// Which batch.
        batch: u64,
    },
    /// Stop a batch.
    StopBatch {
        /// Which batch.
        batch: u64,
        /// Why.
        reason: Box<str>,
    },
    /// Let calls leave memory with their instances, all or none of them.
    Archive {
        /// The number of the file that says where they are found.
        file: u64,
        /// The calls, as they stood when the chunk was written.
        calls: Vec<ArchivableCall>,
    },
    /// Let a chunk of the archive be as it was written anew.
    ReplaceChunk {
        /// The chunk.
        id: u64,
        /// As it is then; none where nothing is left of it.
        new: Option<Arc<Chunk>>,
    },
    /// Start to erase a caller.
    EraseCaller(Box<EraseCaller>),
    /// Mask the next call of an erasure. What does not run changes nothing.
    StepErasure {
        /// Which erasure.
        erasure: u64,
    },
    /// Say that no byte remains of what an erasure was about.
    EndErasure {
        /// Which erasure.
        erasure: u64,
    },
    /// Make the wall clock the World's time, forward or back; none where they agree already, so that nothing changes.
    AcceptClock(Option<Time>),
    /// Let the next pass remove so many ended instances beyond its share; 0 where none wait, so that nothing changes.
    ConfirmPurge(u64),
    /// Something's time has come. What no longer runs changes nothing.
    Elapse {
        /// When it was due.
        due: Time,
        /// On which slot.
        slot: u32,
        /// What.
        wake: Wake,
    },
}
