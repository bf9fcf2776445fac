//! The wallboard, end to end: its numbers are those that the workflow-server counts, after changes,
//! after a restart of the alerter, and as time passes.

use std::collections::BTreeMap;

use aftercall_proto::alert::v1::{
    GetWallboardRequest, Wallboard, WallboardRow, WatchWallboardRequest,
};
use aftercall_proto::workflow::v1::{
    CallProperties, CountInstancesRequest, FollowUp, GroupBy, InstanceFilter, SetWorkflowRequest,
    UpdateCallRequest,
};
use aftercall_tests::{Clients, House, PATIENCE, call_ref, eventually, push, set, with_refund};

/// Overdue after a second, for two teams.
const HOT: &str = "
format: 1
workflow: hot
title: Hot
on_new_call:
  - alert: { text: Now, team: billing, priority: urgent, due: 1s }
  - alert: { text: Now as well, team: payments, due: 2s }
  - button: Done
    then:
      - finish: done
";

/// Group → open, overdue, oldest.
type Counts = BTreeMap<String, (u64, u64, Option<prost_types::Timestamp>)>;

/// What the workflow-server counts that Call Managers see.
async fn counted(clients: &mut Clients, by: GroupBy) -> Counts {
    let filter = InstanceFilter {
        hidden: Some(false),
        ..InstanceFilter::default()
    };
    let request = CountInstancesRequest {
        filter: Some(filter),
        group_by: by.into(),
    };
    let counts = clients
        .operations
        .count_instances(request)
        .await
        .expect("counts")
        .into_inner()
        .counts;
    counts
        .into_iter()
        .map(|one| (one.group, (one.count, one.overdue, one.oldest_started_at)))
        .collect()
}

fn rows(rows: &[WallboardRow], name: impl Fn(&WallboardRow) -> String) -> Counts {
    let counts = |row: &WallboardRow| {
        row.counts
            .map(|counts| (counts.open, counts.overdue, counts.oldest_started_at))
    };
    rows.iter()
        .map(|row| (name(row), counts(row).expect("counts")))
        .collect()
}

async fn board(clients: &Clients, sequence: u64) -> Wallboard {
    eventually("the wallboard reflects what was done", || {
        let mut clients = clients.clone();
        async move {
            let answer = clients
                .alerts
                .get_wallboard(GetWallboardRequest {})
                .await
                .ok()?;
            answer
                .into_inner()
                .wallboard
                .filter(|board| board.sequence >= sequence)
        }
    })
    .await
}

/// Waits until both say the same; time passes between the two questions.
async fn same(clients: &mut Clients, sequence: u64) -> Wallboard {
    eventually("the wallboard is what the workflow-server counts", || {
        let mut clients = clients.clone();
        async move {
            let board = board(&clients, sequence).await;
            let stage = |row: &WallboardRow| {
                format!(
                    "{}, stage {}",
                    row.workflow,
                    row.stage.as_ref().map_or(0, |stage| stage.number)
                )
            };
            let same = rows(&board.workflows, |row| row.workflow.clone())
                == counted(&mut clients, GroupBy::Workflow).await
                && rows(&board.stages, stage) == counted(&mut clients, GroupBy::Stage).await
                && rows(&board.teams, |row| row.team.clone())
                    == counted(&mut clients, GroupBy::Team).await;
            same.then_some(board)
        }
    })
    .await
}

async fn set_hot(clients: &mut Clients, call: &str) -> FollowUp {
    let request = SetWorkflowRequest {
        call: Some(call_ref(call)),
        workflow: "hot".to_owned(),
        actor: "script-1".to_owned(),
        properties: Some(CallProperties {
            chargeable: Some(true),
            ..CallProperties::default()
        }),
        ..SetWorkflowRequest::default()
    };
    clients
        .scripts
        .set_workflow(request)
        .await
        .expect("it is set")
        .into_inner()
        .follow_up
        .expect("the follow-up")
}

