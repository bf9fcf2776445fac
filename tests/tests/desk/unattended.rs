//! An alert that somebody has seen and nobody works on is new again, also after a restart.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{StageChange, SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{
    AcknowledgeAlertRequest, ActorKind, ChangeKind, FollowUp, SetWorkflowRequest,
};
use aftercall_tests::{Clients, House, PATIENCE, eventually, set_refund, with_refund};
use tonic::Streaming;

use crate::snoozing::subscribe;
use crate::{explained, get, kinds};

const WATCHED: &str = "
format: 1
workflow: watched
title: Watched
on_new_call:
  - alert: { text: Call back, team: billing, due: 1h, seen-for: 1s }
  - button: Called
    then: [ finish: called ]
";

async fn set(clients: &mut Clients, call: &str) -> FollowUp {
    let request = SetWorkflowRequest {
        workflow: "watched".to_owned(),
        fields: Default::default(),
        ..set_refund(call, 1.0)
    };
    let answer = clients.scripts.set_workflow(request).await.expect("set");
    answer.into_inner().follow_up.expect("it")
}

async fn see(clients: &mut Clients, id: &str) -> FollowUp {
    let request = AcknowledgeAlertRequest {
        actor: "Ann".to_owned(),
        instance_id: id.to_owned(),
        alert_id: "1.1.1".to_owned(),
        ..AcknowledgeAlertRequest::default()
    };
    let answer = clients.manager.acknowledge_alert(request).await;
    let answer = answer.expect("it waits to be seen").into_inner();
    answer.follow_up.expect("it")
}

/// The next change of this kind.
async fn until(stream: &mut Streaming<SubscribeResponse>, kind: ChangeKind) -> StageChange {
    let looking = async {
        loop {
            let frame = stream.message().await.expect("the stream continues");
            if let Some(Frame::StageChange(change)) = frame.expect("no end").frame
                && change
                    .cause
                    .as_ref()
                    .is_some_and(|cause| cause.kind() == kind)
            {
                return change;
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("no {kind:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seen_alert_that_nobody_takes_is_new_again() {
    let mut house = House::start().await;
    let mut clients = with_refund(&house).await;
    clients.publish(WATCHED).await;
    let id = set(&mut clients, "1").await.instance_id;
    let mut stream = subscribe(&clients, SubscribeRequest::default()).await;
    let seen = see(&mut clients, &id).await;
    assert_eq!(seen.alerts[0].acknowledged_by, "Ann");
    assert!(seen.alerts[0].alerts_again_at.is_some());
    let change = until(&mut stream, ChangeKind::AlertedAgain).await;
    let cause = change.cause.expect("why");
    let seen_by = cause
        .values
        .get("seen_by")
        .and_then(|value| value.kind.clone());
    assert_eq!(seen_by, Some(Kind::Text("Ann".to_owned())));
    assert_eq!(change.actor.expect("who").kind(), ActorKind::Timer);
    let shown = change.follow_up.expect("it");
    assert_eq!((shown.instance_id.as_str(), shown.visit), (id.as_str(), 1));
    let alert = &shown.alerts[0];
    assert_eq!(
        (alert.acknowledged_by.as_str(), alert.alerts_again_at),
        ("", None)
    );

    see(&mut clients, &id).await;
    let said = explained(&mut clients, &id).await;
    assert!(
        said.contains("Ann has seen the alert \"Call back\": it is new again"),
        "{said}"
    );
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let history = eventually("it is new again", || {
        let (mut clients, id) = (clients.clone(), id.clone());
        async move {
            let history = kinds(&mut clients, &id).await;
            (history.len() >= 5).then_some(history)
        }
    });
    let history = history.await;
    let (seen, again) = (ChangeKind::AlertAcknowledged, ChangeKind::AlertedAgain);
    assert_eq!(history, [ChangeKind::Set, seen, again, seen, again]);
    let now = get(&mut clients, &id).await;
    assert_eq!(now.alerts[0].acknowledged_by, "");
}
