//! Pauses: the clocks of a follow-up stop, and start again.

use aftercall_proto::workflow::v1::{
    ChangeKind, PauseFollowUpRequest, ResumeFollowUpRequest, Status,
};
use aftercall_tests::{House, eventually, push, reason, set, with_refund};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{explained, get, kinds};

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_follow_up_refuses_pushes() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let id = follow_up.instance_id.clone();
    let mut pause = PauseFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        ..PauseFollowUpRequest::default()
    };
    let refused = clients
        .manager
        .pause_follow_up(pause.clone())
        .await
        .expect_err("why?");
    assert_eq!(refused.code(), Code::InvalidArgument);
    pause.reason = "the shop is closed".to_owned();
    clients
        .manager
        .pause_follow_up(pause)
        .await
        .expect("paused");
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let paused = get(&mut clients, &id).await;
    assert_eq!((paused.status(), paused.buttons.len()), (Status::Paused, 0));
    assert_eq!(
        paused.pause.as_ref().expect("by somebody").reason,
        "the shop is closed"
    );
    let refused = clients
        .manager
        .push_button(push(&paused, "approve", "Ben"))
        .await
        .expect_err("paused");
    assert_eq!(reason(&refused), "PAUSED");
    let message = refused.message();
    assert!(
        message.starts_with("the follow-up is paused, by Ann since 20"),
        "{message}"
    );
    let end = "until somebody resumes it; the reason: the shop is closed: resume it first (ResumeFollowUp)";
    assert!(message.ends_with(end), "{message}");
    let facts = refused.get_details_error_info().expect("facts").metadata;
    assert_eq!(
        (facts["paused_by"].as_str(), facts["pause_reason"].as_str()),
        ("Ann", "the shop is closed")
    );
    let words = explained(&mut clients, &id).await;
    assert!(
        words.contains("It is paused in stage 1") && words.contains("Somebody must resume it"),
        "{words}"
    );
    let resume = ResumeFollowUpRequest {
        actor: "Ben".to_owned(),
        instance_id: id,
        ..ResumeFollowUpRequest::default()
    };
    let resumed = clients
        .manager
        .resume_follow_up(resume)
        .await
        .expect("resumed")
        .into_inner();
    let resumed = resumed.follow_up.expect("it");
    assert!(resumed.due.expect("a due").seconds >= follow_up.due.expect("a due").seconds);
    clients
        .manager
        .push_button(push(&resumed, "approve", "Ben"))
        .await
        .expect("it continues");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_at_its_time() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    let until = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
    let pause = PauseFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        reason: "a second".to_owned(),
        until: Some(until.into()),
        ..PauseFollowUpRequest::default()
    };
    clients
        .manager
        .pause_follow_up(pause)
        .await
        .expect("paused");
    eventually("the end of the pause", async || {
        (get(&mut clients.clone(), &id).await.status() == Status::Active).then_some(())
    })
    .await;
    assert_eq!(
        kinds(&mut clients, &id).await,
        [ChangeKind::Set, ChangeKind::Paused, ChangeKind::Resumed]
    );
}
