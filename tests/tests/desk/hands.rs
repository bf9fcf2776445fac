//! A change of hands names the people: in the history, of an instance and of a call, and in the
//! frames of a stream.

use std::collections::BTreeMap;

use aftercall_proto::alert::v1::SubscribeRequest;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::batch_work::Kind as Work;
use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{
    AcknowledgeAlertRequest, BatchItemState, BatchWork, Cause, ClaimFollowUpRequest,
    HandOverRequest, HandOverWork, HistoryItem, IfRunning, ListBatchItemsRequest,
    ListHistoryRequest, SetWorkflowRequest, StartBatchRequest, TakeOverRequest,
};
use aftercall_tests::{Clients, House, call_ref, eventually, set, set_refund, with_refund};

fn shown(cause: Option<&Cause>) -> (String, BTreeMap<String, String>) {
    let cause = cause.expect("every change has a cause");
    let text = |kind: &Option<Kind>| match kind {
        Some(Kind::Text(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    let values = cause
        .values
        .iter()
        .map(|(name, value)| (name.clone(), text(&value.kind)))
        .collect();
    (
        cause
            .kind()
            .as_str_name()
            .trim_start_matches("CHANGE_KIND_")
            .to_owned(),
        values,
    )
}

async fn history(clients: &mut Clients, id: &str) -> Vec<HistoryItem> {
    let request = ListHistoryRequest {
        instance_id: id.to_owned(),
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

/// The newest change of an instance: its kind, and its values as `name=value`.
async fn newest(clients: &mut Clients, id: &str) -> (String, Vec<String>) {
    let items = history(clients, id).await;
    let (kind, values) = shown(items.last().and_then(|item| item.cause.as_ref()));
    (
        kind,
        values
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
    )
}

async fn hand_over(clients: &mut Clients, id: &str, (actor, person, team): (&str, &str, &str)) {
    let request = HandOverRequest {
        actor: actor.to_owned(),
        instance_ids: vec![id.to_owned()],
        to_person: person.to_owned(),
        to_team: team.to_owned(),
        reason: "end of shift".to_owned(),
        ..HandOverRequest::default()
    };
    let results = clients
        .manager
        .hand_over(request)
        .await
        .expect("answered")
        .into_inner()
        .results;
    assert_eq!(results[0].reason, "", "it is handed over");
}

async fn claim(clients: &mut Clients, id: &str, (actor, seconds): (&str, i64)) {
    let request = ClaimFollowUpRequest {
        actor: actor.to_owned(),
        instance_id: id.to_owned(),
        lease: Some(prost_types::Duration { seconds, nanos: 0 }),
        ..ClaimFollowUpRequest::default()
    };
    clients
        .manager
        .claim_follow_up(request)
        .await
        .expect("claimed");
}

fn change(kind: &str, values: &[&str]) -> (String, Vec<String>) {
    (
        kind.to_owned(),
        values.iter().map(|value| (*value).to_owned()).collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_handover_names_both_people() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    hand_over(&mut clients, &id, ("Ann", "Ben", "")).await;
    assert_eq!(
        newest(&mut clients, &id).await,
        change("HANDED_OVER", &["person=Ben"])
    );
    hand_over(&mut clients, &id, ("Ann", "Cleo", "")).await;
    assert_eq!(
        newest(&mut clients, &id).await,
        change("HANDED_OVER", &["from=Ben", "person=Cleo"])
    );
    let take_over = TakeOverRequest {
        actor: "Dan".to_owned(),
        instance_id: id.clone(),
        reason: "Cleo is ill".to_owned(),
        ..TakeOverRequest::default()
    };
    clients
        .manager
        .take_over(take_over)
        .await
        .expect("taken over");
    assert_eq!(
        newest(&mut clients, &id).await,
        change("TAKEN_OVER", &["from=Cleo"])
    );
    hand_over(&mut clients, &id, ("Dan", "", "payments")).await;
    assert_eq!(
        newest(&mut clients, &id).await,
        change("HANDED_OVER", &["team=payments"]),
        "it was his own"
    );
    claim(&mut clients, &id, ("Eve", 1)).await;
    let lapsed = eventually("the lease runs out", || {
        let (mut clients, id) = (clients.clone(), id.clone());
        async move { Some(newest(&mut clients, &id).await).filter(|(kind, _)| kind == "CLAIM_LAPSED") }
    });
    assert_eq!(lapsed.await, change("CLAIM_LAPSED", &["holder=Eve"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handover_batch_names_the_recipient() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    let work = HandOverWork {
        to_team: "payments".to_owned(),
        ..HandOverWork::default()
    };
    let batch = StartBatchRequest {
        actor: "Eve".to_owned(),
        work: Some(BatchWork {
            kind: Some(Work::HandOver(work)),
        }),
        instance_ids: vec![id.clone()],
        reason: "a drill".to_owned(),
        per_second: 1_000,
        ..StartBatchRequest::default()
    };
    let batch = clients
        .operations
        .start_batch(batch)
        .await
        .expect("started")
        .into_inner()
        .batch
        .expect("it");
    eventually("the batch has handed it over", || {
        let mut clients = clients.clone();
        let request = ListBatchItemsRequest {
            batch_id: batch.id,
            ..ListBatchItemsRequest::default()
        };
        async move {
            let items = clients
                .operations
                .list_batch_items(request)
                .await
                .expect("listed")
                .into_inner()
                .items;
            items
                .iter()
                .all(|item| item.state() == BatchItemState::Done)
                .then_some(())
        }
    })
    .await;
    assert_eq!(
        newest(&mut clients, &id).await,
        change("HANDED_OVER", &["team=payments"])
    );
    let again = SetWorkflowRequest {
        if_running: IfRunning::Replace.into(),
        ..set_refund("1", 6.0)
    };
    let newer = clients
        .scripts
        .set_workflow(again)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    let by = format!("by={}", newer.instance_id);
    assert_eq!(
        newest(&mut clients, &id).await,
        change("REPLACED", &[by.as_str()])
    );
}

const TWO_ALERTS: &str = "
format: 1
workflow: two-alerts
title: Two alerts
on_new_call:
  - alert: { text: Ring back, team: billing, due: 1s, escalate: [ { at: due, priority: urgent } ] }
  - alert: { text: 'Write to {{ call.caller.name }}', team: payments }
  - button: Done
    then: [ finish: done ]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_alert_is_named() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    clients.publish(TWO_ALERTS).await;
    let request = SetWorkflowRequest {
        workflow: "two-alerts".to_owned(),
        fields: BTreeMap::new(),
        ..set_refund("1", 5.0)
    };
    let id = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it")
        .instance_id;
    let escalated = eventually("it escalates", || {
        let (mut clients, id) = (clients.clone(), id.clone());
        async move { Some(newest(&mut clients, &id).await).filter(|(kind, _)| kind == "ESCALATED") }
    });
    assert_eq!(
        escalated.await,
        change("ESCALATED", &["alert=Ring back", "priority=urgent"])
    );
    let subscribe = || {
        let mut clients = clients.clone();
        async move {
            clients
                .alerts
                .subscribe(SubscribeRequest::default())
                .await
                .ok()
        }
    };
    let mut stream = eventually("the alerter is ready", subscribe)
        .await
        .into_inner();
    let seen = AcknowledgeAlertRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        alert_id: "1.1.2".to_owned(),
        ..AcknowledgeAlertRequest::default()
    };
    clients.manager.acknowledge_alert(seen).await.expect("seen");
    let expected = change("ALERT_ACKNOWLEDGED", &["alert=Write to Ada"]);
    assert_eq!(newest(&mut clients, &id).await, expected);
    let of_frame = loop {
        let frame = stream
            .message()
            .await
            .expect("a frame")
            .expect("it stays open")
            .frame;
        if let Some(Frame::StageChange(change)) = frame {
            break change.cause;
        }
    };
    assert_eq!(shown(of_frame.as_ref()).1["alert"], "Write to Ada");
    let of_call = ListHistoryRequest {
        call: Some(call_ref("1")),
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(of_call)
        .await
        .expect("a history")
        .into_inner()
        .items;
    assert_eq!(
        shown(items.last().and_then(|item| item.cause.as_ref())).1["alert"],
        "Write to Ada"
    );
}
