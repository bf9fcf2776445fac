//! `VACUUM`, so that the database may write over the bytes of removed rows.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::failure::Failure;
use super::shared::Shared;
use crate::journal::JournalError;

/// The longest wait for the transactions that may still read removed rows. Those of the members
/// take far less.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(10);

/// The pause between two looks at them.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const NOW: &str = "SELECT clock_timestamp()::text";

/// The transactions that have begun before a time and may still read removed rows.
const OLDER: &str = "
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= $1::text::timestamptz
  AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)";

impl Shared {
    /// Runs `VACUUM` on tables of our schema, and first waits for the transactions that could keep
    /// their removed rows. This may take minutes.
    pub(super) async fn vacuum(&self, tables: &[&str]) -> Result<(), JournalError> {
        let session = self.link.session().await;
        let (client, _moving) = session.map_err(Failure::of_write)?;
        let failed = |error: tokio_postgres::Error| Failure::of_statement(&error).of_read();
        let kept_by = wait_for_others(&client).await.map_err(failed)?;
        if kept_by > 0 {
            tracing::warn!(
                store = self.location,
                transactions = kept_by,
                "long transactions in the database keep removed rows: VACUUM removes their bytes only after these transactions have ended"
            );
        }
        for table in tables {
            let vacuumed = client
                .batch_execute(&format!("VACUUM aftercall.{table}"))
                .await;
            vacuumed.map_err(failed)?;
        }
        Ok(())
    }
}

/// Waits for the transactions that have begun before. Returns how many are left after the longest
/// wait.
async fn wait_for_others(client: &Client) -> Result<i64, tokio_postgres::Error> {
    let now: String = client.query_one(NOW, &[]).await?.try_get(0)?;
    let began = Instant::now();
    loop {
        let left: i64 = client.query_one(OLDER, &[&now]).await?.try_get(0)?;
        if left == 0 || began.elapsed() > WAIT_FOR_OTHERS {
            return Ok(left);
        }
        sleep(LOOK_EVERY).await;
    }
}
