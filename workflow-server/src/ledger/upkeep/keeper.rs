//! Keeps memory and journal small beside the running ledger. Writes snapshots. Packs the entries
//! that the history needs, and only then trims the journal. Moves ended calls to the archive.
//! Removes instances past their retention. Scrubs the files of erased callers.
//!
//! One task does all of this in small steps, so that no two steps work on the same file. Each step
//! is durable before the next begins. A crash in between costs work, but never an entry.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::{Command, PackHistory, RewriteHistory};
use aftercall_engine::history::HistoryChange;
use aftercall_engine::{Entry, Request};
use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval};

use super::archive_files::ArchiveFiles;
use super::capture::{CaptureRequest, no_lease};
use super::history_files::{HistoryFiles, Rewritten};
use super::keep_error::KeepError;
use crate::journal::{Group, Leading, Log, Storage, Vault};
use crate::ledger::read::history::{HistoryError, Place};
use crate::ledger::read::snapshots::{self, snapshot_sequence};
use crate::ledger::{Condition, Handle, LedgerOptions, Outcome};
use crate::limits::{ARCHIVE_LOOK_EVERY, ARCHIVE_LOOK_EVERY_MIN, PACK_READ_BYTES, SNAPSHOTS_KEPT};
use crate::records::{WorldImage, snapshot_frames};

/// How many frames of a snapshot may wait to be written. Limits the memory that a slow disk takes.
const FRAMES_WAITING: usize = 4;

pub(in crate::ledger) struct Keeper {
    pub(in crate::ledger) log: Arc<dyn Log>,
    pub(in crate::ledger) vault: Arc<dyn Vault>,
    pub(in crate::ledger) leading: Leading,
    pub(super) history_files: HistoryFiles,
    pub(super) archive_files: ArchiveFiles,
    pub(in crate::ledger) handle: Handle,
    pub(in crate::ledger) images: mpsc::Receiver<WorldImage>,
    pub(in crate::ledger) captures: mpsc::Receiver<CaptureRequest>,
    /// Exists while a backup reads the files.
    pub(in crate::ledger) lease: Weak<()>,
    /// Whether removing snapshots or entries was postponed because a backup read them.
    pub(in crate::ledger) has_postponed: bool,
    /// Wakes the keeper when it has work.
    pub(in crate::ledger) wake: Arc<Notify>,
    /// The number of entries that stay in the journal before the older of the two snapshots.
    pub(in crate::ledger) kept_entries: u64,
    /// How long after its end an instance leaves memory, in milliseconds.
    pub(in crate::ledger) archive_after_millis: i64,
    /// The day of the last complete purge. `None` if there was none since the start.
    pub(in crate::ledger) purged_on: Option<i64>,
    /// The erasures of which snapshots and journal hold no data any more.
    pub(in crate::ledger) forgotten_for: BTreeSet<u64>,
    /// Where removed bytes may remain that the store cannot reach.
    pub(super) out_of_reach: &'static [&'static str],
}

/// What other parts send to the keeper.
pub(in crate::ledger) struct Incoming {
    /// Snapshots to write.
    pub(in crate::ledger) images: mpsc::Receiver<WorldImage>,
    /// Backups that begin.
    pub(in crate::ledger) captures: mpsc::Receiver<CaptureRequest>,
}

impl Incoming {
    /// Makes the channels. Returns the senders and the receivers.
    pub(in crate::ledger) fn new() -> (mpsc::Sender<WorldImage>, mpsc::Sender<CaptureRequest>, Self)
    {
        let (image_sender, images) = mpsc::channel(1);
        let (capture_sender, captures) = mpsc::channel(1);
        (image_sender, capture_sender, Self { images, captures })
    }
}

