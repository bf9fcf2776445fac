//! Checks and decides the commands of script engines.

use crate::command::ScriptCommand;
use crate::decide::check::Check;
use crate::decide::draft::EntryDraft;
use crate::decide::{calls, chase, instances, set};
use crate::rejection::Rejection;

pub(super) fn decide(
    draft: &mut EntryDraft<'_>,
    command: &ScriptCommand,
    salt: u16,
) -> Result<(), Rejection> {
    match command {
        ScriptCommand::SetWorkflow(command) => set::set_workflow(draft, command, salt),
        ScriptCommand::WithdrawWorkflow(command) => instances::withdraw(draft, command),
        ScriptCommand::UpdateCall(command) => calls::update(draft, command),
        ScriptCommand::EndCall(command) => calls::end(draft, command),
        ScriptCommand::ChaseInstance(command) => chase::chase(draft, command),
    }
}

/// Finds the invalid fields of a command, in any state.
pub(super) fn check(check: &mut Check, command: &ScriptCommand) {
    match command {
        ScriptCommand::SetWorkflow(command) => check.set(command),
        ScriptCommand::WithdrawWorkflow(command) => check.reason_if_given(&command.reason),
        ScriptCommand::UpdateCall(command) => {
            check.key(&command.call);
            check.changes(&command.changes);
        }
        ScriptCommand::EndCall(command) => check.key(&command.call),
        ScriptCommand::ChaseInstance(command) => check.note(&command.note),
    }
}
