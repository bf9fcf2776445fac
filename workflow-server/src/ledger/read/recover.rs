//! The World at start: the newest snapshot, then every entry after it, applied as live traffic applies them. There is no
//! other way to rebuild state.

use aftercall_engine::World;
use aftercall_engine::world::{Keeping, Unfit};
use thiserror::Error;

use super::snapshots;
use crate::journal::{JournalError, Log, Position, Vault};
use crate::ledger::LedgerOptions;
use crate::limits::RECOVERY_READ_BYTES;
use crate::records::{RecordError, SnapshotReader, decode_group};

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
    /// An entry does not follow on the World before it.
    #[error(
        "{0}; keep the data directory as it is and restore the newest backup into an empty one with `aftercall restore`"
    )]
    Unfit(#[from] Unfit),
    /// The snapshots and the journal do not meet.
    #[error(
        "the journal begins at {oldest} and ends at {newest}, but the newest readable snapshot stands at {snapshot}: files of two stores have been mixed, or some are missing; restore the newest backup into an empty data directory with `aftercall restore`"
    )]
    Gap {
        /// The oldest sequence of the journal.
        oldest: u64,
        /// The newest.
        newest: u64,
        /// Where the snapshot stands.
        snapshot: u64,
    },
    /// The journal tells of another history than the snapshot.
    #[error(
        "the snapshot and the journal disagree about entry {sequence}: files of two stores have been mixed; restore the newest backup into an empty data directory with `aftercall restore`"
    )]
    OtherHistory {
        /// Where.
        sequence: u64,
    },
}

/// What a start rebuilds from the store.
pub struct Recovered {
    /// The World at the newest entry.
    pub world: World,
    /// The place of the newest entry.
    pub newest: Position,
    /// The sequence of the snapshot that it began with; 0 without one.
    pub snapshot: u64,
}

/// Rebuilds the World.
///
/// # Errors
/// [`RecoverError`].
pub async fn recover(log: &dyn Log, vault: &dyn Vault, keeping: Keeping) -> Result<Recovered, RecoverError> {
    let (mut world, snapshot) = newest_snapshot(vault, keeping).await?;
    let bounds = log.bounds().await?;
    let newest = bounds.newest;
    if snapshot.sequence + 1 < bounds.oldest() || snapshot.sequence > newest.sequence {
        return Err(RecoverError::Gap {
            oldest: bounds.oldest(),
            newest: newest.sequence,
            snapshot: snapshot.sequence,
        });
    }
    if snapshot.sequence == bounds.base.sequence && snapshot.chain != bounds.base.chain {
        return Err(RecoverError::OtherHistory { sequence: snapshot.sequence });
    }
    let mut next = if snapshot.sequence > bounds.base.sequence { snapshot.sequence } else { snapshot.sequence + 1 };
    while next <= newest.sequence {
        let groups = log.read(next, RECOVERY_READ_BYTES).await?;
        for group in groups {
            for linked in decode_group(&group.bytes, group.chain_before, group.chain)? {
                if linked.entry.sequence == snapshot.sequence && linked.chain != snapshot.chain {
                    return Err(RecoverError::OtherHistory { sequence: snapshot.sequence });
                }
                if linked.entry.sequence > snapshot.sequence {
                    world.apply(&linked.entry)?;
                }
            }
            next = group.last + 1;
        }
    }
    Ok(Recovered { world, newest, snapshot: snapshot.sequence })
}

/// The World from the store, with what is set and not stored.
pub(in crate::ledger) async fn rebuild(
    log: &dyn Log,
    vault: &dyn Vault,
    options: &LedgerOptions,
) -> Result<Recovered, RecoverError> {
    let mut recovered = recover(log, vault, options.keeping).await?;
    recovered.world.set_default_zone(options.default_zone.clone());
    Ok(recovered)
}

async fn newest_snapshot(vault: &dyn Vault, keeping: Keeping) -> Result<(World, Position), RecoverError> {
    let Some(name) = snapshots::names(vault).await?.pop() else {
        return Ok((World::new(keeping), Position::default()));
    };
    let mut reader = SnapshotReader::new(keeping);
    let mut offset = 0;
    while let Some((frame, next)) = vault.read_frame(&name, offset).await? {
        reader.frame(&frame)?;
        offset = next;
    }
    let (world, head) = reader.finish()?;
    Ok((world, Position { sequence: head.sequence, chain: head.chain }))
}
