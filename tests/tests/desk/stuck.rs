//! What ops look for at night, over real gRPC: moving what is stuck, the report of stuck work,
//! counts by every field.

use aftercall_proto::workflow::v1::{
    CallProperties, ChangeKind, ClaimFollowUpRequest, ClaimNextRequest, CountInstancesRequest,
    ExplainInstanceRequest, FinishFollowUpRequest, FollowUp, GroupBy, InstanceFilter,
    ListHistoryRequest, ListInstancesRequest, ListOverdueTimersRequest, ListStuckInstancesRequest,
    MoveInstanceRequest, PauseFollowUpRequest, Release, SetWorkflowRequest, Status, StuckReason,
    UndoPushRequest,
};
use aftercall_tests::{Clients, House, call_ref, push, reason, set, set_refund, text, with_refund};
use tonic::Code;

const DEAD_END: &str = "
format: 1
workflow: dead-end
title: Dead end
allow_unlinked_ends: true
on_new_call:
  - alert: { text: Decide, team: billing, due: 4h }
  - button: Nowhere
  - button: Done
    then: [ finish: done ]
";

fn move_to(id: &str, stage: u32, why: &str) -> MoveInstanceRequest {
    MoveInstanceRequest {
        actor: "ops".to_owned(),
        instance_id: id.to_owned(),
        stage,
        reason: why.to_owned(),
        ..MoveInstanceRequest::default()
    }
}

async fn counted(clients: &mut Clients, by: GroupBy) -> Vec<(String, u64)> {
    let request = CountInstancesRequest {
        group_by: by.into(),
        ..CountInstancesRequest::default()
    };
    let answer = clients
        .operations
        .count_instances(request)
        .await
        .expect("counted")
        .into_inner();
    answer
        .counts
        .into_iter()
        .map(|count| (count.group, count.count))
        .collect()
}

async fn stuck(clients: &mut Clients, seconds: i64) -> Vec<(StuckReason, String)> {
    let longer_than = Some(prost_types::Duration { seconds, nanos: 0 });
    let request = ListStuckInstancesRequest {
        longer_than,
        ..ListStuckInstancesRequest::default()
    };
    let answer = clients
        .operations
        .list_stuck_instances(request)
        .await
        .expect("a report")
        .into_inner();
    let listed = answer.instances.len() as u64;
    assert_eq!(
        answer.counts.iter().map(|count| count.count).sum::<u64>(),
        listed
    );
    answer
        .instances
        .iter()
        .map(|one| (one.reason(), one.instance.clone().expect("it").instance_id))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_work_is_found_and_moved() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = dead_end(&mut clients).await;
    assert_eq!(
        stuck(&mut clients, 3_600).await,
        [(StuckReason::Incomplete, follow_up.instance_id.clone())]
    );
    let id = &follow_up.instance_id;
    assert_eq!(
        clients
            .operations
            .move_instance(move_to(id, 1, ""))
            .await
            .expect_err("why?")
            .code(),
        Code::InvalidArgument
    );
    let refused = clients
        .operations
        .move_instance(move_to(id, 99, "a slip"))
        .await
        .expect_err("no such stage");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "NO_SUCH_STAGE")
    );
    let old = MoveInstanceRequest {
        expected_revision: Some(1),
        ..move_to(id, 1, "a slip")
    };
    assert_eq!(
        clients
            .operations
            .move_instance(old)
            .await
            .expect_err("an old revision")
            .code(),
        Code::Aborted
    );
    let moved = clients
        .operations
        .move_instance(move_to(id, 1, "a slip"))
        .await
        .expect("moved")
        .into_inner();
    let moved = moved.instance.expect("it");
    assert_eq!((moved.status(), moved.visit), (Status::Active, 2));
    assert_eq!(stuck(&mut clients, 3_600).await, []);
}

async fn dead_end(clients: &mut Clients) -> FollowUp {
    clients.publish(DEAD_END).await;
    let request = SetWorkflowRequest {
        workflow: "dead-end".to_owned(),
        fields: Default::default(),
        ..set_refund("1", 1.0)
    };
    let follow_up = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    let pushed = clients
        .manager
        .push_button(push(&follow_up, "nowhere", "Ann"))
        .await
        .expect("pushed")
        .into_inner();
    pushed.follow_up.expect("it")
}

