//! Checks and decides the commands of authors.

use crate::command::AuthorCommand;
use crate::decide::check::Check;
use crate::decide::definitions;
use crate::decide::draft::EntryDraft;
use crate::rejection::Rejection;

pub(super) fn decide(draft: &mut EntryDraft<'_>, command: &AuthorCommand) -> Result<(), Rejection> {
    match command {
        AuthorCommand::ImportTeam(command) => definitions::import_team(draft, command),
        AuthorCommand::RemoveTeam(command) => definitions::remove_team(draft, command),
        AuthorCommand::ImportCalendar(command) => definitions::import_calendar(draft, command),
        AuthorCommand::ImportWorkflow(command) => definitions::import(draft, command),
        AuthorCommand::PublishWorkflow(command) => definitions::publish(draft, command),
        AuthorCommand::ArchiveWorkflow(command) => definitions::archive(draft, command),
        AuthorCommand::ConfirmRetention(command) => definitions::confirm_retention(draft, command),
    }
}

/// Finds the invalid fields of a command, in any state.
pub(super) fn check(check: &mut Check, command: &AuthorCommand) {
    match command {
        AuthorCommand::ImportTeam(command) => check.team(&command.name, &command.title),
        AuthorCommand::RemoveTeam(command) => check.name("name", &command.name),
        AuthorCommand::ImportCalendar(command) => check.calendar(&command.calendar),
        // The file form of the definition was checked before. The definition is validated when it
        // is published.
        AuthorCommand::ImportWorkflow(_)
        | AuthorCommand::PublishWorkflow(_)
        | AuthorCommand::ArchiveWorkflow(_)
        | AuthorCommand::ConfirmRetention(_) => {}
    }
}
