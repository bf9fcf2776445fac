//! Entries that come in parts: the changes of one entry may fill several messages of the feed.
//!
//! Promise: an entry is whole when it leaves; a part whose rest does not follow is found out.

use aftercall_proto::feed::v1::FeedEntry;

use crate::cache::Discontinuity;

/// The parts of one entry that have come so far.
#[derive(Debug, Default)]
pub(crate) struct Parts(Option<FeedEntry>);

impl Parts {
    /// Takes an entry or a part of one; returns the entry once it is whole.
    pub(crate) fn join(&mut self, entry: FeedEntry) -> Result<Option<FeedEntry>, Discontinuity> {
        let is_partial = entry.partial;
        let mut whole = match self.0.take() {
            None => entry,
            Some(held) if held.sequence != entry.sequence => {
                return Err(Discontinuity::Gap {
                    expected: held.sequence,
                    came: entry.sequence,
                });
            }
            Some(mut held) => {
                held.changes.extend(entry.changes);
                held
            }
        };
        if is_partial {
            self.0 = Some(whole);
            return Ok(None);
        }
        whole.partial = false;
        Ok(Some(whole))
    }

    /// Whether nothing is missing of what has come.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use aftercall_proto::feed::v1::InstanceChange;

    use super::*;

    fn part(sequence: u64, changes: usize, partial: bool) -> FeedEntry {
        FeedEntry {
            sequence,
            changes: vec![InstanceChange::default(); changes],
            partial,
            ..FeedEntry::default()
        }
    }

    #[test]
    fn an_entry_in_parts_is_joined_and_one_whole_passes() {
        let mut parts = Parts::default();
        assert_eq!(
            parts.join(part(1, 2, false)).unwrap(),
            Some(part(1, 2, false))
        );
        assert_eq!(parts.join(part(2, 2, true)).unwrap(), None);
        assert!(!parts.is_whole());
        assert_eq!(parts.join(part(2, 1, true)).unwrap(), None);
        assert_eq!(
            parts.join(part(2, 1, false)).unwrap(),
            Some(part(2, 4, false))
        );
        assert!(parts.is_whole());
    }

    #[test]
    fn a_part_without_its_rest_is_a_gap() {
        let mut parts = Parts::default();
        assert_eq!(parts.join(part(2, 2, true)).unwrap(), None);
        assert_eq!(
            parts.join(part(3, 1, false)),
            Err(Discontinuity::Gap {
                expected: 2,
                came: 3
            })
        );
    }
}
