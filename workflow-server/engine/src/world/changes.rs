//! The most recently changed instances or calls, by sequence. A search that has a result from an
//! older root reads only these to update the result.
//!
//! The list is part of the root, so a reader sees no changes after its root.

use imbl::Vector;

/// How many changes are kept: those of half a second at the highest rate, of minutes at a usual
/// rate.
const CHANGES_KEPT: usize = 16_384;

/// A change of an instance or a call.
#[derive(Clone, Copy, Debug)]
struct Change {
    sequence: u64,
    slot: u32,
}

/// The newest changes, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    newest: Vector<Change>,
    /// The list contains all changes after this sequence.
    complete_after: u64,
}

impl Changes {
    pub(super) fn push(&mut self, sequence: u64, slot: u32) {
        self.newest.push_back(Change { sequence, slot });
        while self.newest.len() > CHANGES_KEPT {
            if let Some(oldest) = self.newest.pop_front() {
                self.complete_after = oldest.sequence;
            }
        }
    }

    /// Empties the list. Changes up to this sequence are unknown.
    pub(super) fn begin_after(&mut self, sequence: u64) {
        *self = Self {
            newest: Vector::new(),
            complete_after: sequence,
        };
    }

    /// The slots that changed after a sequence, newest change first. A slot may occur twice.
    /// Returns `None` if some of these changes are no longer kept, or if there are more than
    /// `most`.
    pub fn after(&self, sequence: u64, most: usize) -> Option<impl Iterator<Item = u32> + '_> {
        let is_newer = |change: &&Change| change.sequence > sequence;
        let count = self
            .newest
            .iter()
            .rev()
            .take(most + 1)
            .take_while(is_newer)
            .count();
        let is_whole = sequence >= self.complete_after && count <= most;
        is_whole.then(|| {
            self.newest
                .iter()
                .rev()
                .take(count)
                .map(|change| change.slot)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(changes: &Changes, sequence: u64, most: usize) -> Option<Vec<u32>> {
        changes.after(sequence, most).map(Iterator::collect)
    }

    #[test]
    fn changes_are_returned_completely_or_not_at_all() {
        let mut changes = Changes::default();
        changes.begin_after(7);
        for (sequence, slot) in [(8, 3), (9, 1), (9, 2), (11, 3)] {
            changes.push(sequence, slot);
        }
        assert_eq!(after(&changes, 11, 10), Some(vec![]));
        assert_eq!(after(&changes, 8, 10), Some(vec![3, 2, 1]));
        assert_eq!(after(&changes, 7, 4), Some(vec![3, 2, 1, 3]));
        assert_eq!(after(&changes, 7, 3), None, "there are more than three");
        assert_eq!(
            after(&changes, 6, 10),
            None,
            "what changed at 7 is not known"
        );
    }

    #[test]
    fn dropped_changes_are_reported_as_missing() {
        let mut changes = Changes::default();
        for sequence in 1..=CHANGES_KEPT as u64 + 2 {
            changes.push(sequence, 0);
        }
        assert_eq!(after(&changes, 1, usize::MAX - 1), None);
        assert_eq!(
            after(&changes, 2, usize::MAX - 1).map(|slots| slots.len()),
            Some(CHANGES_KEPT)
        );
    }
}
