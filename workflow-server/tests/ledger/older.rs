//! A store of an older server, which kept no list of its history files and used the files alone.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::world::Keeping;
use aftercall_engine::{Decision, Entry, World, decide};
use bytes::Bytes;
use workflow_server::journal::memory::MemoryStore;
use workflow_server::journal::{Group, Leading, Storage as _};
use workflow_server::ledger::{Follower, ManualClock};
use workflow_server::records::{GroupBytes, WorldImage, pack_entries, snapshot_frames};

use crate::support::{Bench, options, request, team};

const ENTRIES: u64 = 30;
const FIRST_FILE: &str = "history-00000000000000000001-00000000000000000010";
const SECOND_FILE: &str = "history-00000000000000000011-00000000000000000020";
/// A rewritten version of the second file, and the file of an interrupted pack.
const REWRITTEN_FILE: &str = "history-00000000000000000011-00000000000000000020-1";
const LEFTOVER_FILE: &str = "history-00000000000000000021-00000000000000000025";

async fn write_blob(leading: &Leading, name: &str, frames: Vec<Bytes>) {
    let mut blob = leading.vault().create(name).await.unwrap();
    for frame in frames {
        blob.write(frame).await.unwrap();
    }
    blob.finish().await.unwrap();
}

fn history_frame(entries: &[Entry]) -> Bytes {
    let mut frame = entries.last().unwrap().sequence.to_be_bytes().to_vec();
    frame.extend(pack_entries(entries.iter()).unwrap());
    frame.into()
}

/// Makes thirty entries. The newest has a snapshot, and twenty entries are packed and trimmed.
async fn older_store() -> (MemoryStore, Vec<Entry>) {
    let store = MemoryStore::new();
    let leading = store.take_over().await.unwrap();
    let (mut world, mut chain) = (World::new(Keeping::default()), 0);
    let mut entries = Vec::new();
    for number in 1..=ENTRIES {
        let command = request(team(&format!("team-{number}")), None);
        let at = Time(1_795_000_000_000);
        let Ok(Decision::Commit(entry)) = decide(&world, &command, at) else {
            panic!("team {number} changes something");
        };
        world.apply(&entry).unwrap();
        let mut bytes = GroupBytes::new(chain);
        let chain_before = chain;
        chain = bytes.push(&entry);
        let group = Group {
            first: number,
            last: number,
            chain_before,
            chain,
            bytes: bytes.into_bytes().into(),
        };
        leading.log().append(group).await.unwrap();
        entries.push(*entry);
    }
    for (name, packed) in [
        (FIRST_FILE, &entries[..10]),
        (SECOND_FILE, &entries[10..20]),
        (REWRITTEN_FILE, &entries[10..20]),
        (LEFTOVER_FILE, &entries[20..25]),
    ] {
        write_blob(&leading, name, vec![history_frame(packed)]).await;
    }
    let mut frames = Vec::new();
    let image = WorldImage::take(&world, chain);
    snapshot_frames(&image, |frame| {
        frames.push(frame.into());
        Ok::<_, std::convert::Infallible>(())
    })
    .unwrap();
    let name = format!("snapshot-{ENTRIES:020}");
    write_blob(&leading, &name, frames).await;
    leading.log().trim(20).await.unwrap();
    (store, entries)
}

async fn history_files(store: &MemoryStore) -> Vec<String> {
    store.vault().list("history-").await.unwrap()
}

#[tokio::test]
async fn a_store_without_a_list_opens_with_its_history() {
    let (store, entries) = older_store().await;
    let clock = Arc::new(ManualClock::at(Time(1_795_000_000_000)));
    let bench = Bench::on(store, clock).await;
    let root = bench.handle.root();
    // One new entry has the list. Nothing else has changed.
    assert_eq!(root.sequence, ENTRIES + 1);
    let listed: Vec<_> = root
        .history
        .chunks
        .values()
        .map(|chunk| (chunk.first, chunk.last, chunk.generation))
        .collect();
    assert_eq!(listed, [(1, 10, 0), (11, 20, 1)]);
    for entry in &entries {
        let found = bench.handle.history().entry(entry.sequence).await.unwrap();
        assert_eq!(*found, *entry);
    }
    bench.commit(team("after")).await;
    // The second start finds a complete list.
    let bench = bench.restart().await;
    assert_eq!(bench.handle.root().sequence, ENTRIES + 2);
    for entry in &entries {
        let found = bench.handle.history().entry(entry.sequence).await.unwrap();
        assert_eq!(*found, *entry);
    }
    let store = bench.store.restart();
    bench.stop().await;
    assert_eq!(history_files(&store).await, [FIRST_FILE, REWRITTEN_FILE]);
}

#[tokio::test]
async fn a_follower_reads_the_history_listed_in_the_log() {
    let bench = Bench::new().await;
    let mut follower = Follower::begin(&bench.store.restart(), options())
        .await
        .unwrap();
    for number in 0..200 {
        bench.commit(team(&format!("team-{number}"))).await;
        while follower.advance().await.unwrap() {}
    }
    bench.trimmed_beyond(50).await;
    bench.commit(team("after")).await;
    while follower.advance().await.unwrap() {}
    let (theirs, ours) = (bench.handle.root(), follower.root());
    assert!(theirs.history.packed_upto() >= 50);
    assert_eq!(ours.history.chunks, theirs.history.chunks);
    for sequence in [1, 25, 50] {
        let read = follower.history().entry(sequence).await.unwrap();
        assert_eq!(read.sequence, sequence);
    }
}
