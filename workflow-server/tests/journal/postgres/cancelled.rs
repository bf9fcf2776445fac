//! An operator cancels a statement of the leader: while it waits for a lock, and while its commit
//! waits for a synchronous replica.

use aftercall_test_postgres::Server;
use workflow_server::journal::postgres::PostgresStore;
use workflow_server::journal::{JournalError, Storage as _};

use super::{Database, address, birth, eventually, wait_for_waiting};
use crate::support::{all, append_by, group};

/// Cancels the append that waits in this way. Waits until there is one.
async fn cancel_append(server: &Server, database: &str, wait: &str) {
    let cancel = format!(
        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'
         AND query LIKE '%INSERT INTO aftercall.log %' AND pid <> pg_backend_pid() AND {wait}"
    );
    eventually("an append waits", async || {
        (server.sql("postgres", &cancel) != "0").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_append_that_waits_for_a_lock_writes_nothing() {
    let database = Database::new();
    let store = database.create().await;
    let leading = store.take_over().await.unwrap();
    let first = append_by(&leading, store.log().as_ref(), 1, 10).await;
    let mut operator = database.session().await;
    let blocking = operator.transaction().await.unwrap();
    let lock = "LOCK TABLE aftercall.log IN EXCLUSIVE MODE";
    blocking.execute(lock, &[]).await.unwrap();
    let second = group(first.end(), 1, 10);
    let (writer, appended) = (leading.clone(), second.clone());
    let appending = tokio::spawn(async move { writer.log().append(appended).await });
    wait_for_waiting(&database, 1).await;
    cancel_append(Server::shared(), &database.name, "wait_event_type = 'Lock'").await;
    let cancelled = appending.await.unwrap();
    assert!(
        matches!(cancelled, Err(JournalError::Unreachable { .. })),
        "{cancelled:?}"
    );
    blocking.rollback().await.unwrap();
    assert_eq!(
        all(store.log().as_ref()).await,
        std::slice::from_ref(&first)
    );
    leading.log().append(second.clone()).await.unwrap();
    let third = append_by(&leading, store.log().as_ref(), 1, 10).await;
    assert_eq!(all(store.log().as_ref()).await, [first, second, third]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_wait_for_a_replica_is_no_answer() {
    let server = Server::start(&[]);
    let replica = server.replica(true);
    let database = server.create_database();
    let url = format!(
        "postgres://aftercall@127.0.0.1:{},127.0.0.1:{}/{database}?sslmode=disable",
        server.port(),
        replica.port()
    );
    let store = PostgresStore::create(&address(&url), &birth())
        .await
        .unwrap();
    let leading = store.take_over().await.unwrap();
    let first = append_by(&leading, store.log().as_ref(), 1, 10).await;
    // A paused replica could still receive what the network has delivered.
    replica.kill();
    let second = group(first.end(), 1, 10);
    let (writer, appended) = (leading.clone(), second.clone());
    let appending = tokio::spawn(async move { writer.log().append(appended).await });
    cancel_append(&server, &database, "wait_event = 'SyncRep'").await;
    // PostgreSQL answers that it has committed. The replica does not have it.
    let cancelled = appending.await.unwrap();
    let Err(JournalError::Unknown { reason }) = &cancelled else {
        panic!("the append is answered: {cancelled:?}");
    };
    assert!(reason.contains("cancelled the wait"), "{reason}");
    // A read that could show it waits for the replica too.
    let (log, from) = (store.log(), second.first);
    let reading = tokio::spawn(async move { log.read(from, 1).await });
    let barrier = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%aftercall.barrier%'";
    eventually("the read waits", async || {
        (server.sql("postgres", barrier) == "1").then_some(())
    })
    .await;
    assert!(!reading.is_finished());
    replica.start_again();
    let shown = reading.await.unwrap();
    assert!(
        matches!(&shown, Ok(groups) if groups.first() == Some(&second))
            || matches!(shown, Err(JournalError::Unreachable { .. })),
        "{shown:?}"
    );
    let shown = eventually("the read is answered", async || {
        store.log().read(second.first, 1).await.ok()
    })
    .await;
    assert_eq!(shown, std::slice::from_ref(&second));
    // What was shown survives the loss of the first machine.
    server.kill();
    replica.promote();
    let groups = eventually("the replica is used", async || {
        let bounds = store.log().bounds().await.ok()?;
        (bounds.newest == second.end()).then_some(())?;
        Some(all(store.log().as_ref()).await)
    })
    .await;
    assert_eq!(groups, [first, second]);
}

/// The control: a client of PostgreSQL that ignores the warning takes the commit for durable.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_warning_a_cancelled_wait_is_an_answer() {
    let server = Server::start(&[]);
    let replica = server.replica(true);
    let database = server.create_database();
    server.sql(&database, "CREATE TABLE written (number integer)");
    let url = server.url(&database);
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    replica.kill();
    let insert = "INSERT INTO written VALUES (1)";
    let inserting = tokio::spawn(async move { client.execute(insert, &[]).await });
    let cancel =
        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    eventually("the commit waits", async || {
        (server.sql("postgres", cancel) == "1").then_some(())
    })
    .await;
    assert_eq!(inserting.await.unwrap().unwrap(), 1, "it is answered");
    server.kill();
    replica.start_again();
    replica.promote();
    assert_eq!(replica.sql(&database, "SELECT count(*) FROM written"), "0");
}
