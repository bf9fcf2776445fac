//! A store in a PostgreSQL database, for any number of processes.
//!
//! Promise: each write is one statement that commits in one round trip. It takes effect only while
//! its term is the newest. A new term waits for the writes of the old one, and then excludes them.
//! An error of the database never ends writing: the server refuses, and tries again. Only proof of
//! damage does.
//!
//! A follower finds new groups by reading. `NOTIFY` only wakes it earlier.
//!
//! What it must not do: hold a lock between two statements, rely on the clock of a member, or show
//! a password.

mod failure;
mod parameters;
mod passfile;
mod refusal;

mod address;
mod dialer;
mod moving;
mod tls;

mod link;
mod session;

mod hints;
mod shared;
mod stored;

mod blob;
mod elections;
mod log;
mod schema;
mod tables;
mod vacuum;
mod vault;

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::watch;
use tokio_postgres::Client;
use tokio_util::task::AbortOnDropHandle;

pub use self::address::{Address, Surroundings};
use self::elections::PostgresElections;
use self::failure::Failure;
use self::hints::Hints;
use self::link::{Lane, Link};
use self::log::PostgresLog;
use self::moving::Moving;
use self::schema::Schema;
use self::shared::Shared;
use self::tables::PostgresTables;
use self::vault::PostgresVault;
use super::{
    Birth, Bounds, DatabaseError, Elections, Identity, JournalError, Leading, Lease, Log,
    OpenError, Storage, Tables, Term, Vault,
};

/// The version of the tables that this program requires.
pub const SCHEMA_VERSION: i32 = schema::VERSION;

/// Where bytes of removed rows may remain after `VACUUM`.
const OUT_OF_REACH: [&str; 5] = [
    "the free space in the files of the tables, until the database writes over it",
    "rows that a long transaction of another program still needs",
    "the write-ahead log of the database and its archive",
    "replicas that lag behind",
    "backups of the database",
];

/// An open store in a database. Its connections end with the store, its log, its vault and its
/// leader.
pub struct PostgresStore {
    shared: Arc<Shared>,
    identity: Identity,
    _hints: AbortOnDropHandle<()>,
}

impl PostgresStore {
    /// Opens the store in a database. Its connections run on the current runtime.
    ///
    /// # Errors
    /// [`OpenError::Database`]: the database is unreachable or unsuitable, or has no complete store
    /// of the version that this program knows.
    pub async fn open(address: &Address) -> Result<Self, OpenError> {
        if address.is_unchecked() {
            tracing::warn!(
                store = address.location(),
                "the certificate of the database is not checked: use sslmode=verify-full"
            );
        }
        let at = Place::reach(address).await?;
        let (mut client, _moving) = at.session().await?;
        let identity = at.schema(&mut client).open().await?;
        at.into_store(identity).await
    }

    /// Creates the tables of a new store in a database.
    ///
    /// # Errors
    /// [`OpenError::Database`], also if there is a store. [`OpenError::BadArgument`].
    pub async fn create(address: &Address, birth: &Birth) -> Result<Self, OpenError> {
        Self::create_with(address, Identity::new(birth)?, true).await
    }

    /// Creates the tables for a copy of another store. No server opens the copy before
    /// [`complete`](Self::complete).
    ///
    /// # Errors
    /// [`OpenError::Database`], also if there is a store.
    pub(crate) async fn begin_copy(
        address: &Address,
        identity: Identity,
    ) -> Result<Self, OpenError> {
        Self::create_with(address, identity, false).await
    }

    async fn create_with(
        address: &Address,
        identity: Identity,
        is_complete: bool,
    ) -> Result<Self, OpenError> {
        let at = Place::reach(address).await?;
        let (mut client, _moving) = at.session().await?;
        at.schema(&mut client)
            .create(&identity, is_complete)
            .await?;
        at.into_store(identity).await
    }

    /// Notes that a copy is complete.
    ///
    /// # Errors
    /// [`OpenError::Database`].
    pub(crate) async fn complete(&self) -> Result<(), OpenError> {
        let (mut client, _moving) = self.session().await?;
        self.schema(&mut client).complete().await
    }

    /// Upgrades the tables of a store to the version of this program. Returns the version that they
    /// had.
    ///
    /// # Errors
    /// [`OpenError::Database`], also while a server leads the store.
    pub async fn upgrade(address: &Address) -> Result<i32, OpenError> {
        let at = Place::reach(address).await?;
        let (mut client, _moving) = at.session().await?;
        at.schema(&mut client).upgrade().await
    }

    /// Gives the store another epoch. Returns the old one. The caller has made sure that no server
    /// uses the store.
    ///
    /// # Errors
    /// [`OpenError::Database`].
    pub(crate) async fn replace_epoch(&self, epoch: &str) -> Result<String, OpenError> {
        let renewed = Identity {
            epoch: epoch.to_owned(),
            ..self.identity.clone()
        };
        let (mut client, _moving) = self.session().await?;
        self.schema(&mut client).replace_identity(&renewed).await?;
        Ok(self.identity.epoch.clone())
    }

