//! Work of the keeper that cannot be done because a file or a directory is missing, until it is
//! back.

use std::path::PathBuf;
use std::time::Duration;

use aftercall_proto::workflow::v1::{
    Caller, EndCallRequest, EraseCallerRequest, ErasureState, GetErasureRequest,
};
use aftercall_tests::{Clients, REFUND, call_ref, eventually, push, set, set_refund, with_refund};

use crate::bench::{ALONE, Bench, DAY, get};

/// Where the server makes its files: without it none can be written, and nothing else fails.
fn drafts(bench: &Bench) -> PathBuf {
    bench.house.data_dir().join("vault/tmp")
}

/// Ends all that there is of a call.
async fn finish(clients: &mut Clients, call: &str) {
    let follow_up = set(clients, call, 5.0).await;
    let mut reject = push(&follow_up, "reject", "Ann");
    reject.note = "too much".to_owned();
    clients.manager.push_button(reject).await.expect("pushed");
    let end = EndCallRequest {
        call: Some(call_ref(call)),
        actor: "script-1".to_owned(),
        ..EndCallRequest::default()
    };
    clients.scripts.end_call(end).await.expect("ended");
}

/// The file of the only chunk of the archive, once it is there.
async fn chunk(bench: &Bench) -> PathBuf {
    let blobs = bench.house.data_dir().join("vault/blobs");
    eventually("it has left memory", || {
        let mut files = std::fs::read_dir(&blobs)
            .expect("a directory")
            .map(|file| file.expect("a file").path());
        let is_chunk = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("archive-"))
        };
        let chunk = files.find(is_chunk);
        async move { chunk }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_archiving_is_a_warning() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start_archiving().await;
    let mut clients = with_refund(&bench.house).await;
    bench.is_well(&clients, None).await;
    std::fs::remove_dir_all(drafts(&bench)).expect("removed");
    finish(&mut clients, "1").await;
    let sentence = bench.shows(&clients, "archiving").await;
    assert!(sentence.contains("nothing is lost"), "{sentence}");
    assert_eq!(
        get(bench.address(), "/readyz").await.0,
        200,
        "people can work"
    );
    std::fs::create_dir(drafts(&bench)).expect("made");
    bench.is_well(&clients, Some("archiving")).await;
    chunk(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_scrubbing_is_a_warning() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start_archiving().await;
    let mut clients = with_refund(&bench.house).await;
    let caller = Caller {
        name: "Ada".to_owned(),
        reference: "C-7".to_owned(),
        ..Caller::default()
    };
    let mut rings = set_refund("1", 5.0);
    rings.properties = rings.properties.map(|mut known| {
        known.caller = Some(caller.clone());
        known
    });
    clients.scripts.set_workflow(rings).await.expect("set");
    std::fs::remove_dir_all(drafts(&bench)).expect("removed");
    let erase = EraseCallerRequest {
        actor: "olga".to_owned(),
        caller: Some(caller),
        reason: "asked for it".to_owned(),
        ..EraseCallerRequest::default()
    };
    let erasure = clients
        .operations
        .erase_caller(erase)
        .await
        .expect("masked")
        .into_inner()
        .erasure
        .expect("it");
    let sentence = bench.shows(&clients, "erasing").await;
    assert!(
        sentence.contains("erasing a caller has failed"),
        "{sentence}"
    );
    std::fs::create_dir(drafts(&bench)).expect("made");
    bench.is_well(&clients, Some("erasing")).await;
    let request = GetErasureRequest {
        erasure_id: erasure.id,
    };
    let done = clients
        .operations
        .get_erasure(request)
        .await
        .expect("it")
        .into_inner()
        .erasure
        .expect("it");
    assert_eq!(done.state(), ErasureState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_removal_is_a_warning() {
    let _alone = ALONE.lock().await;
    let bench = Bench::start_archiving().await;
    let mut clients = bench.house.clients().await;
    clients.teams(&["billing", "payments"]).await;
    clients
        .publish(&REFUND.replace("deadline: 5d", "retention: 1d"))
        .await;
    finish(&mut clients, "1").await;
    let chunk = chunk(&bench).await;
    let aside = bench.house.data_dir().with_file_name("aside");
    bench.is_well(&clients, None).await;
    std::fs::rename(&chunk, &aside).expect("moved away");
    bench.clock.pass(Duration::from_millis(3 * DAY as u64));
    let sentence = bench.shows(&clients, "purging").await;
    assert!(
        sentence.contains("removing instances past their retention has failed"),
        "{sentence}"
    );
    std::fs::rename(&aside, &chunk).expect("moved back");
    bench.is_well(&clients, Some("purging")).await;
    assert!(!chunk.exists(), "it is removed");
}
