//! Terms in a database: a write takes effect only while its term is the newest, also if another
//! term begins during the write.

use bytes::Bytes;
use workflow_server::journal::postgres::PostgresStore;
use workflow_server::journal::{Group, JournalError, Leading, Position, Storage as _, Term};

use super::{Database, wait_for_waiting};
use crate::support::{all, append_by, group, read_blob, write_blob};

/// The result of every kind of write by a leader, with its name.
async fn every_write(
    leading: &Leading,
    store: &PostgresStore,
) -> Vec<(&'static str, Result<(), JournalError>)> {
    let next = group(store.log().bounds().await.unwrap().newest, 1, 10);
    let (log, vault) = (leading.log(), leading.vault());
    let elsewhere = Position {
        sequence: 9,
        chain: 9,
    };
    let by_deposed = Bytes::from_static(b"by the deposed");
    vec![
        ("append", log.append(next).await),
        ("trim", log.trim(1).await),
        ("renew", log.renew().await),
        ("start_at", log.start_at(elsewhere).await),
        ("create", vault.create("new").await.map(drop)),
        ("remove", vault.remove("old").await),
        ("put_key", vault.put_key("key", by_deposed).await),
    ]
}

/// A store on which a first leader has written everything, and begun a blob.
async fn written(database: &Database) -> (PostgresStore, Leading, Group) {
    let store = database.create().await;
    let first = store.take_over().await.unwrap();
    let kept = append_by(&first, store.log().as_ref(), 2, 10).await;
    write_blob(first.vault(), "old", &[Bytes::from_static(b"old")]).await;
    let by_first = Bytes::from_static(b"by the first");
    first.vault().put_key("key", by_first).await.unwrap();
    (store, first, kept)
}

#[tokio::test]
async fn every_write_of_a_deposed_leader_is_refused() {
    let database = Database::new();
    let (store, first, kept) = written(&database).await;
    let mut begun = first.vault().create("begun").await.unwrap();
    begun.write(Bytes::from_static(b"half")).await.unwrap();
    let other = database.open().await;
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
    let key = other.vault().get_key("key").await.unwrap().unwrap();
    assert_eq!(key, "by the first");
    let old = read_blob(other.vault().as_ref(), "old").await.unwrap();
    assert_eq!(old, [Bytes::from_static(b"old")]);
}

#[tokio::test]
async fn without_the_fence_a_deposed_leader_writes() {
    let database = Database::new();
    let (store, first, _) = written(&database).await;
    let row = database.sql("SELECT term, mark FROM aftercall.leadership");
    let (term, mark) = row.split_once('|').unwrap();
    let other = database.open().await;
    other.take_over().await.unwrap();
    // The row of the leader is what refuses a write. Nothing else does.
    database.sql(&format!(
        "UPDATE aftercall.leadership SET term = {term}, mark = {mark}"
    ));
    let answers = every_write(&first, &store).await;
    let refused = answers.iter().filter(|(_, answer)| answer.is_err());
    let refused: Vec<_> = refused.map(|(write, _)| *write).collect();
    assert_eq!(refused, ["start_at"], "the log has entries");
    assert!(other.vault().list("").await.unwrap().is_empty());
    assert_eq!(other.log().bounds().await.unwrap().newest.sequence, 3);
}

#[tokio::test]
async fn a_term_that_another_process_also_has_writes_nothing() {
    let database = Database::new();
    let (store, first, _) = written(&database).await;
    // A database that is set back may grant a term twice.
    database.sql("UPDATE aftercall.leadership SET term = 0, mark = 0");
    let other = database.open().await;
    let second = other.take_over().await.unwrap();
    assert_eq!(second.term(), first.term());
    for (write, answer) in every_write(&first, &store).await {
        assert!(
            matches!(answer, Err(JournalError::Deposed { .. })),
            "{write}: {answer:?}"
        );
    }
    append_by(&second, other.log().as_ref(), 1, 10).await;
}

#[tokio::test]
async fn an_append_waits_for_a_new_term_and_is_refused() {
    let database = Database::new();
    let (store, first, _) = written(&database).await;
    let mut operator = database.session().await;
    let take_over = operator.transaction().await.unwrap();
    let next = "UPDATE aftercall.leadership SET term = term + 1, mark = 1";
    take_over.execute(next, &[]).await.unwrap();
    let newest = store.log().bounds().await.unwrap().newest;
    let appending = tokio::spawn(async move { first.log().append(group(newest, 1, 10)).await });
    wait_for_waiting(&database, 1).await;
    take_over.commit().await.unwrap();
    let deposed = Err(JournalError::Deposed {
        term: Term(1),
        newest: Term(2),
    });
    assert_eq!(appending.await.unwrap(), deposed);
    assert_eq!(store.log().bounds().await.unwrap().newest, newest);
}

#[tokio::test]
async fn a_new_term_waits_for_an_append() {
    let database = Database::new();
    let (store, first, _) = written(&database).await;
    let newest = store.log().bounds().await.unwrap().newest;
    let mut operator = database.session().await;
    // An uncommitted row with the same key: the append waits after it has its lock.
    let blocking = operator.transaction().await.unwrap();
    let row = "INSERT INTO aftercall.log VALUES (3, 3, 1, 0, '')";
    blocking.execute(row, &[]).await.unwrap();
    let next = group(newest, 1, 10);
    let appended = next.clone();
    let appending = tokio::spawn(async move { first.log().append(next).await });
    wait_for_waiting(&database, 1).await;
    let other = database.open().await;
    let taking_over = tokio::spawn(async move { (other.take_over().await, other) });
    wait_for_waiting(&database, 2).await;
    blocking.rollback().await.unwrap();
    assert_eq!(appending.await.unwrap(), Ok(()));
    let (second, other) = taking_over.await.unwrap();
    assert_eq!(second.unwrap().term(), Term(2));
    let newest = other.log().bounds().await.unwrap().newest;
    assert_eq!(
        newest,
        appended.end(),
        "the new leader reads what was appended"
    );
}

#[tokio::test]
async fn an_extended_lease_does_not_wait_for_an_append() {
    let database = Database::new();
    let store = database.create().await;
    let member = super::elections::member("one");
    let elections = store.elections().unwrap();
    let lease = std::time::Duration::from_secs(30);
    let leading = elections.campaign(&member, lease).await.unwrap().unwrap();
    let term = leading.term();
    let mut operator = database.session().await;
    let blocking = operator.transaction().await.unwrap();
    let row = "INSERT INTO aftercall.log VALUES (1, 1, 1, 0, '')";
    blocking.execute(row, &[]).await.unwrap();
    let next = group(Position::default(), 1, 10);
    let appending = tokio::spawn(async move { leading.log().append(next).await });
    wait_for_waiting(&database, 1).await;
    assert_eq!(elections.renew(term, lease).await, Ok(()));
    blocking.rollback().await.unwrap();
    assert_eq!(appending.await.unwrap(), Ok(()));
}
