//! The request ids that the server remembers, so that a client can safely repeat a request. Each
//! leads to the entry of the first request. The answer is built again from that entry.
//!
//! Ids that are older than the setting are forgotten. Above the limit, the oldest are forgotten
//! first.
//!
//! More ids make no operation slower. A snapshot shares the segments of the marks ([`Marks`]). The
//! table is divided into shards that grow one at a time. Each entry removes only a few forgotten
//! ids from the table. Until an id is removed, its sequence shows that it is forgotten: it is
//! before the oldest kept one.

use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use aftercall_definition::time::Time;
use hashbrown::HashMap;

use crate::world::keeping::Keeping;

/// The number of marks in one segment. A snapshot copies one pointer for each segment. After that,
/// the writer copies at most one segment.
const SEGMENT_MARKS: usize = 4_096;
/// The number of shards of the table. At the limit, each has about 10,000 ids, which move in a
/// fraction of a millisecond.
const SHARDS: usize = 1_024;
/// How many forgotten ids one entry removes. An entry adds at most one, so forgotten ids do not
/// accumulate.
const REMOVED_PER_ENTRY: usize = 16;

/// The entry of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// A hash of the request's content.
    pub fingerprint: u64,
    /// The sequence of the entry that the request made.
    pub sequence: u64,
}

/// A request id that the server remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// A hash of the caller's identity, the RPC and the request id.
    pub key: u128,
    /// The entry of the request.
    pub remembered: Remembered,
    /// The time when that entry was decided.
    pub at: Time,
}

/// Uses the lower half of a key as its hash, because a key is a keyed hash already.
#[derive(Clone, Copy, Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// All marks, oldest first, in segments that clones share.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    segments: VecDeque<Arc<Vec<Mark>>>,
    /// The number of removed marks in the first segment.
    removed: usize,
    /// The number of marks after those that are forgotten but not removed.
    forgotten: usize,
}

impl Marks {
    /// The mark at this place. Places count from the start of the first segment.
    fn at(&self, place: usize) -> Option<&Mark> {
        self.segments
            .get(place / SEGMENT_MARKS)?
            .get(place % SEGMENT_MARKS)
    }

    /// The place after the newest mark.
    fn end(&self) -> usize {
        let full = self.segments.len().saturating_sub(1) * SEGMENT_MARKS;
        full + self.segments.back().map_or(0, |segment| segment.len())
    }

    fn newest(&self) -> Option<&Mark> {
        self.segments.back()?.last()
    }

    /// The place of the oldest mark that is not forgotten.
    fn begin(&self) -> usize {
        self.removed + self.forgotten
    }

    /// The number of marks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end() - self.begin()
    }

    /// Whether there are no marks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All marks, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.segments
            .iter()
            .flat_map(|segment| segment.iter())
            .skip(self.begin())
    }

    fn push(&mut self, mark: Mark) {
        match self
            .segments
            .back_mut()
            .filter(|segment| segment.len() < SEGMENT_MARKS)
        {
            // The first push after a snapshot copies the shared segment. Then the writer owns it.
            Some(newest) => Arc::make_mut(newest).push(mark),
            None => {
                let mut segment = Vec::with_capacity(SEGMENT_MARKS);
                segment.push(mark);
                self.segments.push_back(Arc::new(segment));
            }
        }
    }

    /// Sets the time of later marks to `now`, so that the times stay in order.
    fn go_back(&mut self, now: Time) {
        let is_later =
            |segment: &&mut Arc<Vec<Mark>>| segment.last().is_some_and(|newest| newest.at > now);
        for segment in self.segments.iter_mut().rev().take_while(is_later) {
            Arc::make_mut(segment)
                .iter_mut()
                .for_each(|mark| mark.at = mark.at.min(now));
        }
    }

    /// Marks all ids before a place as forgotten.
    fn forget_before(&mut self, place: usize) {
        self.forgotten = place.saturating_sub(self.removed).max(self.forgotten);
    }

    /// The first place whose mark is at this moment or later. Searches from `begin`.
    fn first_from(&self, moment: Time) -> usize {
        let (mut low, mut high) = (self.begin(), self.end());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle) {
                Some(mark) if mark.at < moment => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// Removes the oldest forgotten mark.
    fn pop_forgotten(&mut self) -> Option<Mark> {
        self.forgotten = self.forgotten.checked_sub(1)?;
        let mark = self.at(self.removed).copied();
        self.removed += 1;
        if self.removed == SEGMENT_MARKS {
            self.segments.pop_front();
            self.removed = 0;
        }
        mark
    }
}

/// One part of the table.
type Shard = HashMap<u128, Remembered, BuildHasherDefault<KeyHasher>>;

/// The request ids by their keys, and in the order of their times.
#[derive(Debug)]
pub struct Requests {
    by_key: Box<[Shard]>,
    marks: Marks,
    keeping: Keeping,
}

