//! What operations look for at night: overdue timers, and work that nobody moves.

use std::sync::Arc;

use aftercall_definition::time::Time;

use crate::instance::{Instance, Status, Wake};
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::query::{has_button, is_waiting};
use crate::world::{Root, timers};

/// An automatic change that is due and has not happened.
#[derive(Clone, Debug)]
pub struct OverdueTimer {
    /// What is due.
    pub wake: Wake,
    /// When it was due.
    pub due: Time,
    /// The instance.
    pub instance: Arc<Instance>,
}

/// The automatic changes that are due at `now` and have not happened, the earliest first, at most
/// `rows_max`; and the total number.
///
/// # Errors
/// [`Stopped`].
pub fn overdue_timers(
    root: &Root,
    now: Time,
    rows_max: usize,
    should_stop: ShouldStop<'_>,
) -> Result<(Vec<OverdueTimer>, u64), Stopped> {
    let mut overdue = Vec::new();
    for instance in checked(root.instances.iter().flatten(), should_stop) {
        let instance = instance?;
        let due = timers::keys(instance).filter(|key| key.due <= now);
        overdue.extend(due.map(|key| OverdueTimer {
            wake: key.wake(),
            due: key.due,
            instance: instance.clone(),
        }));
    }
    let total = overdue.len() as u64;
    overdue.sort_by_key(|timer| (timer.due, timer.instance.id));
    overdue.truncate(rows_max);
    Ok((overdue, total))
}

/// Why work is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StuckReason {
    /// Nothing in its stage moves it on: it ran into an unlinked end, or has no button and no
    /// timer.
    Incomplete,
    /// It is open, and its call is not chargeable.
    NotChargeable,
    /// It waits for the end of a call that nobody has ended.
    CallNotEnded,
    /// It has been paused for long.
    Paused,
    /// It has been in its stage for long, and nobody holds it.
    Unclaimed,
    /// It is overdue, and no list shows it, because all of its alerts are snoozed.
    SnoozedOverdue,
}

/// Stuck work.
#[derive(Clone, Debug)]
pub struct Stuck {
    /// Why.
    pub reason: StuckReason,
    /// Since when it has been so.
    pub since: Time,
    /// The instance.
    pub instance: Arc<Instance>,
}

/// All work that has been stuck since `by` or before, the longest first. Incomplete instances are
/// listed at once.
///
/// # Errors
/// [`Stopped`].
pub fn stuck(root: &Root, by: Time, should_stop: ShouldStop<'_>) -> Result<Vec<Stuck>, Stopped> {
    let mut found = Vec::new();
    for instance in checked(root.instances.iter().flatten(), should_stop) {
        let instance = instance?;
        let Some((reason, since)) = stuck_reason(root, instance, by) else {
            continue;
        };
        if since <= by || reason == StuckReason::Incomplete {
            found.push(Stuck {
                reason,
                since,
                instance: instance.clone(),
            });
        }
    }
    found.sort_by_key(|stuck| (stuck.since, stuck.instance.id));
    Ok(found)
}

fn stuck_reason(root: &Root, instance: &Instance, by: Time) -> Option<(StuckReason, Time)> {
    let overdue_since = instance
        .due()
        .filter(|due| *due <= by && instance.is_snoozed());
    match instance.status {
        Status::Finished | Status::Cancelled => None,
        Status::Incomplete => Some((StuckReason::Incomplete, instance.entered_at)),
        Status::WaitingForCallEnd => Some((StuckReason::CallNotEnded, instance.started_at)),
        // Written by an earlier version: today an instance in which nothing waits becomes
        // incomplete.
        Status::Active | Status::Paused if !is_waiting(root, instance) => {
            Some((StuckReason::Incomplete, instance.entered_at))
        }
        _ if !root.is_visible(instance) => Some((StuckReason::NotChargeable, instance.entered_at)),
        Status::Paused => instance
            .pause
            .as_ref()
            .map(|pause| (StuckReason::Paused, pause.since)),
        Status::Active if overdue_since.is_some() => {
            overdue_since.map(|since| (StuckReason::SnoozedOverdue, since))
        }
        // Where only a timer moves it on, it waits for no person.
        Status::Active if instance.alerts.is_empty() && !has_button(root, instance) => None,
        Status::Active => instance
            .claim
            .is_none()
            .then_some((StuckReason::Unclaimed, instance.entered_at)),
    }
}
