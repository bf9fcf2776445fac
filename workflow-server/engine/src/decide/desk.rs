//! Checks and decides the commands of people who work with a Call Manager.

use aftercall_definition::limits::{Length, TEXT_BYTES_MAX};

use crate::actor::Actor;
use crate::command::{ClaimInstance, DeskCommand, ExtendClaim};
use crate::decide::check::Check;
use crate::decide::draft::EntryDraft;
use crate::decide::{away, claims, finish, instances, pause, snooze, undo, views};
use crate::rejection::Rejection;

pub(super) fn decide(
    draft: &mut EntryDraft<'_>,
    command: &DeskCommand,
    actor: &Actor,
) -> Result<(), Rejection> {
    match command {
        DeskCommand::PushButton(command) => instances::push(draft, command, actor),
        DeskCommand::AddNote(command) => instances::note(draft, command, actor),
        DeskCommand::AcknowledgeAlert(command) => instances::acknowledge(draft, *command, actor),
        DeskCommand::ClaimInstance(command) => claims::claim(draft, *command, actor),
        DeskCommand::ExtendClaim(command) => claims::extend(draft, *command, actor),
        DeskCommand::ReleaseClaim(command) => claims::release(draft, *command, actor),
        DeskCommand::TakeOver(command) => claims::take_over(draft, command, actor),
        DeskCommand::HandOver(command) => claims::hand_over(draft, command, actor),
        DeskCommand::ListHandOver(command) => {
            claims::list_hand_over(draft, command);
            Ok(())
        }
        DeskCommand::ClaimNext(command) => claims::claim_next(draft, command, actor),
        DeskCommand::SnoozeAlert(command) => snooze::snooze(draft, command, actor),
        DeskCommand::PauseInstance(command) => pause::pause(draft, command, actor),
        DeskCommand::ResumeInstance(command) => pause::resume(draft, command, actor),
        DeskCommand::FinishFollowUp(command) => finish::finish(draft, command, actor),
        DeskCommand::UndoPush(command) => undo::undo(draft, command, actor),
        DeskCommand::SaveView(command) => views::save(draft, command, actor),
        DeskCommand::RemoveView(command) => views::remove(draft, command, actor),
        DeskCommand::SetAway(command) => away::set(draft, command, actor),
        DeskCommand::EndAway(command) => away::end(draft, command, actor),
    }
}

/// Finds the invalid fields of a command, in any state.
pub(super) fn check(check: &mut Check, command: &DeskCommand) {
    match command {
        DeskCommand::PushButton(command) => check.click(command.visit, &command.note),
        DeskCommand::AddNote(command) => {
            check.text("text", &command.text, true, Length::Bytes(TEXT_BYTES_MAX));
        }
        DeskCommand::ClaimInstance(ClaimInstance { lease_millis, .. })
        | DeskCommand::ExtendClaim(ExtendClaim { lease_millis, .. }) => check.lease(*lease_millis),
        DeskCommand::TakeOver(command) => {
            check.lease(command.lease_millis);
            check.reason(&command.reason);
        }
        DeskCommand::HandOver(command) => check.hand_over(&command.to, &command.reason),
        DeskCommand::ClaimNext(command) => check.lease(command.lease_millis),
        DeskCommand::SnoozeAlert(command) => check.snooze(command),
        DeskCommand::PauseInstance(command) => check.reason(&command.reason),
        DeskCommand::ResumeInstance(command) => check.note(&command.note),
        DeskCommand::FinishFollowUp(command) => {
            check.name("outcome", &command.outcome);
            check.click(command.visit, &command.note);
        }
        DeskCommand::UndoPush(command) => check.undo(command),
        DeskCommand::SaveView(command) => views::check_save(check, command),
        DeskCommand::RemoveView(command) => views::check_remove(check, command),
        DeskCommand::SetAway(command) => away::check_set(check, command),
        DeskCommand::AcknowledgeAlert(_)
        | DeskCommand::EndAway(_)
        | DeskCommand::ReleaseClaim(_)
        | DeskCommand::ListHandOver(_) => {}
    }
}
