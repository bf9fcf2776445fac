//! Timers of all kinds in the order of their due times. Only the writer uses them. It waits for the
//! earliest.
//!
//! Two kinds do not depend on the clock: the release of follow-ups after the end of their call, and
//! texts that must be filled in again.

use std::collections::BTreeSet;

use aftercall_definition::time::Time;

use crate::call::Call;
use crate::instance::{Instance, Status, Wake};

/// The action number of the timer that releases an instance.
pub const RELEASE: u16 = u16::MAX;
/// The action number of the end of a claim. It is greater than those of actions, so timers that
/// wait for the claim fire first.
pub const LAPSE: u16 = u16::MAX - 1;
/// The action number of the end of a pause.
pub const RESUME: u16 = u16::MAX - 2;
/// The action number for filling in texts again.
pub const REFRESH: u16 = u16::MAX - 3;
/// Added to the number of the action whose alert escalates. A stage has far fewer actions than
/// this.
pub const ESCALATE: u16 = 0x4000;
/// Added to the number of the action whose snoozed alert returns.
pub const RETURN: u16 = 0x8000;
/// Added to the number of the action whose seen alert counts as new again.
pub const ALERT_AGAIN: u16 = 0xC000;

/// A timer. The order is by due time first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerKey {
    /// The time when the timer fires.
    pub due: Time,
    /// The instance's slot.
    pub slot: u32,
    /// The action that started the timer, or the action plus [`ESCALATE`], [`RETURN`] or
    /// [`ALERT_AGAIN`]. Or one of [`LAPSE`], [`RESUME`], [`REFRESH`] and [`RELEASE`].
    pub action: u16,
}

impl TimerKey {
    /// What to do when the timer is due.
    #[must_use]
    pub fn wake(&self) -> Wake {
        match self.action {
            RELEASE => Wake::Release,
            LAPSE => Wake::Lapse,
            RESUME => Wake::Resume,
            REFRESH => Wake::Refresh,
            action if action >= ALERT_AGAIN => Wake::AlertAgain(action - ALERT_AGAIN),
            action if action >= RETURN => Wake::Return(action - RETURN),
            action if action >= ESCALATE => Wake::Escalate(action - ESCALATE),
            action => Wake::Timer(action),
        }
    }
}

/// All timers, in the order of their due times.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Timers {
    by_due: BTreeSet<TimerKey>,
    /// Timers that do not depend on the clock.
    at_any_time: BTreeSet<TimerKey>,
}

impl Timers {
    /// The timer that fires next.
    #[must_use]
    pub fn earliest(&self) -> Option<TimerKey> {
        self.at_any_time
            .first()
            .or_else(|| self.by_due.first())
            .copied()
    }

    /// The timers that are due at `now`: first those that do not depend on the clock, then the
    /// others, earliest first.
    pub fn due(&self, now: Time) -> impl Iterator<Item = TimerKey> + '_ {
        self.due_at_any_time().chain(
            self.by_due
                .iter()
                .copied()
                .take_while(move |key| key.due <= now),
        )
    }

    /// The timers that do not depend on the clock. They fire even while the server does not trust
    /// the clock.
    pub fn due_at_any_time(&self) -> impl Iterator<Item = TimerKey> + '_ {
        self.at_any_time.iter().copied()
    }

    /// Whether this timer runs.
    #[must_use]
    pub fn contains(&self, key: &TimerKey) -> bool {
        self.by_due.contains(key) || self.at_any_time.contains(key)
    }

    /// The number of running timers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_due.len() + self.at_any_time.len()
    }

    /// Whether no timer runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_due.is_empty() && self.at_any_time.is_empty()
    }

    /// Adds the timers of an instance of this call. Returns their number.
    pub(super) fn arm(&mut self, instance: &Instance, call: &Call) -> u64 {
        let is_timeless = |key: &TimerKey| {
            key.action == REFRESH || (key.action == RELEASE && call.ended_at.is_some())
        };
        let mut insert = |key| {
            if is_timeless(&key) {
                self.at_any_time.insert(key)
            } else {
                self.by_due.insert(key)
            }
        };
        keys(instance).filter(|key| insert(*key)).count() as u64
    }

    /// Removes the timers of an instance. Returns their number.
    pub(super) fn disarm(&mut self, instance: &Instance) -> u64 {
        keys(instance)
            .filter(|key| self.by_due.remove(key) || self.at_any_time.remove(key))
            .count() as u64
    }
}

/// The timers of an instance. A pause stops its timers, its escalations and the time of seen alerts.
/// Claims, snoozes and the end of the pause continue.
pub(crate) fn keys(instance: &Instance) -> impl Iterator<Item = TimerKey> + '_ {
    let slot = instance.id.slot;
    let key = move |due: Time, action: u16| TimerKey { due, slot, action };
    let release = instance
        .release_at
        .filter(|_| instance.status == Status::WaitingForCallEnd);
    let lapse = instance.claim.as_ref().map(|claim| key(claim.until, LAPSE));
    let resume = instance.pause.as_ref().and_then(|pause| pause.until);
    let is_running = instance.status != Status::Paused;
    let timers = instance.timers.iter().filter(move |_| is_running);
    let escalations = instance.alerts.iter().filter_map(move |alert| {
        alert
            .escalates_at
            .filter(|_| is_running)
            .map(|due| key(due, ESCALATE + alert.action))
    });
    let returns = instance.alerts.iter().filter_map(move |alert| {
        alert
            .snooze
            .as_ref()
            .map(|snooze| key(snooze.until, RETURN + alert.action))
    });
    let again = instance.alerts.iter().filter_map(move |alert| {
        let at = instance.alerts_again_at(alert).filter(|_| is_running);
        at.map(|due| key(due, ALERT_AGAIN + alert.action))
    });
    timers
        .map(move |timer| key(instance.fires_at(timer), timer.action))
        .chain(escalations)
        .chain(returns)
        .chain(again)
        .chain(resume.map(|due| key(due, RESUME)))
        .chain(lapse)
        .chain(release.map(|due| key(due, RELEASE)))
        .chain(instance.refresh_at().map(|due| key(due, REFRESH)))
}
