//! `aftercall backup`, `restore` and `verify`: copies of a running server in a directory, and a
//! data directory out of them.
//!
//! Promise: a backup counts when it is complete and on disk; until then the older ones are as they
//! were. Must not: know how a backup is stored; the workflow-server's crate does.

mod listing;
mod restoring;
mod taking;
mod verifying;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
pub(crate) use restoring::Restore;
pub(crate) use verifying::Verify;
use workflow_server::backup::BackupError;

use crate::errors::Failure;
use crate::session::Session;

/// How many backups are kept where `--keep` says nothing.
const KEPT: u32 = 7;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
The first backup into a directory copies everything, each later one only what is new. The server keeps running.
A backup is as secret as the data directory: it holds callers' data and the key of the request ids.
Examples:
  aftercall backup --to /backup/aftercall
  aftercall backup --to /backup/aftercall --keep 30
  aftercall backup list /backup/aftercall"
)]
pub(crate) struct Backup {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    take: Option<taking::Take>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the backups in a directory, oldest first
    #[command(after_help = "Example:\n  aftercall backup list /backup/aftercall")]
    List {
        /// The directory of backups
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

impl Backup {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match (self.command, self.take) {
            (Some(Command::List { dir }), _) => listing::list(session, &dir),
            (None, Some(take)) => take.run(session).await,
            (None, None) => Err(Failure::usage(
                "Name the directory of backups: aftercall backup --to DIR",
            )),
        }
    }
}

/// A backup that failed on this side.
fn failed(error: &BackupError) -> Failure {
    match error {
        BackupError::NoSuchGeneration { .. } | BackupError::Empty { .. } => {
            Failure::not_found(sentence(error))
        }
        error => Failure::refused(sentence(error)),
    }
}

/// As a sentence for a person.
fn sentence(error: &BackupError) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}

/// A bar that counts bytes on stderr.
fn bytes_bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) =
        ProgressStyle::with_template("{msg} {bar:30} {bytes} of {total_bytes}, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

/// A moment of the server as the terminal shows it.
fn local(millis: i64) -> String {
    crate::time::local(Some(&proto_time(millis)))
}

fn proto_time(millis: i64) -> prost_types::Timestamp {
    let nanos = i32::try_from(millis.rem_euclid(1_000) * 1_000_000).unwrap_or(0);
    prost_types::Timestamp {
        seconds: millis.div_euclid(1_000),
        nanos,
    }
}

fn millis(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map_or(0, |time| {
        time.seconds
            .saturating_mul(1_000)
            .saturating_add(i64::from(time.nanos) / 1_000_000)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_milliseconds_also_before_1970() {
        for moment in [0, 1, 999, 1_795_000_000_123, -1, -1_001] {
            assert_eq!(millis(Some(&proto_time(moment))), moment);
        }
    }

    #[test]
    fn a_failure_is_a_sentence() {
        let failure = failed(&BackupError::Empty {
            dir: "d".to_owned(),
        });
        assert!(
            failure
                .sentence()
                .starts_with("There is no complete backup in d"),
            "{failure}"
        );
    }
}