impl Requests {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self {
            by_key: vec![Shard::default(); SHARDS].into(),
            marks: Marks::default(),
            keeping,
        }
    }

    fn shard(key: u128) -> usize {
        (key >> 64) as usize % SHARDS
    }

    /// The entry that the request with this key made, if it is not forgotten.
    #[must_use]
    pub fn get(&self, key: u128) -> Option<Remembered> {
        let oldest = self.marks.at(self.marks.begin())?.remembered.sequence;
        self.by_key[Self::shard(key)]
            .get(&key)
            .copied()
            .filter(|remembered| remembered.sequence >= oldest)
    }

    /// All marks. A clone shares the existing segments.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    pub(super) fn remember(&mut self, key: u128, fingerprint: u64, sequence: u64, at: Time) {
        let remembered = Remembered {
            fingerprint,
            sequence,
        };
        self.by_key[Self::shard(key)].insert(key, remembered);
        // The times must ascend even if the clock goes back, because their order decides which ids
        // are forgotten.
        let at = self.marks.newest().map_or(at, |newest| at.max(newest.at));
        self.marks.push(Mark {
            key,
            remembered,
            at,
        });
    }

    /// Handles a clock that has gone back to `now`: no mark may have a later time.
    pub(super) fn go_back(&mut self, now: Time) {
        self.marks.go_back(now);
    }

    pub(super) fn forget_older(&mut self, now: Time) {
        let oldest_kept = Time(now.0.saturating_sub(self.keeping.request_ids_millis));
        if self
            .marks
            .at(self.marks.begin())
            .is_some_and(|oldest| oldest.at < oldest_kept)
        {
            self.marks.forget_before(self.marks.first_from(oldest_kept));
        }
        self.marks.forget_before(
            self.marks
                .end()
                .saturating_sub(self.keeping.request_ids_max),
        );
        for _ in 0..REMOVED_PER_ENTRY {
            let Some(gone) = self.marks.pop_forgotten() else {
                return;
            };
            let shard = &mut self.by_key[Self::shard(gone.key)];
            // The same id may have been remembered again.
            if shard
                .get(&gone.key)
                .is_some_and(|known| known.sequence == gone.remembered.sequence)
            {
                shard.remove(&gone.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(request_ids_millis: i64, request_ids_max: usize) -> Requests {
        Requests::new(Keeping {
            request_ids_millis,
            request_ids_max,
        })
    }

    fn key(number: u64) -> u128 {
        u128::from(number) << 60 | u128::from(number)
    }

    /// Remembers one id in each millisecond.
    fn remember(requests: &mut Requests, numbers: std::ops::Range<u64>) {
        for number in numbers {
            requests.remember(key(number), number, number, Time(number as i64));
            requests.forget_older(Time(number as i64));
        }
    }

    fn sequences(marks: &Marks) -> Vec<u64> {
        marks.iter().map(|mark| mark.remembered.sequence).collect()
    }

    #[test]
    fn expired_requests_are_unknown_before_they_are_removed() {
        let mut requests = requests(100_000, 1_000_000);
        remember(&mut requests, 1..10_001);
        requests.forget_older(Time(109_001));
        assert_eq!(requests.get(key(9_000)), None);
        assert_eq!(
            requests.get(key(9_001)),
            Some(Remembered {
                fingerprint: 9_001,
                sequence: 9_001
            })
        );
        assert_eq!(
            sequences(requests.marks()),
            (9_001..=10_000).collect::<Vec<_>>()
        );
        let held = |requests: &Requests| requests.by_key.iter().map(HashMap::len).sum::<usize>();
        assert_eq!(
            held(&requests),
            10_000 - REMOVED_PER_ENTRY,
            "one entry removes a few"
        );
        for _ in 0..9_000 / REMOVED_PER_ENTRY {
            requests.forget_older(Time(109_001));
        }
        assert_eq!(held(&requests), 1_000);
        assert_eq!(requests.marks.segments.len(), 1, "the memory is freed");
    }

    #[test]
    fn the_oldest_ids_above_the_limit_are_forgotten() {
        let mut requests = requests(i64::MAX, 3);
        remember(&mut requests, 1..6);
        assert_eq!(sequences(requests.marks()), [3, 4, 5]);
        assert_eq!((requests.get(key(2)), requests.marks().len()), (None, 3));
    }

    #[test]
    fn an_expired_request_id_can_be_used_again() {
        let mut requests = requests(10, 1_000_000);
        remember(&mut requests, 1..1_001);
        requests.forget_older(Time(5_000));
        assert_eq!(requests.get(key(1_000)), None);
        requests.remember(key(1_000), 7, 2_000, Time(5_000));
        for _ in 0..1_000 {
            requests.forget_older(Time(5_000));
        }
        assert_eq!(
            requests.get(key(1_000)),
            Some(Remembered {
                fingerprint: 7,
                sequence: 2_000
            })
        );
        assert_eq!(sequences(requests.marks()), [2_000]);
    }

    #[test]
    fn a_snapshot_keeps_its_ids_and_shares_their_memory() {
        let mut requests = requests(1_000_000, 10_000);
        remember(&mut requests, 1..9_001);
        let image = requests.marks().clone();
        let shared = || {
            requests
                .marks
                .segments
                .iter()
                .zip(&image.segments)
                .filter(|(own, its)| Arc::ptr_eq(own, its))
        };
        assert_eq!(shared().count(), 3, "nothing is copied");
        remember(&mut requests, 9_001..30_001);
        assert_eq!(sequences(&image), (1..=9_000).collect::<Vec<_>>());
        assert_eq!(
            sequences(requests.marks()),
            (20_001..=30_000).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_clock_that_goes_back_forgets_no_id_early() {
        let mut requests = requests(50, 1_000_000);
        for (number, at) in [(1, 10), (2, 100), (3, 50), (4, 60), (5, 70)] {
            requests.remember(key(number), number, number, Time(at));
        }
        requests.forget_older(Time(130));
        assert_eq!(
            sequences(requests.marks()),
            [2, 3, 4, 5],
            "no later mark is older than the second"
        );
    }
}
