//! The World at a point. It is rebuilt from a snapshot and the entries after it, as at a start of
//! the server.

use aftercall_definition::time::Time;
use aftercall_engine::world::{Keeping, World};

use super::{BackupError, Manifest};
use crate::journal::{Log, Position, Vault};
use crate::ledger::capture::snapshot_sequence;
use crate::limits::RECOVERY_READ_BYTES;
use crate::records::{SnapshotReader, decode_group};

/// Forgets no request id. A setting of the server limits how long it remembers them, and a backup
/// does not contain settings.
const KEEP_ALL: Keeping = Keeping {
    request_ids_millis: i64::MAX,
    request_ids_max: usize::MAX,
};

/// The point that a restore rebuilds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The newest entry.
    Newest,
    /// This sequence.
    Sequence(u64),
    /// The newest entry that is not later than this time.
    Time(Time),
}

impl Until {
    /// Whether an entry of this sequence and time is at the point or before it.
    pub(super) fn reaches(self, sequence: u64, at: Time) -> bool {
        match self {
            Self::Newest => true,
            Self::Sequence(until) => sequence <= until,
            Self::Time(until) => at <= until,
        }
    }
}

/// A World and its position in the journal.
pub(super) struct At {
    pub(super) world: World,
    pub(super) position: Position,
}

impl At {
    /// The empty World before the first entry.
    pub(super) fn beginning() -> Self {
        Self {
            world: World::new(KEEP_ALL),
            position: Position::default(),
        }
    }

    /// The time of its newest entry. Without an entry, the time when the backup was made.
    pub(super) fn time(&self, backup: &Manifest) -> Time {
        if self.position.sequence > 0 {
            self.world.root().at
        } else {
            Time(backup.created_at_millis)
        }
    }

    /// The World in a snapshot.
    pub(super) async fn snapshot(vault: &dyn Vault, name: &str) -> Result<Self, BackupError> {
        let (mut reader, mut offset) = (SnapshotReader::new(KEEP_ALL), 0);
        while let Some((frame, next)) = vault.read_frame(name, offset).await? {
            reader.frame(&frame)?;
            offset = next;
        }
        let (world, head) = reader.finish()?;
        if snapshot_sequence(name) != Some(head.sequence) {
            return Err(BackupError::Unsound(format!(
                "{name} is of sequence {}",
                head.sequence
            )));
        }
        Ok(Self {
            world,
            position: Position {
                sequence: head.sequence,
                chain: head.chain,
            },
        })
    }

    /// Applies the entries that follow, up to a point.
    pub(super) async fn replay(&mut self, log: &dyn Log, until: Until) -> Result<(), BackupError> {
        let bounds = log.bounds().await?;
        let mut next = self.position.sequence.max(bounds.base.sequence + 1);
        while next <= bounds.newest.sequence {
            let groups = log.read(next, RECOVERY_READ_BYTES).await?;
            let Some(last) = groups.last().map(|group| group.last) else {
                return Err(BackupError::Unsound(format!("entry {next} is missing")));
            };
            for group in groups {
                if group.first == self.position.sequence + 1
                    && group.chain_before != self.position.chain
                {
                    return Err(BackupError::Unsound(format!(
                        "the entries from {} on do not follow the one before: the journals have different histories",
                        group.first
                    )));
                }
                for linked in decode_group(&group.bytes, group.chain_before, group.chain)? {
                    let sequence = linked.entry.sequence;
                    if sequence == self.position.sequence && linked.chain != self.position.chain {
                        return Err(BackupError::Unsound(format!(
                            "snapshot and journal disagree about entry {sequence}"
                        )));
                    }
                    if sequence <= self.position.sequence {
                        continue;
                    }
                    if !until.reaches(sequence, linked.entry.at) {
                        return Ok(());
                    }
                    self.world.apply(&linked.entry)?;
                    self.position = Position {
                        sequence,
                        chain: linked.chain,
                    };
                }
            }
            next = last + 1;
        }
        Ok(())
    }
}

/// The snapshots of a vault with their sequences, oldest first.
pub(super) async fn snapshots(vault: &dyn Vault) -> Result<Vec<(u64, String)>, BackupError> {
    let names = vault.list("").await?;
    let mut found: Vec<_> = names
        .into_iter()
        .filter_map(|name| Some((snapshot_sequence(&name)?, name)))
        .collect();
    found.sort_unstable();
    Ok(found)
}

/// The time of the newest entry in a snapshot.
pub(super) async fn snapshot_time(vault: &dyn Vault, name: &str) -> Result<Time, BackupError> {
    let mut reader = SnapshotReader::new(KEEP_ALL);
    if let Some((frame, _)) = vault.read_frame(name, 0).await? {
        reader.frame(&frame)?;
    }
    let head = reader
        .head()
        .ok_or_else(|| BackupError::Unsound(format!("{name} is empty")))?;
    Ok(Time(head.at))
}
