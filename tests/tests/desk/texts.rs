//! Standing alerts are true, over real gRPC: a new value shows in lists, streams, wallboard and
//! history, and an escalation reaches the people whom it is for.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::snooze_alert_request::When;
use aftercall_proto::workflow::v1::{
    FollowUp, FollowUpFilter, HistoryItem, ListFollowUpsRequest, ListHistoryRequest,
    SetWorkflowRequest, SnoozeAlertRequest,
};
use aftercall_tests::{Clients, House, PATIENCE, eventually, number, set, set_refund, with_refund};
use tonic::Streaming;

async fn subscribe(clients: &Clients, team: &str) -> Streaming<SubscribeResponse> {
    let filter = FollowUpFilter {
        teams: vec![team.to_owned()],
        ..FollowUpFilter::default()
    };
    let request = SubscribeRequest {
        filter: Some(filter),
        ..SubscribeRequest::default()
    };
    eventually("the alerter is ready", || {
        let (mut clients, request) = (clients.clone(), request.clone());
        async move { clients.alerts.subscribe(request).await.ok() }
    })
    .await
    .into_inner()
}

/// Waits for the stream to show a follow-up that is as it should be.
async fn shows(
    stream: &mut Streaming<SubscribeResponse>,
    is_so: impl Fn(&FollowUp) -> bool,
) -> FollowUp {
    loop {
        let response = tokio::time::timeout(PATIENCE, stream.message())
            .await
            .expect("in time");
        let follow_up = match response
            .expect("the stream continues")
            .expect("a frame")
            .frame
        {
            Some(Frame::SnapshotItem(item)) => item.follow_up,
            Some(Frame::StageChange(change)) => change.follow_up,
            _ => None,
        };
        if let Some(follow_up) = follow_up.filter(&is_so) {
            return follow_up;
        }
    }
}

async fn listed(clients: &mut Clients, team: &str) -> Vec<FollowUp> {
    let filter = FollowUpFilter {
        teams: vec![team.to_owned()],
        ..FollowUpFilter::default()
    };
    let request = ListFollowUpsRequest {
        filter: Some(filter),
        ..ListFollowUpsRequest::default()
    };
    let rows = clients
        .manager
        .list_follow_ups(request)
        .await
        .expect("a list")
        .into_inner()
        .rows;
    rows.into_iter().filter_map(|row| row.follow_up).collect()
}

async fn history(clients: &mut Clients, instance_id: &str) -> Vec<HistoryItem> {
    let request = ListHistoryRequest {
        instance_id: instance_id.to_owned(),
        ..ListHistoryRequest::default()
    };
    clients
        .operations
        .list_history(request)
        .await
        .expect("a history")
        .into_inner()
        .items
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_again_shows_the_new_amount_everywhere() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let mut stream = subscribe(&clients, "billing").await;
    let first = set(&mut clients, "1", 72.5).await;
    shows(&mut stream, |shown| {
        shown.alerts[0].text == "Refund 72.5 for Ada"
    })
    .await;
    let again = SetWorkflowRequest {
        fields: [("amount".to_owned(), number(27.5))].into(),
        ..set_refund("1", 27.5)
    };
    let answer = clients
        .scripts
        .set_workflow(again)
        .await
        .expect("set again")
        .into_inner();
    let expected = "Refund 27.5 for Ada";
    assert_eq!(answer.follow_up.expect("it").alerts[0].text, expected);
    assert_eq!(
        listed(&mut clients, "billing").await[0].alerts[0].text,
        expected
    );
    shows(&mut stream, |shown| shown.alerts[0].text == expected).await;
    let items = history(&mut clients, &first.instance_id).await;
    let texts: Vec<&[String]> = items.iter().map(|item| &*item.rewritten_texts).collect();
    assert_eq!(texts, [&[][..], &[expected.to_owned()][..]]);
}

/// A follow-up whose alert escalates to the leads two seconds after it was set.
const ESCALATES: &str = "
format: 1
workflow: snoozed
title: Snoozed and escalated
on_new_call:
  - alert: { text: Call, team: billing, due: 2s, escalate: [ { at: due, priority: urgent, add-team: payments } ] }
  - button: Called
    then: [ finish: called ]
";

#[tokio::test(flavor = "multi_thread")]
async fn an_escalation_of_a_snoozed_alert_reaches_its_team() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    clients.publish(ESCALATES).await;
    let mut leads = subscribe(&clients, "payments").await;
    let request = SetWorkflowRequest {
        workflow: "snoozed".to_owned(),
        fields: [].into(),
        ..set_refund("1", 1.0)
    };
    let set = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    let snooze = SnoozeAlertRequest {
        actor: "Ann".to_owned(),
        instance_id: set.instance_id.clone(),
        alert_id: set.alerts[0].id.clone(),
        when: Some(When::Days(300)),
        ..SnoozeAlertRequest::default()
    };
    clients.manager.snooze_alert(snooze).await.expect("snoozed");
    assert_eq!(listed(&mut clients, "billing").await.len(), 0);
    let seen = shows(&mut leads, |shown| shown.instance_id == set.instance_id).await;
    assert_eq!(seen.alerts[0].snoozed_until, None);
    assert_eq!(listed(&mut clients, "payments").await.len(), 1);
    let items = history(&mut clients, &set.instance_id).await;
    let cause = items
        .last()
        .and_then(|item| item.cause.as_ref())
        .expect("a cause");
    assert!(cause.values.contains_key("snooze"), "{cause:?}");
}
