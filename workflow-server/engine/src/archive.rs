//! The archive: ended instances and their calls that have left memory.
//!
//! The World keeps a few numbers about each chunk. A file outside of the engine has the place of
//! each instance of the chunk. The history has the content.

use std::sync::Arc;

use aftercall_definition::time::{Span, SpanUnit, Time};
use imbl::OrdMap;

use crate::actor::Actor;
use crate::call::Call;
use crate::instance::{Instance, Status};

/// How long ended instances are kept if neither their workflow nor a setting of the server says
/// otherwise: ten years.
pub const RETENTION_DEFAULT: Span = Span {
    amount: 3_650,
    unit: SpanUnit::Days,
};

/// A day. Retention counts in whole days from the day of the end, so a chunk is rewritten at most
/// once a day.
const DAY_MILLIS: i64 = 86_400_000;

/// The counts of instances of a chunk with the same workflow, version and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The workflow's place in the World's list.
    pub workflow: u32,
    /// The version.
    pub version: u32,
    /// The status at the end.
    pub status: Status,
    /// The number of instances.
    pub count: u32,
    /// When the first of these instances ended.
    pub oldest_end: Time,
    /// When the last of these instances ended.
    pub newest_end: Time,
}

/// Calls and instances that left memory together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The id. Newer chunks have greater ids.
    pub id: u64,
    /// The number of the chunk's file: at first its id, then a new number each time it is
    /// rewritten. No number is used twice.
    pub file: u64,
    /// The number of calls.
    pub calls: u32,
    /// The number of instances.
    pub instances: u32,
    /// When the oldest call of the chunk was first reported. Nothing in the chunk is older.
    pub oldest: Time,
    /// The sequence of the newest change of these calls and instances.
    pub newest: u64,
    /// The counts by workflow, version and status, ascending.
    pub tallies: Box<[Tally]>,
}

/// The facts of an ended instance that a chunk counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The workflow's place in the World's list.
    pub workflow: u32,
    /// The version.
    pub version: u32,
    /// The status at the end.
    pub status: Status,
    /// When the instance ended.
    pub ended_at: Time,
}

impl Chunk {
    /// A new chunk of these calls and instances.
    #[must_use]
    pub fn new<'r>(
        id: u64,
        calls: &[&'r Call],
        instances: impl Iterator<Item = &'r Instance> + Clone,
    ) -> Self {
        let end = |one: &Instance| End {
            workflow: one.workflow,
            version: one.version,
            status: one.status,
            ended_at: one.ended_at.unwrap_or_default(),
        };
        let sequences = calls
            .iter()
            .map(|call| call.sequence)
            .chain(instances.clone().map(|one| one.sequence));
        Self {
            id,
            file: id,
            calls: calls.len() as u32,
            oldest: calls
                .iter()
                .map(|call| call.created_at)
                .min()
                .unwrap_or_default(),
            newest: sequences.max().unwrap_or_default(),
            ..Self::counting(instances.map(end))
        }
    }

    /// A chunk that has only the counts of these instances.
    pub fn counting(ends: impl IntoIterator<Item = End>) -> Self {
        let mut tallies: Vec<Tally> = Vec::new();
        let mut instances = 0;
        for End {
            workflow,
            version,
            status,
            ended_at,
        } in ends
        {
            instances += 1;
            let key = (workflow, version, status);
            match tallies.binary_search_by_key(&key, |one| (one.workflow, one.version, one.status))
            {
                Ok(at) => {
                    let tally = &mut tallies[at];
                    tally.count += 1;
                    tally.oldest_end = tally.oldest_end.min(ended_at);
                    tally.newest_end = tally.newest_end.max(ended_at);
                }
                Err(at) => {
                    let (oldest_end, newest_end) = (ended_at, ended_at);
                    tallies.insert(
                        at,
                        Tally {
                            workflow,
                            version,
                            status,
                            count: 1,
                            oldest_end,
                            newest_end,
                        },
                    );
                }
            }
        }
        Self {
            id: 0,
            file: 0,
            calls: 0,
            instances,
            oldest: Time::default(),
            newest: 0,
            tallies: tallies.into(),
        }
    }
}

