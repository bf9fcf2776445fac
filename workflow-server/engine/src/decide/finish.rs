//! Finishing by hand: a person gives an outcome to what nothing in its workflow moves on any more.

use aftercall_definition::value::Value;

use crate::actor::Actor;
use crate::command::FinishFollowUp;
use crate::decide::claims::check_holder;
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::enter::stop;
use crate::decide::find::{check_legal, check_seen, find, visible};
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Happening, Instance, Status};
use crate::rejection::Rejection;

/// Only an incomplete one: what still has buttons and timers is finished by them, as its workflow
/// says.
pub(super) fn finish(
    draft: &mut EntryDraft<'_>,
    asked: &FinishFollowUp,
    actor: &Actor,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Finished;
    let old = find(draft.root, asked.instance)?;
    check_revision(asked.expected, u64::from(old.revision))?;
    check_legal(old, Happening::Finish)?;
    visible(draft.root, old)?;
    check_seen(old, Some(asked.stage), asked.visit)?;
    check_holder(old, actor, draft.now)?;
    let mut new = Instance::clone(old);
    stop(&mut new, Status::Finished);
    new.ended_at = Some(draft.now);
    new.ending = asked.outcome.clone();
    new.notes += u32::from(!asked.note.is_empty());
    draft.said.note = asked.note.clone();
    draft.said.values = [("outcome".into(), Value::Text(asked.outcome.clone()))].into();
    draft.answer = Answer::Moved {
        instance: old.id,
        entered: Vec::new(),
    };
    draft.put_instance(ChangeKind::Finished, old, new, Entered::default());
    Ok(())
}
