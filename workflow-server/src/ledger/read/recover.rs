//! Rebuilds the World at a start: loads the newest snapshot, then applies every entry after it, as
//! live traffic does. There is no other way to rebuild state.

use std::cmp::Ordering;
use std::panic::resume_unwind;

use aftercall_engine::World;
use aftercall_engine::world::{ApplyError, Keeping};
use thiserror::Error;
use tokio::task::JoinHandle;

use super::snapshots;
use crate::journal::{Bounds, Group, JournalError, Log, Position, Vault};
use crate::ledger::LedgerOptions;
use crate::limits::RECOVERY_READ_BYTES;
use crate::records::{Linked, RecordError, SnapshotFrame, SnapshotReader, decode_group};

/// How many groups are decoded together. About half a megabyte, some milliseconds of work.
const GROUPS_AHEAD: usize = 16;

/// Why the World could not be rebuilt.
#[derive(Debug, Error)]
pub enum RecoverError {
    /// The journal or vault could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record could not be read.
    #[error(
        "{0}; keep the data directory as it is and restore the newest backup into an empty one with `aftercall restore`"
    )]
    Record(#[from] RecordError),
    /// An entry does not fit the World before it.
    #[error(
        "{0}; keep the data directory as it is and restore the newest backup into an empty one with `aftercall restore`"
    )]
    ApplyError(#[from] ApplyError),
    /// There is a gap between the snapshots and the journal.
    #[error(
        "the journal begins at {oldest} and ends at {newest}, but the newest readable snapshot is of {snapshot}: files of two stores have been mixed, or some are missing; restore the newest backup into an empty data directory with `aftercall restore`"
    )]
    Gap {
        /// The oldest sequence of the journal.
        oldest: u64,
        /// The newest sequence of the journal.
        newest: u64,
        /// The sequence of the snapshot.
        snapshot: u64,
    },
    /// The journal and the snapshot have different histories.
    #[error(
        "the snapshot and the journal disagree about entry {sequence}: files of two stores have been mixed; restore the newest backup into an empty data directory with `aftercall restore`"
    )]
    OtherHistory {
        /// The first entry that differs.
        sequence: u64,
    },
}

/// The result of a recovery.
pub struct Recovered {
    /// The World at the newest entry.
    pub world: World,
    /// The position of the newest entry.
    pub newest: Position,
    /// The sequence of the snapshot at which recovery began. 0 without a snapshot.
    pub snapshot: u64,
}

impl Recovered {
    /// Reads once and applies the entries. Calls `applied` with each entry and its share of the
    /// bytes. Returns whether there may be more.
    pub(in crate::ledger) async fn advance(
        &mut self,
        log: &dyn Log,
        mut applied: impl FnMut(Linked, usize),
    ) -> Result<bool, RecoverError> {
        let groups = match log
            .read(self.newest.sequence + 1, RECOVERY_READ_BYTES)
            .await
        {
            Err(JournalError::Trimmed { .. }) => return Err(self.gap(log.bounds().await?)),
            groups => groups?,
        };
        if groups.is_empty() {
            return self.check_end(log.bounds().await?);
        }
        let mut groups = groups.into_iter();
        let mut decoding: Option<Ahead<Vec<DecodedGroup>>> = None;
        // A blocking thread decodes groups while this one applies the groups before them.
        while groups.len() > 0 {
            let part: Vec<Group> = groups.by_ref().take(GROUPS_AHEAD).collect();
            // A follower reads only a few groups at a time, which is not worth another thread.
            if decoding.is_none() && groups.len() == 0 {
                self.apply_all(part.into_iter().map(DecodedGroup::decode), &mut applied)?;
                return Ok(true);
            }
            let decode = move || part.into_iter().map(DecodedGroup::decode).collect();
            let before = decoding.replace(Ahead::begin(decode));
            if let Some(before) = before {
                self.apply_all(before.end().await?, &mut applied)?;
            }
        }
        if let Some(last) = decoding {
            self.apply_all(last.end().await?, &mut applied)?;
        }
        Ok(true)
    }

    fn apply_all(
        &mut self,
        groups: impl IntoIterator<Item = DecodedGroup>,
        applied: &mut impl FnMut(Linked, usize),
    ) -> Result<(), RecoverError> {
        groups
            .into_iter()
            .try_for_each(|group| self.apply(group, applied))
    }

