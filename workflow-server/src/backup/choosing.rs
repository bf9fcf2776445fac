//! Chooses the backups for a restore. It takes the newest backup that reaches back to the point. If
//! the point is after the end of that backup, it adds the journals of later backups that continue
//! it.
//!
//! Promise: every file is checked against its checksum before it is read.

use std::collections::HashSet;

use aftercall_definition::time::Time;

use super::options::RestoreOptions;
use super::replay::{Until, snapshot_time, snapshots};
use super::verify::verify_files;
use super::{BackupDirectory, BackupError, Manifest, ManifestFile, journal_range, opened};
use crate::journal::Log as _;
use crate::records::decode_group;

/// The backups that a restore reads.
pub(super) struct Chosen {
    /// The backup, extended by the journals of later backups. Its end is the end of the last of
    /// them.
    pub(super) manifest: Manifest,
    /// The backup as it was made.
    pub(super) own: Manifest,
    /// The later backups.
    pub(super) later: Vec<u32>,
}

impl Chosen {
    fn alone(manifest: Manifest) -> Self {
        Self {
            own: manifest.clone(),
            manifest,
            later: Vec::new(),
        }
    }
}

/// Checks each file once.
pub(super) struct Checking<'d> {
    pub(super) directory: &'d BackupDirectory,
    pub(super) seen: HashSet<String>,
    pub(super) progress: &'d (dyn Fn(u64) + Sync),
}

impl Checking<'_> {
    /// Checks the files of a generation that `is_meant` selects.
    pub(super) fn check(
        &mut self,
        manifest: &Manifest,
        is_meant: impl Fn(&ManifestFile) -> bool,
    ) -> Result<(), BackupError> {
        let files = manifest
            .files
            .iter()
            .filter(|file| is_meant(file))
            .cloned()
            .collect();
        verify_files(
            self.directory,
            &Manifest {
                files,
                ..manifest.clone()
            },
            &mut self.seen,
            self.progress,
        )
    }

    /// The oldest time that a generation can be restored to.
    async fn oldest_time(&mut self, manifest: &Manifest) -> Result<Time, BackupError> {
        if manifest.oldest() == 0 {
            return Ok(Time(i64::MIN));
        }
        self.check(manifest, |file| journal_range(&file.name).is_some())?;
        let (_, vault) = opened::open(self.directory, manifest)?;
        let oldest = snapshots(vault.as_ref()).await?.into_iter().next();
        let Some((_, name)) = oldest else {
            return Ok(Time(manifest.at_millis));
        };
        self.check(manifest, |file| file.name == name)?;
        snapshot_time(vault.as_ref(), &name).await
    }

    async fn reaches_back(
        &mut self,
        manifest: &Manifest,
        until: Until,
    ) -> Result<bool, BackupError> {
        Ok(match until {
            Until::Newest => true,
            Until::Sequence(sequence) => manifest.oldest() <= sequence,
            Until::Time(time) => self.oldest_time(manifest).await? <= time,
        })
    }

    /// Adds the journals of later backups until they reach the point.
    async fn follow(
        &mut self,
        chosen: &mut Chosen,
        later: &[Manifest],
        until: Until,
    ) -> Result<(), BackupError> {
        for next in later {
            if ends_after(&chosen.manifest, until) {
                return Ok(());
            }
            if next.sequence > chosen.manifest.sequence
                && self.follows(&chosen.manifest, next).await?
            {
                let end = chosen.manifest.sequence;
                let is_new = |file: &&ManifestFile| {
                    journal_range(&file.name).is_some_and(|(_, last)| last > end)
                };
                chosen
                    .manifest
                    .files
                    .extend(next.files.iter().filter(is_new).cloned());
                (chosen.manifest.sequence, chosen.manifest.chain) = (next.sequence, next.chain);
                chosen.manifest.at_millis = next.at_millis;
                chosen.later.push(next.generation);
            }
        }
        Ok(())
    }

    /// Whether the journal of a later backup continues the end of an earlier one.
    async fn follows(&mut self, earlier: &Manifest, later: &Manifest) -> Result<bool, BackupError> {
        self.check(later, |file| journal_range(&file.name).is_some())?;
        let (log, _) = opened::open(self.directory, later)?;
        let (base, end) = (log.bounds().await?.base, earlier.position());
        if base.sequence >= end.sequence {
            return Ok(base == end);
        }
        let groups = log.read(end.sequence, 1).await?;
        let Some(group) = groups.first() else {
            return Ok(false);
        };
        let entries = decode_group(&group.bytes, group.chain_before, group.chain)?;
        Ok(entries
            .iter()
            .any(|linked| (linked.entry.sequence, linked.chain) == (end.sequence, end.chain)))
    }

    /// Describes the ranges that these backups can restore. The newest backup comes first.
    async fn reach(&mut self, newest_first: &[Manifest]) -> Result<String, BackupError> {
        let mut ranges: Vec<(u64, u64, String)> = Vec::new();
        for (place, manifest) in newest_first.iter().enumerate().rev() {
            let mut chosen = Chosen::alone(manifest.clone());
            let later: Vec<Manifest> = newest_first[..place].iter().rev().cloned().collect();
            self.follow(&mut chosen, &later, Until::Newest).await?;
            let (from, to) = (manifest.oldest(), chosen.manifest.sequence);
            let from_time = match self.oldest_time(manifest).await? {
                Time(i64::MIN) => "the beginning".to_owned(),
                time => shown(time),
            };
            let words = format!(
                "from entry {from} to {to} ({from_time} to {})",
                shown(Time(chosen.manifest.at_millis))
            );
            // The range of an older backup, with the journals of later ones, includes those of the
            // later ones.
            match ranges.last() {
                Some((_, known_to, _)) if *known_to >= to => {}
                _ => ranges.push((from, to, words)),
            }
        }
        let words: Vec<String> = ranges.into_iter().map(|(.., words)| words).collect();
        Ok(format!("they reach {}", words.join(", and ")))
    }
}