/// Some dozens of follow-ups in every state; the newest sequence.
async fn changes(clients: &mut Clients) -> u64 {
    let mut newest = 0;
    for call in 0..40 {
        let follow_up = set(clients, &call.to_string(), 5.0).await;
        newest = follow_up.sequence;
        if call % 3 == 0 {
            let pushed = clients
                .manager
                .push_button(push(&follow_up, "approve", "Ben"))
                .await
                .expect("pushed");
            newest = pushed
                .into_inner()
                .follow_up
                .expect("the follow-up")
                .sequence;
        }
        if call % 7 == 0 {
            let properties = CallProperties {
                chargeable: Some(false),
                ..CallProperties::default()
            };
            let update = UpdateCallRequest {
                call: Some(call_ref(call.to_string())),
                properties: Some(properties),
                update_mask: Some(prost_types::FieldMask {
                    paths: vec!["chargeable".to_owned()],
                }),
                actor: "script-1".to_owned(),
                ..Default::default()
            };
            newest = clients
                .scripts
                .update_call(update)
                .await
                .expect("updated")
                .into_inner()
                .sequence;
        }
    }
    newest
}

#[tokio::test(flavor = "multi_thread")]
async fn its_numbers_match_the_workflow_server() {
    let mut house = House::start().await;
    let mut clients = with_refund(&house).await;
    let empty = board(&clients, 0).await;
    assert_eq!(empty.total.map(|counts| counts.open), Some(0));
    clients.publish(HOT).await;
    let newest = changes(&mut clients).await;
    let board = same(&mut clients, newest).await;
    assert_eq!(
        board.total.map(|counts| (counts.open, counts.overdue)),
        Some((34, 0))
    );
    assert!(board.connected);

    let hot = set_hot(&mut clients, "hot-1").await;
    set_hot(&mut clients, "hot-2").await;
    let overdue = eventually("time passes", || {
        let mut clients = clients.clone();
        async move {
            let board = same(&mut clients, hot.sequence).await;
            board
                .total
                .is_some_and(|counts| counts.overdue == 2)
                .then_some(board)
        }
    })
    .await;
    assert_eq!(
        overdue.priorities.first().map(|row| row.priority),
        Some(4),
        "the most urgent first"
    );

    house.stop_alerter().await;
    house.start_alerter().await;
    let mut clients = house.clients().await;
    let again = same(&mut clients, overdue.sequence).await;
    assert_eq!(
        (again.total, again.teams, again.stages),
        (overdue.total, overdue.teams, overdue.stages)
    );
    let done = clients
        .manager
        .push_button(push(&hot, "done", "Ben"))
        .await
        .expect("pushed")
        .into_inner();
    let board = same(
        &mut clients,
        done.follow_up.expect("the follow-up").sequence,
    )
    .await;
    assert_eq!(
        board.total.map(|counts| (counts.open, counts.overdue)),
        Some((35, 1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_get_the_newest_numbers() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    board(&clients, 0).await;
    let too_many = WatchWallboardRequest {
        updates_per_second: 11,
    };
    let refused = clients
        .alerts
        .watch_wallboard(too_many)
        .await
        .expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    let request = WatchWallboardRequest {
        updates_per_second: 10,
    };
    let mut boards = clients
        .alerts
        .watch_wallboard(request)
        .await
        .expect("a stream")
        .into_inner();
    let newest = changes(&mut clients).await;
    let mut count = 0;
    let last = tokio::time::timeout(PATIENCE, async {
        loop {
            let board = boards
                .message()
                .await
                .expect("the stream continues")
                .expect("a wallboard")
                .wallboard
                .expect("counts");
            count += 1;
            if board.total.is_some_and(|counts| counts.open == 34) && board.sequence >= newest {
                return board;
            }
        }
    });
    let last = last.await.expect("in time");
    assert_eq!(last.workflows.len(), 1);
    assert!(count >= 2, "the first at once, then what changed");
}
