//! What a database must be to be opened as a store.

use aftercall_test_postgres::Server;
use workflow_server::journal::postgres::{PostgresStore, SCHEMA_VERSION};
use workflow_server::journal::{DatabaseError, OpenError, Storage as _};

use super::{Database, address, birth};

async fn refusal(database: &Database) -> String {
    match PostgresStore::open(&database.address()).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("the store is opened"),
    }
}

#[tokio::test]
async fn a_database_without_a_store_is_refused() {
    let database = Database::new();
    assert!(refusal(&database).await.contains("aftercall store init"));
    database.sql("CREATE SCHEMA aftercall");
    assert!(refusal(&database).await.contains("has not made"));
}

#[tokio::test]
async fn a_store_is_created_once() {
    let database = Database::new();
    let store = database.create().await;
    assert_eq!(store.identity().epoch, birth().epoch);
    let again = PostgresStore::create(&database.address(), &birth()).await;
    let exists = matches!(
        again.err(),
        Some(OpenError::Database(DatabaseError::Exists { .. }))
    );
    assert!(exists);
    assert!(
        !store.location().contains("aftercall@"),
        "{}",
        store.location()
    );
}

#[tokio::test]
async fn a_schema_of_another_version_is_refused() {
    let database = Database::new();
    database.create().await;
    database.sql("UPDATE aftercall.identity SET schema_version = schema_version + 1");
    assert!(refusal(&database).await.contains("use a newer program"));
    let upgraded = PostgresStore::upgrade(&database.address()).await;
    assert!(
        upgraded
            .unwrap_err()
            .to_string()
            .contains("use a newer program")
    );
    database.sql("UPDATE aftercall.identity SET schema_version = 0");
    assert!(refusal(&database).await.contains("aftercall store upgrade"));
}

#[tokio::test]
async fn an_upgrade_needs_a_store_without_a_leader() {
    let database = Database::new();
    let store = database.create().await;
    let elections = store.elections().unwrap();
    let lease = std::time::Duration::from_secs(600);
    let leader = super::elections::member("one");
    let leading = elections.campaign(&leader, lease).await.unwrap().unwrap();
    let refused = PostgresStore::upgrade(&database.address()).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("one leads the store")
    );
    elections.release(leading.term()).await.unwrap();
    let upgraded = PostgresStore::upgrade(&database.address()).await;
    assert_eq!(
        upgraded,
        Ok(SCHEMA_VERSION),
        "there is nothing to upgrade yet"
    );
    database.open().await;
}

#[tokio::test]
async fn an_incomplete_or_changed_store_is_refused() {
    let database = Database::new();
    database.create().await;
    database.sql("UPDATE aftercall.identity SET is_complete = false");
    assert!(refusal(&database).await.contains("not a complete store"));
    database.sql("UPDATE aftercall.identity SET content = content || ' '");
    assert!(refusal(&database).await.contains("damaged"));
}

#[tokio::test]
async fn a_server_that_does_not_sync_is_refused() {
    let server = Server::start(&["fsync=off"]);
    let database = server.create_database();
    let created = PostgresStore::create(&address(&server.url(&database)), &birth()).await;
    assert!(created.err().unwrap().to_string().contains("fsync=on"));
}

#[tokio::test]
async fn an_unreachable_database_is_refused_with_its_address() {
    let server = Server::start(&[]);
    let url = server.url("calls");
    server.stop();
    let error = PostgresStore::open(&address(&url))
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("/calls cannot be reached"), "{error}");
    assert!(error.contains("refused"), "{error}");
}