impl Keeper {
    pub(in crate::ledger) fn new(
        storage: &dyn Storage,
        leading: Leading,
        handle: Handle,
        Incoming { images, captures }: Incoming,
        options: &LedgerOptions,
    ) -> Self {
        let wake = handle.keeper.clone();
        let (kept_entries, archive_after_millis) =
            (options.journal_kept_entries, options.archive_after_millis);
        Self {
            log: storage.log(),
            vault: storage.vault(),
            history_files: HistoryFiles::new(handle.history().clone(), storage, leading.clone()),
            archive_files: ArchiveFiles::new(handle.archive().clone(), storage, leading.clone()),
            leading,
            handle,
            images,
            captures,
            lease: no_lease(),
            has_postponed: false,
            wake,
            kept_entries,
            archive_after_millis,
            purged_on: None,
            forgotten_for: BTreeSet::new(),
            out_of_reach: storage.out_of_reach(),
        }
    }

    /// Works until the channel of snapshots is closed.
    pub(in crate::ledger) async fn run(mut self) {
        if let Err(error) = self.remove_others().await {
            tracing::error!(%error, "unused files of history or archive were not removed; the next start tries again");
        }
        let look_every = Duration::from_millis(self.archive_after_millis.unsigned_abs() / 4);
        let mut looks = interval(look_every.clamp(ARCHIVE_LOOK_EVERY_MIN, ARCHIVE_LOOK_EVERY));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let wake = self.wake.clone();
        loop {
            tokio::select! {
                image = self.images.recv() => match image {
                    Some(image) => self.keep(image).await,
                    None => return,
                },
                Some(request) = self.captures.recv() => self.answer_capture(request).await,
                _ = looks.tick() => self.tidy().await,
                () = wake.notified() => self.tidy().await,
            }
        }
    }

    /// Removes the files that a crash has left.
    async fn remove_others(&self) -> Result<(), HistoryError> {
        self.history_files.remove_others().await?;
        self.archive_files.remove_others().await
    }

    async fn tidy(&mut self) {
        let scrubbed = self.scrub().await;
        self.report(Condition::Erasing, "erasing a caller", scrubbed);
        let archived = match self.catch_up().await {
            Ok(()) => self.archive().await,
            failed => failed,
        };
        self.report(Condition::Archiving, "archiving", archived);
        let purged = self.purge().await;
        self.report(
            Condition::Purging,
            "removing instances past their retention",
            purged,
        );
    }

    fn report(&self, condition: Condition, what: &str, done: Result<(), KeepError>) {
        let failed = match done {
            Ok(()) => None,
            Err(KeepError::Ledger(error)) => return tracing::info!(%error, "{what} waits"),
            Err(KeepError::Waits(why)) => Some(why),
            Err(error) => Some(format!(
                "{what} has failed: {error}; nothing is lost, and the server tries again"
            )),
        };
        self.handle
            .conditions()
            .set(condition, failed.map(Into::into));
    }

    /// Returns whether a long step may continue. It may not once the server shuts down. Writes a
    /// snapshot that waits.
    pub(in crate::ledger) async fn may_continue(&mut self) -> bool {
        match self.images.try_recv() {
            Ok(image) => {
                self.keep(image).await;
                true
            }
            Err(mpsc::error::TryRecvError::Empty) => true,
            Err(mpsc::error::TryRecvError::Disconnected) => false,
        }
    }

    /// Carries out a command of the server's own. Returns whether it changed anything.
    pub(in crate::ledger) async fn carry_out(&self, command: Command) -> Result<bool, KeepError> {
        let actor = Actor {
            kind: ActorKind::Server,
            name: "".into(),
            subject: None,
        };
        let outcome = self
            .handle
            .execute(Request {
                actor,
                mark: None,
                salt: 0,
                known: None,
                acts_for: None,
                reach: aftercall_engine::Reach::EVERYTHING,
                command,
            })
            .await?;
        Ok(matches!(outcome, Outcome::Committed(_)))
    }

    async fn keep(&mut self, image: WorldImage) {
        let (sequence, began) = (image.sequence(), Instant::now());
        let kept = self.keep_image(image).await;
        if kept.is_ok() {
            let milliseconds = began.elapsed().as_millis() as u64;
            metrics::histogram!("aftercall_snapshot_seconds").record(began.elapsed());
            tracing::info!(sequence, milliseconds, "snapshot written");
        }
        self.report(Condition::Snapshots, "writing a snapshot", kept);
    }

