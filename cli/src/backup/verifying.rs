//! `aftercall verify`: whether a backup, or the data directory of a stopped server, is whole.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use workflow_server::backup::{
    BackupDirectory, Verified, verify_backup, verify_files, verify_store,
};

use crate::backup::shown::{bytes_bar, failed, mebibytes};
use crate::errors::Failure;
use crate::session::Session;
use crate::store::address::check_directory;

#[derive(Debug, Args)]
#[command(after_help = "\
Of a directory of backups: the checksum of every file, then of one backup the chain of entries, the history and the archive, and that
its snapshots equal what replaying its journal gives. Of a data directory: the same; stop its server first.
Examples:
  aftercall verify /backup/aftercall
  aftercall verify /backup/aftercall --all
  aftercall verify /var/lib/aftercall")]
pub(crate) struct Verify {
    /// The directory of backups, or the data directory of a stopped server
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Replay this backup [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    generation: Option<u32>,
    /// Replay every backup
    #[arg(long, short = 'a', conflicts_with = "generation")]
    all: bool,
}

impl Verify {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        check_directory(
            &self.dir,
            "Copy the store into a directory with `aftercall store copy --from URL --to DIR`, which compares everything, and verify that.",
        )?;
        if !BackupDirectory::is_at(&self.dir) {
            let verified = verify_store(&self.dir)
                .await
                .map_err(|error| failed(&error))?;
            return say(session, "The data directory", &verified);
        }
        let directory = BackupDirectory::open(&self.dir).map_err(|error| failed(&error))?;
        let newest = directory.newest().map_err(|error| failed(&error))?;
        let chosen = self.generation.unwrap_or(newest.generation);
        directory.manifest(chosen).map_err(|error| failed(&error))?;
        let mut seen = HashSet::new();
        for generation in directory.generations().map_err(|error| failed(&error))? {
            let manifest = directory
                .manifest(generation)
                .map_err(|error| failed(&error))?;
            let bar = bytes_bar(manifest.bytes()).with_message(format!("Backup {generation}"));
            let checked = verify_files(&directory, &manifest, &mut seen, &|bytes| bar.inc(bytes));
            bar.finish_and_clear();
            checked.map_err(|error| failed(&error))?;
            if self.all || generation == chosen {
                let verified = verify_backup(&directory, &manifest)
                    .await
                    .map_err(|error| failed(&error))?;
                say(session, &format!("Backup {generation}"), &verified)?;
            }
        }
        Ok(())
    }
}

fn say(session: &Session, what: &str, verified: &Verified) -> Result<(), Failure> {
    let Verified {
        sequence,
        files,
        bytes,
        replayed,
        equal_snapshots,
        history,
        archive,
    } = verified;
    if session.output.is_json() {
        return session.output.json(&serde_json::json!({
            "what": what,
            "sequence": sequence,
            "files": files,
            "bytes": bytes,
            "replayed_entries": replayed,
            "equal_snapshots": equal_snapshots,
            "history_entries": history,
            "archive_chunks": archive,
        }));
    }
    let snapshots = match equal_snapshots {
        0 => "no snapshot could be compared, because nothing older leads to one".to_owned(),
        1 => "1 snapshot equals what replaying gives".to_owned(),
        many => format!("{many} snapshots equal what replaying gives"),
    };
    session.output.line(&format!(
        "{what} is whole up to entry {sequence}: {files} files with {}; {replayed} entries replayed, {snapshots}; {history} entries of \
         history and {archive} chunks of the archive read.",
        mebibytes(*bytes)
    ))
}
