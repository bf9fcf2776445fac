//! What operations and the server itself do in property tests.

use aftercall_definition::time::Time;
use proptest::sample::Index;

use super::commands::{archive, batch, instance, migrate, replace, step_erasure};
use super::step::Step;
use crate::command::{CancelInstance, Command, ConfirmPurge, MoveInstance, StepBatch};
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
