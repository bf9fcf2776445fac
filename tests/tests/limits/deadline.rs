//! A request whose time is over is done all the same, and its repeat gets the first answer.

use aftercall_proto::workflow::v1::PushButtonRequest;
use aftercall_serving::LimitSettings;
use aftercall_tests::{PATIENCE, eventually, push, reason, set, with_refund};
use tonic::Code;

use crate::disk::GatedDisk;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_past_its_time_is_done_once() {
    let (disk, mut house) = GatedDisk::house().await;
    house.limit(LimitSettings {
        request_seconds: 1,
        ..LimitSettings::default()
    });
    house.start_workflow().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let request = PushButtonRequest {
        request_id: "push-1".to_owned(),
        ..push(&follow_up, "approve", "Ben")
    };
    disk.stop();
    let late = clients.manager.push_button(request.clone()).await;
    let late = late.expect_err("the disk has stopped");
    assert_eq!(
        (late.code(), reason(&late).as_str()),
        (Code::DeadlineExceeded, "REQUEST_TIME")
    );
    disk.run();
    let first = clients.manager.push_button(request.clone()).await;
    let first = first.expect("the first answer").into_inner();
    let stage = first.follow_up.and_then(|follow_up| follow_up.stage);
    assert_eq!(stage.expect("a stage").number, 2);
    let again = clients.manager.push_button(request).await;
    assert_eq!(
        again.expect("the same answer").into_inner().sequence,
        first.sequence
    );
    // The control: it was pushed once, so a request of its own comes too late.
    let other = clients
        .manager
        .push_button(push(&follow_up, "approve", "Ben"));
    let refused = other.await.expect_err("it is in another stage");
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_more_time_the_request_waits() {
    let (disk, mut house) = GatedDisk::house().await;
    house.start_workflow().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    disk.stop();
    let mut manager = clients.manager.clone();
    let request = push(&follow_up, "approve", "Ben");
    let pushing = tokio::spawn(async move { manager.push_button(request).await });
    // Longer than the time of the other test, with the usual ten seconds.
    let start = std::time::Instant::now();
    eventually("a second has passed", || async {
        (start.elapsed().as_millis() > 1_200).then_some(())
    })
    .await;
    assert!(!pushing.is_finished());
    disk.run();
    let pushed = tokio::time::timeout(PATIENCE, pushing).await;
    pushed.expect("in time").expect("no panic").expect("pushed");
}
