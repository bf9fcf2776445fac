//! Compaction: the same store in fresh files, never beside a running server, and never where there
//! is no store.

use aftercall_proto::workflow::v1::{AddNoteRequest, GetServerInfoRequest, ListHistoryRequest};
use aftercall_tests::{House, set, with_refund};

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_store_is_smaller_and_holds_the_same() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    for number in 0..300 {
        let text = format!("{number} {}", "rang and rang again; ".repeat(150));
        let note = AddNoteRequest {
            actor: "Ann".to_owned(),
            instance_id: id.clone(),
            text,
            ..AddNoteRequest::default()
        };
        clients.manager.add_note(note).await.expect("noted");
    }
    let all = || ListHistoryRequest {
        instance_id: id.clone(),
        page_size: 1_000,
        ..ListHistoryRequest::default()
    };
    let before = clients
        .operations
        .list_history(all())
        .await
        .expect("history")
        .into_inner()
        .items;
    let sequence = clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner()
        .sequence;

    let dir = house.data_dir().to_owned();
    let running = tokio::task::spawn_blocking(move || workflow_server::compact(&dir));
    let refused = running
        .await
        .expect("it ends")
        .expect_err("a server runs on it")
        .to_string();
    assert!(refused.contains("is using the data directory"), "{refused}");

    house.stop_workflow().await;
    let dir = house.data_dir().to_owned();
    let compacted = tokio::task::spawn_blocking(move || workflow_server::compact(&dir))
        .await
        .expect("it ends");
    let compacted = compacted.expect("compacted");
    assert!(
        compacted.bytes_after < compacted.bytes_before,
        "{compacted:?}"
    );
    assert_eq!(compacted.bounds.newest.sequence, sequence);
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let after = clients
        .operations
        .list_history(all())
        .await
        .expect("history")
        .into_inner()
        .items;
    assert_eq!(after, before);
}

#[test]
fn compacting_creates_no_store() {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let misspelt = temp.path().join("aftercal-data");
    let refused = workflow_server::compact(&misspelt)
        .expect_err("there is none")
        .to_string();
    assert!(refused.contains("there is no store"), "{refused}");
    assert!(!misspelt.exists());
    let file = temp.path().join("a-file");
    std::fs::write(&file, "").expect("written");
    let of_a_file = workflow_server::compact(&file)
        .expect_err("it is none")
        .to_string();
    for refused in [refused, of_a_file] {
        assert!(
            refused.ends_with(": name the data directory of a server"),
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_store_gets_its_own_epoch() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    let before = clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner();
    let refused = workflow_server::new_epoch(house.data_dir())
        .expect_err("a server runs on it")
        .to_string();
    assert!(refused.contains("is using the data directory"), "{refused}");
    house.stop_workflow().await;
    let (old, new) = workflow_server::new_epoch(house.data_dir()).expect("renewed");
    assert_eq!(old, before.epoch);
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let after = clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner();
    assert_eq!(
        (after.epoch, after.sequence),
        (new.clone(), before.sequence)
    );
    assert_ne!(new, old);
    let history = ListHistoryRequest {
        instance_id: id,
        ..ListHistoryRequest::default()
    };
    clients
        .operations
        .list_history(history)
        .await
        .expect("it is there");
    let misspelt = house.data_dir().with_file_name("misspelt");
    assert!(
        workflow_server::new_epoch(&misspelt)
            .expect_err("there is none")
            .to_string()
            .contains("no store")
    );
    assert!(!misspelt.exists());
}
