//! What Call Managers see. All of their reads, lists and streams use these rules.

use crate::call::Call;
use crate::instance::{Instance, Status};

impl Call {
    /// Whether Call Managers see the call. They see only chargeable calls.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.chargeable
    }
}

impl Instance {
    /// Whether the instance has entered its first stage. An instance that was cancelled before the
    /// end of its call never did.
    #[must_use]
    pub fn is_released(&self) -> bool {
        match self.status {
            Status::WaitingForCallEnd => false,
            Status::Active | Status::Paused | Status::Incomplete => true,
            Status::Finished | Status::Cancelled => self.stage != 0,
        }
    }

    /// Whether Call Managers see the instance: they see its call, and it has been released.
    #[must_use]
    pub fn is_shown(&self, call: &Call) -> bool {
        call.is_shown() && self.is_released()
    }

    /// Whether Call Managers may work on the instance: they see it, and it is open.
    #[must_use]
    pub fn is_visible(&self, call: &Call) -> bool {
        self.is_shown(call) && !self.status.is_ended()
    }

    /// Whether Call Managers list the instance: they may work on it, and not all of its alerts are
    /// snoozed.
    #[must_use]
    pub fn is_listed(&self, call: &Call) -> bool {
        self.is_visible(call) && !self.is_snoozed()
    }

    /// Whether the instance has alerts and all of them are snoozed.
    #[must_use]
    pub fn is_snoozed(&self) -> bool {
        !self.alerts.is_empty() && self.alerts.iter().all(|alert| alert.snooze.is_some())
    }
}
