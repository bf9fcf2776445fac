//! The times of an instance: when its timers fire, when it is due, and when a seen alert is new again.

use aftercall_definition::time::Time;

use crate::instance::{Alert, Instance, Timer};

impl Instance {
    /// When a timer fires: when it is due. If it waits for the end of a claim that is later, then
    /// at that end.
    #[must_use]
    pub fn fires_at(&self, timer: &Timer) -> Time {
        match &self.claim {
            Some(claim) if timer.waits_for_claim => timer.due.max(claim.until),
            _ => timer.due,
        }
    }

    /// The time by which due times are judged at `now`. It stops while the instance is paused.
    #[must_use]
    pub fn clock(&self, now: Time) -> Time {
        self.pause
            .as_ref()
            .map_or(now, |pause| now.min(pause.since))
    }

    /// When a seen alert counts as new again; `None` if it does not, or while a snooze hides it.
    /// Waits for the end of a claim.
    #[must_use]
    pub fn alerts_again_at(&self, alert: &Alert) -> Option<Time> {
        let until = alert.seen.as_ref()?.until?;
        if alert.snooze.is_some() {
            return None;
        }
        Some(
            self.claim
                .as_ref()
                .map_or(until, |claim| until.max(claim.until)),
        )
    }

    /// When the time of an alert begins to count.
    #[must_use]
    pub fn counts_from(&self, alert: &Alert) -> Time {
        alert.counts_from.unwrap_or(self.entered_at)
    }

    /// The due time of an alert, or the deadline if that is earlier.
    #[must_use]
    pub fn due_of(&self, alert: &Alert) -> Option<Time> {
        alert.due.into_iter().chain(self.deadline).min()
    }

    /// The earliest of the deadline and the due times of the alerts.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        self.alerts
            .iter()
            .filter_map(|alert| alert.due)
            .chain(self.deadline)
            .min()
    }

    /// Whether the instance is overdue at `now`. An ended instance is never overdue.
    #[must_use]
    pub fn is_overdue(&self, now: Time) -> bool {
        !self.status.is_ended() && self.due().is_some_and(|due| due <= self.clock(now))
    }
}
