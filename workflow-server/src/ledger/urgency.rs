//! Which commands are refused first when more come than the ledger can decide.
//!
//! Promise: while new work is refused, what finishes work is still taken. Must not: reorder commands:
//! those that were taken are decided in the order in which they came.

use aftercall_engine::command::{
    AuthorCommand, Command, DeskCommand, OperationsCommand, ScriptCommand, UpkeepCommand,
};

/// How urgent a command is, the least urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Begins work, or adds to it: its sender can repeat it later.
    New,
    /// What people do at their desks, and the server itself.
    Usual,
    /// Finishes work or returns it to others: without it the load does not fall.
    Finishing,
}

impl Urgency {
    /// The names in the metrics.
    pub const NAMES: [&str; 3] = ["new", "usual", "finishing"];

    /// Its name in the metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Of so many places for commands that wait, those that commands of this urgency may fill.
    #[must_use]
    pub fn share(self, places: usize) -> usize {
        match self {
            Self::New => (places / 2).max(1),
            Self::Usual => places - places / 4,
            Self::Finishing => places,
        }
    }
}

impl From<&Command> for Urgency {
    fn from(command: &Command) -> Self {
        match command {
            Command::Author(command) => of_author(command),
            Command::Script(command) => of_script(command),
            Command::Desk(command) => of_desk(command),
            Command::Operations(command) => of_operations(command),
            Command::Upkeep(command) => of_upkeep(command),
        }
    }
}

fn of_author(command: &AuthorCommand) -> Urgency {
    match command {
        AuthorCommand::ImportTeam(_)
        | AuthorCommand::RemoveTeam(_)
        | AuthorCommand::ImportCalendar(_)
        | AuthorCommand::ImportWorkflow(_)
        | AuthorCommand::PublishWorkflow(_)
        | AuthorCommand::ConfirmRetention(_) => Urgency::New,
        // It stops new work.
        AuthorCommand::ArchiveWorkflow(_) => Urgency::Usual,
    }
}

fn of_script(command: &ScriptCommand) -> Urgency {
    match command {
        ScriptCommand::SetWorkflow(_) | ScriptCommand::ChaseInstance(_) => Urgency::New,
        ScriptCommand::UpdateCall(_) => Urgency::Usual,
        ScriptCommand::WithdrawWorkflow(_) | ScriptCommand::EndCall(_) => Urgency::Finishing,
    }
}

fn of_desk(command: &DeskCommand) -> Urgency {
    match command {
        DeskCommand::AddNote(_)
        | DeskCommand::AcknowledgeAlert(_)
        | DeskCommand::ClaimInstance(_)
        | DeskCommand::TakeOver(_)
        | DeskCommand::ListHandOver(_)
        | DeskCommand::ClaimNext(_)
        | DeskCommand::SnoozeAlert(_)
        | DeskCommand::PauseInstance(_)
        | DeskCommand::ResumeInstance(_)
        | DeskCommand::SaveView(_)
        | DeskCommand::RemoveView(_)
        | DeskCommand::SetAway(_)
        | DeskCommand::EndAway(_) => Urgency::Usual,
        DeskCommand::PushButton(_)
        | DeskCommand::FinishFollowUp(_)
        | DeskCommand::UndoPush(_)
        | DeskCommand::ReleaseClaim(_)
        | DeskCommand::HandOver(_)
        // Without it somebody else claims what a person is working on.
        | DeskCommand::ExtendClaim(_) => Urgency::Finishing,
    }
}

fn of_operations(command: &OperationsCommand) -> Urgency {
    match command {
        OperationsCommand::StartBatch(_)
        | OperationsCommand::EraseCaller(_)
        | OperationsCommand::ConfirmPurge(_) => Urgency::New,
        OperationsCommand::MoveInstance(_) | OperationsCommand::MigrateInstance(_) => {
            Urgency::Usual
        }
        OperationsCommand::CancelInstance(_)
        | OperationsCommand::StopBatch(_)
        | OperationsCommand::AcceptClock(_) => Urgency::Finishing,
    }
}

/// A refused step is repeated by the server itself.
fn of_upkeep(command: &UpkeepCommand) -> Urgency {
    match command {
        UpkeepCommand::StepBatch(_) => Urgency::New,
        UpkeepCommand::Elapse(_)
        | UpkeepCommand::StepErasure(_)
        | UpkeepCommand::EndErasure(_)
        | UpkeepCommand::ArchiveCalls(_)
        | UpkeepCommand::ReplaceChunk(_)
        | UpkeepCommand::PackHistory(_)
        | UpkeepCommand::RewriteHistory(_) => Urgency::Usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_urgent_commands_have_more_places() {
        for places in [1, 2, 3, 16, 16_384] {
            let [new, usual, finishing] =
                [Urgency::New, Urgency::Usual, Urgency::Finishing].map(|of| of.share(places));
            assert!(new <= usual && usual <= finishing && finishing == places);
        }
        assert_eq!(Urgency::New.share(16_384), 8_192);
    }
}
