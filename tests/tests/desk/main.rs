//! What people do at their desks, over real gRPC: as lists, streams, history and explanations show
//! it, and as it is after a restart.

mod away;
mod bulk;
mod claims;
mod handing_over;
mod hands;
mod pausing;
mod snoozing;
mod stuck;
mod texts;
mod unattended;
mod views;

use aftercall_proto::workflow::v1::{
    ChangeKind, DueState, EndCallRequest, ExplainInstanceRequest, FollowUp, FollowUpFilter,
    GetFollowUpRequest, ListFollowUpsRequest, ListHistoryRequest, Status, UndoPushRequest,
};
use aftercall_tests::{Clients, House, call_ref, push, reason, set, with_refund};

pub(crate) async fn get(clients: &mut Clients, id: &str) -> FollowUp {
    let request = GetFollowUpRequest {
        instance_id: id.to_owned(),
        read_mask: None,
    };
    clients
        .manager
        .get_follow_up(request)
        .await
        .expect("it is there")
        .into_inner()
        .follow_up
        .expect("it")
}

pub(crate) async fn rows(clients: &mut Clients, teams: &[&str]) -> Vec<(String, DueState)> {
    let filter = FollowUpFilter {
        teams: teams.iter().map(ToString::to_string).collect(),
        ..FollowUpFilter::default()
    };
    let request = ListFollowUpsRequest {
        filter: Some(filter),
        ..ListFollowUpsRequest::default()
    };
    let page = clients
        .manager
        .list_follow_ups(request)
        .await
        .expect("a list")
        .into_inner();
    page.rows
        .into_iter()
        .map(|row| {
            (
                row.follow_up.clone().unwrap_or_default().instance_id,
                row.due_state(),
            )
        })
        .collect()
}

pub(crate) async fn kinds(clients: &mut Clients, id: &str) -> Vec<ChangeKind> {
    let request = ListHistoryRequest {
        instance_id: id.to_owned(),
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(request)
        .await
        .expect("history")
        .into_inner()
        .items;
    items
        .iter()
        .map(|item| item.cause.as_ref().expect("why").kind())
        .collect()
}

pub(crate) async fn explained(clients: &mut Clients, id: &str) -> String {
    let request = ExplainInstanceRequest {
        instance_id: id.to_owned(),
        read_mask: None,
    };
    clients
        .operations
        .explain_instance(request)
        .await
        .expect("explained")
        .into_inner()
        .sentences
        .join(" ")
}

pub(crate) fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_undone() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let id = follow_up.instance_id.clone();
    let undo = |actor: &str, request_id: &str| UndoPushRequest {
        request_id: request_id.to_owned(),
        actor: actor.to_owned(),
        instance_id: id.clone(),
        ..UndoPushRequest::default()
    };
    let refused = clients
        .manager
        .undo_push(undo("Ann", ""))
        .await
        .expect_err("nobody has pushed");
    assert_eq!(reason(&refused), "NOTHING_TO_UNDO");
    let mut reject = push(&follow_up, "reject", "Ann");
    reject.note = "no receipt".to_owned();
    let pushed = clients
        .manager
        .push_button(reject)
        .await
        .expect("pushed")
        .into_inner();
    assert!(pushed.undo_until.is_some());
    assert_eq!(pushed.follow_up.expect("it").status(), Status::Finished);
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let refused = clients
        .manager
        .undo_push(undo("Ben", ""))
        .await
        .expect_err("Ann pushed");
    assert_eq!(reason(&refused), "PUSHED_BY_ANOTHER");
    let undone = clients
        .manager
        .undo_push(undo("Ann", "undo-1"))
        .await
        .expect("taken back")
        .into_inner();
    let back = undone.follow_up.clone().expect("it");
    assert_eq!(
        (
            back.status(),
            back.stage.clone().expect("one").number,
            back.visit
        ),
        (Status::Active, 1, 2)
    );
    assert_eq!(
        (&back.alerts[0].text, back.due, back.outcome.as_str()),
        (&follow_up.alerts[0].text, follow_up.due, "")
    );
    // Repeated with the same id it returns the same answer, though the newest change is no push any
    // more.
    let again = clients
        .manager
        .undo_push(undo("Ann", "undo-1"))
        .await
        .expect("the same")
        .into_inner();
    assert_eq!(again, undone);
    let stale = push(&follow_up, "approve", "Ben");
    assert_eq!(
        reason(
            &clients
                .manager
                .push_button(stale)
                .await
                .expect_err("an old click")
        ),
        "STALE_VISIT"
    );
    let pushed = clients
        .manager
        .push_button(push(&back, "approve", "Ann"))
        .await
        .expect("pushed")
        .into_inner();
    let by_supervisor = UndoPushRequest {
        as_supervisor: true,
        reason: "over her limit".to_owned(),
        ..undo("Eve", "")
    };
    assert_eq!(pushed.follow_up.expect("it").stage.expect("one").number, 2);
    clients
        .manager
        .undo_push(by_supervisor)
        .await
        .expect("taken back");
    use ChangeKind::{ButtonPushed, PushUndone, Set};
    assert_eq!(
        kinds(&mut clients, &id).await,
        [Set, ButtonPushed, PushUndone, ButtonPushed, PushUndone]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_shows_the_end_of_the_call() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    let end = EndCallRequest {
        call: Some(call_ref("1")),
        actor: "engine".to_owned(),
        ..EndCallRequest::default()
    };
    clients.scripts.end_call(end).await.expect("ended");
    assert_eq!(
        kinds(&mut clients, &id).await,
        [ChangeKind::Set, ChangeKind::CallEnded]
    );
}
