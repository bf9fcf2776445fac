//! What the command line does to the store in a database while no server uses it.

use indicatif::{ProgressBar, ProgressStyle};
use workflow_server::journal::postgres::{Address, PostgresStore, SCHEMA_VERSION};
use workflow_server::journal::{Birth, OpenError, Storage as _};
use workflow_server::store_copy::{CopiedStore, copy_store, new_database_epoch};

use super::address::{StoreAddress, place, sentence};
use crate::confirm::Sure;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;

/// Creates the tables of a new store.
pub(crate) async fn init(session: &Session, address: &StoreAddress) -> Result<(), Failure> {
    let address = address.read()?;
    let birth = Birth {
        epoch: format!("{:032x}", rand::random::<u128>()),
        hash_key: rand::random(),
        created_at_millis: now_millis(),
    };
    let created = PostgresStore::create(&address, &birth).await;
    let store = created.map_err(|error| refused(&error))?;
    if session.output.is_json() {
        let result = serde_json::json!({
            "store": store.location(),
            "epoch": birth.epoch,
            "schema_version": SCHEMA_VERSION,
        });
        return session.output.json(&result);
    }
    session.output.line(&format!(
        "There is an empty store in {} now. Any number of servers can use it.",
        store.location()
    ))
}

/// Upgrades the tables of a store.
pub(crate) async fn upgrade(session: &Session, address: &StoreAddress) -> Result<(), Failure> {
    let address = address.read()?;
    let upgraded = PostgresStore::upgrade(&address).await;
    let from = upgraded.map_err(|error| refused(&error))?;
    let (location, to) = (address.location(), SCHEMA_VERSION);
    if session.output.is_json() {
        let result = serde_json::json!({"store": location, "from_version": from, "version": to});
        return session.output.json(&result);
    }
    session.output.line(&if from == to {
        format!("The schema of {location} has version {to} already.")
    } else {
        format!("The schema of {location} has version {to} now; it had version {from}.")
    })
}

/// Copies a store to a directory or a database.
pub(crate) async fn copy(session: &Session, from: &str, to: &str) -> Result<(), Failure> {
    let (source, target) = (place(from)?, place(to)?);
    let bar = ProgressBar::no_length().with_message("Copying and comparing");
    if let Ok(style) = ProgressStyle::with_template("{msg} {bytes}") {
        bar.set_style(style);
    }
    let copied = copy_store(&source, &target, &|bytes| bar.inc(bytes)).await;
    bar.finish_and_clear();
    let copied = copied.map_err(|error| Failure::refused(sentence(&error.to_string())))?;
    show(session, &copied)
}

fn show(session: &Session, copied: &CopiedStore) -> Result<(), Failure> {
    let newest = copied.bounds.newest.sequence;
    if session.output.is_json() {
        return session.output.json(&serde_json::json!({
            "epoch": copied.epoch,
            "newest_sequence": newest,
            "files": copied.files,
            "keys": copied.keys,
            "bytes": copied.bytes,
        }));
    }
    session.output.line(&format!(
        "Copied and compared: {} bytes, up to entry {newest}, and {} files. Both stores have the same epoch.",
        copied.bytes, copied.files
    ))?;
    remark("Start no server on the old store any more: clients would take it for the copy.");
    Ok(())
}

/// Empties the tables for SQL.
pub(crate) async fn rebuild_tables(
    session: &Session,
    address: &StoreAddress,
    sure: Sure,
) -> Result<(), Failure> {
    let address = address.read()?;
    sure.ask(&format!(
        "Reports on {} see few rows until the tables are full again. Go ahead?",
        address.location()
    ))?;
    let opened = PostgresStore::open(&address).await;
    let store = opened.map_err(|error| refused(&error))?;
    let cleared = store.clear_tables().await;
    cleared.map_err(|error| refused(&error))?;
    if session.output.is_json() {
        let result = serde_json::json!({"store": store.location()});
        return session.output.json(&result);
    }
    session.output.line(&format!(
        "The tables for SQL in {} are empty. The leading server fills them again from the history.",
        store.location()
    ))
}

/// Gives the store another epoch. Returns the old one and the new one.
pub(crate) async fn new_epoch(address: &Address) -> Result<(String, String), Failure> {
    let renewed = new_database_epoch(address).await;
    renewed.map_err(|error| Failure::refused(sentence(&error.to_string())))
}

fn refused(error: &OpenError) -> Failure {
    Failure::refused(sentence(&error.to_string()))
}

fn now_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
