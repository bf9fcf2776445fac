//! What Call Managers see: one rule for all of their reads, lists and streams.

use crate::call::Call;
use crate::instance::{Instance, Status};

impl Call {
    /// Whether Call Managers are shown it: a chargeable one only.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.chargeable
    }
}

impl Instance {
    /// Whether it has entered its first stage. One that was cancelled while it waited for its
    /// call's end never did.
    #[must_use]
    pub fn is_released(&self) -> bool {
        match self.status {
            Status::WaitingForCallEnd => false,
            Status::Active | Status::Paused | Status::Incomplete => true,
            Status::Finished | Status::Cancelled => self.stage != 0,
        }
    }

    /// Whether Call Managers are shown it at all: its call is shown, and it has been released.
    #[must_use]
    pub fn is_shown(&self, call: &Call) -> bool {
        call.is_shown() && self.is_released()
    }

    /// Whether Call Managers may work on it: they are shown it, and it is open.
    #[must_use]
    pub fn is_visible(&self, call: &Call) -> bool {
        self.is_shown(call) && !self.status.is_ended()
    }

    /// Whether Call Managers list it: they may work on it, and not all of its alerts are snoozed.
    #[must_use]
    pub fn is_listed(&self, call: &Call) -> bool {
        self.is_visible(call) && !self.is_snoozed()
    }

    /// Whether it has alerts, and all of them are snoozed.
    #[must_use]
    pub fn is_snoozed(&self) -> bool {
        !self.alerts.is_empty() && self.alerts.iter().all(|alert| alert.snooze.is_some())
    }
}
