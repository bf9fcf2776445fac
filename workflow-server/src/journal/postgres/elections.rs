//! The elections in the database, by its clock. Each is one statement.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::failure::Failure;
use super::link::Lane;
use super::log::PostgresLogWriter;
use super::shared::Shared;
use super::vault::PostgresVaultWriter;
use crate::journal::{
    Elections, JournalError, Leading, Lease, MEMBER_KEPT, Member, Report, Reported, Seen, Term,
};

/// Begins the next term if no lease is running. Also if the lease is that of this process, which did
/// not get the answer to its campaign. The newest term must be the one that the newest report of
/// this process has shown, so a campaign that the network delivers late changes nothing. A process
/// without a report, such as a tool, names -1. The condition is checked again after a wait for another
/// process that does the same.
const CAMPAIGN: &str = "
UPDATE aftercall.leadership
SET term = term + 1, mark = $1, holder = $2, address = $3, began_at = clock_timestamp(),
    expires_at = clock_timestamp() + $4 * interval '1 millisecond'
WHERE (expires_at <= clock_timestamp() AND $5::bigint IN (-1, term))
   OR (mark = $1 AND holder = $2 AND term = $5)
RETURNING term";

/// Begins a term without a lease, if no lease is running.
const LEAD: &str = "
UPDATE aftercall.leadership
SET term = $1, mark = $2, holder = '', address = '', began_at = clock_timestamp(),
    expires_at = clock_timestamp()
WHERE term < $1 AND expires_at <= clock_timestamp()
RETURNING term";

/// Extends a lease, unless it was released.
const RENEW: &str = "
UPDATE aftercall.leadership
SET expires_at = clock_timestamp() + $3 * interval '1 millisecond'
WHERE term = $1 AND mark = $2 AND expires_at > 'epoch'
RETURNING term";

/// Ends a lease. The end in 1970 shows that it was released: a renewal that the network delivers
/// afterwards finds no row. The leader may still write until another one leads.
const RELEASE: &str = "
UPDATE aftercall.leadership SET expires_at = 'epoch'
WHERE term = $1 AND mark = $2 AND expires_at > 'epoch'
RETURNING term";

/// Stores the report of a member, forgets members that are silent, and returns the leader and the
/// other members.
const REPORT: &str = "
WITH own AS (
    INSERT INTO aftercall.member (name, address, sequence, version, reported_at)
    VALUES ($1, $2, $3, $4, clock_timestamp())
    ON CONFLICT (name) DO UPDATE
    SET address = excluded.address, sequence = excluded.sequence, version = excluded.version,
        reported_at = excluded.reported_at
), silent AS (
    DELETE FROM aftercall.member
    WHERE name <> $1 AND reported_at < clock_timestamp() - $5 * interval '1 millisecond'
)
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
       leader.term, leader.holder, leader.address,
       (extract(epoch FROM leader.began_at) * 1000)::bigint,
       (extract(epoch FROM leader.expires_at - clock_timestamp()) * 1000)::bigint,
       member.name, member.address, member.sequence, member.version,
       (extract(epoch FROM clock_timestamp() - member.reported_at) * 1000)::bigint
FROM aftercall.leadership AS leader LEFT JOIN aftercall.member AS member
  ON member.name <> $1 AND member.reported_at >= clock_timestamp() - $5 * interval '1 millisecond'
ORDER BY member.name";

