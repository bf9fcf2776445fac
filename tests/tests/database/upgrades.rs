//! A store of the first version of the schema is upgraded, and serves with all it had.

use aftercall_proto::workflow::v1::GetInstanceRequest;
use aftercall_test_postgres::Server;
use aftercall_tests::{set, workspace};

use crate::guarded::run;
use crate::scene::{Place, STOPS_WITHIN, with_refund};

/// The tables of version 1 that have data, without the identity.
const TABLES: [&str; 7] = [
    "leadership",
    "log",
    "log_base",
    "blob",
    "blob_frame",
    "key",
    "barrier",
];

/// Replaces the schema by that of version 1, with the same data.
fn downgrade(place: &Place<'_>) {
    let step = "workflow-server/src/journal/postgres/schema/version_1.sql";
    let step = std::fs::read_to_string(workspace().join(step)).expect("the first step");
    let copies = TABLES.map(|table| {
        format!("DELETE FROM aftercall.{table}; INSERT INTO aftercall.{table} SELECT * FROM newer.{table};")
    });
    place.sql(&format!(
        "BEGIN;
         ALTER SCHEMA aftercall RENAME TO newer;
         {step}
         INSERT INTO aftercall.identity SELECT one, 1, is_complete, content FROM newer.identity;
         {}
         DROP SCHEMA newer CASCADE;
         COMMIT",
        copies.join("\n")
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_version_1_is_upgraded_and_serves() {
    let place = Place::create(Server::shared());
    let (server, mut clients) = place.serve(&[]).await;
    with_refund(&mut clients).await;
    let first = set(&mut clients, "1", 5.5).await;
    let stopped = server.terminate(STOPS_WITHIN).expect("it stops");
    assert!(stopped.success(), "{stopped}");
    downgrade(&place);
    let tables =
        "SELECT count(*) FROM pg_class WHERE relname IN ('follow_up', 'stage_change', 'reading')";
    assert_eq!(place.sql(tables), "0", "version 1 has no tables for SQL");
    let url = place.url();
    let serve = ["--store", &url, "--listen", "127.0.0.1:0"];
    let (succeeded, shown) = run("workflow-server", &serve, &[]);
    assert!(
        !succeeded && shown.contains("aftercall store upgrade"),
        "{shown}"
    );
    let upgrade = ["store", "upgrade", "--store", &url];
    let (succeeded, shown) = run("aftercall", &upgrade, &[]);
    assert!(succeeded && shown.contains("it had version 1"), "{shown}");
    let (_server, mut clients) = place.serve(&[]).await;
    let get = GetInstanceRequest {
        instance_id: first.instance_id.clone(),
        read_mask: None,
    };
    let shown = clients.operations.get_instance(get).await.expect("it");
    let shown = shown.into_inner().instance.expect("it");
    assert_eq!(
        (shown.instance_id, shown.revision),
        (first.instance_id.clone(), 1)
    );
    // What was written before the upgrade is in the tables for SQL, and so is a new change.
    let second = set(&mut clients, "2", 6.5).await;
    let rows = "SELECT instance_id, call_id, personal_fields ->> 'amount' FROM aftercall.follow_up ORDER BY call_id";
    let expected = [
        format!("{}|1|5.5", first.instance_id),
        format!("{}|2|6.5", second.instance_id),
    ];
    place
        .wait_for(rows, &expected.each_ref().map(String::as_str))
        .await;
    let steps = "SELECT count(*), count(DISTINCT sequence) FROM aftercall.stage_change";
    place.wait_for(steps, &["2|2"]).await;
    let (succeeded, shown) = run("aftercall", &upgrade, &[]);
    assert!(!succeeded && shown.contains("leads the store"), "{shown}");
}
