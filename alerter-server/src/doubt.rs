//! Whether the history is another one, where several workflow-servers may be followed.
//!
//! One of them alone may be left over from before a restore, or be named by mistake. To believe it
//! would reset every client.
//!
//! Promise: after a real restore the doubt ends within [`DOUBT_LONGEST`].

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::limits::{DOUBT_LONGEST, WITNESSES};

/// What workflow-servers have shown since the last one that shows the known history.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    since: Option<Instant>,
    witnesses: BTreeSet<String>,
}

impl Doubt {
    /// Notes that a workflow-server shows another history. Returns whether that is certain, if
    /// `count` of them may be followed.
    pub(crate) fn is_certain(&mut self, witness: String, count: usize, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        self.witnesses.insert(witness);
        self.witnesses.len() >= count.min(WITNESSES) || now.duration_since(since) >= DOUBT_LONGEST
    }

    /// Notes that a workflow-server shows the known history.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_is_believed_late() {
        let (mut doubt, now) = (Doubt::default(), Instant::now());
        assert!(!doubt.is_certain("a".to_owned(), 3, now));
        assert!(!doubt.is_certain("a".to_owned(), 3, now + DOUBT_LONGEST / 2));
        assert!(doubt.is_certain("a".to_owned(), 3, now + DOUBT_LONGEST));
        doubt.end();
        assert!(!doubt.is_certain("a".to_owned(), 3, now + DOUBT_LONGEST));
    }

    #[test]
    fn two_or_the_only_one_are_believed_at_once() {
        let (mut doubt, now) = (Doubt::default(), Instant::now());
        assert!(!doubt.is_certain("a".to_owned(), 2, now));
        assert!(doubt.is_certain("b".to_owned(), 2, now));
        assert!(Doubt::default().is_certain("a".to_owned(), 1, now));
    }
}
