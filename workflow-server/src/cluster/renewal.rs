//! Renews the lease of a leader, and opens its gate.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::observer::late;
use crate::journal::{Elections, JournalError, Term};
use crate::ledger::{Clock, Condition, Conditions};
use crate::limits::{LEASE, RENEW_EVERY, RENEW_MAX, RENEW_RETRY_EVERY};

/// What a leader needs to renew its lease.
pub(super) struct Renewal {
    pub(super) elections: Arc<dyn Elections>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) conditions: Conditions,
    pub(super) term: Term,
    pub(super) gate: Arc<Gate>,
    /// Cancelled once another process leads.
    pub(super) deposed: CancellationToken,
}

impl Renewal {
    /// Renews until another process leads. If the store was unreachable for longer than the lease,
    /// the leader continues in its term, unless another process has led since.
    pub(super) async fn run(self) {
        let gate = Arc::clone(&self.gate);
        tokio::select! {
            () = gate.watch() => {}
            () = self.renew() => {}
        }
    }

    async fn renew(&self) {
        let (mut wait, mut has_failed) = (RENEW_EVERY, false);
        loop {
            self.clock.wait(wait).await;
            let asked_at = self.clock.monotonic();
            let renewed = timeout(RENEW_MAX, self.elections.renew(self.term, LEASE))
                .await
                .unwrap_or_else(|_| Err(late(RENEW_MAX)));
            match renewed {
                Ok(()) => {
                    self.gate.extend(asked_at, LEASE);
                    self.conditions.set(Condition::Leader, None);
                    (wait, has_failed) = (RENEW_EVERY, false);
                }
                Err(JournalError::Deposed { newest, .. }) => {
                    tracing::warn!(term = %self.term, %newest, "another member leads now");
                    self.gate.shut();
                    self.deposed.cancel();
                    return;
                }
                Err(error) => {
                    self.note_failure(&error, has_failed);
                    (wait, has_failed) = (RENEW_RETRY_EVERY, true);
                }
            }
        }
    }

    fn note_failure(&self, error: &JournalError, is_known: bool) {
        if !is_known {
            tracing::warn!(%error, "the lease could not be renewed; trying again");
        }
        if self.gate.is_open() {
            return;
        }
        let sentence = "this server leads and cannot renew its lease, because the store does not answer: it refuses requests until it can, or another member leads";
        self.conditions
            .set(Condition::Leader, Some(sentence.into()));
    }
}