    fn apply(
        &mut self,
        DecodedGroup { group, entries }: DecodedGroup,
        applied: &mut impl FnMut(Linked, usize),
    ) -> Result<(), RecoverError> {
        let before = self.newest;
        if group.first == before.sequence + 1 && group.chain_before != before.chain {
            return Err(RecoverError::OtherHistory {
                sequence: before.sequence,
            });
        }
        let entries = entries?;
        let bytes = group.bytes.len() / entries.len().max(1);
        for linked in entries {
            let sequence = linked.entry.sequence;
            if sequence == before.sequence && linked.chain != before.chain {
                return Err(RecoverError::OtherHistory { sequence });
            }
            if sequence > before.sequence {
                self.world.apply(&linked.entry)?;
                self.newest = Position {
                    sequence,
                    chain: linked.chain,
                };
                applied(linked, bytes);
            }
        }
        Ok(())
    }

    /// Checks that the log ends here, after a read that returned nothing.
    fn check_end(&self, bounds: Bounds) -> Result<bool, RecoverError> {
        let (here, end) = (self.newest, bounds.newest);
        match end.sequence.cmp(&here.sequence) {
            Ordering::Less => Err(self.gap(bounds)),
            Ordering::Equal if end.chain != here.chain => Err(RecoverError::OtherHistory {
                sequence: end.sequence,
            }),
            Ordering::Equal => Ok(false),
            Ordering::Greater => Ok(true),
        }
    }

    fn gap(&self, bounds: Bounds) -> RecoverError {
        let (oldest, newest) = (bounds.oldest(), bounds.newest.sequence);
        RecoverError::Gap {
            oldest,
            newest,
            snapshot: self.newest.sequence,
        }
    }
}

/// Rebuilds the World.
///
/// # Errors
/// [`RecoverError`].
pub async fn recover(
    log: &dyn Log,
    vault: &dyn Vault,
    keeping: Keeping,
) -> Result<Recovered, RecoverError> {
    let (world, newest) = newest_snapshot(vault, keeping).await?;
    let mut recovered = Recovered {
        world,
        newest,
        snapshot: newest.sequence,
    };
    while recovered.advance(log, |_, _| ()).await? {}
    Ok(recovered)
}

/// Rebuilds the World from the store, and adds the settings that are not stored.
pub(in crate::ledger) async fn rebuild(
    log: &dyn Log,
    vault: &dyn Vault,
    options: &LedgerOptions,
) -> Result<Recovered, RecoverError> {
    let mut recovered = recover(log, vault, options.keeping).await?;
    recovered
        .world
        .set_default_zone(options.default_zone.clone());
    Ok(recovered)
}

async fn newest_snapshot(
    vault: &dyn Vault,
    keeping: Keeping,
) -> Result<(World, Position), RecoverError> {
    let Some(name) = snapshots::names(vault).await?.pop() else {
        return Ok((World::new(keeping), Position::default()));
    };
    let mut reader = SnapshotReader::new(keeping);
    let (mut offset, mut decoding) = (0, None::<Ahead<Result<SnapshotFrame, RecordError>>>);
    // A blocking thread decodes a frame while this one restores the frame before it and reads the
    // next.
    while let Some((bytes, next)) = vault.read_frame(&name, offset).await? {
        offset = next;
        let before = decoding.replace(Ahead::begin(move || SnapshotFrame::decode(&bytes)));
        if let Some(before) = before {
            reader.restore(before.end().await??)?;
        }
    }
    if let Some(last) = decoding {
        reader.restore(last.end().await??)?;
    }
    let (world, head) = reader.finish()?;
    Ok((
        world,
        Position {
            sequence: head.sequence,
            chain: head.chain,
        },
    ))
}

/// A group and its entries, or the error from decoding them.
struct DecodedGroup {
    group: Group,
    entries: Result<Vec<Linked>, RecordError>,
}

impl DecodedGroup {
    fn decode(group: Group) -> Self {
        let entries = decode_group(&group.bytes, group.chain_before, group.chain);
        Self { group, entries }
    }
}

/// Work that starts on another thread before its result is needed.
struct Ahead<T>(JoinHandle<T>);

impl<T: Send + 'static> Ahead<T> {
    fn begin(work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(tokio::task::spawn_blocking(work))
    }

    async fn end(self) -> Result<T, RecoverError> {
        self.0
            .await
            .map_err(|failure| match failure.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_ended) => RecoverError::Journal(JournalError::Io {
                    what: "decoding stored data".to_owned(),
                    reason: "the server is shutting down".to_owned(),
                }),
            })
    }
}
