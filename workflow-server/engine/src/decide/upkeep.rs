//! Decides the commands of the server itself. None of them is rejected. A command that no longer
//! applies changes nothing.

use crate::command::{PackHistory, RewriteHistory, UpkeepCommand};
use crate::decide::draft::EntryDraft;
use crate::decide::{archive, batches, erase, instances};
use crate::entry::ChangeKind;
use crate::history::HistoryChange;

pub(super) fn decide(draft: &mut EntryDraft<'_>, command: &UpkeepCommand) {
    match command {
        UpkeepCommand::Elapse(command) => instances::elapse(draft, *command),
        UpkeepCommand::StepBatch(command) => batches::step(draft, *command),
        UpkeepCommand::StepErasure(command) => erase::step(draft, *command),
        UpkeepCommand::EndErasure(command) => erase::end(draft, *command),
        UpkeepCommand::ArchiveCalls(command) => archive::store(draft, command),
        UpkeepCommand::ReplaceChunk(command) => archive::replace(draft, command),
        UpkeepCommand::PackHistory(PackHistory(change)) => {
            change_history(draft, ChangeKind::HistoryPacked, change);
        }
        UpkeepCommand::RewriteHistory(RewriteHistory(change)) => {
            change_history(draft, ChangeKind::HistoryRewritten, change);
        }
    }
}

fn change_history(draft: &mut EntryDraft<'_>, kind: ChangeKind, change: &HistoryChange) {
    draft.kind = kind;
    if draft.root.history.can_take(change, draft.sequence()) {
        draft.history = Some(change.clone());
    }
}
