//! What operations and the server itself do in property tests.

use aftercall_definition::time::Time;
use proptest::sample::Index;

use super::commands::{archive, instance, migrate, person, replace, step_erasure};
use super::step::Step;
use crate::batch::{BatchPush, BatchWork, StartBatch};
use crate::command::{CancelInstance, Command, ConfirmPurge, MoveInstance, StepBatch, StopBatch};
use crate::query::{InstanceFilter, batch_items, buttons, never};
use crate::recipient::Recipient;
use crate::world::World;

/// The command of a step of operations. Returns `None` if the step has nothing to work on, or if it
/// is not a step of operations.
pub(super) fn operating(step: &Step, world: &World, now: Time) -> Option<Command> {
    let instance = |at: &Index| instance(world, at);
    Some(match step {
        Step::Cancel(at) => Command::from(CancelInstance {
            instance: instance(at)?.id,
            reason: "not needed".into(),
            expected: None,
        }),
        Step::Move(at, stage) => {
            let instance = instance(at)?;
            let stages = &world.root().definition_of(instance)?.stages;
            Command::from(MoveInstance {
                instance: instance.id,
                stage: stage.get(stages).number,
                reason: "it is stuck".into(),
                expected: None,
            })
        }
        Step::Migrate(at, version) => migrate(world, instance(at)?, *version)?,
        Step::ConfirmPurge(count) => Command::from(ConfirmPurge {
            instances: u64::from(*count),
        }),
        Step::StepErasure => step_erasure(world)?,
        Step::Batch(work, stop) => batch(world, *work, *stop, now)?,
        Step::StepBatch => {
            let (batch, _) = world.root().batches.get_max()?;
            Command::from(StepBatch { batch: *batch })
        }
        _ => return None,
    })
}

/// The command of a step of the archive. Returns `None` if the step has nothing to work on, or if
/// it is not a step of the archive.
pub(super) fn upkeep(step: &Step, world: &World, now: Time) -> Option<Command> {
    match step {
        Step::Archive(minutes, calls) => Some(archive(world, *minutes, *calls, now)),
        Step::Replace(with_nothing) => replace(world, *with_nothing),
        _ => None,
    }
}

fn batch(world: &World, work: u8, stop: bool, now: Time) -> Option<Command> {
    if stop {
        let (batch, _) = world.root().batches.get_max()?;
        return Some(Command::from(StopBatch {
            batch: *batch,
            reason: "enough".into(),
        }));
    }
    let work = match work {
        0 => BatchWork::Move { stage: 1 },
        1 => BatchWork::Pause { until: None },
        2 => BatchWork::Resume,
        3 => BatchWork::Cancel,
        4 => BatchWork::HandOver(Recipient::Team { team: 1 }),
        5 => BatchWork::Migrate {
            version: 2,
            stages: vec![(2, 1)],
        },
        6 => BatchWork::HandOver(Recipient::Person {
            name: person(1),
            lease_millis: 900_000,
        }),
        7 => BatchWork::Push(pushed_most(world)?),
        8 => BatchWork::Snooze {
            until: Time(now.0 + 900_000),
        },
        _ => BatchWork::Claim {
            lease_millis: 900_000,
        },
    };
    let items = batch_items(world.root(), &InstanceFilter::default(), now, &never).ok()?;
    let start = StartBatch {
        work,
        items,
        reason: "a drill".into(),
        per_second: 9,
    };
    Some(Command::from(start))
}

/// The first button of the newest instance that has one.
fn pushed_most(world: &World) -> Option<BatchPush> {
    let mut newest = world.root().instances.iter().flatten().rev();
    newest.find_map(|instance| {
        let definition = world.root().definition_of(instance)?;
        let button = buttons(definition, instance).next()?;
        Some(BatchPush {
            button: button.event.as_str().into(),
            stage: instance.stage,
            visits: [].into(),
            form: [].into(),
        })
    })
}
