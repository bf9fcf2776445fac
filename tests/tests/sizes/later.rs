//! What happens later to the largest follow-ups: they leave memory, are backed up, erased and ended.

use std::collections::HashSet;

use aftercall_proto::workflow::v1::backup_response::Part;
use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    BackupRequest, BatchState, BatchWork, CancelWork, EraseCallerRequest, ErasureState,
    FollowUpFilter, GetBatchRequest, GetErasureRequest, GetServerInfoRequest, ListFollowUpsRequest,
    StartBatchRequest,
};
use aftercall_tests::{Clients, House, call_ref, eventually};
use prost::Message as _;
use workflow_server::backup::{
    BackupDirectory, Begun, NewGeneration, RestoreOptions, Until, restore, verify_backup,
    verify_files,
};
use workflow_server::limits::PAGE_BYTES_MAX;

use crate::{FORMS_ENDED, WIDE, listed, open};

/// What has ended leaves memory, is listed, and is erased there.
pub(crate) async fn leaves(clients: &mut Clients) {
    eventually("it has left memory", || {
        let mut clients = clients.clone();
        async move {
            let info = clients
                .operations
                .get_server_info(GetServerInfoRequest {})
                .await
                .ok()?
                .into_inner();
            (info.archived_instances as usize == 2 * WIDE + FORMS_ENDED
                && info.ended_instances == 0)
                .then_some(())
        }
    })
    .await;
    assert_eq!(listed(clients, true).await.1, 2 * WIDE + FORMS_ENDED);
    erases(clients, "C-second").await;
    assert_eq!(listed(clients, true).await.1, 2 * WIDE + FORMS_ENDED);
}

/// A backup of all of it is received by a client with the usual limit, verified, and restored.
pub(crate) async fn backs_up(house: &House, clients: &mut Clients) {
    let dir = house.data_dir().parent().expect("a parent").join("backups");
    let directory = BackupDirectory::open_or_create(&dir).expect("a directory");
    let request = BackupRequest {
        actor: "olga".to_owned(),
        base: None,
    };
    let mut parts = clients
        .operations
        .backup(request)
        .await
        .expect("it begins")
        .into_inner();
    let (mut generation, mut manifest) = (None, None);
    while let Some(response) = parts.message().await.expect("it continues") {
        assert!(
            response.encoded_len() <= PAGE_BYTES_MAX + 1_024,
            "a piece of {} bytes",
            response.encoded_len()
        );
        let open = generation.as_mut();
        match response.part.expect("a part") {
            Part::Begin(begin) => {
                let begun = Begun {
                    format: begin.format,
                    epoch: begin.epoch,
                    sequence: begin.sequence,
                    created_at_millis: 0,
                    server_version: begin.server_version,
                    unfinished_erasures: begin.unfinished_erasures,
                };
                generation =
                    Some(NewGeneration::begin(&directory, begun, None).expect("it begins"));
            }
            Part::File(file) => open.expect("begun").file(&file.name).expect("a file"),
            Part::Piece(bytes) => open.expect("begun").piece(&bytes).expect("written"),
            Part::FileEnd(end) => open
                .expect("begun")
                .file_end(end.size, end.checksum)
                .expect("whole"),
            Part::Kept(file) => panic!("{} is not here", file.name),
            Part::End(end) => {
                manifest = generation
                    .take()
                    .map(|one| one.finish(end.chain, 0).expect("complete"));
            }
        }
    }
    let manifest = manifest.expect("it has an end");
    verify_files(&directory, &manifest, &mut HashSet::new(), &|_| {}).expect("every sum");
    verify_backup(&directory, &manifest)
        .await
        .expect("it is sound");
    drop(directory);
    let (epoch, until, to) = (
        "e".repeat(32),
        Until::Newest,
        house.data_dir().with_file_name("restored"),
    );
    let options = RestoreOptions {
        generation: None,
        until,
        erase_again: true,
        erasures_from: None,
        epoch,
        clock: None,
    };
    let restored = restore(&dir, &to, &options, &|_| {})
        .await
        .expect("it is restored");
    assert_eq!(restored.sequence, manifest.sequence);
}

/// Erases a caller, to the last byte.
pub(crate) async fn erases(clients: &mut Clients, reference: &str) {
    let erase = EraseCallerRequest {
        actor: "olga".to_owned(),
        caller: Some(aftercall_proto::workflow::v1::Caller {
            reference: reference.to_owned(),
            ..Default::default()
        }),
        reason: "asked for it".to_owned(),
        ..EraseCallerRequest::default()
    };
    let erasure = clients
        .operations
        .erase_caller(erase)
        .await
        .expect("it begins")
        .into_inner()
        .erasure
        .expect("it");
    eventually("the caller is erased", || {
        let mut clients = clients.clone();
        async move {
            let request = GetErasureRequest {
                erasure_id: erasure.id,
            };
            let got = clients
                .operations
                .get_erasure(request)
                .await
                .ok()?
                .into_inner()
                .erasure?;
            (got.state() == ErasureState::Done).then_some(())
        }
    })
    .await;
}

/// Cancels by a batch what is on the calls, and ten of the others.
pub(crate) async fn ends(clients: &mut Clients) {
    let on_call = ListFollowUpsRequest {
        filter: Some(FollowUpFilter {
            calls: vec![call_ref("second")],
            ..FollowUpFilter::default()
        }),
        ..ListFollowUpsRequest::default()
    };
    let page = clients
        .manager
        .list_follow_ups(on_call)
        .await
        .expect("a page")
        .into_inner();
    assert!(
        page.rows.len() < WIDE && !page.next_page_token.is_empty(),
        "bytes end the page"
    );
    let open = open(clients).await;
    let of_form = open
        .values()
        .filter(|one| one.workflow == "form")
        .take(FORMS_ENDED);
    let wide = open.values().filter(|one| one.workflow != "form");
    let start = StartBatchRequest {
        actor: "Eve".to_owned(),
        work: Some(BatchWork {
            kind: Some(Kind::Cancel(CancelWork {})),
        }),
        instance_ids: of_form
            .chain(wide)
            .map(|one| one.instance_id.clone())
            .collect(),
        reason: "a drill".to_owned(),
        per_second: 1_000,
        ..StartBatchRequest::default()
    };
    let batch = clients
        .operations
        .start_batch(start)
        .await
        .expect("it starts")
        .into_inner()
        .batch
        .expect("it");
    assert_eq!(batch.items as usize, 2 * WIDE + FORMS_ENDED);
    eventually("all are cancelled", || {
        let mut clients = clients.clone();
        async move {
            let got = clients
                .operations
                .get_batch(GetBatchRequest { batch_id: batch.id })
                .await
                .ok()?
                .into_inner()
                .batch?;
            (got.state() == BatchState::Done).then_some(())
        }
    })
    .await;
}
