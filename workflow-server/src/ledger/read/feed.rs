//! The feed: durable entries, for alerters. The newest are in memory. Older ones are read from the
//! journal while it has them.
//!
//! A lost wake-up costs time, but never a change. Readers request the entries after the sequence
//! that they have.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use aftercall_engine::Entry;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::journal::{Group, JournalError, Log, Position};
use crate::limits::{
    FEED_BEHIND_PATIENCE, FEED_GROUPS_HELD, FEED_READ_BYTES, FEED_RING_BYTES, FEED_RING_ENTRIES,
};
use crate::records::{Linked, RecordError, decode_group};

/// An entry with its chain hash.
#[derive(Clone, Debug)]
pub struct FeedItem {
    /// The entry.
    pub entry: Arc<Entry>,
    /// The chain hash of the entry.
    pub chain: u64,
    /// The size of the entry in the memory of the feed, in bytes. 0 if it was read from the
    /// journal.
    pub bytes: usize,
}

/// The newest entries, in memory.
#[derive(Default)]
struct Ring {
    items: VecDeque<FeedItem>,
    bytes: usize,
}

impl Ring {
    /// Adds items, and returns the oldest ones that no longer fit. The newest always stays, of any
    /// size.
    fn extend(&mut self, items: Vec<FeedItem>) -> Vec<FeedItem> {
        self.bytes += items.iter().map(|item| item.bytes).sum::<usize>();
        self.items.extend(items);
        let mut gone = Vec::new();
        while self.items.len() > FEED_RING_ENTRIES
            || (self.bytes > FEED_RING_BYTES && self.items.len() > 1)
        {
            gone.extend(self.take_oldest());
        }
        gone
    }

    fn take_oldest(&mut self) -> Option<FeedItem> {
        let oldest = self.items.pop_front()?;
        self.bytes -= oldest.bytes;
        Some(oldest)
    }
}

