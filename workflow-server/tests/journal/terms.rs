//! Terms of leadership: a leader whose term has ended writes nothing, even if a write is running.

use std::sync::Arc;

use bytes::Bytes;
use workflow_server::journal::memory::{FailAt, MemoryStore};
use workflow_server::journal::{JournalError, Leading, Position, Storage, Store, Term};

use crate::support::{ScriptedDisk, all, append_by, group, options, read_blob, write_blob};

/// The result of every kind of write by a leader, with its name.
async fn every_write(
    leading: &Leading,
    store: &MemoryStore,
) -> Vec<(&'static str, Result<(), JournalError>)> {
    let next = group(store.bounds().newest, 1, 10);
    let (log, vault) = (leading.log(), leading.vault());
    vec![
        ("append", log.append(next).await),
        ("trim", log.trim(1).await),
        ("renew", log.renew().await),
        (
            "start_at",
            log.start_at(Position {
                sequence: 9,
                chain: 9,
            })
            .await,
        ),
        ("create", vault.create("new").await.map(drop)),
        ("remove", vault.remove("old").await),
        (
            "put_key",
            vault
                .put_key("key", Bytes::from_static(b"by the deposed"))
                .await,
        ),
    ]
}

#[tokio::test]
async fn every_write_of_a_deposed_leader_is_refused() {
    let store = MemoryStore::new();
    let first = store.take_over().await.unwrap();
    assert_eq!(first.term(), Term::FIRST);
    let kept = append_by(&first, store.log().as_ref(), 2, 10).await;
    write_blob(first.vault(), "old", &[Bytes::from_static(b"old")]).await;
    first
        .vault()
        .put_key("key", Bytes::from_static(b"by the first"))
        .await
        .unwrap();
    let mut begun = first.vault().create("begun").await.unwrap();
    begun.write(Bytes::from_static(b"half")).await.unwrap();

    let other = store.restart();
    let second = other.take_over().await.unwrap();
    assert_eq!(second.term(), Term(2));
    let deposed = Err(JournalError::Deposed {
        term: Term(1),
        newest: Term(2),
    });
    for (write, answer) in every_write(&first, &store).await {
        assert_eq!(answer, deposed, "{write}");
    }
    assert_eq!(begun.finish().await, deposed);
    assert_eq!(all(other.log().as_ref()).await, [kept]);
    assert_eq!(other.vault().list("").await.unwrap(), ["old"]);
    assert_eq!(
        other.vault().get_key("key").await.unwrap().unwrap(),
        "by the first"
    );
    assert_eq!(
        read_blob(other.vault().as_ref(), "old").await.unwrap(),
        [Bytes::from_static(b"old")]
    );

    // The control: without a newer leader each write succeeds. Only `start_at` fails, because the
    // log has entries.
    let answers = every_write(&second, &other).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|(_, answer)| answer.is_err())
        .map(|(write, _)| *write)
        .collect();
    assert_eq!(refused, ["start_at"]);
    assert!(other.vault().list("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_term_is_granted_once() {
    let store = MemoryStore::new();
    store.lead(Term(4)).await.unwrap();
    for term in [Term(3), Term(4)] {
        let refused = store
            .restart()
            .lead(term)
            .await
            .map(|leading| leading.term());
        assert_eq!(
            refused,
            Err(JournalError::Deposed {
                term,
                newest: Term(4)
            })
        );
    }
    assert_eq!(store.newest_term().await, Ok(Term(4)));
    store.restart().lead(Term(5)).await.unwrap();
}

#[tokio::test]
async fn a_directory_has_one_term() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let store = Store::open(dir.path(), &options(), Arc::new(ScriptedDisk::default())).unwrap();
        let leading = store.take_over().await.unwrap();
        assert_eq!(leading.term(), Term::FIRST);
        append_by(&leading, store.log().as_ref(), 1, 10).await;
        drop(leading);
        crate::support::close(store, dir.path());
    }
}

#[tokio::test]
async fn a_disconnected_process_neither_reads_nor_writes() {
    let store = MemoryStore::new();
    let leading = store.take_over().await.unwrap();
    let kept = append_by(&leading, store.log().as_ref(), 1, 10).await;
    store.cut_off(true);
    let is_unreachable =
        |answer: &Result<(), JournalError>| matches!(answer, Err(JournalError::Unreachable { .. }));
    let writes = every_write(&leading, &store).await;
    assert!(
        writes.iter().all(|(_, answer)| is_unreachable(answer)),
        "{writes:?}"
    );
    assert!(is_unreachable(&store.log().read(1, 1).await.map(drop)));
    assert!(is_unreachable(&store.log().bounds().await.map(drop)));
    assert!(is_unreachable(&store.vault().list("").await.map(drop)));
    assert!(is_unreachable(&store.take_over().await.map(drop)));
    assert_eq!(
        all(store.restart().log().as_ref()).await,
        std::slice::from_ref(&kept),
        "other processes reach it"
    );
    store.cut_off(false);
    append_by(&leading, store.log().as_ref(), 1, 10).await;
    assert_eq!(store.bounds().newest.sequence, 2);
}

#[tokio::test]
async fn an_append_succeeds_after_a_lost_answer() {
    for (at, stored) in [
        (FailAt::Unreachable, 0),
        (FailAt::AnswerLostBefore, 0),
        (FailAt::AnswerLostAfter, 1),
    ] {
        let store = MemoryStore::new();
        let leading = store.take_over().await.unwrap();
        store.fail_append(1, at);
        let answer = leading
            .log()
            .append(group(Position::default(), 1, 10))
            .await;
        assert_eq!(
            matches!(answer, Err(JournalError::Unreachable { .. })),
            at == FailAt::Unreachable,
            "{answer:?}"
        );
        assert_eq!(
            matches!(answer, Err(JournalError::Unknown { .. })),
            at != FailAt::Unreachable,
            "{answer:?}"
        );
        assert_eq!(store.bounds().newest.sequence, stored);
        append_by(&leading, store.log().as_ref(), 1, 10).await;
    }
}
