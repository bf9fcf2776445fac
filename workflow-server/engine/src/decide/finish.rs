//! Finishing by hand: a person finishes an incomplete instance with an outcome.

use aftercall_definition::value::Value;

use crate::actor::Actor;
use crate::command::FinishFollowUp;
use crate::decide::claims::check_holder;
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::enter::stop;
use crate::decide::find::{check_legal, check_seen, check_visible, find};
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Happening, Instance, Status};
use crate::rejection::Rejection;

/// Finishes an incomplete instance. Only the workflow's own buttons and timers finish other
/// instances.
pub(super) fn finish(
    draft: &mut EntryDraft<'_>,
    command: &FinishFollowUp,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Finished;
    let old = find(draft, command.instance)?;
    check_revision(command.expected, u64::from(old.revision))?;
    check_legal(old, Happening::Finish)?;
    check_visible(draft.root, old)?;
    check_seen(old, Some(command.stage), command.visit)?;
    check_holder(old, actor, draft.now)?;
    let mut new = Instance::clone(old);
    stop(&mut new, Status::Finished);
    new.ended_at = Some(draft.now);
    new.ending = command.outcome.clone();
    new.notes += u32::from(!command.note.is_empty());
    draft.details.note = command.note.clone();
    draft.details.values = [("outcome".into(), Value::Text(command.outcome.clone()))].into();
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: Vec::new(),
    };
    draft.put_instance(ChangeKind::Finished, old, new, Entered::default());
    Ok(())
}
