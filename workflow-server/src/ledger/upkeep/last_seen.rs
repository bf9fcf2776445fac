//! Writes signs of life to the vault, from which the next start learns the time. Also checks the
//! free space of the disk at the same interval.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::journal::{Leading, Vault};
use crate::ledger::conditions::no_space;
use crate::ledger::{Clock, Condition, Handle};
use crate::limits::{DISK_LOOK_EVERY, LAST_SEEN_EVERY};
use crate::records::LastSeen;

/// The key of the newest sign of life.
pub const LAST_SEEN_KEY: &str = "last-seen";

/// The newest sign of life. `None` if there is none yet, or if it cannot be read. The start then
/// uses the newest entry alone.
pub(in crate::ledger) async fn read(vault: &dyn Vault) -> Option<LastSeen> {
    let unread =
        |error: &dyn Display| tracing::warn!(%error, "the last sign of life cannot be read");
    let bytes = vault
        .get_key(LAST_SEEN_KEY)
        .await
        .inspect_err(|error| unread(error))
        .ok()
        .flatten()?;
    LastSeen::read(&bytes)
        .inspect_err(|error| unread(error))
        .ok()
}

/// Writes signs of life, and checks the disk.
pub(in crate::ledger) struct Watchman {
    leading: Leading,
    clock: Arc<dyn Clock>,
    handle: Handle,
}

impl Watchman {
    /// Writes the first sign immediately, so that a start that crashes soon also leaves one.
    pub(in crate::ledger) async fn begin(
        leading: Leading,
        clock: Arc<dyn Clock>,
        handle: Handle,
    ) -> Self {
        let watchman = Self {
            leading,
            clock,
            handle,
        };
        watchman.give_sign().await;
        watchman
    }

    /// Works until the future is dropped.
    pub(in crate::ledger) async fn run(&self) {
        tokio::join!(self.look_at_disk(), self.give_signs());
    }

    async fn give_signs(&self) {
        loop {
            self.give_sign().await;
            let next = self.clock.monotonic() + LAST_SEEN_EVERY;
            let held = self.handle.time.held().is_some();
            // A clock that is held must still be held after a crash, so each change is written
            // immediately.
            while self.clock.monotonic() < next && self.handle.time.held().is_some() == held {
                let left = next.saturating_sub(self.clock.monotonic());
                self.clock.wait(left.min(Duration::from_secs(1))).await;
            }
        }
    }

    /// Writes one sign. If this fails, the next start knows less, and nothing else is lost.
    pub(in crate::ledger) async fn give_sign(&self) {
        // The sequence is read first. If operations set the time back in between, the next start
        // then ignores this sign.
        let sequence = self.handle.root().sequence;
        let seen = self.handle.time.sign_of_life(sequence);
        if let Err(error) = self
            .leading
            .vault()
            .put_key(LAST_SEEN_KEY, seen.bytes().into())
            .await
        {
            tracing::debug!(%error, "no sign of life was written");
        }
    }

    async fn look_at_disk(&self) {
        let mut looks = interval(DISK_LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            match self.leading.vault().check_space().await {
                Ok(()) => self.handle.conditions.set(Condition::Disk, None),
                Err(error) => match no_space(&error) {
                    Some(sentence) => self.handle.conditions.set(Condition::Disk, Some(sentence)),
                    // This is only a warning: the next write shows whether the disk works.
                    None => tracing::warn!(%error, "the free space of the disk is not known"),
                },
            }
        }
    }
}
