//! The log in the database. A group is a row.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use tokio_postgres::Row;

use super::failure::Failure;
use super::link::Lane;
use super::shared::Shared;
use super::stored::{self, EXTRA_BYTES};
use crate::journal::{
    Bounds, Group, JournalError, LOG_LIMITS, Log, LogLimits, LogWriter, Position, ROWS_MAX, Term,
};

/// The position before the oldest group, and the groups from the one that contains a sequence. A
/// size limit leaves out all but the first.
const READ: &str = "
SELECT base.sequence, base.chain, read.first, read.last, read.chain, read.body
FROM aftercall.log_base AS base LEFT JOIN (
    SELECT * FROM (
        SELECT *, row_number() OVER (ORDER BY first) AS number,
               sum(octet_length(body) - $4::bigint) OVER (ORDER BY first) AS bytes
        FROM (
            SELECT first, last, chain, body FROM aftercall.log
            WHERE first >= (SELECT coalesce(max(first), 0) FROM aftercall.log WHERE first <= $1)
              AND last >= $1
            ORDER BY first LIMIT $3
        ) AS following
    ) AS counted WHERE number = 1 OR bytes <= $2::bigint
) AS read ON true
ORDER BY read.first";

/// The positions before the oldest group and at the newest one.
const BOUNDS: &str = "
SELECT base.sequence, base.chain, newest.last, newest.chain
FROM aftercall.log_base AS base LEFT JOIN (
    SELECT last, chain FROM aftercall.log ORDER BY first DESC LIMIT 1
) AS newest ON true";

/// Appends a group where the newest leader is this one, and where the log ends before the group.
/// The lock excludes a new term until the commit, and not an extension of the lease.
const APPEND: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
), newest AS (
    SELECT last, chain FROM aftercall.log ORDER BY first DESC LIMIT 1
), log_end AS (
    SELECT last, chain FROM newest
    UNION ALL
    SELECT sequence, chain FROM aftercall.log_base WHERE NOT EXISTS (SELECT FROM newest)
)
INSERT INTO aftercall.log (first, last, term, chain, body)
SELECT $3::bigint, $4, fence.term, $5, $6
FROM fence, log_end WHERE log_end.last = $3::bigint - 1 AND log_end.chain = $7
RETURNING last";

/// Removes a batch of groups, and moves the position before the oldest group.
const TRIM: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
), old AS (
    SELECT log.first FROM aftercall.log AS log, aftercall.log_base AS base
    WHERE log.first > base.sequence AND log.first <= $3 AND log.last <= $3
    ORDER BY log.first LIMIT $4
), removed AS (
    DELETE FROM aftercall.log
    WHERE EXISTS (SELECT FROM fence) AND first IN (SELECT first FROM old)
    RETURNING last, chain
), newest AS (
    SELECT last, chain FROM removed ORDER BY last DESC LIMIT 1
)
UPDATE aftercall.log_base SET sequence = newest.last, chain = newest.chain FROM newest
RETURNING sequence, log_base.chain, (SELECT count(*) FROM removed)";

/// Sets the position before the first group of a log that has never had one.
const START_AT: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
)
UPDATE aftercall.log_base SET sequence = $3, chain = $4
WHERE sequence = 0 AND EXISTS (SELECT FROM fence) AND NOT EXISTS (SELECT FROM aftercall.log)
RETURNING sequence";

pub(super) struct PostgresLog(pub(super) Arc<Shared>);

pub(super) struct PostgresLogWriter {
    pub(super) shared: Arc<Shared>,
    pub(super) term: Term,
}

