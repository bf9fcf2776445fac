//! Checks and decides the commands of operations.

use crate::actor::Actor;
use crate::command::{AcceptClock, ConfirmPurge, OperationsCommand};
use crate::decide::check::Check;
use crate::decide::draft::EntryDraft;
use crate::decide::{batches, erase, instances, migrate};
use crate::entry::{Answer, ChangeKind};
use crate::rejection::Rejection;

pub(super) fn decide(
    draft: &mut EntryDraft<'_>,
    command: &OperationsCommand,
    actor: &Actor,
) -> Result<(), Rejection> {
    match command {
        OperationsCommand::CancelInstance(command) => instances::cancel(draft, command)?,
        OperationsCommand::MoveInstance(command) => instances::move_to(draft, command)?,
        OperationsCommand::MigrateInstance(command) => migrate::migrate(draft, command)?,
        OperationsCommand::StartBatch(command) => batches::start(draft, command, actor)?,
        OperationsCommand::StopBatch(command) => batches::stop(draft, command)?,
        OperationsCommand::EraseCaller(command) => erase::start(draft, command, actor)?,
        OperationsCommand::AcceptClock(command) => accept_clock(draft, *command),
        OperationsCommand::ConfirmPurge(command) => confirm_purge(draft, *command),
    }
    Ok(())
}

/// Sets the time of the World. No other change may have a time before that of the newest entry.
fn accept_clock(draft: &mut EntryDraft<'_>, command: AcceptClock) {
    draft.kind = ChangeKind::ClockAccepted;
    let from = draft.now;
    draft.now = command.to.unwrap_or(from);
    draft.sets_clock = command.to.is_some();
    draft.answer = Answer::ClockAccepted {
        from,
        to: draft.now,
    };
}

fn confirm_purge(draft: &mut EntryDraft<'_>, command: ConfirmPurge) {
    draft.kind = ChangeKind::PurgeConfirmed;
    draft.answer = Answer::PurgeConfirmed(command.instances);
}

/// Finds the invalid fields of a command, in any state.
pub(super) fn check(check: &mut Check, command: &OperationsCommand) {
    match command {
        OperationsCommand::CancelInstance(command) => check.reason(&command.reason),
        OperationsCommand::MoveInstance(command) => check.reason(&command.reason),
        OperationsCommand::MigrateInstance(command) => check.reason(&command.reason),
        OperationsCommand::StartBatch(command) => check.batch(command),
        OperationsCommand::StopBatch(command) => check.reason(&command.reason),
        OperationsCommand::EraseCaller(command) => check.erasure(command),
        OperationsCommand::AcceptClock(_) | OperationsCommand::ConfirmPurge(_) => {}
    }
}
