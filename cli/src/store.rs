//! `aftercall store`: looks after a store while no server uses it: a data directory, or a database.
//!
//! Promise: nothing is lost, wherever it is interrupted. Must not: run beside a server; the lock of
//! the directory, or the lease in the database, prevents it.

pub(crate) mod address;
mod database;

use std::path::PathBuf;

use clap::Subcommand;

use self::address::{StoreAddress, check_directory};
use crate::confirm::Sure;
use crate::errors::Failure;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Create the tables of a new store in a PostgreSQL database
    #[command(after_help = "\
The database must exist and have no store. Its user becomes the owner of the schema aftercall.
Example:
  aftercall store init --store 'postgres://aftercall@db.example.com/calls?sslmode=verify-full'")]
    Init {
        #[command(flatten)]
        address: StoreAddress,
    },
    /// Upgrade the tables of a store in a PostgreSQL database; stop all servers first
    #[command(after_help = "\
Example:
  aftercall store upgrade --store-file /etc/aftercall/store")]
    Upgrade {
        #[command(flatten)]
        address: StoreAddress,
    },
    /// Copy a store between a data directory and a database, with its epoch; stop all servers
    /// first
    #[command(after_help = "\
The copy has the same epoch, sequences and history, so alert streams resume on it. It is compared with the original before it is
complete. A place is a directory, the URL of a database, or @FILE with such a URL.
Examples:
  aftercall store copy --from /var/lib/aftercall --to 'postgres://aftercall@db.example.com/calls?sslmode=verify-full'
  aftercall store copy --from @/etc/aftercall/store --to ./copy")]
    Copy {
        /// The store: a directory, a URL, or @FILE with a URL
        #[arg(long, value_name = "PLACE")]
        from: String,
        /// Where the copy goes: an empty directory, or a database without a store
        #[arg(long, value_name = "PLACE")]
        to: String,
    },
    /// Empty the tables that reports read with SQL; the leading server fills them again
    #[command(after_help = "\
Servers may run meanwhile. The tables are aftercall.follow_up and aftercall.stage_change.
Example:
  aftercall store rebuild-tables --store-file /etc/aftercall/store")]
    RebuildTables {
        #[command(flatten)]
        address: StoreAddress,
        #[command(flatten)]
        sure: Sure,
    },
    /// Copy the journal to fresh files, which frees unused disk space; stop the server
    /// first
    #[command(after_help = "Example:\n  aftercall store compact --data-dir /var/lib/aftercall")]
    Compact {
        /// The directory that holds all data
        #[arg(long, env = "AFTERCALL_DATA_DIR", value_name = "DIR")]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        address: StoreAddress,
        #[command(flatten)]
        sure: Sure,
    },
    /// Give a copied store an epoch of its own, so that no client takes it for the original
    #[command(after_help = "\
Copies of one store have the same epoch. Run this on the copy before you start a server on it; alert streams then begin
with a reset. `aftercall restore` does it automatically.
Examples:
  aftercall store new-epoch --data-dir ./copy
  aftercall store new-epoch --store postgres://aftercall@db.example.com/copy")]
    NewEpoch {
        /// The directory that holds all data
        #[arg(long, env = "AFTERCALL_DATA_DIR", value_name = "DIR")]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        address: StoreAddress,
        #[command(flatten)]
        sure: Sure,
    },
}

impl Store {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Compact {
                data_dir,
                address,
                sure,
            } => {
                let data_dir = directory_to_compact(data_dir, &address)?;
                sure.ask(&format!(
                    "The journal in {} is replaced by a copy. Go ahead?",
                    data_dir.display()
                ))?;
                compact(session, data_dir).await
            }
            Self::Init { address } => database::init(session, &address).await,
            Self::Upgrade { address } => database::upgrade(session, &address).await,
            Self::Copy { from, to } => database::copy(session, &from, &to).await,
            Self::RebuildTables { address, sure } => {
                database::rebuild_tables(session, &address, sure).await
            }
            Self::NewEpoch {
                data_dir,
                address,
                sure,
            } => new_epoch(session, data_dir, &address, sure).await,
        }
    }
}

/// What to do about the space of a store in a database.
const VACUUM: &str = "PostgreSQL writes over the space of removed rows. To free it for other programs, stop all servers, and run VACUUM FULL on the tables of the schema aftercall.";

fn directory_to_compact(
    data_dir: Option<PathBuf>,
    address: &StoreAddress,
) -> Result<PathBuf, Failure> {
    match data_dir {
        Some(dir) => check_directory(&dir, VACUUM).map(|()| dir),
        None if address.is_given() => Err(Failure::usage(format!(
            "A store in a database is not compacted. {VACUUM}"
        ))),
        None => Err(Failure::usage("Name the directory with --data-dir.")),
    }
}

async fn new_epoch(
    session: &Session,
    data_dir: Option<PathBuf>,
    address: &StoreAddress,
    sure: Sure,
) -> Result<(), Failure> {
    let ask = |there: &dyn std::fmt::Display| {
        sure.ask(&format!(
            "Every alert stream of {there} begins again with a reset, for ever. Go ahead?"
        ))
    };
    let (old, new) = match data_dir {
        Some(_) if address.is_given() => {
            return Err(Failure::usage(
                "Two stores are named: give --data-dir, or --store, or --store-file. Their variables count too.",
            ));
        }
        Some(data_dir) => {
            check_directory(&data_dir, "Name it with --store or --store-file.")?;
            ask(&data_dir.display())?;
            directory_epoch(data_dir).await?
        }
        None if address.is_given() => {
            let address = address.read()?;
            ask(&address.location())?;
            database::new_epoch(&address).await?
        }
        None => {
            return Err(Failure::usage(
                "Name the store with --data-dir, --store or --store-file.",
            ));
        }
    };
    if session.output.is_json() {
        return session
            .output
            .json(&serde_json::json!({"old_epoch": old, "epoch": new}));
    }
    session
        .output
        .line(&format!("The epoch is {new} now; it was {old}."))
}

async fn directory_epoch(data_dir: PathBuf) -> Result<(String, String), Failure> {
    let renewing = tokio::task::spawn_blocking(move || workflow_server::new_epoch(&data_dir));
    match renewing.await {
        Ok(renewed) => renewed.map_err(|error| Failure::refused(error.to_string())),
        Err(error) => Err(Failure::refused(format!(
            "Writing the identity was cut off: {error}."
        ))),
    }
}

async fn compact(session: &Session, data_dir: PathBuf) -> Result<(), Failure> {
    let compacting = tokio::task::spawn_blocking(move || workflow_server::compact(&data_dir));
    let compacted = match compacting.await {
        Ok(compacted) => compacted.map_err(|error| Failure::refused(error.to_string()))?,
        Err(error) => {
            return Err(Failure::refused(format!(
                "The compaction has ended: {error}."
            )));
        }
    };
    let newest = compacted.bounds.newest.sequence;
    if session.output.is_json() {
        let (before, after) = (compacted.bytes_before, compacted.bytes_after);
        let result = serde_json::json!({"bytes_before": before, "bytes_after": after, "newest_sequence": newest});
        return session.output.json(&result);
    }
    let [before, after] = [compacted.bytes_before, compacted.bytes_after].map(mebibytes);
    session.output.line(&format!(
        "Compacted: {before} MiB before, {after} MiB now; the journal ends at {newest} as before."
    ))
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1_048_576.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_mebibytes() {
        assert_eq!(mebibytes(1_572_864), "1.5");
    }
}
