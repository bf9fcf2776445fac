//! The samples have the entries of the first servers. This module restores the decisions that later
//! servers changed.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::Entry;
use aftercall_engine::entry::{After, ChangeKind};
use aftercall_engine::instance::{Instance, Status};

/// A move ended a pause, and the new stage counted from the move.
pub(crate) fn without_pause(entry: &mut Entry) {
    let Some(change) = entry
        .instances
        .iter_mut()
        .find(|change| change.kind == ChangeKind::Moved)
    else {
        return;
    };
    let mut moved = Instance::clone(change.after.whole().unwrap());
    let Some(pause) = moved.pause.take() else {
        return;
    };
    let shifted = |time: Time| Time(time.0 + entry.at.0 - pause.since.0);
    for alert in &mut moved.alerts {
        (alert.due, alert.escalates_at) = (alert.due.map(shifted), alert.escalates_at.map(shifted));
        alert.counts_from = None;
    }
    moved.status = Status::Active;
    change.after = After::Whole(Arc::new(moved));
}

/// Waits counted from the time when a timer woke, not from the time when it was due.
pub(crate) fn count_from_waking(entry: &mut Entry, due: Time) {
    let late = |time: Time| Time(time.0 + entry.at.0 - due.0);
    for change in &mut entry.instances {
        let mut instance = Instance::clone(change.after.whole().unwrap());
        for alert in &mut instance.alerts {
            (alert.due, alert.escalates_at) = (alert.due.map(late), alert.escalates_at.map(late));
            alert.counts_from = None;
        }
        if change.kind == ChangeKind::Resumed {
            instance
                .timers
                .iter_mut()
                .for_each(|timer| timer.due = late(timer.due));
            instance.deadline = instance.deadline.map(late);
        }
        change.after = After::Whole(Arc::new(instance));
    }
}

/// Removes the fields that the first servers did not write.
pub(crate) fn forget(entry: &mut Entry, (waits, recipient): (bool, bool)) {
    if waits {
        forget_waits(entry);
    }
    if recipient {
        forget_recipient(entry);
    }
}

/// A hand-over had no recipient.
fn forget_recipient(entry: &mut Entry) {
    if entry.kind == ChangeKind::HandedOver {
        entry.details.values = Box::default();
    }
}

/// Timers did not have the time when their wait is over.
fn forget_waits(entry: &mut Entry) {
    for change in &mut entry.instances {
        let whole = change
            .after
            .whole()
            .filter(|one| one.timers.iter().any(|timer| timer.waited.is_some()));
        if let Some(mut instance) = whole.map(|one| Instance::clone(one)) {
            instance
                .timers
                .iter_mut()
                .for_each(|timer| timer.waited = None);
            change.after = After::Whole(Arc::new(instance));
        }
    }
}
