//! Alert streams, end to end: filters see what enters and leaves, and a token resumes after restarts
//! of either server.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::{
    AcknowledgeAlertRequest, CallProperties, ChangeKind, FollowUp, FollowUpFilter,
    GetFollowUpRequest, UpdateCallRequest,
};
use aftercall_tests::{
    Clients, House, PATIENCE, call_ref, eventually, push, reason, set, with_refund,
};
use tonic::Streaming;

async fn subscribe(clients: &Clients, request: SubscribeRequest) -> Streaming<SubscribeResponse> {
    eventually("the alerter is ready", || {
        let (mut clients, request) = (clients.clone(), request.clone());
        async move { clients.alerts.subscribe(request).await.ok() }
    })
    .await
    .into_inner()
}

/// The next frame about a follow-up, in a word; and the newest token.
async fn next(stream: &mut Streaming<SubscribeResponse>) -> (String, String) {
    loop {
        let response = tokio::time::timeout(PATIENCE, stream.message())
            .await
            .expect("in time");
        let response = response.expect("the stream continues").expect("a frame");
        let stage = |follow_up: Option<FollowUp>| {
            follow_up
                .and_then(|one| one.stage)
                .map_or(0, |stage| stage.number)
        };
        let word = match response.frame {
            Some(Frame::SnapshotItem(item)) => format!("open in {}", stage(item.follow_up)),
            Some(Frame::StageChange(change)) => format!("stage {}", stage(change.follow_up)),
            Some(Frame::OutOfView(gone)) => format!("gone {}", gone.outcome).trim_end().to_owned(),
            Some(Frame::SnapshotEnd(end)) => format!("{} open", end.item_count),
            Some(Frame::Reset(reset)) => format!("reset {:?}", reset.reason()),
            _ => continue,
        };
        return (word, response.token);
    }
}