/// A sequence as the database stores it. It has no sequences above its largest number.
fn stored_sequence(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

/// The bits of a chain hash, as the database stores them.
fn stored_chain(chain: u64) -> i64 {
    chain.cast_signed()
}

impl Shared {
    fn position(&self, row: &Row, column: usize) -> Result<Position, JournalError> {
        Ok(Position {
            sequence: self.number(row, column)?,
            chain: self.value::<i64>(row, column + 1)?.cast_unsigned(),
        })
    }

    fn base(&self, rows: &[Row]) -> Result<Position, JournalError> {
        let row = rows.first();
        self.position(row.ok_or_else(|| self.missing("the row of log_base"))?, 0)
    }

    /// The range of the log.
    pub(super) async fn bounds(&self) -> Result<Bounds, JournalError> {
        self.settle().await?;
        let rows = self.read(Lane::Look, BOUNDS, &[]).await?;
        self.bounds_in(&rows)
    }

    fn bounds_in(&self, rows: &[Row]) -> Result<Bounds, JournalError> {
        let base = self.base(rows)?;
        let newest = match rows.first() {
            Some(row) if self.value::<Option<i64>>(row, 2)?.is_some() => self.position(row, 2)?,
            _ => base,
        };
        Ok(Bounds { base, newest })
    }

    async fn read_log(&self, from: u64, bytes_max: usize) -> Result<Vec<Group>, JournalError> {
        self.settle().await?;
        let from = from.max(1);
        let bytes_max = i64::try_from(bytes_max).unwrap_or(i64::MAX);
        let values = (stored_sequence(from), EXTRA_BYTES as i64);
        let rows = self
            .read(
                Lane::Read,
                READ,
                &[&values.0, &bytes_max, &ROWS_MAX, &values.1],
            )
            .await?;
        let base = self.base(&rows)?;
        if from <= base.sequence {
            return Err(JournalError::Trimmed {
                oldest: base.sequence.saturating_add(1),
            });
        }
        let mut groups: Vec<Group> = Vec::with_capacity(rows.len());
        for row in &rows {
            if self.value::<Option<i64>>(row, 2)?.is_none() {
                break;
            }
            let group = self.group(row)?;
            let is_missing = match groups.last() {
                None => group.first > from,
                Some(before) => before.end() != before_group(&group),
            };
            if is_missing {
                return Err(self.missing(&format!("a group before the entry {}", group.first)));
            }
            groups.push(group);
        }
        Ok(groups)
    }

    fn group(&self, row: &Row) -> Result<Group, JournalError> {
        let first = self.number(row, 2)?;
        let end = self.position(row, 3)?;
        let body: &[u8] = self.value(row, 5)?;
        stored::decode(first, end.sequence, end.chain, body)
            .map_err(|what| self.damaged(format!("the group at {first}: {what}")))
    }
}

/// The position that a group follows.
fn before_group(group: &Group) -> Position {
    Position {
        sequence: group.first.saturating_sub(1),
        chain: group.chain_before,
    }
}

impl PostgresLogWriter {
    async fn append_group(&self, group: Group) -> Result<(), JournalError> {
        group.check_follows(before_group(&group))?;
        let body = stored::encode(&group);
        let rows = self
            .shared
            .write(
                Lane::Append,
                APPEND,
                &[
                    &stored_sequence(self.term.0),
                    &self.shared.mark,
                    &stored_sequence(group.first),
                    &stored_sequence(group.last),
                    &stored_chain(group.chain),
                    &body,
                    &stored_chain(group.chain_before),
                ],
            )
            .await;
        match rows {
            Ok(rows) if !rows.is_empty() => {
                self.shared.hints.appended(group.end());
                Ok(())
            }
            Ok(_) | Err(Failure::Duplicate) => Err(self.refusal(&group).await),
            Err(failure) => {
                if failure.is_unknown() {
                    self.shared.doubt();
                }
                Err(failure.of_write())
            }
        }
    }

    /// Why the database has not appended a group.
    async fn refusal(&self, group: &Group) -> JournalError {
        // The row that is in the way may be of an earlier try whose answer was lost.
        self.shared.doubt();
        match self.shared.deposed(self.term, Lane::Append).await {
            Ok(Some(error)) | Err(error) => return error,
            Ok(None) => {}
        }
        let rows = self.shared.link.rows(Lane::Append, BOUNDS, &[]).await;
        let bounds = rows
            .map_err(Failure::of_read)
            .and_then(|rows| self.shared.bounds_in(&rows));
        match bounds.and_then(|bounds| group.check_follows(bounds.newest)) {
            Err(error) => error,
            Ok(()) => JournalError::Unreachable {
                reason: "the log has changed while the database looked at it".to_owned(),
            },
        }
    }

    async fn trim_batch(&self, upto: u64) -> Result<bool, JournalError> {
        let values = (
            stored_sequence(self.term.0),
            stored_sequence(upto),
            ROWS_MAX / 16,
        );
        let shared = &self.shared;
        let rows = shared
            .link
            .rows(
                Lane::Write,
                TRIM,
                &[&values.0, &shared.mark, &values.1, &values.2],
            )
            .await
            .map_err(Failure::of_write)?;
        let Some(row) = rows.first() else {
            let deposed = shared.deposed(self.term, Lane::Write).await?;
            return deposed.map_or(Ok(false), Err);
        };
        shared.hints.trimmed(shared.position(row, 0)?);
        Ok(shared.value::<i64>(row, 2)? == values.2)
    }

    async fn start_log(&self, position: Position) -> Result<(), JournalError> {
        let values = (
            stored_sequence(self.term.0),
            stored_sequence(position.sequence),
            stored_chain(position.chain),
        );
        let shared = &self.shared;
        let rows = shared
            .link
            .rows(
                Lane::Write,
                START_AT,
                &[&values.0, &shared.mark, &values.1, &values.2],
            )
            .await
            .map_err(Failure::of_write)?;
        if !rows.is_empty() {
            return Ok(());
        }
        if let Some(error) = shared.deposed(self.term, Lane::Write).await? {
            return Err(error);
        }
        Err(JournalError::NotEmpty {
            newest: shared.bounds().await?.newest.sequence,
        })
    }

    /// Frees the space of removed rows, so that the database writes over it.
    async fn vacuum(&self) -> Result<(), JournalError> {
        if let Some(error) = self.shared.deposed(self.term, Lane::Write).await? {
            return Err(error);
        }
        self.shared.vacuum(&["log"]).await
    }
}

impl Log for PostgresLog {
    fn read(&self, from: u64, bytes_max: usize) -> BoxFuture<'_, Result<Vec<Group>, JournalError>> {
        self.0.read_log(from, bytes_max).boxed()
    }

    fn bounds(&self) -> BoxFuture<'_, Result<Bounds, JournalError>> {
        self.0.bounds().boxed()
    }
}

impl LogWriter for PostgresLogWriter {
    fn append(&self, group: Group) -> BoxFuture<'_, Result<(), JournalError>> {
        self.append_group(group).boxed()
    }

    fn trim(&self, upto: u64) -> BoxFuture<'_, Result<(), JournalError>> {
        async move {
            while self.trim_batch(upto).await? {}
            Ok(())
        }
        .boxed()
    }

    /// Runs `VACUUM`, so that the database may write over the space of removed rows. Until then
    /// their bytes remain in its files. They also remain in its write-ahead log and the archive of
    /// it, on replicas that lag behind, and in backups. A long transaction of another program keeps
    /// removed rows too.
    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        self.vacuum().boxed()
    }

    fn start_at(&self, position: Position) -> BoxFuture<'_, Result<(), JournalError>> {
        self.start_log(position).boxed()
    }

    fn limits(&self) -> LogLimits {
        LOG_LIMITS
    }
}
