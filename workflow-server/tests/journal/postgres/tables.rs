//! The tables for SQL: rows and position move together, and only for the leader.

use workflow_server::journal::{JournalError, Storage as _, TableRows};

use super::Database;

/// A row of a follow-up with personal data.
fn follow_up(instance: &str, sequence: u64, ended_at: &str) -> String {
    format!(
        r#"[{{"instance_id":"{instance}","sequence":{sequence},"revision":1,"workflow":"refund",
        "workflow_title":"Refund","workflow_version":1,"status":"active","last_stage":2,
        "visible":true,"teams":["billing","desk"],"started_at":"2026-11-01T08:00:00Z",
        "stage_entered_at":"2026-11-01T08:00:00Z","ended_at":{ended_at},"notes":0,"chases":0,
        "attempts":0,"call_source":"test","call_id":"1","customer":"Northwind","script":"",
        "agent":"","chargeable":true,"personal_caller_name":"Ada \"O'Neil\" \\ 🦀",
        "personal_fields":{{"amount":20.5}}}}]"#
    )
}

fn stage_change(instance: &str, sequence: u64) -> String {
    format!(
        r#"[{{"sequence":{sequence},"step":1,"at":"2026-11-01T08:00:00Z","instance_id":"{instance}",
        "workflow":"refund","workflow_version":1,"customer":"Northwind","kind":"set",
        "actor_kind":"script_engine","status":"active"}}]"#
    )
}

fn rows(after: u64, upto: u64, instance: &str, ended_at: &str) -> TableRows {
    TableRows {
        after,
        upto,
        follow_ups: follow_up(instance, upto, ended_at),
        stage_changes: stage_change(instance, upto),
    }
}

const SHOWN: &str =
    "SELECT instance_id, sequence, personal_caller_name, personal_fields ->> 'amount', teams[2]
    FROM aftercall.follow_up ORDER BY instance_id";

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_position_move_together() {
    let database = Database::new();
    let store = database.create().await;
    let leading = store.take_over().await.unwrap();
    let tables = store.tables(leading.term()).unwrap();
    assert_eq!(tables.upto().await, Ok(0));
    assert_eq!(tables.write(rows(0, 5, "a", "null")).await, Ok(true));
    assert_eq!(tables.upto().await, Ok(5));
    let repeated = tables.write(rows(0, 5, "b", "null")).await;
    assert_eq!(repeated, Ok(false), "the tables end at 5");
    assert_eq!(tables.write(rows(5, 9, "a", "null")).await, Ok(true));
    assert_eq!(
        database.sql(SHOWN).trim(),
        "a|9|Ada \"O'Neil\" \\ 🦀|20.5|desk"
    );
    let steps = database.sql("SELECT sequence FROM aftercall.stage_change ORDER BY sequence");
    assert_eq!(steps.split_whitespace().collect::<Vec<_>>(), ["5", "9"]);
    store.clear_tables().await.unwrap();
    assert_eq!(tables.upto().await, Ok(0));
    assert_eq!(database.sql(SHOWN).trim(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_clears_personal_columns_only() {
    let database = Database::new();
    let store = database.create().await;
    let leading = store.take_over().await.unwrap();
    let tables = store.tables(leading.term()).unwrap();
    assert_eq!(tables.write(rows(0, 1, "a", "null")).await, Ok(true));
    assert_eq!(tables.write(rows(1, 2, "b", "null")).await, Ok(true));
    tables.erase(vec!["a".to_owned()]).await.unwrap();
    let shown = database.sql(SHOWN);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "a|1|||desk");
    assert!(lines[1].starts_with("b|2|Ada"), "{}", lines[1]);
    // Each column that is marked as personal is cleared.
    let marked = "SELECT attname FROM pg_attribute WHERE attrelid = 'aftercall.follow_up'::regclass
        AND col_description(attrelid, attnum) LIKE 'Personal data.%' ORDER BY attname";
    let named = "SELECT attname FROM pg_attribute WHERE attrelid = 'aftercall.follow_up'::regclass
        AND attname LIKE 'personal\\_%' ORDER BY attname";
    let marked = database.sql(marked);
    assert_eq!(marked, database.sql(named));
    for column in marked.split_whitespace() {
        let kept = format!(
            "SELECT count(*) FROM aftercall.follow_up WHERE instance_id = 'a' AND {column} IS NOT NULL"
        );
        assert_eq!(database.sql(&kept).trim(), "0", "{column}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_before_a_time_is_removed_with_its_steps() {
    let database = Database::new();
    let store = database.create().await;
    let leading = store.take_over().await.unwrap();
    let tables = store.tables(leading.term()).unwrap();
    let early = r#""1970-01-01T00:00:00.999Z""#;
    assert_eq!(tables.write(rows(0, 1, "a", early)).await, Ok(true));
    let late = r#""1970-01-01T00:00:01Z""#;
    assert_eq!(tables.write(rows(1, 2, "b", late)).await, Ok(true));
    assert_eq!(tables.write(rows(2, 3, "c", "null")).await, Ok(true));
    tables
        .remove_ended("other".to_owned(), 1_000)
        .await
        .unwrap();
    tables
        .remove_ended("refund".to_owned(), 1_000)
        .await
        .unwrap();
    let left = "SELECT instance_id FROM aftercall.follow_up UNION ALL
        SELECT instance_id FROM aftercall.stage_change ORDER BY 1";
    let left = database.sql(left);
    let left: Vec<&str> = left.split_whitespace().collect();
    assert_eq!(left, ["b", "b", "c", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_leader_cannot_write_the_tables() {
    let database = Database::new();
    let store = database.create().await;
    let old = store.take_over().await.unwrap();
    let tables = store.tables(old.term()).unwrap();
    let successor = database.open().await;
    successor.take_over().await.unwrap();
    let is_deposed = |error| matches!(error, Err(JournalError::Deposed { .. }));
    let written = tables.write(rows(0, 1, "a", "null")).await;
    assert!(is_deposed(written.map(drop)));
    assert!(is_deposed(tables.erase(vec!["a".to_owned()]).await));
    let removed = tables.remove_ended("refund".to_owned(), 1_000).await;
    assert!(is_deposed(removed));
    assert_eq!(tables.upto().await, Ok(0));
}
