//! What a member says to the store when it stops leading, or ends: tried again while that is useful.
//!
//! Promise: an answer that is lost, or does not come soon, costs one more try on another connection.
//! Each try may be carried out more than once.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::time::timeout;

use super::observer::late;
use crate::journal::{Elections, JournalError, Member, Term};
use crate::ledger::Clock;
use crate::limits::{RELEASE_MAX, RELEASE_RETRY_EVERY, RELEASE_TRY_MAX};

/// The last words of a member.
pub(super) struct Farewell<'a> {
    pub(super) elections: &'a dyn Elections,
    pub(super) clock: &'a Arc<dyn Clock>,
}

impl Farewell<'_> {
    /// Ends the lease, so that another member can lead immediately. Otherwise it ends with its time.
    pub(super) async fn release(&self, term: Term) {
        let released = self.repeat(|| self.elections.release(term)).await;
        if let Err(error) = released {
            tracing::warn!(%error, %term, "the lease ends with its time");
        }
    }

    /// Takes the member out of the list of the store, so that nobody waits for it.
    pub(super) async fn leave(&self, member: &Member) {
        let left = self.repeat(|| self.elections.leave(member)).await;
        if let Err(error) = left {
            tracing::warn!(%error, "this member is in the list of the store for another minute");
        }
    }

    async fn repeat<'b>(
        &self,
        attempt: impl Fn() -> BoxFuture<'b, Result<(), JournalError>>,
    ) -> Result<(), JournalError> {
        let until = self.clock.monotonic() + RELEASE_MAX;
        loop {
            let tried = timeout(RELEASE_TRY_MAX, attempt())
                .await
                .unwrap_or_else(|_| Err(late(RELEASE_TRY_MAX)));
            let left = until.saturating_sub(self.clock.monotonic());
            match tried {
                Err(error) if left > RELEASE_RETRY_EVERY => {
                    tracing::debug!(%error, "the store did not answer; trying again");
                    self.clock.wait(RELEASE_RETRY_EVERY).await;
                }
                done => return done,
            }
        }
    }
}
