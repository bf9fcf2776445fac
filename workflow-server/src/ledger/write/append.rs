//! Appends a group and repeats this until the server knows whether the log contains the group.
//!
//! Promise: `Ok` only if the group is durable. If the store is unreachable, or its answer is lost,
//! the appender looks for the group in the log and appends it again. It stops when the result is
//! known or the server stops. Meanwhile nothing else is written and no caller gets an answer.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::journal::{Group, JournalError, Leading, Log};
use crate::ledger::{Clock, Condition, Conditions};
use crate::limits::{STORE_RETRY_EVERY, STORE_RETRY_FIRST};

/// Everything that an append needs. Cheap to clone.
#[derive(Clone)]
pub(in crate::ledger) struct Appender {
    pub(in crate::ledger) log: Arc<dyn Log>,
    pub(in crate::ledger) leading: Leading,
    pub(in crate::ledger) clock: Arc<dyn Clock>,
    pub(in crate::ledger) conditions: Conditions,
}

impl Appender {
    /// Appends a group. Stops trying if `stop` is cancelled while the store is unreachable.
    pub(in crate::ledger) async fn append(
        self,
        group: Group,
        stop: CancellationToken,
    ) -> Result<(), JournalError> {
        match self.leading.log().append(group.clone()).await {
            Err(error) if is_lost(&error) => {
                let appended = self.retry(&group, error, &stop).await;
                self.conditions.set(Condition::Unreachable, None);
                appended
            }
            answer => answer,
        }
    }

    /// Appends a group on this thread. `None` if the store cannot do so without waiting.
    pub(in crate::ledger) fn append_here(&self, group: &Group) -> Option<Result<(), JournalError>> {
        self.leading.log().append_here(group)
    }

    async fn retry(
        &self,
        group: &Group,
        mut error: JournalError,
        stop: &CancellationToken,
    ) -> Result<(), JournalError> {
        let mut wait = STORE_RETRY_FIRST;
        loop {
            let sentence = format!(
                "{error}: callers get no answer until the server knows what is written. It tries again at least every {} s",
                STORE_RETRY_EVERY.as_secs()
            );
            self.conditions
                .set(Condition::Unreachable, Some(sentence.into()));
            if stop
                .run_until_cancelled(self.clock.wait(wait))
                .await
                .is_none()
            {
                return Err(error);
            }
            wait = (wait * 2).min(STORE_RETRY_EVERY);
            error = match self.look_and_append(group).await {
                Err(error) if is_lost(&error) => error,
                known => return known,
            };
        }
    }

    async fn look_and_append(&self, group: &Group) -> Result<(), JournalError> {
        if self.is_in_log(group).await? {
            return Ok(());
        }
        match self.leading.log().append(group.clone()).await {
            // The store carried out an earlier try after `is_in_log` had looked.
            Err(JournalError::NotContiguous { .. }) if self.is_in_log(group).await? => Ok(()),
            answer => answer,
        }
    }

    async fn is_in_log(&self, group: &Group) -> Result<bool, JournalError> {
        match self.log.read(group.first, 1).await {
            // The keeper trims only durable entries. If it trimmed one of this group, the group is
            // in the log.
            Err(JournalError::Trimmed { .. }) => Ok(true),
            groups => Ok(groups?.first() == Some(group)),
        }
    }
}

/// Whether the result of the append is not known, so that a retry is right.
pub(super) fn is_lost(error: &JournalError) -> bool {
    matches!(
        error,
        JournalError::Unreachable { .. } | JournalError::Unknown { .. }
    )
}
