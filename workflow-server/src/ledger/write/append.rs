//! Appends a group until it is known whether it is in the log.
//!
//! Promise: `Ok` only where the group is durable. Where the store cannot be reached, or its answer
//! was lost, the group is looked for and appended again, until it is known or the server stops.
//! Meanwhile nothing else is written and nothing is answered.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::journal::{Group, JournalError, Leading, Log};
use crate::ledger::{Clock, Condition, Conditions};
use crate::limits::STORE_RETRY_EVERY;

/// What an append needs; cheap to clone.
#[derive(Clone)]
pub(in crate::ledger) struct Appender {
    pub(in crate::ledger) log: Arc<dyn Log>,
    pub(in crate::ledger) leading: Leading,
    pub(in crate::ledger) clock: Arc<dyn Clock>,
    pub(in crate::ledger) conditions: Conditions,
}

impl Appender {
    /// Appends a group; gives up where `stop` is cancelled while the store cannot be reached.
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

    /// Appends a group on this thread, where the store can do that at once: `None` if it cannot.
    pub(in crate::ledger) fn append_here(&self, group: &Group) -> Option<Result<(), JournalError>> {
        self.leading.log().append_here(group)
    }

    async fn retry(
        &self,
        group: &Group,
        mut error: JournalError,
        stop: &CancellationToken,
    ) -> Result<(), JournalError> {
        loop {
            let sentence = format!(
                "{error}: nothing is answered until it is known what is written. It is tried again every {} s",
                STORE_RETRY_EVERY.as_secs()
            );
            self.conditions
                .set(Condition::Unreachable, Some(sentence.into()));
            if stop
                .run_until_cancelled(self.clock.wait(STORE_RETRY_EVERY))
                .await
                .is_none()
            {
                return Err(error);
            }
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
            // The store carried out an earlier try after the look.
            Err(JournalError::NotContiguous { .. }) if self.is_in_log(group).await? => Ok(()),
            answer => answer,
        }
    }

    async fn is_in_log(&self, group: &Group) -> Result<bool, JournalError> {
        match self.log.read(group.first, 1).await {
            // The keeper trims up to what is durable, and an entry of this group may be.
            Err(JournalError::Trimmed { .. }) => Ok(true),
            groups => Ok(groups?.first() == Some(group)),
        }
    }
}

/// Whether trying again is right.
fn is_lost(error: &JournalError) -> bool {
    matches!(
        error,
        JournalError::Unreachable { .. } | JournalError::Unknown { .. }
    )
}