async fn chargeable(clients: &mut Clients, call: &str, chargeable: bool) {
    let properties = CallProperties {
        chargeable: Some(chargeable),
        ..CallProperties::default()
    };
    let mut update = UpdateCallRequest {
        call: Some(call_ref(call)),
        properties: Some(properties),
        ..Default::default()
    };
    update.update_mask = Some(prost_types::FieldMask {
        paths: vec!["chargeable".to_owned()],
    });
    update.actor = "script-1".to_owned();
    clients
        .scripts
        .update_call(update)
        .await
        .expect("it is updated");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_shows_entries_and_exits() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let by = |filter: FollowUpFilter| SubscribeRequest {
        filter: Some(filter),
        ..SubscribeRequest::default()
    };
    let team = |team: &str| FollowUpFilter {
        teams: vec![team.to_owned()],
        ..FollowUpFilter::default()
    };
    let refunds = FollowUpFilter {
        workflows: vec!["refund".to_owned()],
        ..FollowUpFilter::default()
    };
    let of_call = FollowUpFilter {
        calls: vec![call_ref("1")],
        ..FollowUpFilter::default()
    };
    let mut streams = Vec::new();
    for filter in [team("billing"), team("payments"), refunds, of_call] {
        streams.push(subscribe(&clients, by(filter)).await);
    }
    let other = FollowUpFilter {
        customers: vec!["nobody".to_owned()],
        ..FollowUpFilter::default()
    };
    let mut none = subscribe(&clients, by(other)).await;
    let first = set(&mut clients, "1", 5.0).await;
    let approved = clients
        .manager
        .push_button(push(&first, "approve", "Ben"))
        .await
        .expect("pushed")
        .into_inner();
    chargeable(&mut clients, "1", false).await;
    chargeable(&mut clients, "1", true).await;
    let again = approved.follow_up.expect("it");
    clients
        .manager
        .push_button(push(&again, "ask-again", "Ben"))
        .await
        .expect("pushed");
    let expected: [&[&str]; 4] = [
        &["0 open", "stage 1", "gone", "stage 1"],
        &["0 open", "stage 2", "gone", "stage 2", "gone"],
        &["0 open", "stage 1", "stage 2", "gone", "stage 2", "stage 1"],
        &["0 open", "stage 1", "stage 2", "gone", "stage 2", "stage 1"],
    ];
    for (stream, expected) in streams.iter_mut().zip(expected) {
        for word in expected {
            assert_eq!(next(stream).await.0, *word, "of {expected:?}");
        }
    }
    assert_eq!(next(&mut none).await.0, "0 open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_resumes_after_restarts_of_both_servers() {
    let mut house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut stream = subscribe(&clients, SubscribeRequest::default()).await;
    assert_eq!(next(&mut stream).await.0, "0 open");
    let first = set(&mut clients, "1", 5.0).await;
    let (word, token) = next(&mut stream).await;
    assert_eq!(word, "stage 1");
    drop(stream);
    house.stop_alerter().await;
    clients
        .manager
        .push_button(push(&first, "approve", "Ben"))
        .await
        .expect("pushed");
    house.stop_workflow().await;
    house.start_workflow().await;
    house.start_alerter().await;
    let mut clients = house.clients().await;
    let resume = SubscribeRequest {
        resume_token: token.clone(),
        ..SubscribeRequest::default()
    };
    let mut stream = subscribe(&clients, resume).await;
    assert_eq!(
        next(&mut stream).await.0,
        "stage 2",
        "what it missed, and neither a snapshot nor a reset"
    );
    set(&mut clients, "2", 5.0).await;
    assert_eq!(next(&mut stream).await.0, "stage 1");
    let always = SubscribeRequest {
        resume_token: token,
        snapshot: SnapshotMode::Always.into(),
        ..Default::default()
    };
    let mut stream = subscribe(&clients, always).await;
    let mut words = vec![
        next(&mut stream).await.0,
        next(&mut stream).await.0,
        next(&mut stream).await.0,
    ];
    words.sort_unstable();
    assert_eq!(words, ["2 open", "open in 1", "open in 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_filter_resets_the_stream() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut stream = subscribe(&clients, SubscribeRequest::default()).await;
    let (_, token) = next(&mut stream).await;
    set(&mut clients, "1", 5.0).await;
    let filter = FollowUpFilter {
        teams: vec!["billing".to_owned()],
        ..FollowUpFilter::default()
    };
    let other = SubscribeRequest {
        resume_token: token,
        filter: Some(filter),
        ..SubscribeRequest::default()
    };
    let mut stream = subscribe(&clients, other).await;
    assert!(next(&mut stream).await.0.starts_with("reset"));
    let rest = [next(&mut stream).await.0, next(&mut stream).await.0];
    assert!(
        rest.contains(&"1 open".to_owned()) || rest.contains(&"stage 1".to_owned()),
        "{rest:?}"
    );
}

/// The follow-up of the next change on a stream.
async fn changed(stream: &mut Streaming<SubscribeResponse>) -> (FollowUp, ChangeKind) {
    loop {
        let response = tokio::time::timeout(PATIENCE, stream.message())
            .await
            .expect("in time");
        let response = response.expect("the stream continues").expect("a frame");
        if let Some(Frame::StageChange(change)) = response.frame {
            return (
                change.follow_up.expect("the follow-up"),
                change.cause.expect("the cause").kind(),
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_acknowledgement_is_shown_to_all() {
    let mut house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut stream = subscribe(&clients, SubscribeRequest::default()).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    assert_eq!(changed(&mut stream).await.1, ChangeKind::Set);
    let ack = |alert: &str, who: &str| AcknowledgeAlertRequest {
        actor: who.to_owned(),
        instance_id: follow_up.instance_id.clone(),
        alert_id: alert.to_owned(),
        ..AcknowledgeAlertRequest::default()
    };
    let alert = follow_up.alerts[0].id.clone();
    assert_eq!(follow_up.alerts[0].acknowledged_by, "");
    let first = clients
        .manager
        .acknowledge_alert(ack(&alert, "Ann"))
        .await
        .expect("seen")
        .into_inner();
    let (shown, kind) = changed(&mut stream).await;
    assert_eq!(
        (kind, shown.sequence),
        (ChangeKind::AlertAcknowledged, first.sequence)
    );
    assert_eq!(
        (
            shown.alerts[0].acknowledged_by.as_str(),
            shown.alerts[0].acknowledged_at.is_some()
        ),
        ("Ann", true)
    );

    let again = clients
        .manager
        .acknowledge_alert(ack(&alert, "Ben"))
        .await
        .expect("nothing to do")
        .into_inner();
    assert_eq!(again.follow_up, first.follow_up, "the first is remembered");
    let malformed = clients
        .manager
        .acknowledge_alert(ack("first", "Ben"))
        .await
        .expect_err("no id");
    assert_eq!(malformed.code(), tonic::Code::InvalidArgument);
    let none = clients
        .manager
        .acknowledge_alert(ack("1.1.9", "Ben"))
        .await
        .expect_err("no such alert");
    assert_eq!(reason(&none), "ALERT_GONE");

    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let request = GetFollowUpRequest {
        instance_id: follow_up.instance_id.clone(),
        read_mask: None,
    };
    let kept = clients
        .manager
        .get_follow_up(request)
        .await
        .expect("it is there")
        .into_inner()
        .follow_up;
    assert_eq!(kept, first.follow_up);
    clients
        .manager
        .push_button(push(&follow_up, "approve", "Ben"))
        .await
        .expect("pushed");
    let gone = clients
        .manager
        .acknowledge_alert(ack(&alert, "Ben"))
        .await
        .expect_err("the stage was left");
    assert_eq!(reason(&gone), "ALERT_GONE");
}
