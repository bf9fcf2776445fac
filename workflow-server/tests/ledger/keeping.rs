//! Snapshots, history and trimming keep the journal short, and no entry is lost.

use aftercall_engine::Entry;
use aftercall_engine::command::{Command, ImportTeam};
use workflow_server::journal::Storage as _;
use workflow_server::ledger::capture::snapshot_sequence;

use crate::support::{Bench, PATIENCE, SNAPSHOT_EVERY, team};

async fn history(bench: &Bench, upto: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    for sequence in 1..=upto {
        entries.push(Entry::clone(
            &*bench.handle.history().entry(sequence).await.unwrap(),
        ));
    }
    entries
}

#[tokio::test]
async fn the_journal_is_trimmed_and_everything_stays_readable() {
    let mut bench = Bench::new().await;
    let mut last = 0;
    for round in 0..6 {
        for n in 0..50 {
            last = bench.commit(team(&format!("team-{round}-{n}"))).await;
        }
        let before = history(&bench, last).await;
        let teams = bench
            .handle
            .root()
            .teams
            .by_place()
            .cloned()
            .collect::<Vec<_>>();
        bench = if round % 2 == 0 {
            bench.restart().await
        } else {
            bench.crash().await
        };
        // The list of chunks needs one entry per packed chunk.
        assert!(bench.handle.root().sequence >= last);
        assert_eq!(
            bench
                .handle
                .root()
                .teams
                .by_place()
                .cloned()
                .collect::<Vec<_>>(),
            teams
        );
        assert!(history(&bench, last).await == before);
    }
    // The stop may have come before the newest chunk was packed. The next snapshot then packs it.
    for n in 0..=SNAPSHOT_EVERY {
        bench.commit(team(&format!("team-after-{n}"))).await;
    }
    bench.trimmed_beyond(last - 120).await;
    let newest = bench.handle.root().sequence;
    assert!(bench.handle.history().entry(newest + 1).await.is_err());
    assert!(bench.handle.history().entry(0).await.is_err());
    let store = bench.store.restart();
    bench.stop().await;
    let snapshots = store.vault().list("snapshot-").await.unwrap();
    assert_eq!(snapshots.len(), 2, "{snapshots:?}");
}

/// Waits until the last due snapshot is in the vault.
async fn snapshot_kept(bench: &Bench) {
    let due = bench.handle.root().sequence.saturating_sub(SNAPSHOT_EVERY);
    let newest = async || {
        let names = bench.store.vault().list("snapshot-").await.unwrap();
        names
            .last()
            .map_or(0, |name| snapshot_sequence(name).unwrap())
    };
    let waiting = async {
        while newest().await < due {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("a server that crashes often still writes its snapshots");
}

#[tokio::test]
async fn a_server_that_crashes_before_each_snapshot_writes_one() {
    let mut bench = Bench::new().await;
    for round in 0..20 {
        for n in 0..8 {
            bench.commit(team(&format!("team-{round}-{n}"))).await;
        }
        snapshot_kept(&bench).await;
        bench = bench.crash().await;
    }
    // A last one without a crash, so that the journal is trimmed.
    for n in 0..SNAPSHOT_EVERY {
        bench.commit(team(&format!("team-{n}"))).await;
    }
    let trimmed = async {
        while bench.store.bounds().oldest() == 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, trimmed)
        .await
        .expect("the journal is trimmed within 180 entries");
    let bench = bench.restart().await;
    assert_eq!(history(&bench, 180).await.len(), 180);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_readers_of_packed_history_get_their_own_entries() {
    let mut bench = Bench::new().await;
    // The keeper works in parallel, and skips a snapshot that is due while it works. On a busy
    // machine it therefore packs less at a time.
    let packing = async {
        for n in 0.. {
            if n >= 600 && bench.store.bounds().oldest() > 257 {
                return;
            }
            let (name, title) = (format!("team-{}", n % 600).into(), n.to_string().into());
            bench
                .commit(Command::from(ImportTeam {
                    name,
                    title,
                    expected: None,
                    claim_next_only: None,
                }))
                .await;
        }
    };
    tokio::time::timeout(PATIENCE, packing)
        .await
        .expect("the keeper packs");
    bench = bench.restart().await;
    let packed = bench.store.bounds().oldest() - 1;
    assert!(
        packed > 256,
        "{packed} packed entries would fit in one frame"
    );
    let readers: Vec<_> = (0..16_u64)
        .map(|reader| {
            let handle = bench.handle.clone();
            tokio::spawn(async move {
                for step in 0..200 {
                    // Each entry is in another frame than the one before, and than most others.
                    let sequence = 1 + (reader * 131 + step * 257) % packed;
                    let entry = handle
                        .history()
                        .entry(sequence)
                        .await
                        .expect("it is stored");
                    assert_eq!(entry.sequence, sequence);
                }
            })
        })
        .collect();
    for reader in readers {
        reader.await.expect("every entry is read");
    }
    let run = bench.handle.history().entries(packed - 5, 4).await.unwrap();
    assert!(
        run.iter()
            .map(|entry| entry.sequence)
            .eq(packed - 5..packed - 1),
        "{run:?}"
    );
}

#[tokio::test]
async fn the_feed_can_be_read_from_any_stored_position() {
    let bench = Bench::new().await;
    for n in 0..100 {
        bench.commit(team(&format!("team-{n}"))).await;
    }
    let bench = bench.restart().await;
    let feed = bench.handle.feed();
    let (oldest, newest) = (feed.oldest(), feed.newest().borrow().sequence);
    // The list of chunks needs one entry per packed chunk.
    assert!(newest >= 100);
    assert_eq!(newest, bench.handle.root().sequence);
    for from in oldest..=newest {
        let items = feed.items(from, 7).await.unwrap();
        let expected = from..=(from + 6).min(newest);
        assert!(
            items.iter().map(|item| item.entry.sequence).eq(expected),
            "from {from}"
        );
    }
    assert!(feed.items(newest + 1, 7).await.unwrap().is_empty());
    for outside in [0, oldest - 1, newest + 2] {
        assert!(
            feed.items(outside, 7).await.is_err(),
            "{outside} is not in the feed"
        );
    }
}
