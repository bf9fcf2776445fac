//! Reads groups in order, and checks each that comes from sled. The newest ones are in memory.
//!
//! Readers run while the writer appends and trims. They never return groups above the published
//! newest. Groups that are trimmed during a read are reported as trimmed, not as damaged.

use super::chunk;
use super::shared::Shared;
use super::tree::Tree;
use crate::journal::{Group, JournalError};

/// The groups, starting with the one that begins at `first`.
pub(super) fn groups(
    tree: &Tree,
    first: u64,
) -> impl Iterator<Item = Result<Group, JournalError>> + '_ {
    let start = chunk::key(first, 0);
    let mut stored = tree.db.range::<&[u8], _>(&start[..]..&b"h"[..]);
    std::iter::from_fn(move || next_group(tree, &mut stored).transpose())
}

fn next_group(tree: &Tree, stored: &mut sled::Iter) -> Result<Option<Group>, JournalError> {
    let mut chunks: Vec<chunk::Chunk> = Vec::with_capacity(1);
    for pair in stored.by_ref() {
        let (key, value) = pair.map_err(|error| tree.error(&error))?;
        let chunk = chunk::decode(&key, &value).map_err(|what| bad_group(tree, &key, &what))?;
        let count = usize::from(chunk.count);
        chunks.push(chunk);
        if chunks.len() >= count {
            return chunk::join(&chunks)
                .map(Some)
                .map_err(|what| bad_group(tree, &key, &what));
        }
    }
    if chunks.is_empty() {
        Ok(None)
    } else {
        Err(tree.damaged("the last group is not whole"))
    }
}

fn bad_group(tree: &Tree, key: &[u8], what: &str) -> JournalError {
    match chunk::first_of(key) {
        Some(first) => tree.damaged(format!("the group that begins at entry {first}: {what}")),
        None => tree.damaged(format!("a value has an unknown key: {what}")),
    }
}

/// Carries out [`Log::read`](crate::journal::Log::read).
pub(super) fn read(
    shared: &Shared,
    from: u64,
    bytes_max: usize,
) -> Result<Vec<Group>, JournalError> {
    let from = from.max(1);
    let (waiting, bounds) = shared.durable_waiting();
    if from <= bounds.base.sequence {
        return Err(JournalError::Trimmed {
            oldest: bounds.oldest(),
        });
    }
    let mut found = Vec::new();
    let in_sled = waiting
        .first()
        .map_or(bounds.newest.sequence, |group| group.first - 1);
    if from <= in_sled
        && let Err(error) = gather(shared, from, in_sled, bytes_max, &mut found)
    {
        let now = shared.bounds();
        let missed = found.last().map_or(from, |group| group.last + 1);
        return if missed > now.base.sequence {
            Err(error)
        } else if found.is_empty() {
            Err(JournalError::Trimmed {
                oldest: now.oldest(),
            })
        } else {
            Ok(found)
        };
    }
    if found.last().is_none_or(|group| group.last == in_sled) {
        add_waiting(waiting, from, bytes_max, &mut found);
    }
    Ok(found)
}

/// Adds the groups that sled does not have, up to about `bytes_max`. At least one, if nothing was
/// found yet.
fn add_waiting(waiting: Vec<Group>, from: u64, bytes_max: usize, found: &mut Vec<Group>) {
    let mut bytes: usize = found.iter().map(|group| group.bytes.len()).sum();
    for group in waiting.into_iter().filter(|group| group.last >= from) {
        bytes += group.bytes.len();
        if bytes > bytes_max && !found.is_empty() {
            return;
        }
        found.push(group);
    }
}

fn gather(
    shared: &Shared,
    from: u64,
    newest: u64,
    bytes_max: usize,
    found: &mut Vec<Group>,
) -> Result<(), JournalError> {
    let tree = &*shared.tree();
    let end = chunk::key(from, u16::MAX);
    let mut before = tree.db.range::<&[u8], _>(chunk::GROUPS..=&end[..]);
    let (key, _) = before
        .next_back()
        .ok_or_else(|| tree.damaged(format!("the group with entry {from} is missing")))?
        .map_err(|error| tree.error(&error))?;
    let first = chunk::first_of(&key).ok_or_else(|| tree.damaged("a key has an unknown form"))?;
    take(
        groups(tree, first),
        (from, newest),
        bytes_max,
        found,
        |what| tree.damaged(what),
    )
}

/// Takes groups up to about `bytes_max`, starting with the one that has the entry `from`. Takes at
/// least one. If the iterator begins after `from`, that group was trimmed meanwhile.
fn take(
    groups: impl Iterator<Item = Result<Group, JournalError>>,
    (from, newest): (u64, u64),
    bytes_max: usize,
    found: &mut Vec<Group>,
    damaged: impl Fn(String) -> JournalError,
) -> Result<(), JournalError> {
    let mut bytes = 0;
    for group in groups {
        let group = group?;
        let follows = match found.last() {
            Some(_) if group.first > newest || bytes + group.bytes.len() > bytes_max => {
                return Ok(());
            }
            Some(previous) => {
                previous.last + 1 == group.first && previous.chain == group.chain_before
            }
            None => (group.first..=group.last).contains(&from),
        };
        if !follows {
            return Err(damaged(format!(
                "a group is missing before entry {}",
                group.first
            )));
        }
        bytes += group.bytes.len();
        found.push(group);
    }
    let last = found.last().map_or(0, |group| group.last);
    if last < newest {
        Err(damaged(format!("the entries after {last} are missing")))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(sequence: u64) -> Result<Group, JournalError> {
        Ok(Group {
            first: sequence,
            last: sequence,
            chain_before: sequence - 1,
            chain: sequence,
            bytes: vec![0; 8].into(),
        })
    }

    fn taken(groups: &[u64], within: (u64, u64)) -> Option<Vec<u64>> {
        let mut found = Vec::new();
        let groups = groups.iter().map(|sequence| group(*sequence));
        let damaged = |_| JournalError::Trimmed { oldest: 0 };
        take(groups, within, 100, &mut found, damaged).ok()?;
        Some(found.iter().map(|group| group.first).collect())
    }

    #[test]
    fn groups_are_taken_up_to_the_newest() {
        assert_eq!(taken(&[1, 2, 3], (1, 2)), Some(vec![1, 2]));
        assert_eq!(taken(&[2, 3], (2, 3)), Some(vec![2, 3]));
    }

    /// Trimming removes a group after the reader has found it and before it reads it. Newer groups
    /// must not turn this into an empty answer.
    #[test]
    fn a_group_that_was_trimmed_meanwhile_is_missing() {
        assert_eq!(taken(&[3], (1, 2)), None);
        assert_eq!(taken(&[2, 3], (1, 2)), None);
        assert_eq!(taken(&[], (1, 2)), None);
    }
}
