//! Lists the archive. The chunk that was written last comes first. One request looks at a bounded
//! number of instances.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::archive::{Chunk, Tally};
use aftercall_engine::instance::Status;

use super::archive::{Archive, FoundInstance};
use super::history::HistoryError;
use crate::journal::JournalError;
use crate::limits::{ARCHIVE_LOOKS_MAX, ARCHIVE_READ_MAX};
use crate::records::ArchivedInstance;

/// Selects instances by the data of a chunk itself. All fields must match. An empty list matches
/// everything.
#[derive(Clone, Debug, Default)]
pub struct ArchiveFilter {
    /// Workflows, by their place.
    pub workflows: Vec<u32>,
    /// Versions of the workflows.
    pub versions: Vec<u32>,
    /// How the instances ended.
    pub statuses: Vec<Status>,
    /// Only instances that ended at this time or later.
    pub ended_from: Option<Time>,
    /// Only instances that ended before this time.
    pub ended_until: Option<Time>,
}

impl ArchiveFilter {
    fn matches(&self, (workflow, version, status): (u32, u32, Status)) -> bool {
        (self.workflows.is_empty() || self.workflows.contains(&workflow))
            && (self.versions.is_empty() || self.versions.contains(&version))
            && (self.statuses.is_empty() || self.statuses.contains(&status))
    }

    fn may_match_end(&self, oldest: Time, newest: Time) -> bool {
        self.ended_from.is_none_or(|from| newest >= from)
            && self.ended_until.is_none_or(|until| oldest < until)
    }

    /// Whether some of these instances may match.
    #[must_use]
    pub fn may_match(&self, tally: &Tally) -> bool {
        self.matches((tally.workflow, tally.version, tally.status))
            && self.may_match_end(tally.oldest_end, tally.newest_end)
    }
}

/// Where a list continues: in this chunk, after the instance that ended then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveCursor {
    /// The number of the chunk.
    pub chunk: u64,
    /// When the last checked instance ended.
    pub ended_at: Time,
    /// The sequence that created it. 0 if the chunk has been checked to its end.
    pub made_at: u64,
}

impl ArchiveCursor {
    /// Whether an instance still has to be checked.
    fn is_below(self, chunk: u64, one: &ArchivedInstance) -> bool {
        chunk != self.chunk || order(one) < (self.ended_at, self.made_at)
    }
}

/// The order of instances in a chunk.
pub(in crate::ledger) fn order(one: &ArchivedInstance) -> (Time, u64) {
    (one.ended_at, one.id.made_at)
}

/// A page of a list of the archive.
#[derive(Debug, Default)]
pub struct ArchivePage {
    /// The instances, newest first. Each has a cursor with which a list continues after it.
    pub instances: Vec<(ArchiveCursor, FoundInstance)>,
    /// Where the next page begins. `None` on the last page.
    pub next: Option<ArchiveCursor>,
}

impl Archive {
    /// Lists instances that match the filter and `is_meant`, newest first, at most `rows_max`.
    /// Looks at a bounded number of instances. So a page may be short although more follow.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn list(
        &self,
        filter: &ArchiveFilter,
        is_meant: impl Fn(&FoundInstance) -> bool,
        after: Option<ArchiveCursor>,
        rows_max: usize,
        now: Time,
    ) -> Result<ArchivePage, HistoryError> {
        let (mut page, mut cursor, mut read, mut looks) = (ArchivePage::default(), after, 0, 0);
        while let Some(chunk) = self.next_chunk(filter, cursor) {
            let root = self.root();
            let content = match self.content(chunk.file).await {
                // The chunk was rewritten after the root was read.
                Err(HistoryError::Journal(JournalError::NotFound { .. }))
                    if looks < ARCHIVE_LOOKS_MAX =>
                {
                    looks += 1;
                    continue;
                }
                content => content?,
            };
            let from = cursor;
            let is_left =
                |one: &&ArchivedInstance| from.is_none_or(|from| from.is_below(chunk.id, one));
            let passes = |one: &&ArchivedInstance| {
                filter.matches((one.workflow, one.version, one.status))
                    && filter.may_match_end(one.ended_at, one.ended_at)
                    && !self.instance_is_outlived(&root, one, now)
            };
            for one in content
                .instances
                .iter()
                .rev()
                .filter(is_left)
                .filter(passes)
            {
                if page.instances.len() == rows_max || read == ARCHIVE_READ_MAX {
                    page.next = cursor;
                    return Ok(page);
                }
                read += 1;
                let found = self.read(&content, one).await?;
                let (ended_at, made_at) = order(one);
                let place = ArchiveCursor {
                    chunk: chunk.id,
                    ended_at,
                    made_at,
                };
                page.instances
                    .extend(Some((place, found)).filter(|(_, found)| is_meant(found)));
                cursor = Some(place);
            }
            cursor = Some(ArchiveCursor {
                chunk: chunk.id,
                ended_at: Time(i64::MIN),
                made_at: 0,
            });
        }
        Ok(page)
    }

    /// The newest chunk, at or after the cursor, that may hold a match.
    fn next_chunk(
        &self,
        filter: &ArchiveFilter,
        cursor: Option<ArchiveCursor>,
    ) -> Option<Arc<Chunk>> {
        let top = match cursor {
            None => u64::MAX,
            Some(ArchiveCursor {
                chunk, made_at: 0, ..
            }) => chunk.checked_sub(1)?,
            Some(ArchiveCursor { chunk, .. }) => chunk,
        };
        let root = self.root();
        let mut chunks = root.archive.chunks.range(..=top).rev();
        let found =
            chunks.find(|(_, chunk)| chunk.tallies.iter().any(|tally| filter.may_match(tally)));
        found.map(|(_, chunk)| chunk.clone())
    }
}
