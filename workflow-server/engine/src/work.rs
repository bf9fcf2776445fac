//! What counts as work of people on a follow-up: what a script cannot take back any more, and what
//! a push cannot be undone over.

use crate::actor::ActorKind;
use crate::entry::{ChangeKind, Entry, InstanceChange};

/// Whether a change is somebody's work on the instance: a script cannot withdraw it after that.
#[must_use]
pub fn is_work(entry: &Entry, change: &InstanceChange) -> bool {
    use ChangeKind::{
        AlertAcknowledged, AlertReturned, ButtonPushed, ClaimExtended, ClaimReleased, Claimed,
        HandedOver, Moved, NoteAdded, Paused, PushUndone, Resumed, Snoozed, TakenOver,
    };
    let is_by_somebody = matches!(entry.actor.kind, ActorKind::Person | ActorKind::Operations);
    is_by_somebody
        && matches!(
            change.kind,
            ButtonPushed
                | PushUndone
                | NoteAdded
                | AlertAcknowledged
                | Claimed
                | ClaimExtended
                | ClaimReleased
                | TakenOver
                | HandedOver
                | Snoozed
                | AlertReturned
                | Paused
                | Resumed
                | Moved
        )
}

/// Whether a push can still be taken back after this change of the instance: it came by itself, or
/// is about the call alone, and left the stage, what the alerts mean and the claims of others as
/// they were. What was due meanwhile fires after the undo.
#[must_use]
pub fn can_undo_over(entry: &Entry, change: &InstanceChange, pushed_by: &str) -> bool {
    match change.kind {
        ChangeKind::CallUpdated => true,
        ChangeKind::ClaimLapsed => change
            .before
            .as_ref()
            .is_some_and(|before| *before.holder == *pushed_by),
        ChangeKind::Escalated | ChangeKind::AlertReturned => entry.actor.kind == ActorKind::Timer,
        _ => false,
    }
}
