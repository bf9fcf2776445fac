//! Faults of a database and of the connections to it. None ends writing, and nothing acknowledged
//! is lost or doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aftercall_test_postgres::{Proxy, Server, Way};
use bytes::Bytes;
use workflow_server::journal::postgres::PostgresStore;
use workflow_server::journal::{Group, JournalError, Leading, Position, Storage, Term};

use super::elections::member;
use super::{Database, address, birth, eventually};
use crate::support::{all, append_by, blob_names, group};

/// The longest time until a stalled link is noticed: shorter than a lease.
const NOTICED_WITHIN: Duration = Duration::from_millis(2_500);

/// Appends a group as the owner of the log does: looks after each lost answer, and tries again.
/// Returns the number of tries.
async fn append_surely(store: &PostgresStore, leading: &Leading, group: &Group) -> u64 {
    let mut tries = 0;
    eventually("the group is appended", async || {
        tries += 1;
        match leading.log().append(group.clone()).await {
            Ok(()) => return Some(()),
            Err(JournalError::Unreachable { .. } | JournalError::Unknown { .. }) => {}
            Err(JournalError::NotContiguous { .. }) if tries > 1 => {}
            Err(error) => panic!("writing has ended: {error}"),
        }
        let read = store.log().read(group.first, 1).await;
        read.ok().filter(|groups| groups.first() == Some(group))?;
        Some(())
    })
    .await;
    tries
}

async fn create(server: &Server) -> (PostgresStore, Leading, String) {
    let database = server.create_database();
    let address = address(&server.url(&database));
    let store = PostgresStore::create(&address, &birth()).await.unwrap();
    let leading = store.take_over().await.unwrap();
    (store, leading, database)
}

/// Appends until `is_over`. Returns the acknowledged groups.
async fn append_until(
    store: &PostgresStore,
    leading: &Leading,
    is_over: &AtomicBool,
) -> (Vec<Group>, u64) {
    let (mut groups, mut newest, mut tries) = (Vec::new(), Position::default(), 0);
    while !is_over.load(Ordering::SeqCst) {
        let next = group(newest, 3, 2_000);
        tries += append_surely(store, leading, &next).await;
        newest = next.end();
        groups.push(next);
    }
    (groups, tries)
}

