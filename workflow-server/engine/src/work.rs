//! The work of people on a follow-up. After it, a script cannot withdraw the follow-up, and a push
//! cannot be undone.

use crate::actor::ActorKind;
use crate::entry::{Entry, InstanceChange, UndoOver};

/// Whether a change is a person's work on the instance. After that, a script cannot withdraw it.
#[must_use]
pub fn is_work(entry: &Entry, change: &InstanceChange) -> bool {
    let is_by_somebody = matches!(entry.actor.kind, ActorKind::Person | ActorKind::Operations);
    is_by_somebody && change.kind.is_work()
}

/// Whether a push can still be undone after this change of the instance. The change must be
/// automatic or only change the call. It must not change the stage, the meaning of the alerts or
/// another person's claim. Timers that became due meanwhile fire after the undo.
#[must_use]
pub fn can_undo_over(entry: &Entry, change: &InstanceChange, pushed_by: &str) -> bool {
    match change.kind.undo_over() {
        UndoOver::Never => false,
        UndoOver::Always => true,
        UndoOver::OfPusher => change
            .before
            .as_ref()
            .is_some_and(|before| *before.holder == *pushed_by),
        UndoOver::OfTimer => entry.actor.kind == ActorKind::Timer,
    }
}
