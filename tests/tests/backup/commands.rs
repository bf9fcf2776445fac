//! The commands for backups: keep, list, verify and refuse.

use std::process::Command;

use aftercall_proto::workflow::v1::backup_response::Part;
use aftercall_proto::workflow::v1::{AddNoteRequest, BackupBase, BackupRequest};
use aftercall_tests::{House, binary, eventually, reason, set, with_refund};
use tonic::Code;

use crate::{aftercall, aftercall_lines, beside, run, text};

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_kept_listed_and_verified() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let to = beside(&house, "backups");
    for call in 0..5 {
        set(&mut clients, &format!("{call}"), 12.0).await;
        aftercall(&house, &["backup", "--to", text(&to), "--keep", "3"]);
    }
    let list = aftercall(&house, &["backup", "list", text(&to)]);
    let numbers: Vec<_> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["generation"].as_u64())
        .collect();
    assert_eq!(numbers, [Some(3), Some(4), Some(5)]);
    assert_eq!(aftercall_lines(&house, &["verify", text(&to)]), 1);
    assert_eq!(aftercall_lines(&house, &["verify", text(&to), "--all"]), 3);

    let refused = run(
        &house,
        &[
            "restore",
            "--from",
            text(&to),
            "--data-dir",
            text(house.data_dir()),
        ],
    );
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("is not empty"),
        "{said}"
    );
    let refused = run(&house, &["verify", text(house.data_dir())]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is using the data directory"));
    let missing = run(
        &house,
        &[
            "restore",
            "--from",
            text(&to),
            "--data-dir",
            "/nowhere/x",
            "--generation",
            "1",
        ],
    );
    assert_eq!(
        missing.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&missing.stderr)
    );
    let unsure = beside(&house, "unsure");
    let refused = run(
        &house,
        &[
            "restore",
            "--from",
            text(&to),
            "--data-dir",
            text(&unsure),
            "--without-erasures",
        ],
    );
    assert_eq!(
        refused.status.code(),
        Some(2),
        "without --yes it is a wrong command line"
    );
    house.stop_workflow().await;
    let data_dir = house.data_dir().to_owned();
    house.start_workflow().await;
    house.stop_workflow().await;
    let verified = Command::new(binary("aftercall"))
        .args(["verify", text(&data_dir)])
        .output()
        .expect("it runs");
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_runs_at_a_time() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let instance_id = set(&mut clients, "1", 12.0).await.instance_id;
    // More than what waits on the way to a client that does not read.
    for number in 0..700 {
        let note = AddNoteRequest {
            actor: "Ann".to_owned(),
            instance_id: instance_id.clone(),
            text: format!("{number} {}", "rang and rang again; ".repeat(150)),
            ..AddNoteRequest::default()
        };
        clients.manager.add_note(note).await.expect("noted");
    }
    let request = || BackupRequest {
        actor: "olga".to_owned(),
        base: None,
    };
    let mut held = clients
        .operations
        .backup(request())
        .await
        .expect("it begins")
        .into_inner();
    let begin = held
        .message()
        .await
        .expect("a part")
        .and_then(|response| response.part);
    assert!(matches!(begin, Some(Part::Begin(_))), "{begin:?}");
    // The rest waits for this client to read it.
    let refused = clients
        .operations
        .backup(request())
        .await
        .expect_err("one runs");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::ResourceExhausted, "BACKUPS_RUNNING")
    );
    drop(held);
    eventually("there is room again", || {
        let mut clients = clients.clone();
        async move { clients.operations.backup(request()).await.ok() }
    })
    .await;
    let too_long = BackupBase {
        files: vec!["x".repeat(200)],
        ..BackupBase::default()
    };
    let wrong = BackupRequest {
        base: Some(too_long),
        ..request()
    };
    let refused = clients
        .operations
        .backup(wrong)
        .await
        .expect_err("a name that is too long");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(format!("{refused:?}").contains("base.files"));
}