fn finish(follow_up: &FollowUp, who: &str, outcome: &str) -> FinishFollowUpRequest {
    FinishFollowUpRequest {
        actor: who.to_owned(),
        instance_id: follow_up.instance_id.clone(),
        stage: follow_up.stage.as_ref().map_or(0, |stage| stage.number),
        visit: follow_up.visit,
        outcome: outcome.to_owned(),
        note: "called, all is well".to_owned(),
        ..FinishFollowUpRequest::default()
    }
}

async fn check_refused_finishes(clients: &mut Clients, follow_up: &FollowUp) {
    let mut refused = async |request: FinishFollowUpRequest| {
        let refused = clients
            .manager
            .finish_follow_up(request)
            .await
            .expect_err("refused");
        (refused.code(), reason(&refused))
    };
    assert_eq!(
        refused(finish(follow_up, "Ann", "All is well")).await.0,
        Code::InvalidArgument
    );
    assert_eq!(
        refused(finish(follow_up, "Ann", "")).await.0,
        Code::InvalidArgument
    );
    assert_eq!(
        refused(finish(follow_up, "Ben", "settled")).await.1,
        "CLAIMED_BY_ANOTHER"
    );
    let unseen = [(0, 1), (1, 0), (1, 9), (7, 1)];
    for (stage, visit) in unseen {
        let asked = FinishFollowUpRequest {
            stage,
            visit,
            ..finish(follow_up, "Ann", "settled")
        };
        assert_eq!(
            refused(asked).await.0,
            Code::InvalidArgument,
            "stage {stage}, visit {visit}"
        );
    }
    let old = FinishFollowUpRequest {
        expected_revision: Some(1),
        ..finish(follow_up, "Ann", "settled")
    };
    assert_eq!(refused(old).await.0, Code::Aborted);
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_work_is_claimed_and_finished() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = dead_end(&mut clients).await;
    assert_eq!(
        (follow_up.status(), follow_up.buttons.len()),
        (Status::Incomplete, 0)
    );
    let id = follow_up.instance_id.clone();
    let next = ClaimNextRequest {
        actor: "Ann".to_owned(),
        ..ClaimNextRequest::default()
    };
    let claimed = clients
        .manager
        .claim_next(next)
        .await
        .expect("the next")
        .into_inner()
        .follow_up
        .expect("it");
    assert_eq!(
        (
            claimed.instance_id.as_str(),
            claimed.claim.expect("a claim").holder.as_str()
        ),
        (id.as_str(), "Ann")
    );
    let explain = ExplainInstanceRequest {
        instance_id: id.clone(),
        read_mask: None,
    };
    let explanation = clients
        .operations
        .explain_instance(explain)
        .await
        .expect("explained")
        .into_inner()
        .sentences
        .join(" ");
    assert!(
        explanation.contains("Finish it with an outcome (its workflow has done)"),
        "{explanation}"
    );
    assert!(explanation.contains("Ann holds it"), "{explanation}");
    check_refused_finishes(&mut clients, &follow_up).await;
    let finished = clients
        .manager
        .finish_follow_up(finish(&follow_up, "Ann", "settled"))
        .await
        .expect("finished")
        .into_inner();
    let finished = finished.follow_up.expect("it");
    assert_eq!(
        (finished.status(), finished.outcome.as_str(), finished.claim),
        (Status::Finished, "settled", None)
    );
    let again = clients
        .manager
        .finish_follow_up(finish(&follow_up, "Ann", "settled"))
        .await
        .expect_err("it has ended");
    assert_eq!(reason(&again), "INSTANCE_ENDED");
    let undo = UndoPushRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        ..UndoPushRequest::default()
    };
    assert_eq!(
        reason(&clients.manager.undo_push(undo).await.expect_err("no push")),
        "NOTHING_TO_UNDO"
    );
    let history = ListHistoryRequest {
        instance_id: id.clone(),
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(history)
        .await
        .expect("history")
        .into_inner()
        .items;
    let cause = items.last().expect("a line").cause.clone().expect("why");
    assert_eq!(
        (cause.kind(), cause.note.as_str()),
        (ChangeKind::Finished, "called, all is well")
    );
    assert_eq!(cause.values["outcome"], text("settled"));
    assert_eq!(stuck(&mut clients, 3_600).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_with_buttons_cannot_be_finished() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let request = FinishFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: follow_up.instance_id,
        stage: follow_up.stage.as_ref().map_or(0, |stage| stage.number),
        visit: follow_up.visit,
        outcome: "settled".to_owned(),
        ..FinishFollowUpRequest::default()
    };
    let refused = clients
        .manager
        .finish_follow_up(request)
        .await
        .expect_err("it has buttons");
    assert_eq!(reason(&refused), "ILLEGAL_MOVE");
}

