//! Decides the commands of the server itself. None of them is ever rejected: what no longer applies
//! changes nothing.

use crate::command::{PackHistory, RewriteHistory, UpkeepCommand};
use crate::decide::draft::EntryDraft;
use crate::decide::{archive, batches, erase, instances};
use crate::entry::ChangeKind;
use crate::history::HistoryChange;

pub(super) fn decide(draft: &mut EntryDraft<'_>, command: &UpkeepCommand) {
    match command {
        UpkeepCommand::Elapse(asked) => instances::elapse(draft, *asked),
        UpkeepCommand::StepBatch(asked) => batches::step(draft, *asked),
        UpkeepCommand::StepErasure(asked) => erase::step(draft, *asked),
        UpkeepCommand::EndErasure(asked) => erase::end(draft, *asked),
        UpkeepCommand::ArchiveCalls(asked) => archive::store(draft, asked),
        UpkeepCommand::ReplaceChunk(asked) => archive::replace(draft, asked),
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
