//! `aftercall store`: looks after a data directory while no server runs on it.
//!
//! Promise: nothing is lost, wherever it is interrupted. Must not: run beside a server; the
//! directory's lock prevents it.

use std::path::PathBuf;

use clap::Subcommand;

use crate::confirm::Sure;
use crate::errors::Failure;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Copy the journal to fresh files, which frees unused disk space; stop the server
    /// first
    #[command(after_help = "Example:\n  aftercall store compact --data-dir /var/lib/aftercall")]
    Compact {
        /// The directory that holds all data
        #[arg(long, env = "AFTERCALL_DATA_DIR", value_name = "DIR")]
        data_dir: PathBuf,
        #[command(flatten)]
        sure: Sure,
    },
    /// Give a copied data directory an epoch of its own, so that no client takes it for the
    /// original
    #[command(after_help = "\
Copies of one data directory have the same epoch. Run this on the copy before you start a server on it; alert streams then begin
with a reset. `aftercall restore` does it automatically.
Example:
  aftercall store new-epoch --data-dir ./copy")]
    NewEpoch {
        /// The directory that holds all data
        #[arg(long, env = "AFTERCALL_DATA_DIR", value_name = "DIR")]
        data_dir: PathBuf,
        #[command(flatten)]
        sure: Sure,
    },
}

impl Store {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Compact { data_dir, sure } => {
                sure.ask(&format!(
                    "The journal in {} is replaced by a copy. Go ahead?",
                    data_dir.display()
                ))?;
                compact(session, data_dir).await
            }
            Self::NewEpoch { data_dir, sure } => {
                let there = data_dir.display();
                sure.ask(&format!(
                    "Every alert stream of {there} begins again with a reset, for ever. Go ahead?"
                ))?;
                new_epoch(session, data_dir).await
            }
        }
    }
}

async fn new_epoch(session: &Session, data_dir: PathBuf) -> Result<(), Failure> {
    let renewing = tokio::task::spawn_blocking(move || workflow_server::new_epoch(&data_dir));
    let (old, new) = match renewing.await {
        Ok(renewed) => renewed.map_err(|error| Failure::refused(error.to_string()))?,
        Err(error) => {
            return Err(Failure::refused(format!(
                "Writing the identity was cut off: {error}."
            )));
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