/// Whether a backup ends at the point or after it, so that no later backup is needed.
fn ends_after(manifest: &Manifest, until: Until) -> bool {
    match until {
        // A later backup may always continue this one.
        Until::Newest => false,
        Until::Sequence(sequence) => sequence <= manifest.sequence,
        // Later entries may have the same time.
        Until::Time(time) => time.0 < manifest.at_millis,
    }
}

/// Chooses the backups, and checks every file that the restore reads first.
pub(super) async fn choose(
    checking: &mut Checking<'_>,
    options: &RestoreOptions,
) -> Result<Chosen, BackupError> {
    let directory = checking.directory;
    if let Some(generation) = options.generation {
        return Ok(Chosen::alone(directory.manifest(generation)?));
    }
    let newest = directory.newest()?;
    let mut newest_first: Vec<Manifest> = Vec::new();
    for generation in directory.generations()?.into_iter().rev() {
        let manifest = if generation == newest.generation {
            newest.clone()
        } else {
            directory.manifest(generation)?
        };
        // With another epoch the sequences have other entries.
        if manifest.epoch != newest.epoch {
            break;
        }
        let reaches_back = checking.reaches_back(&manifest, options.until).await?;
        newest_first.push(manifest.clone());
        if !reaches_back {
            continue;
        }
        let mut chosen = Chosen::alone(manifest);
        if options.until == Until::Newest {
            return Ok(chosen);
        }
        let later: Vec<Manifest> = newest_first.iter().rev().skip(1).cloned().collect();
        checking.follow(&mut chosen, &later, options.until).await?;
        let has_all = chosen.manifest.position() == newest.position();
        let is_within = match options.until {
            // No backup knows more about that time than the newest one.
            Until::Time(_) => has_all || ends_after(&chosen.manifest, options.until),
            _ => ends_after(&chosen.manifest, options.until),
        };
        if is_within {
            return Ok(chosen);
        }
        break;
    }
    let reach = checking.reach(&newest_first).await?;
    Err(BackupError::OutOfReach {
        point: point(options.until),
        reach,
    })
}

/// The point, in words.
pub(super) fn point(until: Until) -> String {
    match until {
        Until::Newest => "the newest entry".to_owned(),
        Until::Sequence(sequence) => format!("entry {sequence}"),
        Until::Time(time) => format!("the state of {}", shown(time)),
    }
}

/// A time as the messages show it.
pub(super) fn shown(time: Time) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0);
    time.map_or_else(
        |_| "a time outside of the calendar".to_owned(),
        |time| format!("{time:.0}"),
    )
}