/// Every way to count the five instances.
async fn check_counts(clients: &mut Clients) {
    let expected = |groups: &[(&str, u64)]| {
        groups
            .iter()
            .map(|(name, n)| ((*name).to_owned(), *n))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        counted(clients, GroupBy::Holder).await,
        expected(&[("nobody", 4), ("Ann", 1)])
    );
    assert_eq!(
        counted(clients, GroupBy::Priority).await,
        expected(&[("high", 4), ("no alert", 1)])
    );
    assert_eq!(
        counted(clients, GroupBy::Age).await,
        expected(&[("under 1 h", 5)])
    );
    assert_eq!(
        counted(clients, GroupBy::Due).await,
        expected(&[("on time", 5)])
    );
    assert_eq!(
        counted(clients, GroupBy::Hidden).await,
        expected(&[("seen", 3), ("hidden", 2)])
    );
    let statuses = [
        ("active", 3),
        ("paused", 1),
        ("waiting for the call to end", 1),
    ];
    assert_eq!(counted(clients, GroupBy::Status).await, expected(&statuses));
}

#[tokio::test(flavor = "multi_thread")]
async fn stuck_work_is_listed_with_its_cause() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let waits = SetWorkflowRequest {
        release: Release::CallEnded.into(),
        ..set_refund("1", 1.0)
    };
    let waits = clients
        .scripts
        .set_workflow(waits)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it")
        .instance_id;
    let mut hidden = set_refund("2", 1.0);
    hidden.properties = hidden.properties.map(|known| CallProperties {
        chargeable: Some(false),
        ..known
    });
    let hidden = clients
        .scripts
        .set_workflow(hidden)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it")
        .instance_id;
    let paused = set(&mut clients, "3", 1.0).await.instance_id;
    let pause = PauseFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: paused.clone(),
        reason: "ill".to_owned(),
        ..PauseFollowUpRequest::default()
    };
    clients
        .manager
        .pause_follow_up(pause)
        .await
        .expect("paused");
    let free = set(&mut clients, "4", 1.0).await.instance_id;
    let held = set(&mut clients, "5", 1.0).await.instance_id;
    let claim = ClaimFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: held,
        ..ClaimFollowUpRequest::default()
    };
    clients.manager.claim_follow_up(claim).await.expect("held");
    assert_eq!(
        stuck(&mut clients, 0).await,
        [
            (StuckReason::CallNotEnded, waits),
            (StuckReason::NotChargeable, hidden),
            (StuckReason::Paused, paused),
            (StuckReason::Unclaimed, free),
        ]
    );
    assert_eq!(
        stuck(&mut clients, 3_600).await,
        [],
        "none of it for an hour"
    );

    check_counts(&mut clients).await;
    let filter = InstanceFilter {
        holders: vec!["Ann".to_owned()],
        ..InstanceFilter::default()
    };
    let request = ListInstancesRequest {
        filter: Some(filter),
        ..ListInstancesRequest::default()
    };
    let of_ann = clients
        .operations
        .list_instances(request)
        .await
        .expect("a list")
        .into_inner()
        .instances;
    assert_eq!(
        of_ann
            .iter()
            .map(|one| one.call.clone().expect("one").r#ref)
            .collect::<Vec<_>>(),
        [Some(call_ref("5"))]
    );
    let timers = clients
        .operations
        .list_overdue_timers(ListOverdueTimersRequest::default())
        .await
        .expect("a list");
    assert_eq!(
        (timers.get_ref().total, timers.get_ref().clock_held),
        (0, false)
    );
}
