//! Chases: the caller asks again. The existing follow-up becomes more urgent, so that no second one
//! is needed.

use crate::command::ChaseInstance;
use crate::decide::draft::EntryDraft;
use crate::decide::find::{check_legal, find};
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Happening, Instance};
use crate::rejection::Rejection;

pub(super) fn chase(draft: &mut EntryDraft<'_>, command: &ChaseInstance) -> Result<(), Rejection> {
    let ChaseInstance { instance: id, note } = command;
    draft.kind = ChangeKind::Chased;
    let old = find(draft, *id)?;
    check_legal(old, Happening::Chase)?;
    let mut new = Instance::clone(old);
    new.chases = new.chases.saturating_add(1);
    new.notes += u32::from(!note.is_empty());
    for alert in &mut new.alerts {
        alert.priority = alert.priority.raised();
        // The caller is asking now, so people must look at snoozed and seen alerts again.
        alert.seen = None;
        alert.snooze = None;
    }
    draft.details.note = note.clone();
    draft.answer = Answer::Moved {
        instance: *id,
        entered: Vec::new(),
    };
    draft.put_instance(ChangeKind::Chased, old, new, Entered::default());
    Ok(())
}