/// A change of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveChange {
    /// Calls and their instances left memory and are in this chunk.
    Stored {
        /// The chunk.
        chunk: Arc<Chunk>,
        /// The slots of the calls.
        calls: Box<[u32]>,
    },
    /// A chunk was rewritten or removed.
    Replaced {
        /// The id of the chunk.
        id: u64,
        /// The chunk after that, with the same id and another file; `None` if nothing is left of
        /// it.
        new: Option<Arc<Chunk>>,
    },
}

/// A confirmation by operations: the next purge may remove more than its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeConfirmation {
    /// The sequence of the confirming entry.
    pub sequence: u64,
    /// When it was confirmed.
    pub at: Time,
    /// Who confirmed it.
    pub actor: Actor,
    /// How many ended instances the purge may remove beyond its share.
    pub instances: u64,
}

/// The chunks of the archive.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// The chunks by id.
    pub chunks: OrdMap<u64, Arc<Chunk>>,
    /// The newest file number that was ever used; 0 before the first.
    pub newest_file: u64,
    /// The number of instances in all chunks.
    pub instances: u64,
    /// The newest confirmation of a purge.
    pub purge_confirmed: Option<Arc<PurgeConfirmation>>,
}

impl Archive {
    pub(crate) fn put(&mut self, chunk: Arc<Chunk>) {
        self.newest_file = self.newest_file.max(chunk.file);
        self.instances += u64::from(chunk.instances);
        self.chunks.insert(chunk.id, chunk);
    }

    pub(crate) fn take(&mut self, id: u64) -> Option<Arc<Chunk>> {
        let chunk = self.chunks.remove(&id)?;
        self.instances -= u64::from(chunk.instances);
        Some(chunk)
    }
}

/// Whether the retention of something that ended at `ended_at` is over. It counts from the end of
/// that day.
#[must_use]
pub fn is_outlived(ended_at: Time, retention: Span, now: Time) -> bool {
    let day = ended_at
        .0
        .div_euclid(DAY_MILLIS)
        .saturating_add(1)
        .saturating_mul(DAY_MILLIS);
    Time(day).after(retention) <= now
}

/// The oldest end that is not past this retention: the start of a day.
#[must_use]
pub fn oldest_kept(retention: Span, now: Time) -> Time {
    let kept_from = now.0.saturating_sub(retention.millis());
    Time(kept_from.div_euclid(DAY_MILLIS).saturating_mul(DAY_MILLIS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_kept_end_is_not_past_its_retention() {
        let retention = Span {
            amount: 30,
            unit: SpanUnit::Days,
        };
        for now in [0, 1, DAY_MILLIS - 1, DAY_MILLIS, 1_795_000_000_123] {
            let now = Time(now);
            let oldest = oldest_kept(retention, now);
            assert!(!is_outlived(oldest, retention, now), "{now:?}");
            assert!(is_outlived(Time(oldest.0 - 1), retention, now), "{now:?}");
        }
    }

    #[test]
    fn retention_counts_from_the_end_of_the_day() {
        let days = |amount| Span {
            amount,
            unit: SpanUnit::Days,
        };
        let noon = Time(20_000 * DAY_MILLIS + DAY_MILLIS / 2);
        assert!(!is_outlived(noon, days(1), Time(20_002 * DAY_MILLIS - 1)));
        assert!(is_outlived(noon, days(1), Time(20_002 * DAY_MILLIS)));
        assert!(!is_outlived(Time(i64::MAX), days(1), Time(i64::MAX - 1)));
    }

    #[test]
    fn a_chunk_counts_its_instances_by_workflow_version_and_status() {
        let end = |workflow, status, at| End {
            workflow,
            version: 1,
            status,
            ended_at: Time(at),
        };
        let chunk = Chunk::counting([
            end(2, Status::Finished, 7),
            end(1, Status::Cancelled, 9),
            end(2, Status::Finished, 5),
        ]);
        assert_eq!(chunk.instances, 3);
        let tallies: Vec<_> = chunk
            .tallies
            .iter()
            .map(|one| (one.workflow, one.count, one.oldest_end.0, one.newest_end.0))
            .collect();
        assert_eq!(tallies, [(1, 1, 9, 9), (2, 2, 5, 7)]);
    }
}
