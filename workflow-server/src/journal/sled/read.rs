//! Groups out of sled, in order, each checked.
//!
//! Reading goes on while the writer appends and trims: what is above the published newest is never
//! shown, and what is trimmed meanwhile is said to be trimmed, not damaged.

use super::chunk;
use super::shared::Shared;
use super::tree::Tree;
use crate::journal::{Group, JournalError};

/// The groups from the one that begins at `first` on.
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
        None => tree.damaged(format!("a value under an unknown key: {what}")),
    }
}

/// What [`Log::read`](crate::journal::Log::read) answers.
pub(super) fn read(
    shared: &Shared,
    from: u64,
    bytes_max: usize,
) -> Result<Vec<Group>, JournalError> {
    let from = from.max(1);
    let bounds = shared.bounds();
    if from <= bounds.base.sequence {
        return Err(JournalError::Trimmed {
            oldest: bounds.oldest(),
        });
    }
    let mut found = Vec::new();
    if from > bounds.newest.sequence {
        return Ok(found);
    }
    match gather(shared, from, bounds.newest.sequence, bytes_max, &mut found) {
        Ok(()) => Ok(found),
        Err(error) => {
            let now = shared.bounds();
            let missed = found.last().map_or(from, |group| group.last + 1);
            if missed > now.base.sequence {
                Err(error)
            } else if found.is_empty() {
                Err(JournalError::Trimmed {
                    oldest: now.oldest(),
                })
            } else {
                Ok(found)
            }
        }
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
    let mut bytes = 0;
    for group in groups(tree, first) {
        let group = group?;
        if group.first > newest || (!found.is_empty() && bytes + group.bytes.len() > bytes_max) {
            return Ok(());
        }
        let follows = match found.last() {
            Some(previous) => {
                previous.last + 1 == group.first && previous.chain == group.chain_before
            }
            None => (group.first..=group.last).contains(&from),
        };
        if !follows {
            return Err(tree.damaged(format!("a group is missing before entry {}", group.first)));
        }
        bytes += group.bytes.len();
        found.push(group);
    }
    let last = found.last().map_or(0, |group| group.last);
    if last < newest {
        Err(tree.damaged(format!("the entries after {last} are missing")))
    } else {
        Ok(())
    }
}
