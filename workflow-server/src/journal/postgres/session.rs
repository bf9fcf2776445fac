//! One connection, and the statements that are prepared on it.
//!
//! Promise: a connection whose statement was not answered is never used again. A commit that the
//! database answers before a synchronous replica has it counts as not answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::failure::{Failure, spoils_connection};
use super::moving::Moving;
use super::refusal::reason;
use crate::journal::ANSWER_LIMIT;

/// The settings of each session, because an operator may have set other defaults for a database or
/// a user. With `synchronous_commit = off` an acknowledged commit could be lost.
const SETTINGS: &str = "\
SET default_transaction_isolation = 'read committed';
SET search_path = pg_catalog;
SET client_min_messages = warning;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
SET statement_timeout =";

const CANCELLED: &str = "somebody has cancelled the wait for a synchronous replica, so the commit is on one machine only";

/// A connection for statements of one lane.
pub(super) struct Session {
    client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    limit: Duration,
    is_usable: AtomicBool,
    moving: Moving,
}

impl Session {
    /// Prepares a new connection. Each statement may take as long as `limit`.
    pub(super) async fn begin(
        client: Client,
        moving: Moving,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let settings = format!("{SETTINGS} {}", limit.as_millis());
        let begun = timeout(ANSWER_LIMIT, client.batch_execute(&settings)).await;
        let failed = match begun {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(reason(&error)),
            Err(_) => Some(late(ANSWER_LIMIT)),
        };
        if let Some(reason) = failed {
            return Err(Failure::Unreachable(reason));
        }
        Ok(Self {
            client,
            statements: Mutex::default(),
            limit,
            is_usable: AtomicBool::new(true),
            moving,
        })
    }

    /// Whether the connection exists and every statement on it was answered.
    pub(super) fn is_usable(&self) -> bool {
        self.is_usable.load(Ordering::SeqCst) && !self.client.is_closed()
    }

    /// Runs a statement and returns its rows.
    pub(super) async fn rows(
        &self,
        statement: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        // It stays so if the caller drops this future.
        self.is_usable.store(false, Ordering::SeqCst);
        let prepared = self.prepared(statement).await?;
        match timeout(self.limit, self.client.query(&prepared, values)).await {
            Ok(Ok(rows)) => {
                self.is_usable.store(true, Ordering::SeqCst);
                match self.moving.take_early() {
                    false => Ok(rows),
                    true => Err(Failure::Lost(CANCELLED.to_owned())),
                }
            }
            Ok(Err(error)) => {
                self.note(&error);
                Err(Failure::of_statement(&error))
            }
            Err(_) => Err(Failure::Late(late(self.limit))),
        }
    }

    /// A statement that this connection has prepared once.
    async fn prepared(&self, statement: &'static str) -> Result<Statement, Failure> {
        if let Some(prepared) = self.statements().get(statement) {
            return Ok(prepared.clone());
        }
        match timeout(self.limit, self.client.prepare(statement)).await {
            Ok(Ok(prepared)) => {
                self.statements().insert(statement, prepared.clone());
                Ok(prepared)
            }
            Ok(Err(error)) => {
                self.note(&error);
                Err(Failure::Unreachable(reason(&error)))
            }
            Err(_) => Err(Failure::Unreachable(late(self.limit))),
        }
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Statement>> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an error that the server has answered.
    fn note(&self, error: &Error) {
        if !spoils_connection(error) {
            self.is_usable.store(true, Ordering::SeqCst);
        }
    }
}

fn late(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}