    /// Empties the tables for SQL. The leader fills them again.
    ///
    /// # Errors
    /// [`OpenError::Database`].
    pub async fn clear_tables(&self) -> Result<(), OpenError> {
        let (mut client, _moving) = self.session().await?;
        self.schema(&mut client).clear_tables().await
    }

    /// The lease of the newest leader that has one. `None` before the first.
    ///
    /// # Errors
    /// [`JournalError::Unreachable`].
    pub async fn lease(&self) -> Result<Option<Lease>, JournalError> {
        self.shared.lease().await
    }

    /// The names of the servers that have reported recently.
    ///
    /// # Errors
    /// [`JournalError::Unreachable`].
    pub(crate) async fn servers(&self) -> Result<Vec<String>, JournalError> {
        self.shared.servers().await
    }

    /// The elections of this store.
    pub(crate) fn shared_elections(&self) -> Arc<dyn Elections> {
        Arc::new(PostgresElections(Arc::clone(&self.shared)))
    }

    async fn session(&self) -> Result<(Client, Moving), OpenError> {
        open_session(&self.shared.link, &self.shared.location).await
    }

    fn schema<'a>(&'a self, client: &'a mut Client) -> Schema<'a> {
        Schema {
            client,
            location: &self.shared.location,
        }
    }
}

/// A database that may have a store.
struct Place {
    link: Arc<Link>,
    location: String,
}

impl Place {
    async fn reach(address: &Address) -> Result<Self, OpenError> {
        Ok(Self {
            link: Arc::new(Link::new(address)?),
            location: address.location().to_owned(),
        })
    }

    async fn session(&self) -> Result<(Client, Moving), OpenError> {
        open_session(&self.link, &self.location).await
    }

    fn schema<'a>(&'a self, client: &'a mut Client) -> Schema<'a> {
        Schema {
            client,
            location: &self.location,
        }
    }

    async fn into_store(self, identity: Identity) -> Result<PostgresStore, OpenError> {
        let hints = Hints::new(Bounds::default());
        let hinting = hints::start(Arc::clone(&hints), Arc::clone(&self.link));
        let shared = Arc::new(Shared::new(self.link, hints, self.location));
        let bounds = shared.bounds().await;
        let bounds = bounds.map_err(|error| DatabaseError::Unreachable {
            store: shared.location.clone(),
            reason: error.to_string(),
        })?;
        shared.hints.trimmed(bounds.base);
        shared.hints.found(bounds.newest);
        Ok(PostgresStore {
            shared,
            identity,
            _hints: hinting,
        })
    }
}

async fn open_session(link: &Link, location: &str) -> Result<(Client, Moving), OpenError> {
    let session = link.session().await;
    session.map_err(|failure| not_opened(location, failure).into())
}

/// Why no connection was opened.
fn not_opened(location: &str, failure: Failure) -> DatabaseError {
    let store = location.to_owned();
    match failure {
        Failure::Refused(reason) => DatabaseError::Refused { store, reason },
        Failure::UnknownHost(reason) => DatabaseError::UnknownHost { store, reason },
        other => DatabaseError::Unreachable {
            store,
            reason: other.text(),
        },
    }
}

impl Storage for PostgresStore {
    fn log(&self) -> Arc<dyn Log> {
        Arc::new(PostgresLog(Arc::clone(&self.shared)))
    }

    fn vault(&self) -> Arc<dyn Vault> {
        Arc::new(PostgresVault(Arc::clone(&self.shared)))
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn location(&self) -> String {
        self.shared.location.clone()
    }

    fn out_of_reach(&self) -> &'static [&'static str] {
        &OUT_OF_REACH
    }

    fn changes(&self) -> watch::Receiver<Bounds> {
        self.shared.hints.changes()
    }

    fn newest_term(&self) -> BoxFuture<'_, Result<Term, JournalError>> {
        async move { Ok(self.shared.newest_term(Lane::Vote).await?.0) }.boxed()
    }

    /// Leads without a lease, as a tool does. While another process holds a lease, this fails with
    /// [`JournalError::Deposed`]: a tool never deposes a running server. A server may depose a
    /// leader without a lease at any time.
    fn lead(&self, term: Term) -> BoxFuture<'_, Result<Leading, JournalError>> {
        self.shared.lead(term).boxed()
    }

    fn tables(&self, term: Term) -> Option<Arc<dyn Tables>> {
        let shared = Arc::clone(&self.shared);
        Some(Arc::new(PostgresTables { shared, term }))
    }

    fn elections(&self) -> Option<Arc<dyn Elections>> {
        Some(self.shared_elections())
    }
}
