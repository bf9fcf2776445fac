//! The two stores of a copy, open so that no server can use them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::interval;
use tokio_util::task::AbortOnDropHandle;

use super::outcome::{CopyError, StorePlace};
use crate::journal::postgres::{Address, PostgresStore};
use crate::journal::{
    Birth, DatabaseError, Elections, IDENTITY_FILE, Identity, Leading, Member, OpenError, Options,
    RealDisk, Storage, Store, Term, restoring,
};

/// The lease of a copy. A server can lead again so long after a copy that was killed.
const LEASE: Duration = Duration::from_secs(30);

/// How often the lease is extended.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// The name of this process among the members.
const NAME: &str = "aftercall store copy";

/// A store that is copied.
pub(super) enum Source {
    Directory(Store),
    Database(Held),
}

/// A store that is filled.
pub(super) enum Target {
    Directory {
        store: Store,
        leading: Leading,
        dir: PathBuf,
    },
    Database(Held),
}

/// A database whose lease this process has.
pub(super) struct Held {
    store: PostgresStore,
    elections: Arc<dyn Elections>,
    leading: Leading,
    renewing: AbortOnDropHandle<()>,
}

impl Source {
    pub(super) async fn open(place: &StorePlace) -> Result<Self, CopyError> {
        match place {
            StorePlace::Directory(dir) => {
                // A store is copied, never created: a wrong path must not become an empty one.
                if !dir.join(IDENTITY_FILE).try_exists().unwrap_or(false) {
                    let dir = dir.display().to_string();
                    return Err(OpenError::NoStore { dir }.into());
                }
                let nobody = Birth {
                    epoch: String::new(),
                    hash_key: [0; 16],
                    created_at_millis: 0,
                };
                Ok(Self::Directory(open_directory(dir, nobody, false).await?))
            }
            StorePlace::Database(address) => Held::take(PostgresStore::open(address).await?)
                .await
                .map(Self::Database),
        }
    }

    pub(super) fn storage(&self) -> &dyn Storage {
        match self {
            Self::Directory(store) => store,
            Self::Database(held) => &held.store,
        }
    }

    /// Returns an error if a server has led the store since it was opened.
    pub(super) async fn check_unused(&self) -> Result<(), CopyError> {
        match self {
            Self::Directory(_) => Ok(()),
            Self::Database(held) => held.check().await,
        }
    }

    /// Replaces the epoch of a database. Returns the old one.
    pub(super) async fn replace_epoch(&self, epoch: &str) -> Result<String, CopyError> {
        match self {
            Self::Directory(store) => Ok(store.identity().epoch.clone()),
            Self::Database(held) => {
                held.check().await?;
                Ok(held.store.replace_epoch(epoch).await?)
            }
        }
    }

    pub(super) async fn close(self) {
        if let Self::Database(held) = self {
            held.release().await;
        }
    }
}

impl Target {
    pub(super) async fn create(place: &StorePlace, identity: &Identity) -> Result<Self, CopyError> {
        match place {
            StorePlace::Directory(dir) => {
                if !is_empty(dir) {
                    return Err(CopyError::NotEmpty { dir: dir.clone() });
                }
                let birth = Birth {
                    epoch: identity.epoch.clone(),
                    hash_key: identity.hash_key,
                    created_at_millis: identity.created_at_millis,
                };
                let store = open_directory(dir, birth, true).await?;
                let leading = store.leading();
                Ok(Self::Directory {
                    store,
                    leading,
                    dir: dir.clone(),
                })
            }
            StorePlace::Database(address) => {
                let store = begin(address, identity).await?;
                Held::take(store).await.map(Self::Database)
            }
        }
    }

    pub(super) fn storage(&self) -> &dyn Storage {
        match self {
            Self::Directory { store, .. } => store,
            Self::Database(held) => &held.store,
        }
    }

    pub(super) fn leading(&self) -> &Leading {
        match self {
            Self::Directory { leading, .. } => leading,
            Self::Database(held) => &held.leading,
        }
    }

    /// Lets servers open the copy.
    pub(super) async fn complete(self) -> Result<(), CopyError> {
        match self {
            Self::Directory {
                store,
                leading,
                dir,
            } => {
                drop((store, leading));
                restoring::finish(&dir, &RealDisk)?;
            }
            Self::Database(held) => {
                held.check().await?;
                held.store.complete().await?;
                held.release().await;
            }
        }
        Ok(())
    }
}

/// Whether a directory has no files, or does not exist.
fn is_empty(dir: &Path) -> bool {
    let Ok(mut entries) = std::fs::read_dir(dir) else {
        return true;
    };
    entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lost+found"))
}

async fn begin(address: &Address, identity: &Identity) -> Result<PostgresStore, OpenError> {
    PostgresStore::begin_copy(address, identity.clone()).await
}

async fn open_directory(dir: &Path, birth: Birth, is_new: bool) -> Result<Store, OpenError> {
    let mut options = Options::new(birth, Arc::new(crate::server::end_process));
    options.restoring = is_new;
    let (dir, at) = (dir.to_owned(), dir.display().to_string());
    let opening =
        tokio::task::spawn_blocking(move || Store::open(&dir, &options, Arc::new(RealDisk)));
    let failed = |panic: tokio::task::JoinError| OpenError::Io {
        what: format!("opening {at}"),
        reason: panic.to_string(),
    };
    opening.await.map_err(failed)?
}

impl Held {
    async fn take(store: PostgresStore) -> Result<Self, CopyError> {
        let location = store.location();
        let servers = store.servers().await?;
        if !servers.is_empty() {
            return Err(CopyError::InUse { location, servers });
        }
        let member = Member {
            name: NAME.to_owned(),
            address: String::new(),
        };
        let elections = store.shared_elections();
        let Some(leading) = elections.campaign(&member, LEASE).await? else {
            let leader = store.lease().await?.map(|lease| lease.leader.name);
            let led = DatabaseError::Led {
                store: location,
                leader: leader.unwrap_or_default(),
            };
            return Err(OpenError::from(led).into());
        };
        let renewing = keep(Arc::clone(&elections), leading.term());
        Ok(Self {
            store,
            elections,
            leading,
            renewing: AbortOnDropHandle::new(renewing),
        })
    }

    /// Returns an error if another process has led since.
    async fn check(&self) -> Result<(), CopyError> {
        let renewed = self.elections.renew(self.leading.term(), LEASE).await;
        renewed.map_err(|_| CopyError::Disturbed {
            location: self.store.location(),
        })
    }

    async fn release(self) {
        drop(self.renewing);
        // The lease ends anyway.
        let _ = self.elections.release(self.leading.term()).await;
    }
}

/// Extends the lease regularly. If this fails, the last check of the copy fails.
fn keep(elections: Arc<dyn Elections>, term: Term) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(RENEW_EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = elections.renew(term, LEASE).await {
                tracing::warn!(%error, "the lease of the copy was not extended");
            }
        }
    })
}
