//! Keeps the tables that other programs read with SQL, a moment behind the log.
//!
//! Promise: the tables show each change once, in order. Only the leader writes them. An answer never
//! waits for them, and in a burst of changes the answers come first. What is erased is cleared in them too, before the erasure is done.
//!
//! The rows are made from the history, so tables that were emptied are filled again from its oldest
//! entry.

mod rows;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercall_engine::Entry;
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::erasure::ErasureChange;
use rows::{Changed, FollowUpRow, StageChangeRow, follow_up_row, stage_change_rows};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::journal::{JournalError, TableRows, Tables};
use crate::ledger::history::HistoryError;
use crate::limits::{
    TABLES_BEHIND_MAX, TABLES_BUSY_ENTRIES, TABLES_ENTRIES, TABLES_EVERY, TABLES_LOOK_EVERY,
    TABLES_PAUSE_FACTOR, TABLES_RETRY,
};
use crate::service::feed::{after, call_after};
use crate::service::say::Refusal;
use crate::service::shared::{Services, Shared};

/// Why the tables could not be written.
#[derive(Debug, Error)]
enum TablesError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the rows could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Keeps the tables until `stop` is cancelled or another process leads.
pub(crate) async fn keep_tables(
    services: Arc<Services>,
    tables: Arc<dyn Tables>,
    stop: CancellationToken,
) {
    let writer = Writer {
        shared: services.for_server(),
        tables,
    };
    let writing = async {
        loop {
            match writer.follow().await {
                Err(TablesError::Journal(JournalError::Deposed { .. })) | Ok(()) => return,
                Err(error) => {
                    metrics::counter!("aftercall_tables_failures_total").increment(1);
                    tracing::warn!(%error, "the tables for SQL could not be written; the server tries again");
                }
            }
            tokio::time::sleep(TABLES_RETRY).await;
        }
    };
    stop.run_until_cancelled(writing).await;
}

struct Writer {
    shared: Shared,
    tables: Arc<dyn Tables>,
}

