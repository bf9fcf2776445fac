//! Taking a backup: receives what the server sends, removes what is not kept, and warns of erased
//! callers in older backups.

use std::path::{Path, PathBuf};

use aftercall_proto::workflow::v1::backup_response::Part;
use aftercall_proto::workflow::v1::{
    BackupBase, BackupBegin, BackupFullReason, BackupRequest, BackupResponse,
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tonic::Streaming;
use workflow_server::backup::{BackupDirectory, BackupError, Begun, Manifest, NewGeneration};

use crate::backup::shown::{bytes_bar, failed, local, mebibytes, millis, sentence};
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;

/// How many backups are kept without `--keep`.
const KEPT: u32 = 7;

#[derive(Debug, Args)]
pub(super) struct Take {
    /// The directory of backups; an empty or missing one is begun
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// How many backups to keep; the oldest are removed once the new one is complete
    #[arg(long, value_name = "N", default_value_t = KEPT, value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// Copy everything, also what is here already
    #[arg(long)]
    full: bool,
    /// Remove older backups that hold data of callers who were erased since
    #[arg(long)]
    prune_erased: bool,
}

/// The result of a backup.
struct Taken {
    manifest: Manifest,
    begin: BackupBegin,
    received: u64,
}

impl Take {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let directory =
            BackupDirectory::open_or_create(&self.to).map_err(|error| failed(&error))?;
        let base = if self.full {
            None
        } else {
            base(&directory)?.map(|base| whole(&directory, &base))
        };
        let taken = self.receive(session, &directory, base.as_ref()).await?;
        let removed = self.remove_old(&directory, &taken.manifest)?;
        say(session, &self.to, &taken, &removed)?;
        self.warn_of_erased(&directory, &taken.manifest)
    }

    async fn receive(
        &self,
        session: &Session,
        directory: &BackupDirectory,
        base: Option<&Manifest>,
    ) -> Result<Taken, Failure> {
        let known = base.map(|base| BackupBase {
            epoch: base.epoch.clone(),
            sequence: base.sequence,
            chain: base.chain,
            files: base.files.iter().map(|file| file.name.clone()).collect(),
            checksums: base.files.iter().map(|file| file.checksum).collect(),
        });
        let request = BackupRequest {
            actor: session.to.actor.clone(),
            base: known,
        };
        let mut parts = session
            .to
            .operations()
            .await?
            .backup(request)
            .await?
            .into_inner();
        let first = parts.message().await?.and_then(|response| response.part);
        let Some(Part::Begin(begin)) = first else {
            return Err(failed(&BackupError::Protocol("no beginning".to_owned())));
        };
        if let Some(why) = why_full(begin.full_reason()) {
            remark(&format!("Copying everything, because {why}."));
        }
        let begun = Begun {
            format: begin.format,
            epoch: begin.epoch.clone(),
            sequence: begin.sequence,
            created_at_millis: millis(begin.created_at.as_ref()),
            server_version: begin.server_version.clone(),
            unfinished_erasures: begin.unfinished_erasures.clone(),
        };
        let generation =
            NewGeneration::begin(directory, begun, base).map_err(|error| failed(&error))?;
        let bar = ProgressBar::new(begin.file_count);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} files, {msg}") {
            bar.set_style(style);
        }
        let (manifest, received) = files(&mut parts, generation, &bar).await?;
        bar.finish_and_clear();
        Ok(Taken {
            manifest,
            begin,
            received,
        })
    }

    /// Removes the oldest beyond `--keep`; returns their numbers.
    fn remove_old(
        &self,
        directory: &BackupDirectory,
        newest: &Manifest,
    ) -> Result<Vec<u32>, Failure> {
        let mut surplus = directory.generations().map_err(|error| failed(&error))?;
        surplus.retain(|generation| *generation != newest.generation);
        surplus.truncate((surplus.len() + 1).saturating_sub(self.keep as usize));
        remove(directory, &surplus)?;
        Ok(surplus)
    }

    fn warn_of_erased(
        &self,
        directory: &BackupDirectory,
        newest: &Manifest,
    ) -> Result<(), Failure> {
        let erasures = directory.erasures().map_err(|error| failed(&error))?;
        let (mut holding, mut callers) = (Vec::new(), 0);
        for generation in directory.generations().map_err(|error| failed(&error))? {
            let Ok(manifest) = directory.manifest(generation) else {
                continue;
            };
            let held = erasures
                .iter()
                .filter(|one| one.is_held_by(&manifest))
                .count();
            if held > 0 && generation != newest.generation {
                holding.push(generation);
                callers = callers.max(held);
            }
        }
        if holding.is_empty() {
            return Ok(());
        }
        let numbers: Vec<String> = holding.iter().map(u32::to_string).collect();
        let numbers = numbers.join(", ");
        if self.prune_erased {
            remove(directory, &holding)?;
            remark(&format!(
                "Removed the backups {numbers}: they held data of callers who were erased since."
            ));
        } else {
            remark(&format!(
                "The backups {numbers} still hold data of up to {callers} callers who were erased since. A restore of them erases these \
                 again; to remove the data, run `aftercall backup --to {} --prune-erased`.",
                self.to.display()
            ));
        }
        Ok(())
    }
}

