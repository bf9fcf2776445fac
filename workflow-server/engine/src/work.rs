//! The work of people on a follow-up: after it a script cannot withdraw the follow-up, and a push
//! cannot be undone.

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

/// Whether a push can still be undone after this change of the instance. The change must be
/// automatic or only of the call, and must not change the stage, the meaning of the alerts or the
/// claims of others. Timers that were due meanwhile fire after the undo.
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
