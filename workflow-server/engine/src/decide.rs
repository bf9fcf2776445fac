//! Decides commands. A decision reads the World and a command. It returns the change as an entry, a
//! list of facts, or a typed rejection.
//!
//! Must not act, read a clock or make ids. The request brings random numbers, and the caller passes
//! the time.

mod archive;
mod arm;
mod author;
mod away;
mod batches;
mod calls;
mod chase;
mod check;
mod claims;
mod decision;
mod definitions;
mod desk;
mod draft;
mod enter;
mod erase;
mod errors;
mod escalate;
mod find;
mod finish;
mod instances;
mod migrate;
mod operations;
mod pause;
mod reenter;
mod resume;
mod scene;
mod script;
mod set;
mod snooze;
mod texts;
mod unattended;
mod undo;
mod upkeep;
mod views;
mod visits;
mod when;

use aftercall_definition::time::Time;
pub use decision::Decision;
use draft::EntryDraft;
pub use errors::{request_errors, request_errors_in};

use crate::actor::Actor;
use crate::batch::StartBatch;
use crate::command::{Command, Request, RequestMark};
use crate::instance::{Instance, InstanceId};
use crate::query::{ShouldStop, Stopped};
use crate::reach::Reach;
use crate::rejection::Rejection;
use crate::world::{Root, World};

/// Decides a request at `now`.
///
/// # Errors
/// [`Rejection`] if the request is refused. Then nothing changes.
pub fn decide(world: &World, request: &Request, now: Time) -> Result<Decision, Rejection> {
    if let Some(mark) = request.mark
        && let Some(sequence) = recall(world, mark)?
    {
        return Ok(Decision::Repeat { sequence });
    }
    let now = now.max(world.root().at);
    errors::check(world.root(), request, now)?;
    let mut draft = EntryDraft::new(world.root(), now);
    draft.known = request.known.as_ref();
    draft.acts_for = request.acts_for.as_deref();
    draft.reach = request.reach.clone();
    carry_out(&mut draft, request)?;
    Ok(draft.decided(request))
}

/// The sequence of the entry that the same request made before; `None` if the request is new.
///
/// # Errors
/// [`Rejection::RequestIdReused`] if the id was used for another request.
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
        Command::Author(command) => author::decide(draft, command),
        Command::Script(command) => script::decide(draft, command, request.salt),
        Command::Desk(command) => desk::decide(draft, command, actor),
        Command::Operations(command) => operations::decide(draft, command, actor),
        Command::Upkeep(command) => {
            upkeep::decide(draft, command);
            Ok(())
        }
    }
}

/// Tries a batch without changing anything. If `takes_next`, the actor does not choose among the
/// work of teams that share it fairly. `to_result` gets each instance as it would be after its
/// item, or the rejection of that item.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn try_batch<T>(
    root: &Root,
    start: &StartBatch,
    (actor, takes_next, now): (&Actor, bool, Time),
    to_result: impl Fn(InstanceId, Result<&Instance, Rejection>) -> T,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<T>, Stopped> {
    let now = now.max(root.at);
    let work = batches::begun(root, &start.work, &start.items.ids);
    let attempt = |at: usize, id: InstanceId| {
        let mut draft = EntryDraft::new(root, now);
        draft.reach = Reach::EVERYTHING.taking_next(takes_next);
        match batches::work_on(&mut draft, &work, (at, id), (&start.reason, actor)) {
            Err(rejection) => Some(to_result(id, Err(rejection))),
            Ok(_) => {
                let mut whole = draft
                    .instances
                    .iter()
                    .filter_map(|change| change.after.whole());
                let changed = whole.find(|after| after.id == id);
                changed
                    .or_else(|| root.instance(id))
                    .map(|instance| to_result(id, Ok(instance)))
            }
        }
    };
    let mut tried = Vec::with_capacity(start.items.ids.len());
    for (at, id) in start.items.ids.iter().enumerate() {
        if should_stop() {
            return Err(Stopped);
        }
        tried.extend(attempt(at, *id));
    }
    Ok(tried)
}
