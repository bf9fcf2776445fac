//! Timers and release times in the order in which they fall due. Private to the writer, which arms only the earliest.

use std::collections::BTreeSet;

use crate::instance::{Instance, Status, Wake};
use crate::time::Time;

/// The action number that stands for an instance's release time.
pub const RELEASE: u16 = u16::MAX;
/// The action number that stands for the end of a claim: after the actions' own, so that what waits for it fires first.
pub const LAPSE: u16 = u16::MAX - 1;

/// One timer, in the order of its due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerKey {
    /// When it fires.
    pub due: Time,
    /// The instance's slot.
    pub slot: u32,
    /// The action that started it, [`LAPSE`] or [`RELEASE`].
    pub action: u16,
}

impl TimerKey {
    /// What comes when it is due.
    #[must_use]
    pub fn wake(&self) -> Wake {
        match self.action {
            RELEASE => Wake::Release,
            LAPSE => Wake::Lapse,
            action => Wake::Timer(action),
        }
    }
}

/// The index.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Timers {
    by_due: BTreeSet<TimerKey>,
}

impl Timers {
    /// The one that fires next.
    #[must_use]
    pub fn earliest(&self) -> Option<TimerKey> {
        self.by_due.first().copied()
    }

    /// Those that are due at `now`, earliest first.
    pub fn due(&self, now: Time) -> impl Iterator<Item = TimerKey> + '_ {
        self.by_due.iter().copied().take_while(move |key| key.due <= now)
    }

    /// How many run.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_due.len()
    }

    /// Whether none run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_due.is_empty()
    }

    pub(super) fn arm(&mut self, instance: &Instance) -> u64 {
        keys(instance).filter(|key| self.by_due.insert(*key)).count() as u64
    }

    pub(super) fn disarm(&mut self, instance: &Instance) -> u64 {
        keys(instance).filter(|key| self.by_due.remove(key)).count() as u64
    }
}

fn keys(instance: &Instance) -> impl Iterator<Item = TimerKey> + '_ {
    let slot = instance.id.slot;
    let release = instance.release_at.filter(|_| instance.status == Status::WaitingForCallEnd).map(|due| TimerKey {
        due,
        slot,
        action: RELEASE,
    });
    let lapse = instance.claim.as_ref().map(|claim| TimerKey { due: claim.until, slot, action: LAPSE });
    let timers =
        instance.timers.iter().map(move |timer| TimerKey { due: instance.fires_at(timer), slot, action: timer.action });
    timers.chain(lapse).chain(release)
}
