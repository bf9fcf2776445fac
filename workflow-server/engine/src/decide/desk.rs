//! Checks and decides the commands of people at Call Managers.

use aftercall_definition::limits::{Length, TEXT_BYTES_MAX};

use crate::actor::Actor;
use crate::command::{ClaimInstance, DeskCommand, ExtendClaim};
use crate::decide::check::Check;
use crate::decide::draft::EntryDraft;
use crate::decide::{claims, finish, instances, pause, snooze, undo};
use crate::rejection::Rejection;

pub(super) fn decide(
    draft: &mut EntryDraft<'_>,
    command: &DeskCommand,
    actor: &Actor,
) -> Result<(), Rejection> {
    match command {
        DeskCommand::PushButton(asked) => instances::push(draft, asked, actor),
        DeskCommand::AddNote(asked) => instances::note(draft, asked, actor),
        DeskCommand::AcknowledgeAlert(asked) => instances::acknowledge(draft, *asked, actor),
        DeskCommand::ClaimInstance(asked) => claims::claim(draft, *asked, actor),
        DeskCommand::ExtendClaim(asked) => claims::extend(draft, *asked, actor),
        DeskCommand::ReleaseClaim(asked) => claims::release(draft, *asked, actor),
        DeskCommand::TakeOver(asked) => claims::take_over(draft, asked, actor),
        DeskCommand::HandOver(asked) => claims::hand_over(draft, asked, actor),
        DeskCommand::ListHandOver(asked) => {
            claims::list_hand_over(draft, asked);
            Ok(())
        }
        DeskCommand::ClaimNext(asked) => claims::claim_next(draft, asked, actor),
        DeskCommand::SnoozeAlert(asked) => snooze::snooze(draft, asked, actor),
        DeskCommand::PauseInstance(asked) => pause::pause(draft, asked, actor),
        DeskCommand::ResumeInstance(asked) => pause::resume(draft, asked, actor),
        DeskCommand::FinishFollowUp(asked) => finish::finish(draft, asked, actor),
        DeskCommand::UndoPush(asked) => undo::undo(draft, asked, actor),
    }
}

/// What is wrong with a command, whatever the state.
pub(super) fn check(check: &mut Check, command: &DeskCommand) {
    match command {
        DeskCommand::PushButton(asked) => check.click(asked.visit, &asked.note),
        DeskCommand::AddNote(asked) => {
            check.text("text", &asked.text, true, Length::Bytes(TEXT_BYTES_MAX));
        }
        DeskCommand::ClaimInstance(ClaimInstance { lease_millis, .. })
        | DeskCommand::ExtendClaim(ExtendClaim { lease_millis, .. }) => check.lease(*lease_millis),
        DeskCommand::TakeOver(asked) => {
            check.lease(asked.lease_millis);
            check.reason(&asked.reason);
        }
        DeskCommand::HandOver(asked) => check.hand_over(&asked.to, &asked.reason),
        DeskCommand::ClaimNext(asked) => check.lease(asked.lease_millis),
        DeskCommand::SnoozeAlert(asked) => check.snooze(asked),
        DeskCommand::PauseInstance(asked) => check.reason(&asked.reason),
        DeskCommand::ResumeInstance(asked) => check.note(&asked.note),
        DeskCommand::FinishFollowUp(asked) => {
            check.name("outcome", &asked.outcome);
            check.click(asked.visit, &asked.note);
        }
        DeskCommand::UndoPush(asked) => check.undo(asked),
        DeskCommand::AcknowledgeAlert(_)
        | DeskCommand::ReleaseClaim(_)
        | DeskCommand::ListHandOver(_) => {}
    }
}
