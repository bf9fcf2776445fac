//! Ended calls leave memory, can be found again, and are removed after their retention.

use std::time::Duration;

use aftercall_engine::command::{Command, ConfirmRetention};
use aftercall_engine::instance::{InstanceId, Status};
use aftercall_engine::phone::Country;
use aftercall_engine::world::caller_index::CallerKey;
use workflow_server::ledger::history::HistoryError;
use workflow_server::ledger::{ArchiveCursor, ArchiveFilter};

use crate::follow_ups::{archived, call_key, caller, finish, now, publish, setting, until};
use crate::support::{Bench, PATIENCE, team};

const DAY: Duration = Duration::from_secs(86_400);

async fn check_found(bench: &Bench, id: InstanceId, call: &str, reference: &str) {
    let archive = bench.handle.archive();
    assert!(
        bench.handle.root().instance(id).is_none()
            && bench.handle.root().call(&call_key(call)).is_none()
    );
    let found = archive
        .instance(id, now(bench))
        .await
        .unwrap()
        .expect("it is in the archive");
    assert_eq!(
        (found.instance.id, found.instance.status),
        (id, Status::Finished)
    );
    assert_eq!(*found.call.caller.reference, *reference);
    let calls = archive.calls(&call_key(call), now(bench)).await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].call.key.clone(), calls[0].instances[0].id),
        (call_key(call), id)
    );
    let by = CallerKey::new(&caller(reference), Country::NONE).unwrap();
    let calls = archive
        .calls_of(&by, ("", None), 10, now(bench))
        .await
        .unwrap();
    assert_eq!(
        calls
            .iter()
            .map(|found| found.call.key.clone())
            .collect::<Vec<_>>(),
        [call_key(call)]
    );
    let history = bench
        .handle
        .history()
        .trail_of_instance(&found.instance)
        .await
        .unwrap();
    assert_eq!(history.len(), 2, "set and pushed: {history:?}");
}

#[tokio::test]
async fn ended_calls_leave_memory_and_are_still_found() {
    let mut bench = Bench::new().await;
    publish(&bench, "").await;
    let mut ids = Vec::new();
    for call in 0..5 {
        ids.push(finish(&bench, &format!("{call}"), &format!("C-{call}")).await);
    }
    bench.commit(setting("open", "C-open", "still to do")).await;
    archived(&bench, 5).await;
    for round in 0..3 {
        for (call, id) in ids.iter().enumerate() {
            check_found(&bench, *id, &call.to_string(), &format!("C-{call}")).await;
        }
        assert_eq!(
            bench.handle.root().counters.open(),
            1,
            "open calls stay in memory"
        );
        let stranger = InstanceId {
            salt: ids[0].salt ^ 1,
            ..ids[0]
        };
        assert!(
            bench
                .handle
                .archive()
                .instance(stranger, now(&bench))
                .await
                .unwrap()
                .is_none()
        );
        for n in 0..30 {
            bench.commit(team(&format!("team-{round}-{n}"))).await;
        }
        bench = if round == 0 {
            bench.crash().await
        } else {
            bench.restart().await
        };
    }
    bench.commit(setting("new", "C-new", "again")).await;
    let slot = bench.handle.root().call_slot(&call_key("new")).unwrap();
    assert!(
        slot < 5,
        "the slot of an archived call is used again, not {slot}"
    );
}

#[tokio::test]
async fn a_reused_call_key_finds_both_calls() {
    let bench = Bench::new().await;
    publish(&bench, "").await;
    let first = finish(&bench, "1", "C-1").await;
    archived(&bench, 1).await;
    let second = finish(&bench, "1", "C-1").await;
    assert_ne!(first, second);
    assert!(bench.handle.root().call(&call_key("1")).is_some());
    archived(&bench, 2).await;
    let calls = bench
        .handle
        .archive()
        .calls(&call_key("1"), now(&bench))
        .await
        .unwrap();
    let found: Vec<InstanceId> = calls.iter().map(|found| found.instances[0].id).collect();
    assert_eq!(found, [second, first], "newest first");
}

#[tokio::test]
async fn an_archive_list_shows_each_instance_once() {
    let bench = Bench::new().await;
    publish(&bench, "").await;
    let mut ids = Vec::new();
    for round in 0..3_u64 {
        for call in 0..7 {
            ids.push(finish(&bench, &format!("{round}-{call}"), "C-1").await);
            bench.clock.pass(Duration::from_millis(1));
        }
        archived(&bench, 7 * (round + 1)).await;
    }
    ids.reverse();
    let list = async |filter: &ArchiveFilter, rows: usize| {
        let (mut listed, mut after): (Vec<InstanceId>, Option<ArchiveCursor>) = (Vec::new(), None);
        loop {
            let archive = bench.handle.archive();
            let page = archive
                .list(filter, |_| true, after, rows, now(&bench))
                .await
                .unwrap();
            assert!(page.instances.len() <= rows);
            listed.extend(page.instances.iter().map(|(_, found)| found.instance.id));
            after = page.next;
            if after.is_none() {
                return listed;
            }
        }
    };
    for rows in [1, 2, 7, 8, 100] {
        assert_eq!(
            list(&ArchiveFilter::default(), rows).await,
            ids,
            "{rows} rows per page"
        );
    }
    let none = ArchiveFilter {
        statuses: vec![Status::Cancelled],
        ..ArchiveFilter::default()
    };
    assert!(list(&none, 3).await.is_empty());
    let found = bench
        .handle
        .archive()
        .instance(ids[10], now(&bench))
        .await
        .unwrap()
        .unwrap();
    let until = ArchiveFilter {
        ended_until: found.instance.ended_at,
        ..ArchiveFilter::default()
    };
    let from = ArchiveFilter {
        ended_from: found.instance.ended_at,
        ..ArchiveFilter::default()
    };
    assert_eq!(list(&until, 4).await, ids[11..]);
    assert_eq!(list(&from, 4).await, ids[..11]);
}