/// Why the feed cannot return the requested entries.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The sequence is older than the oldest entry, or newer than the newest.
    #[error("the feed goes from {oldest} to {newest}")]
    OutOfRange {
        /// The oldest sequence that can be read.
        oldest: u64,
        /// The newest sequence.
        newest: u64,
    },
    /// The sequence is durable, but this process has not read it yet.
    #[error("this server has read up to {newest} and is catching up: try again")]
    Behind {
        /// The newest sequence that was read.
        newest: u64,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An entry could not be read.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The feed.
pub struct Feed {
    log: Arc<dyn Log>,
    ring: RwLock<Ring>,
    /// The groups that were last read for one entry. A reader who goes back through the past needs
    /// them again.
    read_last: Mutex<VecDeque<Arc<Vec<FeedItem>>>>,
    newest: watch::Sender<Position>,
    /// The oldest known sequence of the journal. A read shows if more was trimmed.
    oldest: AtomicU64,
}

impl Feed {
    pub(in crate::ledger) fn new(log: Arc<dyn Log>, newest: Position, oldest: u64) -> Self {
        let (newest, oldest) = (watch::Sender::new(newest), AtomicU64::new(oldest));
        Self {
            log,
            ring: RwLock::default(),
            read_last: Mutex::default(),
            newest,
            oldest,
        }
    }

    /// Adds entries that are now durable.
    pub(in crate::ledger) fn publish(&self, items: Vec<FeedItem>) {
        let Some(last) = items.last() else { return };
        let newest = Position {
            sequence: last.entry.sequence,
            chain: last.chain,
        };
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let gone = ring.extend(items);
        drop(ring);
        drop(gone);
        self.newest.send_replace(newest);
    }

    /// Continues at this position, because the entries before it were trimmed before this process
    /// read them.
    pub(in crate::ledger) fn jump(&self, newest: Position, oldest: u64) {
        self.trimmed(oldest);
        let gone = std::mem::take(&mut *self.ring.write().unwrap_or_else(PoisonError::into_inner));
        drop(gone);
        self.newest.send_replace(newest);
    }

    /// Notes that the journal now begins at this sequence.
    pub(in crate::ledger) fn trimmed(&self, oldest: u64) {
        self.oldest.fetch_max(oldest, Ordering::Relaxed);
    }

    /// Forgets all entries up to this one. They were trimmed from the journal before.
    pub(in crate::ledger) fn forget(&self, upto: u64) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let count = ring
            .items
            .partition_point(|item| item.entry.sequence <= upto);
        let gone: Vec<FeedItem> = (0..count).filter_map(|_| ring.take_oldest()).collect();
        drop(ring);
        drop(gone);
        self.lock_read_last().clear();
    }

    fn lock_read_last(&self) -> MutexGuard<'_, VecDeque<Arc<Vec<FeedItem>>>> {
        self.read_last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The position of the newest durable entry. A change of it wakes the readers who wait for
    /// more.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<Position> {
        self.newest.subscribe()
    }

    /// The oldest sequence that can be read.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Relaxed)
    }

    /// Entries from a sequence on, at most `items_max`. Empty if the sequence is the next one to be
    /// written.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn items(&self, from: u64, items_max: usize) -> Result<Vec<FeedItem>, FeedError> {
        let newest = self.newest.borrow().sequence;
        if from > newest + 1 && from <= self.log.bounds().await?.newest.sequence + 1 {
            return Err(FeedError::Behind { newest });
        }
        if from > newest + 1 || from == 0 {
            return Err(FeedError::OutOfRange {
                oldest: self.oldest(),
                newest,
            });
        }
        if from == newest + 1 {
            return Ok(Vec::new());
        }
        if let Some(items) = self.read_ring(from, items_max) {
            return Ok(items);
        }
        self.read_log(from, items_max, newest).await
    }

    /// The same for a reader that begins: it may know an entry which this process has not read yet.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn first_items(
        &self,
        from: u64,
        items_max: usize,
    ) -> Result<Vec<FeedItem>, FeedError> {
        let newest = self.newest.borrow().sequence;
        if from > newest {
            let durable = self.log.bounds().await?.newest.sequence;
            // Without another entry, it begins with the next one.
            let wanted = from.min(durable);
            if from > durable + 1 || wanted <= newest {
                return self.items(from, items_max).await;
            }
            let mut watch = self.newest();
            let read = watch.wait_for(|newest| newest.sequence >= wanted);
            let is_read = timeout(FEED_BEHIND_PATIENCE, read).await;
            if !matches!(is_read, Ok(Ok(_))) {
                return Err(FeedError::Behind { newest });
            }
        }
        self.items(from, items_max).await
    }

    fn read_ring(&self, from: u64, items_max: usize) -> Option<Vec<FeedItem>> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let first = ring.items.front()?.entry.sequence;
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        Some(
            ring.items
                .iter()
                .skip(skip)
                .take(items_max)
                .cloned()
                .collect(),
        )
    }

    async fn read_log(
        &self,
        from: u64,
        items_max: usize,
        newest: u64,
    ) -> Result<Vec<FeedItem>, FeedError> {
        if items_max == 1 {
            return self.read_one(from, newest).await;
        }
        let mut items = Vec::new();
        for group in self.groups(from, FEED_READ_BYTES, newest).await? {
            if items.len() == items_max {
                break;
            }
            let wanted = decoded(&group)?
                .into_iter()
                .filter(|item| (from..=newest).contains(&item.entry.sequence));
            items.extend(wanted.take(items_max - items.len()));
        }
        Ok(items)
    }

    async fn groups(
        &self,
        from: u64,
        bytes_max: usize,
        newest: u64,
    ) -> Result<Vec<Group>, FeedError> {
        match self.log.read(from, bytes_max).await {
            Err(JournalError::Trimmed { oldest }) => {
                self.trimmed(oldest);
                Err(FeedError::OutOfRange { oldest, newest })
            }
            groups => Ok(groups?),
        }
    }

    /// Reads one entry, and keeps its group in memory.
    async fn read_one(&self, sequence: u64, newest: u64) -> Result<Vec<FeedItem>, FeedError> {
        let held = self
            .lock_read_last()
            .iter()
            .find_map(|group| item_of(group, sequence));
        if let Some(item) = held {
            return Ok(vec![item]);
        }
        // The limit is one byte: the first group is always returned, even if it is larger.
        let Some(group) = self.groups(sequence, 1, newest).await?.into_iter().next() else {
            return Ok(Vec::new());
        };
        let group = Arc::new(decoded(&group)?);
        let found = item_of(&group, sequence).into_iter().collect();
        let mut read_last = self.lock_read_last();
        // Entries that were trimmed meanwhile may be erased data, so they are not kept.
        if group
            .first()
            .is_some_and(|first| first.entry.sequence >= self.oldest())
        {
            read_last.push_back(group);
            let surplus = read_last.len().saturating_sub(FEED_GROUPS_HELD);
            read_last.drain(..surplus);
        }
        Ok(found)
    }
}

fn decoded(group: &Group) -> Result<Vec<FeedItem>, RecordError> {
    let linked = decode_group(&group.bytes, group.chain_before, group.chain)?;
    let item = |linked: Linked| FeedItem {
        entry: Arc::new(linked.entry),
        chain: linked.chain,
        bytes: 0,
    };
    Ok(linked.into_iter().map(item).collect())
}

/// Finds an entry in a group. Its entries have consecutive sequences.
fn item_of(group: &[FeedItem], sequence: u64) -> Option<FeedItem> {
    let place = sequence.checked_sub(group.first()?.entry.sequence)?;
    group.get(usize::try_from(place).ok()?).cloned()
}
