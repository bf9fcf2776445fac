//! The rules of the domain, over real gRPC: who sees what, releases, setting again, lists,
//! explanations, timers.

use std::collections::BTreeSet;

use aftercall_proto::workflow::v1::{
    CancelInstanceRequest, ChangeKind, CountInstancesRequest, EndCallRequest,
    ExplainInstanceRequest, FollowUp, FollowUpFilter, GetCallRequest, GetInstanceRequest, GroupBy,
    IfRunning, ListFollowUpsRequest, ListHistoryRequest, Release, Status, UpdateCallRequest,
    WithdrawWorkflowRequest,
};
use aftercall_tests::{
    Clients, House, call_ref, eventually, push, reason, set, set_refund, with_refund,
};
use tonic::Code;
#[tokio::test(flavor = "multi_thread")]
async fn only_chargeable_calls_appear() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1", 10.0);
    request.properties.as_mut().expect("properties").chargeable = None;
    let answer = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner();
    assert!(
        answer.warnings[0].contains("not marked as chargeable"),
        "{:?}",
        answer.warnings
    );
    let hidden = answer.follow_up.expect("it");
    assert!(!hidden.visible && listed(&mut clients).await.is_empty());
    let refused = clients
        .manager
        .push_button(push(&hidden, "approve", "Ben"))
        .await
        .expect_err("hidden");
    assert_eq!(reason(&refused), "NOT_VISIBLE");
    for chargeable in [true, false, true] {
        let mut update = UpdateCallRequest {
            call: Some(call_ref("1")),
            ..UpdateCallRequest::default()
        };
        update.properties.get_or_insert_default().chargeable = Some(chargeable);
        clients.scripts.update_call(update).await.expect("updated");
        assert_eq!(listed(&mut clients).await.len(), usize::from(chargeable));
    }
}

