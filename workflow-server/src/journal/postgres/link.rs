//! The connections to the database.
//!
//! Promise: each statement has a time limit, so that a stalled link is noticed. A statement is one
//! transaction in one round trip. A paused process therefore never holds a lock. A connection whose
//! statement was not answered in time is never used again.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::address::Address;
use super::dialer::{Dialer, Stream};
use super::failure::Failure;
use super::moving::Moving;
use super::session::Session;
use crate::journal::{ANSWER_LIMIT, CONNECT_LIMIT, DatabaseError, TRANSFER_LIMIT};

/// What a connection is used for. Each lane has connections of its own, so that no lane waits for
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Appends.
    Append,
    /// Elections and reports.
    Vote,
    /// All other writes.
    Write,
    /// Reads of groups and frames.
    Read,
    /// Reads of a few bytes.
    Look,
}

impl Lane {
    const ALL: [Self; 5] = [
        Self::Append,
        Self::Vote,
        Self::Write,
        Self::Read,
        Self::Look,
    ];

    fn connections_max(self) -> usize {
        match self {
            Self::Append => 1,
            Self::Vote | Self::Write | Self::Look => 2,
            Self::Read => 4,
        }
    }

    /// How long an answer may take.
    fn limit(self) -> Duration {
        match self {
            Self::Append | Self::Vote | Self::Look => ANSWER_LIMIT,
            Self::Write | Self::Read => TRANSFER_LIMIT,
        }
    }
}

/// The connections of one store.
pub(super) struct Link {
    lanes: [Pool<Sessions>; Lane::ALL.len()],
    dialer: Arc<Dialer>,
}

impl Link {
    /// Prepares connections. Opens none yet. They run on the current runtime.
    pub(super) fn new(address: &Address) -> Result<Self, DatabaseError> {
        let dialer = Arc::new(Dialer::new(address)?);
        let pool = |lane: Lane| {
            let sessions = Sessions {
                dialer: Arc::clone(&dialer),
                limit: lane.limit(),
            };
            Pool::builder(sessions)
                .max_size(lane.connections_max())
                .build()
        };
        let [append, vote, write, read, look] = Lane::ALL.map(pool);
        let failed = |error| DatabaseError::Address {
            what: format!("the connections cannot be prepared: {error}"),
        };
        let lanes = [
            append.map_err(failed)?,
            vote.map_err(failed)?,
            write.map_err(failed)?,
            read.map_err(failed)?,
            look.map_err(failed)?,
        ];
        Ok(Self { lanes, dialer })
    }

    /// Runs one statement and returns its rows.
    pub(super) async fn rows(
        &self,
        lane: Lane,
        statement: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        self.session_of(lane).await?.rows(statement, values).await
    }

    /// A connection of its own, without a time limit for its statements.
    pub(super) async fn session(&self) -> Result<(Client, Moving), Failure> {
        let (client, stream) = self.open_stream().await?;
        Ok((client, Moving::start(self.runtime(), stream)))
    }

    /// A connection whose bytes the caller moves.
    pub(super) async fn open_stream(&self) -> Result<(Client, Stream), Failure> {
        Arc::clone(&self.dialer).dial().await
    }

    /// The runtime of the connections.
    pub(super) fn runtime(&self) -> &Handle {
        self.dialer.runtime()
    }

    async fn session_of(&self, lane: Lane) -> Result<Object<Sessions>, Failure> {
        let limit = CONNECT_LIMIT.saturating_mul(self.dialer.hosts()) + ANSWER_LIMIT;
        match timeout(limit, self.lanes[lane as usize].get()).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(PoolError::Backend(failure))) => Err(failure),
            Ok(Err(_)) => Err(Failure::Unreachable(
                "the connections to the database are closed".to_owned(),
            )),
            Err(_) => Err(Failure::Unreachable(
                "all connections to the database are in use".to_owned(),
            )),
        }
    }
}

/// Opens the connections of one lane.
struct Sessions {
    dialer: Arc<Dialer>,
    limit: Duration,
}

impl Manager for Sessions {
    type Type = Session;
    type Error = Failure;

    async fn create(&self) -> Result<Session, Failure> {
        let (client, stream) = Arc::clone(&self.dialer).dial().await?;
        let moving = Moving::start(self.dialer.runtime(), stream);
        Session::begin(client, moving, self.limit).await
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Failure> {
        if session.is_usable() {
            Ok(())
        } else {
            Err(RecycleError::message("the connection cannot be used again"))
        }
    }
}
