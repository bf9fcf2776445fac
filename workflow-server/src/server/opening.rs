//! Opens the store: a data directory, or a database that several servers share.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::ServerError;
use crate::config::{StoreUrl, WorkflowServerConfig};
use crate::journal::postgres::{Address, PostgresStore, Surroundings};
use crate::journal::{Birth, Disk, Elections, OpenError, Options, Storage, Store};

/// Where the store is that several servers share.
pub(super) enum StorePlace {
    /// It is open.
    Open(Arc<dyn Storage>),
    /// It is in a database.
    Address(Box<Address>),
}

impl StorePlace {
    /// Opens the store.
    ///
    /// # Errors
    /// [`ServerError::Open`], [`ServerError::UnknownStore`].
    pub(super) async fn open(&self) -> Result<(Arc<dyn Storage>, Arc<dyn Elections>), ServerError> {
        let storage: Arc<dyn Storage> = match self {
            Self::Open(storage) => Arc::clone(storage),
            Self::Address(address) => Arc::new(PostgresStore::open(address).await?),
        };
        let elections = storage.elections();
        let elections = elections.ok_or_else(|| ServerError::UnknownStore {
            location: storage.location(),
        })?;
        Ok((storage, elections))
    }
}

/// The address of the store that several servers share.
///
/// # Errors
/// [`ServerError::StoreFile`], [`ServerError::Open`].
pub(super) fn address_of(config: &WorkflowServerConfig) -> Result<Address, ServerError> {
    let url = url(config)?;
    let address = Address::parse(url.reveal(), &Surroundings::of_process());
    Ok(address.map_err(OpenError::from)?)
}

fn url(config: &WorkflowServerConfig) -> Result<StoreUrl, ServerError> {
    if !config.store.is_empty() {
        return Ok(config.store.clone());
    }
    let text = std::fs::read_to_string(&config.store_file).map_err(|error| {
        let file = config.store_file.display().to_string();
        ServerError::StoreFile { file, error }
    })?;
    Ok(StoreUrl::from(text.trim()))
}

pub(super) async fn open_store(
    dir: PathBuf,
    rebuild_head: bool,
    now_millis: i64,
    disk: Arc<dyn Disk>,
) -> Result<Store, OpenError> {
    let epoch = format!("{:032x}", rand::random::<u128>());
    let birth = Birth {
        epoch,
        hash_key: rand::random(),
        created_at_millis: now_millis,
    };
    let mut options = Options::new(birth, Arc::new(end_process));
    options.rebuild_head = rebuild_head;
    let at = dir.display().to_string();
    let opened = tokio::task::spawn_blocking(move || Store::open(&dir, &options, disk)).await;
    opened.unwrap_or_else(|panic| {
        Err(OpenError::Io {
            what: format!("opening the data directory {at}"),
            reason: panic.to_string(),
        })
    })
}

/// A commit that hangs is never answered: better to end, and start again from what is durable.
pub(crate) fn end_process(reason: &str) {
    tracing::error!(reason, "the store hangs: the process ends, start it again");
    std::process::exit(70);
}
