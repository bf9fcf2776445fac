//! What script engines do in property tests.

use aftercall_definition::Definition;

use super::commands::{changes, instance, key, script_values};
use super::step::Step;
use crate::command::{
    ChaseInstance, Command, EndCall, IfRunning, Release, SetWorkflow, UpdateCall, WithdrawWorkflow,
};
use crate::world::World;

/// The release that a script requests. For every other call it is immediate, which also releases a
/// waiting instance.
fn wish(call: u8, waits: bool) -> Option<Release> {
    if waits {
        Some(Release::CallEnded)
    } else {
        call.is_multiple_of(2).then_some(Release::Immediately)
    }
}

/// The command of a script engine's step. Returns `None` if the step has nothing to work on, or if
/// it is not a script engine's step.
pub(super) fn script_command(
    step: &Step,
    world: &World,
    definitions: &[Definition],
) -> Option<Command> {
    let id = |at| instance(world, at).map(|instance| instance.id);
    Some(match step {
        Step::Set {
            call,
            workflow,
            if_running,
            release,
            chargeable,
        } => {
            let definition = workflow.get(definitions);
            Command::from(SetWorkflow {
                call: key(*call),
                changes: changes(*chargeable, None),
                workflow: definition.name.as_str().into(),
                version: None,
                // If only the call changes, an entry contains less of large instances, so some are
                // large.
                fields: script_values(&definition.fields, *chargeable == Some(true), *call >= 2),
                release: wish(*call, release.is_some()),
                release_within_millis: release.flatten().map(|minutes| i64::from(minutes) * 60_000),
                if_running: [IfRunning::ReturnIt, IfRunning::Refuse, IfRunning::Replace]
                    [usize::from(*if_running)],
            })
        }
        Step::Update {
            call,
            chargeable,
            customer,
        } => {
            let changes = changes(*chargeable, *customer);
            Command::from(UpdateCall {
                call: key(*call),
                changes,
                expected: None,
            })
        }
        Step::End(call) => Command::from(EndCall { call: key(*call) }),
        Step::Withdraw(at) => {
            let (instance, reason) = (id(at)?, "a mistake".into());
            Command::from(WithdrawWorkflow {
                instance,
                reason,
                expected: None,
                worked: false,
            })
        }
        Step::Chase(at) => Command::from(ChaseInstance {
            instance: id(at)?,
            note: "again".into(),
        }),
        _ => return None,
    })
}
