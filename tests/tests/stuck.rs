//! What ops look for at night, over real gRPC: moving what is stuck, the report of stuck work, counts by every field.

use aftercall_proto::workflow::v1::{
    CallProperties, ClaimFollowUpRequest, CountInstancesRequest, GroupBy, InstanceFilter, ListInstancesRequest,
    ListOverdueTimersRequest, ListStuckInstancesRequest, MoveInstanceRequest, PauseFollowUpRequest, Release,
    SetWorkflowRequest, Status, StuckReason,
};
use aftercall_tests::{Clients, House, call_ref, push, reason, set, set_refund, with_refund};
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
    let request = CountInstancesRequest { group_by: by.into(), ..CountInstancesRequest::default() };
    let answer = clients.operations.count_instances(request).await.expect("counted").into_inner();
    answer.counts.into_iter().map(|count| (count.group, count.count)).collect()
}

async fn stuck(clients: &mut Clients, seconds: i64) -> Vec<(StuckReason, String)> {
    let longer_than = Some(prost_types::Duration { seconds, nanos: 0 });
    let request = ListStuckInstancesRequest { longer_than, ..ListStuckInstancesRequest::default() };
    let answer = clients.operations.list_stuck_instances(request).await.expect("a report").into_inner();
    let listed = answer.instances.len() as u64;
    assert_eq!(answer.counts.iter().map(|count| count.count).sum::<u64>(), listed);
    answer.instances.iter().map(|one| (one.reason(), one.instance.clone().expect("it").instance_id)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_into_an_unlinked_end_is_found_and_moved_on() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    clients.publish(DEAD_END).await;
    let request =
        SetWorkflowRequest { workflow: "dead-end".to_owned(), fields: Default::default(), ..set_refund("1", 1.0) };
    let follow_up = clients.scripts.set_workflow(request).await.expect("set").into_inner().follow_up.expect("it");
    clients.manager.push_button(push(&follow_up, "nowhere", "Ann")).await.expect("pushed");
    assert_eq!(stuck(&mut clients, 3_600).await, [(StuckReason::Incomplete, follow_up.instance_id.clone())]);
    let id = &follow_up.instance_id;
    assert_eq!(
        clients.operations.move_instance(move_to(id, 1, "")).await.expect_err("why?").code(),
        Code::InvalidArgument
    );
    let refused = clients.operations.move_instance(move_to(id, 99, "a slip")).await.expect_err("no such stage");
    assert_eq!(reason(&refused), "NO_SUCH_STAGE");
    let old = MoveInstanceRequest { expected_revision: Some(1), ..move_to(id, 1, "a slip") };
    assert_eq!(clients.operations.move_instance(old).await.expect_err("an old revision").code(), Code::Aborted);
    let moved = clients.operations.move_instance(move_to(id, 1, "a slip")).await.expect("moved").into_inner();
    let moved = moved.instance.expect("it");
    assert_eq!((moved.status(), moved.visit), (Status::Active, 2));
    assert_eq!(stuck(&mut clients, 3_600).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn stuck_work_is_told_by_why_it_is_stuck() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let waits = SetWorkflowRequest { release: Release::CallEnded.into(), ..set_refund("1", 1.0) };
    let waits = clients.scripts.set_workflow(waits).await.expect("set").into_inner().follow_up.expect("it").instance_id;
    let mut hidden = set_refund("2", 1.0);
    hidden.properties = hidden.properties.map(|known| CallProperties { chargeable: Some(false), ..known });
    let hidden =
        clients.scripts.set_workflow(hidden).await.expect("set").into_inner().follow_up.expect("it").instance_id;
    let paused = set(&mut clients, "3", 1.0).await.instance_id;
    let pause = PauseFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: paused.clone(),
        reason: "ill".to_owned(),
        ..PauseFollowUpRequest::default()
    };
    clients.manager.pause_follow_up(pause).await.expect("paused");
    let free = set(&mut clients, "4", 1.0).await.instance_id;
    let held = set(&mut clients, "5", 1.0).await.instance_id;
    let claim = ClaimFollowUpRequest { actor: "Ann".to_owned(), instance_id: held, ..ClaimFollowUpRequest::default() };
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
    assert_eq!(stuck(&mut clients, 3_600).await, [], "none of it for an hour");

    let expected = |groups: &[(&str, u64)]| groups.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Vec<_>>();
    assert_eq!(counted(&mut clients, GroupBy::Holder).await, expected(&[("nobody", 4), ("Ann", 1)]));
    assert_eq!(counted(&mut clients, GroupBy::Priority).await, expected(&[("high", 4), ("no alert", 1)]));
    assert_eq!(counted(&mut clients, GroupBy::Age).await, expected(&[("under 1 h", 5)]));
    assert_eq!(counted(&mut clients, GroupBy::Due).await, expected(&[("on time", 5)]));
    assert_eq!(counted(&mut clients, GroupBy::Hidden).await, expected(&[("seen", 3), ("hidden", 2)]));
    let statuses = [("active", 3), ("paused", 1), ("waiting for the call to end", 1)];
    assert_eq!(counted(&mut clients, GroupBy::Status).await, expected(&statuses));
    let filter = InstanceFilter { holders: vec!["Ann".to_owned()], ..InstanceFilter::default() };
    let request = ListInstancesRequest { filter: Some(filter), ..ListInstancesRequest::default() };
    let of_ann = clients.operations.list_instances(request).await.expect("a list").into_inner().instances;
    assert_eq!(
        of_ann.iter().map(|one| one.call.clone().expect("one").r#ref).collect::<Vec<_>>(),
        [Some(call_ref("5"))]
    );
    let timers = clients.operations.list_overdue_timers(ListOverdueTimersRequest::default()).await.expect("a list");
    assert_eq!((timers.get_ref().total, timers.get_ref().clock_held), (0, false));
}
