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
        OperationsCommand::CancelInstance(asked) => instances::cancel(draft, asked)?,
        OperationsCommand::MoveInstance(asked) => instances::move_to(draft, asked)?,
        OperationsCommand::MigrateInstance(asked) => migrate::migrate(draft, asked)?,
        OperationsCommand::StartBatch(asked) => batches::start(draft, asked, actor)?,
        OperationsCommand::StopBatch(asked) => batches::stop(draft, asked)?,
        OperationsCommand::EraseCaller(asked) => erase::start(draft, asked, actor)?,
        OperationsCommand::AcceptClock(asked) => accept_clock(draft, *asked),
        OperationsCommand::ConfirmPurge(asked) => confirm_purge(draft, *asked),
    }
    Ok(())
}

/// The only change whose time may be before that of the newest entry.
fn accept_clock(draft: &mut EntryDraft<'_>, asked: AcceptClock) {
    draft.kind = ChangeKind::ClockAccepted;
    let from = draft.now;
    draft.now = asked.to.unwrap_or(from);
    draft.sets_clock = asked.to.is_some();
    draft.answer = Answer::ClockAccepted {
        from,
        to: draft.now,
    };
}

fn confirm_purge(draft: &mut EntryDraft<'_>, asked: ConfirmPurge) {
    draft.kind = ChangeKind::PurgeConfirmed;
    draft.answer = Answer::PurgeConfirmed(asked.instances);
}

/// What is wrong with a command, whatever the state.
pub(super) fn check(check: &mut Check, command: &OperationsCommand) {
    match command {
        OperationsCommand::CancelInstance(asked) => check.reason(&asked.reason),
        OperationsCommand::MoveInstance(asked) => check.reason(&asked.reason),
        OperationsCommand::MigrateInstance(asked) => check.reason(&asked.reason),
        OperationsCommand::StartBatch(asked) => check.batch(asked),
        OperationsCommand::StopBatch(asked) => check.reason(&asked.reason),
        OperationsCommand::EraseCaller(asked) => check.erasure(asked),
        OperationsCommand::AcceptClock(_) | OperationsCommand::ConfirmPurge(_) => {}
    }
}
