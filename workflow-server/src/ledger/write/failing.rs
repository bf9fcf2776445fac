//! What the owner does after a write that was refused.
//!
//! Promise: what was decided and is not durable is dropped, and each caller that waits for it gets
//! an error.

use std::sync::Arc;

use super::append::is_lost;
use super::group::{InFlight, OpenGroup};
use super::owner::Owner;
use crate::journal::{JournalError, Position};
use crate::ledger::Condition;
use crate::ledger::conditions::no_space;
use crate::ledger::read::recover::{RecoverError, Recovered, rebuild};
use crate::limits::{NO_SPACE_PAUSE, RECOVERIES_MAX, STORE_RETRY_EVERY};

impl Owner {
    /// Drops what was decided and is not durable.
    pub(super) async fn fail(&mut self, in_flight: InFlight, error: &JournalError) {
        let reason: Arc<str> = error.to_string().into();
        in_flight.answers.fail(&reason);
        self.open.take_answers().fail(&reason);
        if let Some(sentence) = no_space(error) {
            self.conditions.set(Condition::Disk, Some(sentence));
            tracing::error!(%error, "nothing was written; trying again in {} s", NO_SPACE_PAUSE.as_secs());
            if self.rebuilds_the_world().await {
                self.paused_until = Some(self.clock.monotonic() + NO_SPACE_PAUSE);
                return;
            }
        }
        // The open group is dropped, and this process collects no other.
        self.open = OpenGroup::after(Position::default(), self.open.limits());
        match error {
            // Nothing is broken: the store refused the write, as it should.
            JournalError::Deposed { .. } => {
                tracing::warn!(%error, "another process leads now");
                self.deposed.cancel();
            }
            // The ledger was stopped while the store was away, so nobody waits for it any more.
            lost if is_lost(lost) => {
                tracing::warn!(%error, "the last changes may be written or not: their callers got no answer");
            }
            _ => {
                tracing::error!(%error, "writing has ended; what is durable can still be read");
                self.conditions.set(Condition::Store, Some(reason.clone()));
            }
        }
        self.trouble.failure = Some(reason);
    }

    /// Rebuilds the World from what is durable. Returns whether this succeeded. Waits for a store
    /// that is away, until the ledger is stopped.
    async fn rebuilds_the_world(&mut self) -> bool {
        let mut failures = 0;
        // The keeper may be removing the files that `rebuild` reads. The next try then finds their
        // replacements.
        while failures < RECOVERIES_MAX {
            let log = self.appender.log.as_ref();
            match rebuild(log, self.vault.as_ref(), &self.options).await {
                Ok(Recovered { world, newest, .. }) => {
                    self.time.decided(world.root().at);
                    self.world = world;
                    self.open = OpenGroup::after(newest, self.open.limits());
                    return true;
                }
                Err(RecoverError::Journal(error))
                    if is_lost(&error) && !self.stop.is_cancelled() =>
                {
                    tracing::warn!(%error, "the World is rebuilt once the store can be reached");
                    self.clock.wait(STORE_RETRY_EVERY).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the World could not be rebuilt");
                    failures += 1;
                }
            }
        }
        false
    }
}