/// Removes generations. Where another manifest is damaged the files stay, and the backup is good
/// all the same.
fn remove(directory: &BackupDirectory, generations: &[u32]) -> Result<(), Failure> {
    match directory.remove(generations) {
        Ok(_) => Ok(()),
        Err(error @ BackupError::Damaged { .. }) => {
            remark(&format!(
                "{}. No files are removed until that backup is.",
                sentence(&error)
            ));
            Ok(())
        }
        Err(error) => Err(failed(&error)),
    }
}

/// The newest backup that can be read, to build on.
fn base(directory: &BackupDirectory) -> Result<Option<Manifest>, Failure> {
    match directory.newest() {
        Ok(manifest) => Ok(Some(manifest)),
        Err(BackupError::Empty { .. }) => Ok(None),
        Err(error @ BackupError::Damaged { .. }) => {
            remark(&format!("Copying everything: {error}."));
            Ok(None)
        }
        Err(error) => Err(failed(&error)),
    }
}

/// The backup with those of its files that are whole: the others are copied again.
fn whole(directory: &BackupDirectory, base: &Manifest) -> Manifest {
    let bar = bytes_bar(base.bytes()).with_message("Checking");
    let (whole, damaged) = directory.valid_files(base, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    for name in &damaged {
        remark(&format!(
            "The file {name} of backup {} is missing or damaged, and is copied again. Check the disk, and run `aftercall verify {} --all` after this.",
            base.generation,
            directory.path().display()
        ));
    }
    whole
}

fn why_full(reason: BackupFullReason) -> Option<&'static str> {
    Some(match reason {
        BackupFullReason::Unspecified => return None,
        BackupFullReason::OtherEpoch => {
            "the newest backup here is of a store with another epoch (it was restored or created since)"
        }
        BackupFullReason::OtherHistory => {
            "the store has another history than the newest backup here (its directory was put back)"
        }
        BackupFullReason::TooOld => {
            "the server's journal no longer reaches back to the newest backup here; back up more often"
        }
    })
}

/// Receives all files, and completes the generation.
async fn files(
    parts: &mut Streaming<BackupResponse>,
    mut generation: NewGeneration<'_>,
    bar: &ProgressBar,
) -> Result<(Manifest, u64), Failure> {
    loop {
        let part = parts.message().await?.and_then(|response| response.part);
        let done = match part {
            Some(Part::File(file)) => generation.file(&file.name),
            Some(Part::Piece(bytes)) => {
                let taken = generation.piece(&bytes);
                bar.set_message(mebibytes(generation.received()));
                taken
            }
            Some(Part::FileEnd(end)) => {
                bar.inc(1);
                generation.file_end(end.size, end.checksum)
            }
            Some(Part::Kept(file)) => {
                bar.inc(1);
                generation.keep_file(&file.name)
            }
            Some(Part::End(end)) => {
                let received = generation.received();
                let manifest = generation
                    .finish(end.chain, millis(end.at.as_ref()))
                    .map_err(|error| failed(&error))?;
                return Ok((manifest, received));
            }
            Some(Part::Begin(_)) => Err(BackupError::Protocol("a second beginning".to_owned())),
            None => {
                return Err(Failure::unavailable(
                    "The backup was cut off: nothing of it counts, and the older backups are as they were. Run it again.",
                ));
            }
        };
        done.map_err(|error| failed(&error))?;
    }
}

fn say(session: &Session, to: &Path, taken: &Taken, removed: &[u32]) -> Result<(), Failure> {
    let Taken {
        manifest,
        begin,
        received,
    } = taken;
    if session.output.is_json() {
        return session.output.json(&serde_json::json!({
            "generation": manifest.generation,
            "epoch": manifest.epoch,
            "sequence": manifest.sequence,
            "full": begin.full,
            "files": manifest.files.len(),
            "bytes": manifest.bytes(),
            "received_bytes": received,
            "removed_generations": removed,
        }));
    }
    let kind = if begin.full { "full" } else { "incremental" };
    session.output.line(&format!(
        "Backup {} in {} is complete ({kind}): entry {}, {}, {} files with {}, of which {} were copied now.",
        manifest.generation,
        to.display(),
        manifest.sequence,
        local(manifest.at_millis),
        manifest.files.len(),
        mebibytes(manifest.bytes()),
        mebibytes(*received),
    ))?;
    if !removed.is_empty() {
        let numbers: Vec<String> = removed.iter().map(u32::to_string).collect();
        remark(&format!(
            "Removed the older backups {}.",
            numbers.join(", ")
        ));
    }
    Ok(())
}
