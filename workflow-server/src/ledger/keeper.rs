//! Keeps the journal short, beside the running ledger: writes a snapshot, packs the entries that history needs, and only
//! then trims. Each step is durable before the next begins, so a crash in between costs work, never an entry.

use std::sync::Arc;

use aftercall_engine::Entry;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::history::{self, History};
use super::recover;
use crate::journal::{Group, JournalError, Log, Vault};
use crate::limits::{HISTORY_FRAME_ENTRIES, PACK_READ_BYTES, SNAPSHOTS_KEPT};
use crate::records::{RecordError, WorldImage, decode_group, pack_entries, snapshot_frames};

/// Frames of a snapshot that wait to be written: bounds what a slow disk can pile up.
const FRAMES_WAITING: usize = 4;

pub(super) struct Keeper {
    pub(super) log: Arc<dyn Log>,
    pub(super) vault: Arc<dyn Vault>,
    pub(super) history: Arc<History>,
    /// Entries that stay in the journal behind the older of the two snapshots.
    pub(super) kept_entries: u64,
}

/// Why a round of keeping was given up; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Keeper {
    /// Writes the snapshots that come, until no more can come.
    pub(super) async fn run(self, mut images: mpsc::Receiver<WorldImage>) {
        while let Some(image) = images.recv().await {
            let sequence = image.sequence();
            match self.keep(image).await {
                Ok(()) => tracing::info!(sequence, "snapshot written"),
                Err(error) => {
                    tracing::error!(sequence, %error, "the snapshot was not written; the journal stays as it is, the next one tries again");
                }
            }
        }
    }

    async fn keep(&self, image: WorldImage) -> Result<(), KeepError> {
        self.write(image).await?;
        let snapshots = self.vault.list(recover::PREFIX).await?;
        let surplus = snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        for name in &snapshots[..surplus] {
            self.vault.remove(name).await?;
        }
        let oldest_kept =
            snapshots.get(surplus).and_then(|name| name.strip_prefix(recover::PREFIX)?.parse::<u64>().ok());
        let upto = oldest_kept.unwrap_or(0).saturating_sub(self.kept_entries);
        if upto >= self.log.bounds().oldest() {
            let packed = self.pack(upto).await?;
            self.log.trim(packed).await?;
        }
        Ok(())
    }

    async fn write(&self, image: WorldImage) -> Result<(), KeepError> {
        let mut blob = self.vault.create(&recover::snapshot_name(image.sequence())).await?;
        let (sender, mut frames) = mpsc::channel::<Vec<u8>>(FRAMES_WAITING);
        let encoding =
            tokio::task::spawn_blocking(move || snapshot_frames(&image, |frame| sender.blocking_send(frame)));
        while let Some(frame) = frames.recv().await {
            blob.write(Bytes::from(frame)).await?;
        }
        match encoding.await {
            Ok(Ok(())) => Ok(blob.finish().await?),
            // The blob is dropped unfinished: nothing is to be seen of it.
            _ => Err(cut_off("encoding a snapshot").into()),
        }
    }

    /// Packs whole groups up to about `upto`; gives the newest sequence that is packed.
    async fn pack(&self, upto: u64) -> Result<u64, KeepError> {
        let mut packed = self.history.packed_upto();
        while packed < upto {
            let from = (packed + 1).max(self.log.bounds().oldest());
            let groups: Vec<Group> = self.log.read(from, PACK_READ_BYTES).await?;
            let groups: Vec<Group> = groups.into_iter().take_while(|group| group.last <= upto).collect();
            let Some(last) = groups.last().map(|group| group.last) else { break };
            self.pack_groups(from, last, groups).await?;
            packed = last;
        }
        Ok(packed)
    }

    async fn pack_groups(&self, from: u64, last: u64, groups: Vec<Group>) -> Result<(), KeepError> {
        let name = history::chunk_name(from, last);
        // Unpacking and compressing take a while: not on the thread of the ledger.
        let packing = tokio::task::spawn_blocking(move || frames(from, &groups));
        let frames = packing.await.map_err(|_| cut_off("packing the history"))??;
        let mut blob = self.vault.create(&name).await?;
        for frame in frames {
            blob.write(frame).await?;
        }
        blob.finish().await?;
        self.history.add_chunk(name);
        Ok(())
    }
}

/// The entries of groups, from a sequence on, as frames of a chunk.
fn frames(from: u64, groups: &[Group]) -> Result<Vec<Bytes>, RecordError> {
    let mut entries = Vec::new();
    for group in groups {
        let linked = decode_group(&group.bytes, group.chain_before, group.chain)?;
        entries.extend(linked.into_iter().map(|linked| linked.entry).filter(|entry| entry.sequence >= from));
    }
    let frame = |entries: &[Entry]| {
        let last = entries.last().map_or(0, |entry| entry.sequence);
        Ok(history::join(last, &pack_entries(entries.iter())?).into())
    };
    entries.chunks(HISTORY_FRAME_ENTRIES).map(frame).collect()
}

fn cut_off(what: &str) -> JournalError {
    JournalError::Io { what: what.to_owned(), reason: "it was cut off".to_owned() }
}
