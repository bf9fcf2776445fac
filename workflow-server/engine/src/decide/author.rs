//! Checks and decides the commands of authors.

use crate::command::AuthorCommand;
use crate::decide::check::Check;
use crate::decide::definitions;
use crate::decide::draft::EntryDraft;
use crate::rejection::Rejection;

pub(super) fn decide(draft: &mut EntryDraft<'_>, command: &AuthorCommand) -> Result<(), Rejection> {
    match command {
        AuthorCommand::ImportTeam(asked) => definitions::import_team(draft, asked),
        AuthorCommand::RemoveTeam(asked) => definitions::remove_team(draft, asked),
        AuthorCommand::ImportCalendar(asked) => definitions::import_calendar(draft, asked),
        AuthorCommand::ImportWorkflow(asked) => definitions::import(draft, asked),
        AuthorCommand::PublishWorkflow(asked) => definitions::publish(draft, asked),
        AuthorCommand::ArchiveWorkflow(asked) => definitions::archive(draft, asked),
        AuthorCommand::ConfirmRetention(asked) => definitions::confirm_retention(draft, asked),
    }
}

/// What is wrong with a command, whatever the state.
pub(super) fn check(check: &mut Check, command: &AuthorCommand) {
    match command {
        AuthorCommand::ImportTeam(asked) => check.team(&asked.name, &asked.title),
        AuthorCommand::RemoveTeam(asked) => check.name("name", &asked.name),
        AuthorCommand::ImportCalendar(asked) => check.calendar(&asked.calendar),
        // The definition was read from a file, and is validated when it is published.
        AuthorCommand::ImportWorkflow(_)
        | AuthorCommand::PublishWorkflow(_)
        | AuthorCommand::ArchiveWorkflow(_)
        | AuthorCommand::ConfirmRetention(_) => {}
    }
}
