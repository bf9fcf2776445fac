//! What would change: looks at the World and a command, and says so as an entry of facts, or refuses with a typed reason.
//!
//! Must not act, read a clock or make ids: time and chance come in with the request.

mod again;
mod archive;
mod arm;
mod batches;
mod calls;
mod chase;
mod check;
mod claims;
mod definitions;
mod draft;
mod enter;
mod erase;
mod escalate;
mod faults;
mod find;
mod finish;
mod instances;
mod migrate;
mod pause;
mod set;
mod snooze;
mod texts;
mod undo;
mod visits;
mod when;

use crate::batch::StartBatch;
use crate::command::{Actor, Command, Request, RequestMark};
use crate::entry::{Answer, ChangeKind, Entry};
use crate::instance::{Instance, InstanceId};
use crate::query::{ShouldStop, Stopped};
use crate::rejection::Rejection;
use crate::time::Time;
use crate::world::{Root, World};

pub use check::faults_of;
pub use faults::faults_in;

use draft::EntryDraft;

/// What a command comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It changes something: append this, and apply it.
    Commit(Box<Entry>),
    /// The same request was decided before, by the entry with this sequence: answer from that.
    Repeat {
        /// The entry's sequence.
        sequence: u64,
    },
    /// It changes nothing, and leaves nothing to remember.
    Unchanged(Answer),
}

/// Decides a request at `now`.
///
/// # Errors
/// [`Rejection`] where the request is refused; nothing changes then.
pub fn decide(world: &World, request: &Request, now: Time) -> Result<Decision, Rejection> {
    if let Some(mark) = request.mark
        && let Some(sequence) = recall(world, mark)?
    {
        return Ok(Decision::Repeat { sequence });
    }
    let now = now.max(world.root().at);
    faults::request(world.root(), request, now)?;
    let mut draft = EntryDraft::new(world.root(), now);
    draft.known = request.known.as_ref();
    carry_out(&mut draft, request)?;
    Ok(draft.decided(request))
}

/// The sequence of the entry that the same request made before; none where it is new.
///
/// # Errors
/// [`Rejection::RequestIdReused`] where the id was used for another request.
pub fn recall(world: &World, mark: RequestMark) -> Result<Option<u64>, Rejection> {
    match world.requests().get(mark.key) {
        Some(known) if known.fingerprint == mark.fingerprint => Ok(Some(known.sequence)),
        Some(_) => Err(Rejection::RequestIdReused),
        None => Ok(None),
    }
}

fn carry_out(draft: &mut EntryDraft<'_>, request: &Request) -> Result<(), Rejection> {
    let actor = &request.actor;
    match &request.command {
        Command::ImportTeam { .. }
        | Command::RemoveTeam { .. }
        | Command::ImportCalendar { .. }
        | Command::ImportWorkflow { .. }
        | Command::PublishWorkflow { .. }
        | Command::ConfirmRetention(..)
        | Command::ArchiveWorkflow { .. } => definitions::change(draft, &request.command)?,
        Command::SetWorkflow(set) => set::set_workflow(draft, set, request.salt)?,
        Command::WithdrawWorkflow { instance, reason, expected, worked } => {
            instances::withdraw(draft, *instance, (reason, *worked), *expected)?;
        }
        Command::UpdateCall { call, changes, expected } => calls::update(draft, call, changes, *expected)?,
        Command::EndCall { call } => calls::end(draft, call)?,
        Command::PushButton(push) => instances::push(draft, push, actor)?,
        Command::AcknowledgeAlert { instance, alert } => instances::acknowledge(draft, *instance, *alert, actor)?,
        Command::AddNote { instance, text } => instances::note(draft, *instance, text, actor)?,
        Command::CancelInstance { instance, reason, expected } => {
            instances::cancel(draft, *instance, reason, *expected)?;
        }
        Command::Claim { .. }
        | Command::ExtendClaim { .. }
        | Command::ReleaseClaim { .. }
        | Command::TakeOver { .. }
        | Command::HandOver { .. }
        | Command::ListHandOver { .. }
        | Command::ClaimNext(_) => claims::change(draft, &request.command, actor)?,
        Command::SnoozeAlert(snooze) => snooze::snooze(draft, snooze, actor)?,
        Command::Pause { instance, until, reason, expected } => {
            pause::pause(draft, *instance, (*until, reason, *expected), actor)?;
        }
        Command::Resume { instance, note, expected } => {
            pause::resume(draft, *instance, (note, *expected), actor)?;
        }
        Command::FinishFollowUp(asked) => finish::finish(draft, asked, actor)?,
        Command::UndoPush(undo) => undo::undo(draft, undo, actor)?,
        Command::Chase { instance, note } => chase::chase(draft, *instance, note)?,
        Command::MoveInstance { instance, stage, reason, expected } => {
            instances::move_to(draft, *instance, (*stage, reason), *expected)?;
        }
        Command::MigrateInstance(asked, expected) => migrate::migrate(draft, asked, *expected)?,
        Command::StartBatch(_) | Command::StepBatch { .. } | Command::StopBatch { .. } => {
            batches::change(draft, &request.command, actor)?;
        }
        Command::Archive { .. } | Command::ReplaceChunk { .. } => archive::change(draft, &request.command),
        Command::EraseCaller(_) | Command::StepErasure { .. } | Command::EndErasure { .. } => {
            erase::change(draft, &request.command, actor)?;
        }
        Command::AcceptClock(to) => accept_clock(draft, *to),
        Command::ConfirmPurge(instances) => {
            draft.kind = ChangeKind::PurgeConfirmed;
            draft.answer = Answer::PurgeConfirmed(*instances);
        }
        Command::Elapse { due, slot, wake } => instances::elapse(draft, *due, *slot, *wake),
    }
    Ok(())
}

/// The only change whose time may be before that of the newest entry.
fn accept_clock(draft: &mut EntryDraft<'_>, to: Option<Time>) {
    draft.kind = ChangeKind::ClockAccepted;
    let from = draft.now;
    draft.now = to.unwrap_or(from);
    draft.sets_clock = to.is_some();
    draft.answer = Answer::ClockAccepted { from, to: draft.now };
}

/// What a batch would come to for each instance, one by one as they stand: as it would be then, or why it would be refused.
///
/// # Errors
/// [`Stopped`].
pub fn try_batch<T>(
    root: &Root,
    start: &StartBatch,
    (actor, now): (&Actor, Time),
    told: impl Fn(InstanceId, Result<&Instance, Rejection>) -> T,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<T>, Stopped> {
    let now = now.max(root.at);
    let attempt = |id: InstanceId| {
        let mut draft = EntryDraft::new(root, now);
        match batches::one(&mut draft, &start.work, id, (&start.reason, actor)) {
            Err(rejection) => Some(told(id, Err(rejection))),
            Ok(_) => {
                let mut whole = draft.instances.iter().filter_map(|change| change.after.whole());
                let changed = whole.find(|after| after.id == id);
                changed.or_else(|| root.instance(id)).map(|instance| told(id, Ok(instance)))
            }
        }
    };
    let mut tried = Vec::with_capacity(start.items.ids.len());
    for id in start.items.ids.iter() {
        if should_stop() {
            return Err(Stopped);
        }
        tried.extend(attempt(*id));
    }
    Ok(tried)
}
