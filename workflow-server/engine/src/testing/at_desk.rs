//! What people who work with a Call Manager do in property tests.

use std::sync::Arc;

use aftercall_definition::time::Time;
use proptest::sample::Index;

use super::commands::{
    claim_next, finishing, holding, instance, person, push, seen, snoozing, somebody,
};
use super::step::Step;
use crate::actor::{Actor, ActorKind};
use crate::command::{
    AcknowledgeAlert, AddNote, Command, PauseInstance, RemoveView, ResumeInstance, SaveView,
    UndoPush,
};
use crate::filter::FollowUpFilter;
use crate::instance::{Instance, Status};
use crate::saved_view::ViewFilter;
use crate::world::World;

/// The command of a person's step. Returns `None` if the step has no instance to work on, or if it
/// is not a person's step. `pushed` is the instance of the last push as it was before the push, and
/// the time of the push.
pub(super) fn at_desk(
    step: &Step,
    world: &World,
    (now, pushed): (Time, Option<&(Arc<Instance>, Time)>),
) -> Option<(Actor, Command)> {
    let by = match step {
        Step::Hold(_, who, ..)
        | Step::Next(who, _)
        | Step::Snooze(_, _, who, _)
        | Step::Finish(_, who)
        | Step::View(who, ..) => Actor {
            kind: ActorKind::Person,
            name: person(*who),
            subject: None,
        },
        _ => somebody(ActorKind::Person),
    };
    let command = work(step, world)
        .or_else(|| claim(step, world, now))
        .or_else(|| pause(step, world, now))
        .or_else(|| undo(step, world, pushed))?;
    Some((by, command))
}

fn work(step: &Step, world: &World) -> Option<Command> {
    let instance = |at: &Index| instance(world, at);
    Some(match step {
        Step::Push {
            instance: at,
            button,
            stale,
            careless,
        } => push(world, instance(at)?, button, *stale, *careless),
        Step::Note(at) => Command::from(AddNote {
            instance: instance(at)?.id,
            text: "rang".into(),
        }),
        Step::Acknowledge(at, action, is_stale) => {
            let instance = instance(at)?;
            let mut alert = seen(instance, u16::from(*action));
            alert.visit = alert.visit.saturating_sub(u32::from(*is_stale));
            Command::from(AcknowledgeAlert {
                instance: instance.id,
                alert,
            })
        }
        Step::Snooze(at, action, _, minutes) => {
            snoozing(instance(at)?, u16::from(*action), *minutes)
        }
        Step::Finish(at, _) => finishing(instance(at)?),
        Step::View(_, which, is_removed) => viewing(*which, *is_removed),
        _ => return None,
    })
}

/// Saves or removes one of three views of the person or of a team. Some have a caller's name.
fn viewing(which: u8, is_removed: bool) -> Command {
    let team = (which >= 3).then(|| aftercall_definition::testing::TEAMS[0].into());
    let name: Box<str> = format!("view {}", which % 3).into();
    if is_removed {
        return Command::from(RemoveView {
            team,
            name,
            expected: None,
        });
    }
    let filter = ViewFilter {
        overdue: which.is_multiple_of(2),
        text: if which == 4 { "caller" } else { "" }.into(),
        ..ViewFilter::default()
    };
    Command::from(SaveView {
        team,
        name,
        filter,
        expected: None,
    })
}

fn claim(step: &Step, world: &World, now: Time) -> Option<Command> {
    match step {
        Step::Hold(at, _, what, minutes) => {
            let id = instance(world, at)?.id;
            Some(holding(id, *what, i64::from(*minutes) * 60_000))
        }
        Step::Next(who, minutes) => {
            let lease_millis = i64::from(*minutes) * 60_000;
            let filter = FollowUpFilter {
                teams: vec![u32::from(*who)],
                ..FollowUpFilter::default()
            };
            Some(claim_next(world, filter, lease_millis, now))
        }
        _ => None,
    }
}

fn pause(step: &Step, world: &World, now: Time) -> Option<Command> {
    match step {
        Step::Pause(at, minutes) => Some(Command::from(PauseInstance {
            instance: instance(world, at)?.id,
            until: minutes.map(|minutes| Time(now.0 + i64::from(minutes) * 60_000)),
            reason: "ill".into(),
            expected: None,
        })),
        Step::Resume(at) => Some(Command::from(ResumeInstance {
            instance: instance(world, at)?.id,
            note: "".into(),
            expected: None,
        })),
        _ => None,
    }
}

/// Undoes the last push. If the push was refused, names an older change, so that the undo is
/// refused too.
fn undo(step: &Step, world: &World, pushed: Option<&(Arc<Instance>, Time)>) -> Option<Command> {
    let Step::Undo(as_supervisor) = step else {
        return None;
    };
    let (before, pushed_at) = pushed.cloned()?;
    let now = world.root().instance(before.id)?;
    // An instance that was not active accepted no push, so its next change was something else.
    let is_newest = before.status == Status::Active && now.revision == before.revision + 1;
    Some(Command::from(UndoPush {
        instance: before.id,
        sequence: if is_newest {
            now.sequence
        } else {
            before.sequence
        },
        pushed_by: person(0),
        pushed_by_subject: None,
        pushed_at,
        before,
        within_millis: 3_600_000,
        as_supervisor: *as_supervisor,
        reason: "a slip".into(),
    }))
}