async fn listed(clients: &mut Clients) -> Vec<FollowUp> {
    let page = clients
        .manager
        .list_follow_ups(ListFollowUpsRequest::default())
        .await
        .expect("a list")
        .into_inner();
    page.rows
        .into_iter()
        .filter_map(|row| row.follow_up)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn release_at_call_end_hides_the_follow_up() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1", 10.0);
    request.release = Release::CallEnded.into();
    let waiting = clients
        .scripts
        .set_workflow(request.clone())
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    assert_eq!(waiting.status(), Status::WaitingForCallEnd);
    assert!(listed(&mut clients).await.is_empty());
    let take_back = WithdrawWorkflowRequest {
        instance_id: waiting.instance_id.clone(),
        ..Default::default()
    };
    let withdrawn = clients
        .scripts
        .withdraw_workflow(take_back)
        .await
        .expect("withdrawn")
        .into_inner();
    assert_eq!(withdrawn.follow_up.expect("it").status(), Status::Cancelled);
    let second = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    assert_ne!(second.instance_id, waiting.instance_id);
    let end = EndCallRequest {
        call: Some(call_ref("1")),
        ..EndCallRequest::default()
    };
    let ended = clients
        .scripts
        .end_call(end.clone())
        .await
        .expect("ended")
        .into_inner();
    assert_eq!(
        ended.released_instance_ids,
        std::slice::from_ref(&second.instance_id)
    );
    assert_eq!(listed(&mut clients).await.len(), 1);
    let again = clients
        .scripts
        .end_call(end)
        .await
        .expect("saying it again changes nothing")
        .into_inner();
    assert!(again.released_instance_ids.is_empty());
    let call = GetCallRequest {
        call: Some(call_ref("1")),
        read_mask: None,
    };
    let call = clients
        .scripts
        .get_call(call)
        .await
        .expect("the call")
        .into_inner();
    assert_eq!(call.follow_ups.len(), 2);
    let worked = clients
        .manager
        .push_button(push(&call.follow_ups[0], "approve", "Ben"))
        .await;
    assert!(worked.is_ok());
    let too_late = WithdrawWorkflowRequest {
        instance_id: second.instance_id,
        ..Default::default()
    };
    let refused = clients
        .scripts
        .withdraw_workflow(too_late)
        .await
        .expect_err("somebody has worked on it");
    assert_eq!(reason(&refused), "ALREADY_WORKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_again_returns_refuses_or_replaces() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first = set(&mut clients, "1", 10.0).await;
    let again = clients
        .scripts
        .set_workflow(set_refund("1", 12.0))
        .await
        .expect("set")
        .into_inner();
    assert_eq!(
        (again.started, again.updated_fields),
        (false, vec!["amount".to_owned()])
    );
    assert_eq!(again.follow_up.expect("it").instance_id, first.instance_id);
    let mut refuse = set_refund("1", 12.0);
    refuse.if_running = IfRunning::Refuse.into();
    assert_eq!(
        reason(
            &clients
                .scripts
                .set_workflow(refuse)
                .await
                .expect_err("it runs")
        ),
        "ALREADY_RUNNING"
    );
    let mut replace = set_refund("1", 13.0);
    replace.if_running = IfRunning::Replace.into();
    let replaced = clients
        .scripts
        .set_workflow(replace)
        .await
        .expect("replaced")
        .into_inner();
    assert!(replaced.started);
    let old = GetInstanceRequest {
        instance_id: first.instance_id,
        read_mask: None,
    };
    let old = clients
        .operations
        .get_instance(old)
        .await
        .expect("the old one")
        .into_inner()
        .instance
        .expect("it");
    assert_eq!(old.status(), Status::Cancelled);
    let cancel = CancelInstanceRequest {
        actor: "ops".to_owned(),
        instance_id: replaced.follow_up.expect("it").instance_id,
        reason: "a test".to_owned(),
        ..CancelInstanceRequest::default()
    };
    clients
        .operations
        .cancel_instance(cancel.clone())
        .await
        .expect("cancelled");
    assert_eq!(
        reason(
            &clients
                .operations
                .cancel_instance(cancel)
                .await
                .expect_err("it has ended")
        ),
        "INSTANCE_ENDED"
    );
    set(&mut clients, "1", 14.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_ordered_by_urgency() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for call in 0..25 {
        let follow_up = set(&mut clients, &call.to_string(), 1.0).await;
        if call % 5 == 0 {
            clients
                .manager
                .push_button(push(&follow_up, "approve", "Ben"))
                .await
                .expect("pushed");
        }
    }
    let of_team = |team: &str| FollowUpFilter {
        teams: vec![team.to_owned()],
        ..FollowUpFilter::default()
    };
    for (filter, count) in [
        (FollowUpFilter::default(), 25),
        (of_team("billing"), 20),
        (of_team("payments"), 5),
        (of_team("nobody"), 0),
    ] {
        let mut request = ListFollowUpsRequest {
            filter: Some(filter),
            page_size: 7,
            ..Default::default()
        };
        let mut rows = Vec::new();
        loop {
            let page = clients
                .manager
                .list_follow_ups(request.clone())
                .await
                .expect("a page")
                .into_inner();
            rows.extend(page.rows);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        let ids: BTreeSet<_> = rows
            .iter()
            .map(|row| row.follow_up.as_ref().expect("it").instance_id.clone())
            .collect();
        assert_eq!((rows.len(), ids.len()), (count, count));
        let priorities: Vec<i32> = rows
            .iter()
            .map(|row| -row.alert.as_ref().expect("an alert").priority)
            .collect();
        assert!(priorities.is_sorted(), "{priorities:?}");
        request.page_token = "1.2.3".to_owned();
        let refused = clients
            .manager
            .list_follow_ups(request)
            .await
            .expect_err("not a token");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let count = CountInstancesRequest {
        group_by: GroupBy::Stage.into(),
        ..CountInstancesRequest::default()
    };
    let counted = clients
        .operations
        .count_instances(count)
        .await
        .expect("counted")
        .into_inner();
    let groups: Vec<_> = counted
        .counts
        .iter()
        .map(|group| (group.group.as_str(), group.count))
        .collect();
    assert_eq!(groups, [("refund, stage 1", 20), ("refund, stage 2", 5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_why_an_instance_waits() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 1.0).await;
    let ask = ExplainInstanceRequest {
        instance_id: follow_up.instance_id,
        read_mask: None,
    };
    let sentences = clients
        .operations
        .explain_instance(ask)
        .await
        .expect("explained")
        .into_inner()
        .sentences;
    assert!(
        sentences[0].starts_with("It waits in stage 1 \"New call\" (visit 1) since "),
        "{sentences:?}"
    );
    assert!(
        sentences[0].ends_with("for one of the buttons \"Approve\", \"Reject\" by team billing."),
        "{sentences:?}"
    );
    assert!(
        sentences[1].starts_with("It is due in 4 h (at "),
        "{sentences:?}"
    );
}

const TIMED: &str = r"
format: 1
workflow: timed
title: Timed
on_new_call:
  - alert: { text: Wait, team: billing }
  - timer: { after: 1s }
    label: A second later
    then: [ finish: elapsed ]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_due_during_downtime_fires_once() {
    let mut house = House::start_without_alerter().await;
    let mut clients = house.clients().await;
    clients.teams(&["billing"]).await;
    clients.publish(TIMED).await;
    let mut request = set_refund("1", 1.0);
    request.workflow = "timed".to_owned();
    request.fields.clear();
    let follow_up = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    assert_eq!(follow_up.timers.len(), 1);
    house.stop_workflow().await;
    house.start_workflow().await;
    let clients = house.clients().await;
    let id = follow_up.instance_id;
    let get = GetInstanceRequest {
        instance_id: id.clone(),
        read_mask: None,
    };
    let finished = eventually("the timer fires", || {
        let (mut clients, get) = (clients.clone(), get.clone());
        async move {
            let instance = clients
                .operations
                .get_instance(get)
                .await
                .expect("it")
                .into_inner()
                .instance
                .expect("it");
            (instance.status() == Status::Finished).then_some(instance)
        }
    })
    .await;
    assert_eq!(finished.outcome, "elapsed");
    let history = ListHistoryRequest {
        instance_id: id,
        ..ListHistoryRequest::default()
    };
    let items = clients
        .clone()
        .operations
        .list_history(history)
        .await
        .expect("history")
        .into_inner()
        .items;
    let fired = items
        .iter()
        .filter(|item| item.cause.as_ref().expect("why").kind() == ChangeKind::TimerElapsed);
    assert_eq!(fired.count(), 1);
}
