//! Completes the list of the history's chunks before a leader begins.
//!
//! An older server kept no list and used the files alone. A store that was restored to an earlier
//! point has the files of its backup. These may be newer than the list at that point. A new leader
//! therefore compares the list with the files, and commits the difference.

use std::collections::{BTreeMap, HashSet};

use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::{Command, PackHistory};
use aftercall_engine::history::{History, HistoryChange};
use aftercall_engine::{Decision, Entry, Request, decide};

use crate::journal::{Group, JournalError, Leading, Position};
use crate::ledger::read::follow::Follower;
use crate::ledger::read::history::{PREFIX, Place};
use crate::ledger::read::recover::RecoverError;
use crate::limits::{ADOPTED_CHUNKS_MAX, RECOVERIES_MAX};
use crate::records::GroupBytes;

/// Commits the chunks that are missing from the list. Does nothing if the list is complete.
pub(super) async fn adopt_chunks(
    follower: &mut Follower,
    leading: &Leading,
) -> Result<(), RecoverError> {
    let mut tries = 1;
    loop {
        let names = follower.vault.list(PREFIX).await?;
        let oldest = follower.log.bounds().await?.oldest();
        let root = follower.root();
        let Some(change) = missing(&root.history, &names, oldest) else {
            return Ok(());
        };
        tracing::info!(
            chunks = change.put.len(),
            removed = change.removed.len(),
            "updating the list of the history's files"
        );
        warn_of_missing(&root.history, &change.removed);
        let Some(entry) = entry_of(follower, change) else {
            return Ok(());
        };
        match leading
            .log()
            .append(group_of(&entry, follower.recovered.newest))
            .await
        {
            // The next read of the log shows whether the log contains the entry.
            Err(JournalError::Unknown { .. }) if tries < RECOVERIES_MAX => tries += 1,
            appended => appended?,
        }
        while follower.advance().await? {}
    }
}

/// Warns of files that are in the list and not in the vault. After a restore to an earlier point
/// these may be chunks that were removed before the backup was made.
fn warn_of_missing(list: &History, removed: &[u64]) {
    for chunk in removed.iter().filter_map(|last| list.chunks.get(last)) {
        tracing::warn!(
            file = Place::from(*chunk).name(),
            first = chunk.first,
            last = chunk.last,
            "a file of the history is missing: it is removed from the list, and its entries cannot be shown any more"
        );
    }
}

/// The difference between the list of chunks and these files. `None` if the list is complete.
///
/// The log contains the entries from `oldest` on. A file of such entries that is not in the list is
/// unfinished work, and will be packed again.
fn missing(list: &History, names: &[String], oldest: u64) -> Option<HistoryChange> {
    let mut newest_files: BTreeMap<u64, Place> = BTreeMap::new();
    for place in names.iter().filter_map(|name| Place::parse(name)) {
        let kept = newest_files.entry(place.last).or_insert(place);
        if place.rank() > kept.rank() {
            *kept = place;
        }
    }
    let names: HashSet<&str> = names.iter().map(String::as_str).collect();
    let packed_upto = list.packed_upto();
    let is_missing = |place: &&Place| match list.chunks.get(&place.last) {
        Some(listed) => !names.contains(Place::from(*listed).name().as_str()),
        None => place.last > packed_upto && place.first < oldest,
    };
    let put = newest_files
        .values()
        .filter(is_missing)
        .take(ADOPTED_CHUNKS_MAX);
    let change = HistoryChange {
        put: put.map(|place| (*place).into()).collect(),
        removed: list
            .chunks
            .keys()
            .filter(|last| !newest_files.contains_key(last))
            .take(ADOPTED_CHUNKS_MAX)
            .copied()
            .collect(),
    };
    (!change.put.is_empty() || !change.removed.is_empty()).then_some(change)
}

/// The entry of a change. It has the time of the newest entry, because a start needs no clock for
/// it.
fn entry_of(follower: &Follower, change: HistoryChange) -> Option<Entry> {
    let world = &follower.recovered.world;
    let request = Request {
        actor: Actor {
            kind: ActorKind::Server,
            name: "".into(),
            subject: None,
        },
        mark: None,
        salt: 0,
        known: None,
        acts_for: None,
        reach: aftercall_engine::Reach::EVERYTHING,
        command: Command::from(PackHistory(change)),
    };
    match decide(world, &request, world.root().at) {
        Ok(Decision::Commit(entry)) => Some(*entry),
        _ => None,
    }
}

fn group_of(entry: &Entry, before: Position) -> Group {
    let mut bytes = GroupBytes::new(before.chain);
    let chain = bytes.push(entry);
    Group {
        first: entry.sequence,
        last: entry.sequence,
        chain_before: before.chain,
        chain,
        bytes: bytes.into_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use aftercall_engine::history::HistoryChunk;

    use super::*;

    fn chunk(first: u64, last: u64, generation: u32) -> HistoryChunk {
        HistoryChunk {
            first,
            last,
            generation,
            term: 1,
        }
    }

    fn names(chunks: &[HistoryChunk]) -> Vec<String> {
        chunks
            .iter()
            .map(|chunk| Place::from(*chunk).name())
            .collect()
    }

    fn listed(chunks: &[HistoryChunk]) -> History {
        History {
            chunks: chunks.iter().map(|chunk| (chunk.last, *chunk)).collect(),
        }
    }

    #[test]
    fn the_files_of_an_older_server_are_adopted() {
        let files = [chunk(1, 9, 0), chunk(10, 20, 0), chunk(10, 20, 2)];
        let change = missing(&listed(&[]), &names(&files), 21).unwrap();
        assert_eq!(*change.put, [chunk(1, 9, 0), chunk(10, 20, 2)]);
        assert!(change.removed.is_empty());
    }

    #[test]
    fn a_file_already_in_the_log_is_not_adopted() {
        let files = names(&[chunk(1, 9, 0), chunk(10, 20, 0)]);
        assert_eq!(missing(&listed(&[chunk(1, 9, 0)]), &files, 10), None);
        // The log was trimmed, but not to the end of the chunk.
        let change = missing(&listed(&[chunk(1, 9, 0)]), &files, 15).unwrap();
        assert_eq!(*change.put, [chunk(10, 20, 0)]);
    }

    #[test]
    fn a_removed_chunk_and_an_unfinished_rewrite_are_not_adopted() {
        let files = names(&[chunk(1, 9, 0), chunk(10, 20, 0), chunk(10, 20, 1)]);
        assert_eq!(missing(&listed(&[chunk(10, 20, 0)]), &files, 21), None);
    }

    #[test]
    fn an_earlier_restore_adopts_the_files_of_its_backup() {
        let list = listed(&[chunk(1, 9, 0), chunk(10, 20, 0), chunk(21, 30, 0)]);
        let change = missing(&list, &names(&[chunk(10, 20, 1), chunk(21, 30, 0)]), 31).unwrap();
        assert_eq!(*change.put, [chunk(10, 20, 1)]);
        assert_eq!(*change.removed, [9]);
    }
}
