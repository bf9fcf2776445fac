//! Finds what operations look for at night: overdue timers, and instances that nobody moves.

use std::sync::Arc;

use aftercall_definition::time::Time;

use crate::instance::{Instance, Status, Wake};
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::query::{has_button, is_waiting};
use crate::reach::Reach;
use crate::world::{Root, timers};

/// A timer that is due and has not fired.
#[derive(Clone, Debug)]
pub struct OverdueTimer {
    /// What the timer does.
    pub wake: Wake,
    /// When the timer was due.
    pub due: Time,
    /// The instance.
    pub instance: Arc<Instance>,
}

/// The timers within reach that are due at `now` and have not fired, earliest first, at most
/// `rows_max`. Also returns their total number.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn overdue_timers(
    root: &Root,
    (reach, now): (&Reach, Time),
    rows_max: usize,
    should_stop: ShouldStop<'_>,
) -> Result<(Vec<OverdueTimer>, u64), Stopped> {
    let mut overdue = Vec::new();
    for instance in checked(root.instances.iter().flatten(), should_stop) {
        let instance = instance?;
        let is_due = |key: &timers::TimerKey| key.due <= now && reach.can_see(root, instance);
        let due = timers::keys(instance).filter(is_due);
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

/// Why an instance is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StuckReason {
    /// Nothing can move the instance out of its stage, which is an unlinked end or has no button
    /// and no timer.
    Incomplete,
    /// The instance is open, but its call is not chargeable.
    NotChargeable,
    /// The instance waits for the end of its call, and no script reports that end.
    CallNotEnded,
    /// The instance has been paused for a long time.
    Paused,
    /// The instance has been in its stage for a long time, and nobody has a claim.
    Unclaimed,
    /// The instance is overdue, but all its alerts are snoozed, so no list shows it.
    SnoozedOverdue,
}

/// A stuck instance.
#[derive(Clone, Debug)]
pub struct Stuck {
    /// Why the instance is stuck.
    pub reason: StuckReason,
    /// Since when the instance has been stuck.
    pub since: Time,
    /// The instance.
    pub instance: Arc<Instance>,
}

/// The instances within reach that have been stuck since `by` or before, the longest first.
/// Incomplete instances are listed at once.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn stuck(
    root: &Root,
    (reach, by): (&Reach, Time),
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Stuck>, Stopped> {
    let mut found = Vec::new();
    for instance in checked(root.instances.iter().flatten(), should_stop) {
        let instance = instance?;
        let Some((reason, since)) = stuck_reason(root, instance, by) else {
            continue;
        };
        let is_meant = since <= by || reason == StuckReason::Incomplete;
        if is_meant && reach.can_see(root, instance) {
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
        // Earlier versions of the server wrote such instances. Now they become incomplete.
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
        // Only a timer can move it, so it does not wait for people.
        Status::Active if instance.alerts.is_empty() && !has_button(root, instance) => None,
        Status::Active => instance
            .claim
            .is_none()
            .then_some((StuckReason::Unclaimed, instance.entered_at)),
    }
}