impl Writer {
    /// Writes what the history has and the tables do not show. Returns when the feed ends.
    async fn follow(&self) -> Result<(), TablesError> {
        let ledger = &self.shared.ledger;
        let mut newest = ledger.feed().newest();
        let mut upto = self.tables.upto().await?;
        loop {
            ledger.note_tables(upto);
            let waiting = self.shared.view().sequence().saturating_sub(upto);
            metrics::gauge!("aftercall_tables_entries_behind").set(waiting as f64);
            if waiting < TABLES_ENTRIES as u64 {
                // Few rows at a time would cost a commit each.
                tokio::time::sleep(TABLES_EVERY).await;
            }
            let newer = async {
                let newer = newest.wait_for(|newest| newest.sequence > upto);
                newer.await.is_ok()
            };
            match tokio::time::timeout(TABLES_LOOK_EVERY, newer).await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(_idle) => {
                    // Somebody may have emptied the tables while nothing changes.
                    upto = self.tables.upto().await?;
                    continue;
                }
            }
            let begun = Instant::now();
            let before = self.shared.view().sequence();
            upto = self.write_after(upto).await?;
            let (took, after) = (begun.elapsed(), self.shared.view().sequence());
            if after.saturating_sub(before) >= TABLES_BUSY_ENTRIES {
                let behind = self.behind(upto).await?;
                tokio::time::sleep(pause_in_burst(took, behind)).await;
            }
        }
    }

    /// How old the oldest entry is that the tables do not show.
    async fn behind(&self, upto: u64) -> Result<Duration, TablesError> {
        let ledger = &self.shared.ledger;
        let next = ledger.history().entries(upto + 1, 1).await?;
        let millis = next.first().map_or(0, |entry| ledger.now().0 - entry.at.0);
        Ok(Duration::from_millis(millis.max(0).cast_unsigned()))
    }

    /// Writes the rows of the next entries. Returns the sequence that the tables show then.
    async fn write_after(&self, after: u64) -> Result<u64, TablesError> {
        let history = self.shared.ledger.history();
        let entries = history.entries(after + 1, TABLES_ENTRIES).await?;
        let Some(last) = entries.last() else {
            return Ok(after);
        };
        let upto = last.sequence;
        let mut content = Content::default();
        for entry in &entries {
            self.add(&mut content, entry).await?;
        }
        // Before the position moves: after an interruption it happens again.
        if !content.erased.is_empty() {
            self.tables.erase(content.erased).await?;
        }
        if content.has_removed {
            self.remove_outlived().await?;
        }
        let rows = TableRows {
            after,
            upto,
            follow_ups: serde_json::to_string(&content.follow_ups)?,
            stage_changes: serde_json::to_string(&content.stage_changes)?,
        };
        if self.tables.write(rows).await? {
            return Ok(upto);
        }
        Ok(self.tables.upto().await?)
    }

    async fn add(&self, content: &mut Content, entry: &Entry) -> Result<(), TablesError> {
        // An erasure may end between two entries, so each is shown by the newest names.
        let view = self.shared.view().unlimited();
        for change in &entry.instances {
            let Some(instance) = after(&self.shared, &view, entry, change).await? else {
                continue;
            };
            let call = call_after(&self.shared, &view, entry, change).await;
            let changed = Changed {
                entry,
                change,
                instance: &instance,
                call: call.as_deref(),
            };
            content
                .stage_changes
                .extend(stage_change_rows(&view, &changed));
            content.put(follow_up_row(&view, &changed));
        }
        if let Some(ErasureChange::Masked { erasure, call }) = &entry.erasure {
            let erased = view.erasure(*erasure);
            let known = erased.and_then(|erasure| erasure.calls.get(*call as usize));
            let known = known
                .into_iter()
                .flat_map(|call| call.instances.iter().copied());
            let changed = entry.instances.iter().map(|change| change.after.id());
            let ids = known.chain(changed).map(|id| id.to_string());
            content.erased.extend(ids);
        }
        content.has_removed |= entry.kind == ChangeKind::ChunkReplaced;
        Ok(())
    }

    /// Removes the rows of instances past their retention, as the archive has just done.
    async fn remove_outlived(&self) -> Result<(), TablesError> {
        let (view, ledger) = (self.shared.view(), &self.shared.ledger);
        for (workflow, oldest) in view.oldest_kept(ledger.archive(), ledger.now()) {
            self.tables.remove_ended(workflow, oldest.0).await?;
        }
        Ok(())
    }
}

/// How long the next write of rows waits in a burst of changes, after one that took so long. Rows
/// cost the database many times what their entries cost in the log, so the tables leave most of the
/// time to the answers. They catch up afterwards, or once they are too far behind.
fn pause_in_burst(took: Duration, behind: Duration) -> Duration {
    if behind > TABLES_BEHIND_MAX {
        return Duration::ZERO;
    }
    (took * TABLES_PAUSE_FACTOR).min(TABLES_EVERY)
}

/// What some entries lead to.
#[derive(Default)]
struct Content {
    follow_ups: Vec<FollowUpRow>,
    stage_changes: Vec<StageChangeRow>,
    /// The instances whose caller was erased.
    erased: Vec<String>,
    /// Whether instances have left the archive.
    has_removed: bool,
}

impl Content {
    /// Adds the row of an instance, in place of an older one.
    fn put(&mut self, row: FollowUpRow) {
        let same = |one: &FollowUpRow| one.instance_id == row.instance_id;
        match self.follow_ups.iter().position(same) {
            Some(at) => self.follow_ups[at] = row,
            None => self.follow_ups.push(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_burst_the_answers_come_first() {
        let (took, second) = (Duration::from_millis(20), Duration::from_secs(1));
        assert_eq!(pause_in_burst(took, second), took * TABLES_PAUSE_FACTOR);
        assert_eq!(pause_in_burst(second, second), TABLES_EVERY);
        let long = 2 * TABLES_BEHIND_MAX;
        assert_eq!(pause_in_burst(took, long), Duration::ZERO);
    }
}
