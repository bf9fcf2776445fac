//! The store in a database: terms, elections, faults of the server and of the connections.

mod cancelled;
pub(crate) mod elections;
mod faults;
mod opening;
mod tables;
mod terms;

use std::time::Duration;

use aftercall_test_postgres::{Proxy, Server};
use workflow_server::journal::Birth;
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};

use crate::support::EPOCH;

/// The identity of every new store here.
pub(crate) fn birth() -> Birth {
    Birth {
        epoch: EPOCH.to_owned(),
        hash_key: *b"0123456789abcdef",
        created_at_millis: 1_795_000_000_000,
    }
}

/// An address without a password.
pub(crate) fn address(url: &str) -> Address {
    Address::parse(url, &Surroundings::default()).unwrap()
}

/// A database of its own on the server that all tests share.
pub(crate) struct Database {
    pub(crate) name: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self {
            name: Server::shared().create_database(),
        }
    }

    pub(crate) fn address(&self) -> Address {
        address(&Server::shared().url(&self.name))
    }

    /// The address through a proxy.
    pub(crate) fn address_by(&self, proxy: &Proxy) -> Address {
        address(&Server::url_at(proxy.port(), &self.name))
    }

    /// Creates a store.
    pub(crate) async fn create(&self) -> PostgresStore {
        PostgresStore::create(&self.address(), &birth())
            .await
            .unwrap()
    }

    /// Opens the store as another process.
    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::open(&self.address()).await.unwrap()
    }

    /// Opens the store as another process, through a proxy.
    pub(crate) async fn open_by(&self, proxy: &Proxy) -> PostgresStore {
        PostgresStore::open(&self.address_by(proxy)).await.unwrap()
    }

    /// Runs statements as an operator.
    pub(crate) fn sql(&self, statements: &str) -> String {
        Server::shared().sql(&self.name, statements)
    }

    /// Begins a transaction that this test ends.
    pub(crate) async fn session(&self) -> tokio_postgres::Client {
        let url = Server::shared().url(&self.name);
        let connecting = tokio_postgres::connect(&url, tokio_postgres::NoTls);
        let (client, connection) = connecting.await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// Waits until `look` returns something, and returns it.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let found = async {
        loop {
            looks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    found.unwrap_or_else(|_| panic!("it takes too long until {what}"))
}

/// Waits until as many statements of the database wait for a lock.
pub(crate) async fn wait_for_waiting(database: &Database, count: i64) {
    let client = database.session().await;
    let look = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("a statement waits for a lock", async || {
        let row = client.query_one(look, &[]).await.unwrap();
        (row.get::<_, i64>(0) == count).then_some(())
    })
    .await;
}
