//! Decides the commands of the server itself. None of them is ever rejected: what no longer applies
//! changes nothing.

use crate::command::UpkeepCommand;
use crate::decide::draft::EntryDraft;
use crate::decide::{archive, batches, erase, instances};

pub(super) fn decide(draft: &mut EntryDraft<'_>, command: &UpkeepCommand) {
    match command {
        UpkeepCommand::Elapse(asked) => instances::elapse(draft, *asked),
        UpkeepCommand::StepBatch(asked) => batches::step(draft, *asked),
        UpkeepCommand::StepErasure(asked) => erase::step(draft, *asked),
        UpkeepCommand::EndErasure(asked) => erase::end(draft, *asked),
        UpkeepCommand::ArchiveCalls(asked) => archive::store(draft, asked),
        UpkeepCommand::ReplaceChunk(asked) => archive::replace(draft, asked),
    }
}
