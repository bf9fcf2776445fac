//! The names of the snapshots in the vault.

use crate::journal::{JournalError, Term, Vault};

/// The prefix of the names of snapshots.
const PREFIX: &str = "snapshot-";

/// The name of a snapshot of the World at this sequence, written in this term.
pub(in crate::ledger) fn name(sequence: u64, term: Term) -> String {
    format!("{PREFIX}{sequence:020}{}", term.suffix())
}

/// The sequence of the snapshot with this name. `None` if the blob is not a snapshot.
#[must_use]
pub fn snapshot_sequence(name: &str) -> Option<u64> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    let sequence = parts.next()?.parse().ok()?;
    let has_term = parts.next().is_none_or(|term| term.parse::<u64>().is_ok());
    (has_term && parts.next().is_none()).then_some(sequence)
}

/// The names of all snapshots, oldest first.
pub(in crate::ledger) async fn names(vault: &dyn Vault) -> Result<Vec<String>, JournalError> {
    vault.list(PREFIX).await
}

/// Whether there is a snapshot of this sequence. Its term does not matter, because each sequence
/// has exactly one World.
pub(in crate::ledger) async fn has(vault: &dyn Vault, sequence: u64) -> Result<bool, JournalError> {
    Ok(names(vault)
        .await?
        .iter()
        .any(|name| snapshot_sequence(name) == Some(sequence)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_snapshot_name_reads_back_its_sequence() {
        assert_eq!(name(7, Term::FIRST), "snapshot-00000000000000000007");
        assert_eq!(name(7, Term(3)), "snapshot-00000000000000000007-3");
        for term in [Term::FIRST, Term(2), Term(u64::MAX)] {
            assert_eq!(snapshot_sequence(&name(u64::MAX, term)), Some(u64::MAX));
        }
        for other in [
            "snapshot-",
            "snapshot-a",
            "snapshot-1-a",
            "snapshot-1-2-3",
            "history-1-2",
        ] {
            assert_eq!(snapshot_sequence(other), None, "{other}");
        }
    }
}