/// Fills the journal with entries that have nothing to do with calls, so that earlier entries are
/// packed.
async fn pack(bench: &Bench) {
    for n in 0..60 {
        bench
            .commit(team(&format!(
                "filler-{n}-{}",
                bench.handle.root().sequence
            )))
            .await;
    }
}

/// Waits until an entry is removed or has no content.
async fn emptied(bench: &Bench, sequence: u64) {
    let waiting = async {
        loop {
            match bench.handle.history().entry(sequence).await {
                Err(HistoryError::NoSuchEntry(_)) => return,
                Ok(entry)
                    if entry.instances.is_empty()
                        && entry.call.is_none()
                        && entry.actor.name.is_empty() =>
                {
                    return;
                }
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("it is removed from the history");
}

#[tokio::test]
async fn only_data_past_its_retention_is_removed() {
    let mut bench = Bench::new().await;
    publish(&bench, "retention: 2d").await;
    let old = finish(&bench, "old", "C-old").await;
    bench.commit(setting("open", "C-open", "still to do")).await;
    let open = bench
        .handle
        .root()
        .call(&call_key("open"))
        .unwrap()
        .sequence;
    archived(&bench, 1).await;
    bench.clock.pass(DAY);
    let young = finish(&bench, "young", "C-young").await;
    archived(&bench, 2).await;
    pack(&bench).await;
    bench = bench.restart().await;
    check_found(&bench, old, "old", "C-old").await;
    bench.clock.pass(DAY * 2);
    let archive = bench.handle.archive();
    assert!(
        archive.instance(old, now(&bench)).await.unwrap().is_none(),
        "it is not found after that moment"
    );
    until(&bench, "the old one is purged", |root| {
        root.archive.instances == 1
    })
    .await;
    emptied(&bench, old.made_at).await;
    check_found(&bench, young, "young", "C-young").await;
    assert!(
        bench
            .handle
            .history()
            .entry(open)
            .await
            .unwrap()
            .call
            .is_some()
    );
    let bench = bench.crash().await;
    check_found(&bench, young, "young", "C-young").await;
    bench.clock.pass(DAY * 2);
    until(&bench, "nothing is left", |root| {
        root.archive.chunks.is_empty()
    })
    .await;
    emptied(&bench, young.made_at).await;
    // A reader of the whole history gets no error.
    let (mut next, newest) = (1, bench.handle.root().sequence);
    while next <= newest {
        next = bench
            .handle
            .history()
            .entries(next, 100)
            .await
            .unwrap()
            .last()
            .unwrap()
            .sequence
            + 1;
    }
}

#[tokio::test]
async fn a_shorter_retention_removes_nothing_without_confirmation() {
    let mut bench = Bench::new().await;
    publish(&bench, "").await;
    let id = finish(&bench, "1", "C-1").await;
    archived(&bench, 1).await;
    bench.clock.pass(DAY * 3);
    let is_found = async |bench: &Bench| {
        bench
            .handle
            .archive()
            .instance(id, now(bench))
            .await
            .unwrap()
            .is_some()
    };
    assert!(is_found(&bench).await, "the ten years have not passed");
    publish(&bench, "retention: 1d").await;
    let waits = |bench: &Bench| {
        let root = bench.handle.root();
        let waits = bench
            .handle
            .archive()
            .shorter_retention(&root, 0, now(bench));
        waits.map(|waits| {
            (
                waits.in_force.to_string(),
                waits.newest.to_string(),
                waits.instances,
                waits.versions,
            )
        })
    };
    assert_eq!(
        waits(&bench),
        Some(("3650d".to_owned(), "1d".to_owned(), 1, 1))
    );
    // After a day, a snapshot and a crash.
    for _ in 0..2 {
        pack(&bench).await;
        bench.clock.pass(DAY);
        bench.handle.wake_keeper();
        crate::support::settle().await;
        bench = bench.crash().await;
        assert!(is_found(&bench).await && waits(&bench).is_some());
    }
    publish(&bench, "retention: 3650d").await;
    assert_eq!(
        waits(&bench),
        None,
        "a longer retention replaces the shorter one"
    );
    publish(&bench, "retention: 2d").await;
    let newest = bench
        .handle
        .root()
        .workflows
        .named("quick")
        .unwrap()
        .newest();
    bench
        .commit(Command::from(ConfirmRetention {
            workflow: "quick".into(),
            version: newest,
        }))
        .await;
    assert_eq!((is_found(&bench).await, waits(&bench)), (false, None));
    bench.clock.pass(DAY);
    until(&bench, "it is purged", |root| {
        root.archive.chunks.is_empty()
    })
    .await;
}

#[tokio::test]
async fn purged_calls_leave_the_journal_and_snapshots_too() {
    let bench = Bench::new().await;
    publish(&bench, "retention: 2d").await;
    let old = finish(&bench, "1", "C-old").await;
    archived(&bench, 1).await;
    bench.clock.pass(DAY * 2);
    let young = finish(&bench, "1", "C-young").await;
    archived(&bench, 2).await;
    assert_eq!(
        bench
            .handle
            .history()
            .entry(old.made_at)
            .await
            .unwrap()
            .instances
            .len(),
        1
    );
    bench.clock.pass(DAY);
    until(&bench, "the old one is purged", |root| {
        root.archive.instances == 1
    })
    .await;
    emptied(&bench, old.made_at).await;
    check_found(&bench, young, "1", "C-young").await;
}
