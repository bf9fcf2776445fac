//! The stores under test: on files, in memory and in a database.

use std::sync::Arc;

use futures::FutureExt as _;
use tempfile::TempDir;
use workflow_server::journal::memory::MemoryStore;
use workflow_server::journal::{Leading, Log, Storage, Store, Vault};

use workflow_server::journal::postgres::PostgresStore;

use crate::postgres::Database;
use crate::support::{close, open};

/// A store that can be closed and opened again.
pub(super) trait Subject: Sized {
    async fn new() -> Self;
    fn log(&self) -> Arc<dyn Log>;
    fn vault(&self) -> Arc<dyn Vault>;
    fn leading(&self) -> &Leading;
    async fn reopened(self) -> Self;
}

pub(super) struct OnFiles {
    dir: TempDir,
    store: Store,
    leading: Leading,
}

impl Subject for OnFiles {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        assert!(store.created);
        let leading = lead(&store);
        Self {
            dir,
            store,
            leading,
        }
    }

    fn log(&self) -> Arc<dyn Log> {
        self.store.log()
    }

    fn vault(&self) -> Arc<dyn Vault> {
        self.store.vault()
    }

    fn leading(&self) -> &Leading {
        &self.leading
    }

    async fn reopened(self) -> Self {
        let Self {
            dir,
            store,
            leading,
        } = self;
        let identity = store.identity().clone();
        drop(leading);
        close(store, dir.path());
        let store = open(dir.path()).unwrap();
        assert_eq!((store.created, store.copied), (false, false));
        assert_eq!(*store.identity(), identity);
        let leading = lead(&store);
        Self {
            dir,
            store,
            leading,
        }
    }
}

pub(super) struct InMemory(MemoryStore, Leading);

/// Leads the store. Both stores do this immediately.
fn lead(store: &dyn Storage) -> Leading {
    store.take_over().now_or_never().unwrap().unwrap()
}

impl Subject for InMemory {
    async fn new() -> Self {
        let store = MemoryStore::new();
        let leading = lead(&store);
        Self(store, leading)
    }

    fn log(&self) -> Arc<dyn Log> {
        self.0.log()
    }

    fn vault(&self) -> Arc<dyn Vault> {
        self.0.vault()
    }

    fn leading(&self) -> &Leading {
        &self.1
    }

    async fn reopened(self) -> Self {
        let store = self.0.restart();
        let leading = lead(&store);
        Self(store, leading)
    }
}

pub(super) struct OnPostgres {
    database: Database,
    store: PostgresStore,
    leading: Leading,
}

impl Subject for OnPostgres {
    async fn new() -> Self {
        let database = Database::new();
        let store = database.create().await;
        let leading = store.take_over().await.unwrap();
        Self {
            database,
            store,
            leading,
        }
    }

    fn log(&self) -> Arc<dyn Log> {
        self.store.log()
    }

    fn vault(&self) -> Arc<dyn Vault> {
        self.store.vault()
    }

    fn leading(&self) -> &Leading {
        &self.leading
    }

    async fn reopened(self) -> Self {
        let identity = self.store.identity().clone();
        let database = self.database;
        drop((self.store, self.leading));
        let store = database.open().await;
        assert_eq!(*store.identity(), identity);
        let leading = store.take_over().await.unwrap();
        Self {
            database,
            store,
            leading,
        }
    }
}
