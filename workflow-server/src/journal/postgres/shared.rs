//! What the parts of one store share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use super::failure::Failure;
use super::hints::Hints;
use super::link::{Lane, Link};
use crate::journal::{JournalError, Term};

/// Writes a row that no one reads. Its commit waits for all that was committed before, also on a
/// synchronous replica.
const PASS_BARRIER: &str = "UPDATE aftercall.barrier SET passed = passed + 1 RETURNING passed";

/// The newest term, and the mark of its leader.
const NEWEST_TERM: &str = "SELECT term, mark FROM aftercall.leadership";

/// One store, as one process uses it.
pub(super) struct Shared {
    pub(super) link: Arc<Link>,
    pub(super) hints: Arc<Hints>,
    pub(super) location: String,
    /// A random number. It distinguishes this process from another one that has the same term, as
    /// is possible after the database was set back.
    pub(super) mark: i64,
    /// The newest term that a report of this process has shown. -1 before the first.
    pub(super) reported_term: AtomicI64,
    /// Whether the answer to an append was lost, and no barrier has been passed since.
    is_doubtful: AtomicBool,
    /// Whether the newest write has found the disk of the database full.
    is_full: AtomicBool,
}

impl Shared {
    pub(super) fn new(link: Arc<Link>, hints: Arc<Hints>, location: String) -> Self {
        Self {
            link,
            hints,
            location,
            mark: rand::random(),
            reported_term: AtomicI64::new(-1),
            is_doubtful: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
        }
    }

    /// Runs a statement that writes, and notes whether the disk of the database is full.
    pub(super) async fn write(
        &self,
        lane: Lane,
        statement: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let written = self.link.rows(lane, statement, values).await;
        match &written {
            Ok(_) => self.is_full.store(false, Ordering::SeqCst),
            Err(Failure::NoSpace) => self.is_full.store(true, Ordering::SeqCst),
            Err(_) => {}
        }
        written
    }

    /// Whether the newest write has found the disk of the database full.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::SeqCst)
    }

    /// Notes that an append may have been carried out.
    pub(super) fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::SeqCst);
    }

    /// Makes sure that what is read next is durable. After a lost answer a commit may be visible,
    /// and still be missing on a synchronous replica.
    pub(super) async fn settle(&self) -> Result<(), JournalError> {
        if !self.is_doubtful.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let passed = self.link.rows(Lane::Write, PASS_BARRIER, &[]).await;
        if let Err(failure) = passed {
            self.doubt();
            return Err(failure.of_read());
        }
        Ok(())
    }

    /// Runs a statement that only reads. If its connection ends, another one runs it once more.
    pub(super) async fn read(
        &self,
        lane: Lane,
        statement: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, JournalError> {
        let rows = match self.link.rows(lane, statement, values).await {
            Err(Failure::Lost(_)) => self.link.rows(lane, statement, values).await,
            rows => rows,
        };
        rows.map_err(Failure::of_read)
    }

    /// The newest term, and whether this process leads with it.
    pub(super) async fn newest_term(&self, lane: Lane) -> Result<(Term, bool), JournalError> {
        let rows = self.read(lane, NEWEST_TERM, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| self.missing("the row of the leader"))?;
        let term = Term(self.number(row, 0)?);
        Ok((term, self.value::<i64>(row, 1)? == self.mark))
    }

    /// Why a fenced write has written nothing: this process was deposed. `None` if it still leads,
    /// so that there is another reason.
    pub(super) async fn deposed(
        &self,
        term: Term,
        lane: Lane,
    ) -> Result<Option<JournalError>, JournalError> {
        let (newest, is_own) = self.newest_term(lane).await?;
        let leads = newest == term && is_own;
        Ok((!leads).then_some(JournalError::Deposed { term, newest }))
    }

    /// The value of a column.
    pub(super) fn value<'a, T: FromSql<'a>>(
        &self,
        row: &'a Row,
        column: usize,
    ) -> Result<T, JournalError> {
        row.try_get(column)
            .map_err(|error| self.damaged(format!("a column has another type: {error}")))
    }

    /// The value of a column that is never negative.
    pub(super) fn number(&self, row: &Row, column: usize) -> Result<u64, JournalError> {
        let number: i64 = self.value(row, column)?;
        u64::try_from(number).map_err(|_| self.damaged(format!("{number} is negative")))
    }

    pub(super) fn missing(&self, what: &str) -> JournalError {
        self.damaged(format!("{what} is missing"))
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> JournalError {
        JournalError::Damaged {
            what: what.into(),
            place: self.location.clone(),
        }
    }
}