/// The lease, without a report.
const LOOK: &str = "
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
       term, holder, address, (extract(epoch FROM began_at) * 1000)::bigint,
       (extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint
FROM aftercall.leadership";

/// Ends the lease of a campaign whose answer the process did not get, and takes it out of the list.
const LEAVE: &str = "
WITH released AS (
    UPDATE aftercall.leadership SET expires_at = 'epoch'
    WHERE mark = $3 AND holder = $1 AND expires_at > 'epoch'
)
DELETE FROM aftercall.member WHERE name = $1 AND address = $2";

const RECENT: &str = "
SELECT name FROM aftercall.member WHERE reported_at > clock_timestamp() - interval '10 seconds'
ORDER BY name";

pub(super) struct PostgresElections(pub(super) Arc<Shared>);

/// The right to write with a term that this process has won.
pub(super) fn leading(shared: &Arc<Shared>, term: Term) -> Leading {
    let log = PostgresLogWriter {
        shared: Arc::clone(shared),
        term,
    };
    let vault = PostgresVaultWriter::new(Arc::clone(shared), term);
    Leading::new(term, Arc::new(log), Arc::new(vault))
}

/// A duration as the database calculates with it.
fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A duration from the database. Zero if it is negative.
fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

impl Shared {
    /// Begins a term without a lease.
    pub(super) async fn lead(self: &Arc<Self>, term: Term) -> Result<Leading, JournalError> {
        let number = i64::try_from(term.0).unwrap_or(i64::MAX);
        let begun = self
            .link
            .rows(Lane::Vote, LEAD, &[&number, &self.mark])
            .await;
        if !begun.map_err(Failure::of_write)?.is_empty() {
            return Ok(leading(self, term));
        }
        let (newest, _) = self.newest_term(Lane::Vote).await?;
        Err(JournalError::Deposed { term, newest })
    }

    /// The lease of the newest leader. `None` before the first leader.
    pub(super) async fn lease(&self) -> Result<Option<Lease>, JournalError> {
        let rows = self.link.rows(Lane::Vote, LOOK, &[]).await;
        let rows = rows.map_err(Failure::of_read)?;
        self.lease_in(rows.first())
    }

    fn lease_in(&self, row: Option<&Row>) -> Result<Option<Lease>, JournalError> {
        let row = row.ok_or_else(|| self.missing("the row of the leader"))?;
        let term = Term(self.number(row, 1)?);
        let leader = Member {
            name: self.value(row, 2)?,
            address: self.value(row, 3)?,
        };
        // A term of a tool has no name.
        if leader.name.is_empty() {
            return Ok(None);
        }
        Ok(Some(Lease {
            term,
            leader,
            since_millis: self.value(row, 4)?,
            left: duration(self.value(row, 5)?),
        }))
    }

    /// The names of the members that have reported recently.
    pub(super) async fn servers(&self) -> Result<Vec<String>, JournalError> {
        let rows = self.read(Lane::Look, RECENT, &[]).await?;
        rows.iter().map(|row| self.value(row, 0)).collect()
    }

    async fn report(&self, report: Report) -> Result<Seen, JournalError> {
        let sequence = i64::try_from(report.sequence).unwrap_or(i64::MAX);
        let kept = millis(MEMBER_KEPT);
        let (member, version) = (&report.member, &report.version);
        let rows = self
            .link
            .rows(
                Lane::Vote,
                REPORT,
                &[&member.name, &member.address, &sequence, version, &kept],
            )
            .await
            .map_err(Failure::of_read)?;
        let lease = self.lease_in(rows.first())?;
        if let Some(row) = rows.first() {
            self.reported_term
                .store(self.value(row, 1)?, Ordering::SeqCst);
        }
        let now_millis = match rows.first() {
            Some(row) => self.value(row, 0)?,
            None => 0,
        };
        let mut members = vec![Reported {
            report,
            age: Duration::ZERO,
        }];
        for row in &rows {
            members.extend(self.reported(row)?);
        }
        members.sort_by(|a, b| a.report.member.name.cmp(&b.report.member.name));
        Ok(Seen {
            lease,
            now_millis,
            members,
        })
    }

    /// The member of a row, if it has one.
    fn reported(&self, row: &Row) -> Result<Option<Reported>, JournalError> {
        let Some(name) = self.value(row, 6)? else {
            return Ok(None);
        };
        let member = Member {
            name,
            address: self.value(row, 7)?,
        };
        let report = Report {
            member,
            sequence: self.number(row, 8)?,
            version: self.value(row, 9)?,
        };
        let age = duration(self.value(row, 10)?);
        Ok(Some(Reported { report, age }))
    }

    async fn renew(&self, term: Term, lease: Duration) -> Result<(), JournalError> {
        let (number, lease) = (term.0.cast_signed(), millis(lease));
        let renewed = self
            .link
            .rows(Lane::Vote, RENEW, &[&number, &self.mark, &lease])
            .await;
        if !renewed.map_err(Failure::of_write)?.is_empty() {
            return Ok(());
        }
        let (newest, _) = self.newest_term(Lane::Vote).await?;
        Err(JournalError::Deposed { term, newest })
    }
}

impl Elections for PostgresElections {
    fn report(&self, report: &Report) -> BoxFuture<'_, Result<Seen, JournalError>> {
        self.0.report(report.clone()).boxed()
    }

    fn leave(&self, member: &Member) -> BoxFuture<'_, Result<(), JournalError>> {
        let member = member.clone();
        async move {
            let values: [&(dyn ToSql + Sync); 3] = [&member.name, &member.address, &self.0.mark];
            let left = self.0.link.rows(Lane::Vote, LEAVE, &values).await;
            left.map(drop).map_err(Failure::of_write)
        }
        .boxed()
    }

    fn campaign(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Option<Leading>, JournalError>> {
        let (member, lease) = (member.clone(), millis(lease));
        async move {
            let shared = &self.0;
            let reported = shared.reported_term.load(Ordering::SeqCst);
            let won = shared
                .link
                .rows(
                    Lane::Vote,
                    CAMPAIGN,
                    &[
                        &shared.mark,
                        &member.name,
                        &member.address,
                        &lease,
                        &reported,
                    ],
                )
                .await
                .map_err(Failure::of_write)?;
            let Some(row) = won.first() else {
                return Ok(None);
            };
            let term = Term(shared.number(row, 0)?);
            Ok(Some(leading(shared, term)))
        }
        .boxed()
    }

    fn renew(&self, term: Term, lease: Duration) -> BoxFuture<'_, Result<(), JournalError>> {
        self.0.renew(term, lease).boxed()
    }

    fn release(&self, term: Term) -> BoxFuture<'_, Result<(), JournalError>> {
        async move {
            let number = term.0.cast_signed();
            let released = self
                .0
                .link
                .rows(Lane::Vote, RELEASE, &[&number, &self.0.mark])
                .await;
            released.map(drop).map_err(Failure::of_write)
        }
        .boxed()
    }
}
