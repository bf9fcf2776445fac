//! `aftercall backup`, `restore` and `verify`: copies of a running server in a directory, and a
//! data directory out of them.
//!
//! Promise: a backup counts when it is complete and on disk; until then the older ones are as they
//! were. Must not: know how a backup is stored; the workflow-server's crate does.

mod listing;
mod restoring;
mod shown;
mod taking;
mod verifying;

use std::path::PathBuf;

use clap::{Args, Subcommand};
pub(crate) use restoring::Restore;
pub(crate) use verifying::Verify;

use crate::errors::Failure;
use crate::session::Session;

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