    async fn keep_image(&mut self, image: WorldImage) -> Result<(), KeepError> {
        self.write(image).await?;
        if self.is_leased() {
            self.has_postponed = true;
            return Ok(());
        }
        self.remove_and_trim(SNAPSHOTS_KEPT).await
    }

    /// Keeps the newest `kept` snapshots and removes the others. Trims entries that neither the
    /// snapshots nor alerters need.
    pub(in crate::ledger) async fn remove_and_trim(&self, kept: usize) -> Result<(), KeepError> {
        let oldest_kept = self.remove_snapshots(kept).await?;
        self.trim(oldest_kept.saturating_sub(self.kept_entries))
            .await
    }

    /// Keeps the newest `kept` snapshots and removes the others. Returns the sequence of the oldest
    /// that is kept.
    pub(in crate::ledger) async fn remove_snapshots(&self, kept: usize) -> Result<u64, KeepError> {
        let snapshots = snapshots::names(self.vault.as_ref()).await?;
        let surplus = snapshots.len().saturating_sub(kept);
        for name in &snapshots[..surplus] {
            self.leading.vault().remove(name).await?;
        }
        Ok(snapshots
            .get(surplus)
            .and_then(|name| snapshot_sequence(name))
            .unwrap_or(0))
    }

    /// Packs entries up to about `upto`, then removes them from the journal.
    pub(in crate::ledger) async fn trim(&self, upto: u64) -> Result<(), KeepError> {
        if upto >= self.log.bounds().await?.oldest() {
            let packed = self.pack(upto).await?;
            self.leading.log().trim(packed).await?;
            self.handle
                .feed()
                .trimmed(self.log.bounds().await?.oldest());
        }
        Ok(())
    }

    pub(in crate::ledger) async fn write(&self, image: WorldImage) -> Result<(), KeepError> {
        if snapshots::has(self.vault.as_ref(), image.sequence()).await? {
            return Ok(());
        }
        let name = snapshots::name(image.sequence(), self.leading.term());
        let mut blob = self.leading.vault().create(&name).await?;
        let (sender, mut frames) = mpsc::channel::<Vec<u8>>(FRAMES_WAITING);
        let encoding = tokio::task::spawn_blocking(move || {
            snapshot_frames(&image, |frame| sender.blocking_send(frame))
        });
        while let Some(frame) = frames.recv().await {
            blob.write(Bytes::from(frame)).await?;
        }
        match encoding.await {
            Ok(Ok(())) => Ok(blob.finish().await?),
            // The blob is dropped unfinished, so that readers never see it.
            _ => Err(KeepError::CutOff("encoding a snapshot")),
        }
    }

    /// Packs whole groups up to about `upto`. Returns the newest packed sequence.
    async fn pack(&self, upto: u64) -> Result<u64, KeepError> {
        let mut packed = self.handle.root().history.packed_upto();
        while packed < upto {
            let from = (packed + 1).max(self.log.bounds().await?.oldest());
            let groups: Vec<Group> = self.log.read(from, PACK_READ_BYTES).await?;
            let groups: Vec<Group> = groups
                .into_iter()
                .take_while(|group| group.last <= upto)
                .collect();
            if groups.is_empty() {
                break;
            }
            let place = self.history_files.pack(from, groups).await?;
            let put = HistoryChange {
                put: [place.into()].into(),
                ..HistoryChange::default()
            };
            if !self.carry_out(Command::from(PackHistory(put))).await? {
                return Err(KeepError::CutOff("packing the history"));
            }
            packed = place.last;
        }
        Ok(packed)
    }

    /// Rewrites a chunk of the history with the result of `change` for each entry.
    pub(super) async fn rewrite_history(
        &self,
        place: Place,
        change: impl FnMut(Arc<Entry>) -> Rewritten + Send + 'static,
    ) -> Result<(), KeepError> {
        let Some(change) = self.history_files.rewrite(place, change).await? else {
            return Ok(());
        };
        if !self
            .carry_out(Command::from(RewriteHistory(change)))
            .await?
        {
            return Err(KeepError::CutOff("rewriting the history"));
        }
        Ok(self.history_files.remove(place).await?)
    }
}