/// Breaks the database in a way several times, while a leader appends.
async fn appends_survive(server: &Arc<Server>, times: u32, fault: fn(&Server, &str)) {
    let (store, leading, database) = create(server).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let breaking = tokio::task::spawn_blocking({
        let (server, is_over) = (Arc::clone(server), Arc::clone(&is_over));
        move || {
            for _ in 0..times {
                let count = server.sql(&database, "SELECT count(*) FROM aftercall.log");
                fault(&server, &database);
                // The next fault comes after some appends.
                let has_more = || {
                    let now = server.try_sql(&database, "SELECT count(*) FROM aftercall.log");
                    now.is_ok_and(|now| {
                        now.parse::<u64>().unwrap() > count.parse::<u64>().unwrap() + 3
                    })
                };
                let began = Instant::now();
                while !has_more() {
                    assert!(
                        began.elapsed() < Duration::from_secs(60),
                        "no appends any more"
                    );
                }
            }
            is_over.store(true, Ordering::SeqCst);
        }
    });
    let (groups, tries) = append_until(&store, &leading, &is_over).await;
    breaking.await.unwrap();
    assert!(tries > groups.len() as u64, "no append was interrupted");
    assert!(all(store.log().as_ref()).await == groups);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_survive_a_restart_of_the_database() {
    let server = Arc::new(Server::start(&[]));
    appends_survive(&server, 2, |server, _| server.restart()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_survive_a_crash_of_the_database() {
    let server = Arc::new(Server::start(&[]));
    let fault: fn(&Server, &str) = |server, _| {
        server.kill();
        server.start_again();
    };
    appends_survive(&server, 2, fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_survive_ended_connections() {
    let server = Arc::new(Server::start(&[]));
    let fault: fn(&Server, &str) = |server, database| {
        server.terminate_backends(database);
    };
    appends_survive(&server, 20, fault).await;
}

#[tokio::test]
async fn a_stalled_link_is_noticed_within_a_lease() {
    let database = Database::new();
    database.create().await;
    let proxy = Proxy::start(Server::shared().port());
    let store = database.open_by(&proxy).await;
    let leading = store.take_over().await.unwrap();
    let reader = database.open().await;
    let mut expected = Vec::new();
    for (way, arrives) in [(Way::ToServer, false), (Way::ToClient, true)] {
        let before = append_by(&leading, reader.log().as_ref(), 1, 10).await;
        let lost = group(before.end(), 1, 10);
        proxy.hold(way);
        let began = Instant::now();
        let appended = leading.log().append(lost.clone()).await;
        assert!(is_unknown(&appended), "{way:?}: {appended:?}");
        let elapsed = began.elapsed();
        assert!(elapsed < NOTICED_WITHIN, "{way:?}: {elapsed:?}");
        proxy.reset();
        proxy.release();
        expected.push(before);
        expected.extend(arrives.then_some(lost));
    }
    assert!(all(reader.log().as_ref()).await == expected);
}

fn is_unknown(answer: &Result<(), JournalError>) -> bool {
    matches!(answer, Err(JournalError::Unknown { .. }))
}

/// Waits until the database has finished with a connection.
async fn wait_for_end(database: &Database, process: &str) {
    let look = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
    eventually("the connection has ended", async || {
        (database.sql(&look) == "0").then_some(())
    })
    .await;
}

/// The process of the database whose last statement wrote to this table.
fn process_of(database: &Database, table: &str) -> String {
    database.sql(&format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
         AND pid <> pg_backend_pid() AND query LIKE '%INSERT INTO aftercall.{table}%'"
    ))
}

#[tokio::test]
async fn a_late_append_of_the_same_leader_writes_nothing_twice() {
    let database = Database::new();
    database.create().await;
    let proxy = Proxy::start(Server::shared().port());
    let store = database.open_by(&proxy).await;
    let leading = store.take_over().await.unwrap();
    let reader = database.open().await;
    let first = append_by(&leading, reader.log().as_ref(), 1, 10).await;
    let process = process_of(&database, "log");
    proxy.hold_existing(Way::ToServer);
    let second = group(first.end(), 1, 10);
    let lost = leading.log().append(second.clone()).await;
    assert!(is_unknown(&lost), "{lost:?}");
    append_surely(&reader, &leading, &second).await;
    let third = append_by(&leading, reader.log().as_ref(), 1, 10).await;
    proxy.release();
    wait_for_end(&database, &process).await;
    assert_eq!(all(reader.log().as_ref()).await, [first, second, third]);
}

#[tokio::test]
async fn a_late_append_of_a_deposed_leader_writes_nothing() {
    let database = Database::new();
    database.create().await;
    let proxy = Proxy::start(Server::shared().port());
    let store = database.open_by(&proxy).await;
    let leading = store.take_over().await.unwrap();
    append_by(&leading, store.log().as_ref(), 1, 10).await;
    let newest = store.log().bounds().await.unwrap().newest;
    let next = group(newest, 1, 10);
    proxy.hold(Way::ToServer);
    let lost = leading.log().append(next.clone()).await;
    assert!(is_unknown(&lost), "{lost:?}");
    // Another process leads before the statement arrives.
    let other = database.open().await;
    let second = other.take_over().await.unwrap();
    let by_second = append_by(&second, other.log().as_ref(), 1, 20).await;
    proxy.release();
    let deposed = leading.log().append(next).await;
    assert_eq!(
        deposed,
        Err(JournalError::Deposed {
            term: Term(1),
            newest: Term(2)
        })
    );
    let groups = all(other.log().as_ref()).await;
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[1], by_second);
}

#[tokio::test]
async fn a_late_write_of_a_key_replaces_no_newer_value() {
    let database = Database::new();
    database.create().await;
    let proxy = Proxy::start(Server::shared().port());
    let store = database.open_by(&proxy).await;
    let leading = store.take_over().await.unwrap();
    let put = |value: &'static str| leading.vault().put_key("key", Bytes::from(value));
    put("first").await.unwrap();
    let process = process_of(&database, "key");
    proxy.hold_existing(Way::ToServer);
    let late = tokio::time::timeout(Duration::from_millis(200), put("late")).await;
    assert!(late.is_err(), "it was answered");
    proxy.wait_for_held(Way::ToServer);
    // The same leader writes again, over a connection that does not stall.
    put("newest").await.unwrap();
    proxy.release();
    wait_for_end(&database, &process).await;
    let value = store.vault().get_key("key").await.unwrap().unwrap();
    assert_eq!(value, "newest");
}

/// A leader steps down while its renewal is on the way.
#[tokio::test]
async fn a_renewal_on_the_way_revives_no_released_lease() {
    let database = Database::new();
    database.create().await;
    let proxy = Proxy::start(Server::shared().port());
    let store = database.open_by(&proxy).await;
    let elections = store.elections().unwrap();
    let lease = Duration::from_secs(600);
    let leading = elections.campaign(&member("one"), lease).await.unwrap();
    let term = leading.unwrap().term();
    elections.renew(term, lease).await.unwrap();
    let look = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                AND query LIKE '%UPDATE aftercall.leadership%interval%'";
    let process = database.sql(&format!("{look} AND pid <> pg_backend_pid()"));
    proxy.hold_existing(Way::ToServer);
    let late = tokio::time::timeout(Duration::from_millis(200), elections.renew(term, lease));
    assert!(late.await.is_err(), "it was answered");
    proxy.wait_for_held(Way::ToServer);
    elections.release(term).await.unwrap();
    proxy.release();
    wait_for_end(&database, &process).await;
    let other = database.open().await;
    let elections = other.elections().unwrap();
    let next = elections.campaign(&member("two"), lease).await.unwrap();
    assert_eq!(next.unwrap().term(), Term(2));
}

#[tokio::test]
async fn each_error_of_the_database_has_its_meaning() {
    let server = Server::start(&[]);
    let (store, leading, database) = create(&server).await;
    append_by(&leading, store.log().as_ref(), 1, 10).await;
    let newest = store.log().bounds().await.unwrap().newest;
    let next = group(newest, 1, 10);
    // A trigger of the test reports what a full disk reports.
    server.sql(
        &database,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON aftercall.log EXECUTE FUNCTION full_disk()",
    );
    let refused = leading.log().append(next.clone()).await;
    assert_eq!(refused, Err(JournalError::DatabaseFull));
    let space = leading.vault().check_space().await;
    assert_eq!(space, Err(JournalError::DatabaseFull));
    for (code, is_damage) in [
        ("serialization_failure", false),
        ("too_many_connections", false),
        ("read_only_sql_transaction", false),
        ("out_of_memory", false),
        ("io_error", false),
        ("data_corrupted", true),
    ] {
        server.sql(
            &database,
            &format!(
                "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN RAISE EXCEPTION 'a fault' USING ERRCODE = '{code}'; END $$"
            ),
        );
        let refused = leading.log().append(next.clone()).await;
        match refused {
            Err(JournalError::Unreachable { .. }) => assert!(!is_damage, "{code}"),
            Err(JournalError::Damaged { .. }) => assert!(is_damage, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
    server.sql(&database, "DROP TRIGGER full_disk ON aftercall.log");
    append_by(&leading, store.log().as_ref(), 1, 10).await;
    assert_eq!(leading.vault().check_space().await, Ok(()));
}

#[tokio::test]
async fn connections_that_are_used_up_refuse_and_recover() {
    let server = Server::start(&["max_connections=12", "superuser_reserved_connections=0"]);
    let (store, leading, database) = create(&server).await;
    append_by(&leading, store.log().as_ref(), 1, 10).await;
    let newest = store.log().bounds().await.unwrap().newest;
    server.terminate_backends(&database);
    let mut taken = Vec::new();
    while let Ok((client, connection)) =
        tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls).await
    {
        tokio::spawn(connection);
        taken.push(client);
    }
    let refused = leading.log().append(group(newest, 1, 10)).await;
    assert!(
        matches!(refused, Err(JournalError::Unreachable { .. })),
        "{refused:?}"
    );
    drop(taken);
    append_surely(&store, &leading, &group(newest, 1, 10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_to_a_synchronous_replica_loses_nothing() {
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
    let mut groups = Vec::new();
    for _ in 0..50 {
        groups.push(append_by(&leading, store.log().as_ref(), 2, 500).await);
    }
    server.kill();
    let next = group(groups.last().unwrap().end(), 1, 10);
    let refused = leading.log().append(next.clone()).await;
    assert!(
        matches!(
            refused,
            Err(JournalError::Unreachable { .. } | JournalError::Unknown { .. })
        ),
        "{refused:?}"
    );
    replica.promote();
    append_surely(&store, &leading, &next).await;
    groups.push(next);
    assert!(all(store.log().as_ref()).await == groups);
}

#[tokio::test]
async fn changed_bytes_are_damage() {
    let database = Database::new();
    let store = database.create().await;
    let leading = store.take_over().await.unwrap();
    for _ in 0..3 {
        append_by(&leading, store.log().as_ref(), 1, 100).await;
    }
    crate::support::write_blob(leading.vault(), "blob", &[Bytes::from_static(b"frame")]).await;
    leading
        .vault()
        .put_key("key", Bytes::from_static(b"value"))
        .await
        .unwrap();
    let flip = "body = set_byte(body, 20, get_byte(body, 20) # 1)";
    database.sql(&format!("UPDATE aftercall.log SET {flip} WHERE first = 2"));
    database.sql("UPDATE aftercall.blob_frame SET body = set_byte(body, 6, 0) WHERE at = 0");
    database.sql("UPDATE aftercall.key SET body = set_byte(body, 0, 0)");
    let is_damaged =
        |error: Option<JournalError>| matches!(error, Some(JournalError::Damaged { .. }));
    assert!(is_damaged(store.log().read(1, usize::MAX).await.err()));
    assert!(is_damaged(store.vault().read_frame("blob", 0).await.err()));
    assert!(is_damaged(store.vault().get_key("key").await.err()));
    database.sql("DELETE FROM aftercall.log WHERE first = 2");
    assert!(
        is_damaged(store.log().read(1, usize::MAX).await.err()),
        "a gap"
    );
    assert!(
        is_damaged(store.log().read(2, usize::MAX).await.err()),
        "a gap at the beginning"
    );
}

#[tokio::test]
async fn an_abandoned_blob_leaves_no_bytes() {
    let database = Database::new();
    let store = database.create().await;
    let first = store.take_over().await.unwrap();
    let mut abandoned = first.vault().create("abandoned").await.unwrap();
    abandoned
        .write(Bytes::from(vec![7; 300_000]))
        .await
        .unwrap();
    // The process is paused: it neither finishes nor drops the blob.
    let other = database.open().await;
    let second = other.take_over().await.unwrap();
    assert_eq!(
        database.sql("SELECT count(*) FROM aftercall.blob_frame"),
        "1"
    );
    let mut begun = second.vault().create("next").await.unwrap();
    assert_eq!(
        database.sql("SELECT count(*) FROM aftercall.blob_frame"),
        "0"
    );
    let late = abandoned.write(Bytes::from(vec![7; 300_000])).await;
    assert!(
        matches!(late, Err(JournalError::Deposed { .. })),
        "{late:?}"
    );
    assert!(abandoned.finish().await.is_err());
    begun.write(Bytes::from_static(b"whole")).await.unwrap();
    let mut beside = second.vault().create("beside").await.unwrap();
    beside.write(Bytes::from_static(b"whole")).await.unwrap();
    begun.finish().await.unwrap();
    beside.finish().await.unwrap();
    let names = blob_names(other.vault().as_ref()).await.unwrap();
    assert_eq!(names, ["beside", "next"]);
}

#[tokio::test]
async fn a_follower_is_woken_by_an_append() {
    let database = Database::new();
    let store = database.create().await;
    let other = database.open().await;
    let mut changes = other.changes();
    let leading = store.take_over().await.unwrap();
    let woken = async {
        loop {
            // A hint may be lost while the connection of the follower begins.
            let appended = append_by(&leading, store.log().as_ref(), 1, 10).await;
            let waiting = changes.wait_for(|bounds| bounds.newest == appended.end());
            if tokio::time::timeout(Duration::from_millis(500), waiting)
                .await
                .is_ok()
            {
                return;
            }
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, woken)
        .await
        .expect("a hint comes");
}
