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
        ScriptCommand::SetWorkflow(asked) => set::set_workflow(draft, asked, salt),
        ScriptCommand::WithdrawWorkflow(asked) => instances::withdraw(draft, asked),
        ScriptCommand::UpdateCall(asked) => calls::update(draft, asked),
        ScriptCommand::EndCall(asked) => calls::end(draft, asked),
        ScriptCommand::ChaseInstance(asked) => chase::chase(draft, asked),
    }
}

/// What is wrong with a command, whatever the state.
pub(super) fn check(check: &mut Check, command: &ScriptCommand) {
    match command {
        ScriptCommand::SetWorkflow(asked) => check.set(asked),
        ScriptCommand::WithdrawWorkflow(asked) => check.reason_if_given(&asked.reason),
        ScriptCommand::UpdateCall(asked) => {
            check.key(&asked.call);
            check.changes(&asked.changes);
        }
        ScriptCommand::EndCall(asked) => check.key(&asked.call),
        ScriptCommand::ChaseInstance(asked) => check.note(&asked.note),
    }
}
