//! Reports, over real gRPC: the numbers of a period are those of what was done in it, also where
//! its beginning lies in packed history, and an undone push is ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use aftercall_proto::workflow::v1::report_response::Part;
use aftercall_proto::workflow::v1::{
    CancelInstanceRequest, FollowUp, GetServerInfoRequest, PushButtonRequest, ReportBy,
    ReportOutcome, ReportRequest, ReportRow, SetWorkflowRequest, UndoPushRequest,
};
use aftercall_tests::{Clients, House, eventually, push, set, set_refund, text, with_refund};
use prost_types::Timestamp;
use tonic::Code;

const BEGINNING: Timestamp = Timestamp {
    seconds: 0,
    nanos: 0,
};

async fn report(
    clients: &mut Clients,
    request: ReportRequest,
) -> (Vec<ReportRow>, Vec<ReportOutcome>) {
    let mut parts = clients
        .operations
        .report(request)
        .await
        .expect("a report")
        .into_inner();
    let (mut rows, mut outcomes) = (Vec::new(), Vec::new());
    while let Some(response) = parts.message().await.expect("the stream continues") {
        match response.part.expect("a part") {
            Part::Progress(progress) => assert!(progress.read <= progress.entries),
            Part::Row(row) => rows.push(row),
            Part::Outcome(outcome) => outcomes.push(outcome),
        }
    }
    (rows, outcomes)
}

fn row(rows: &[ReportRow], by: ReportBy, name: &str) -> ReportRow {
    let found = rows.iter().find(|row| row.by() == by && row.name == name);
    found
        .cloned()
        .unwrap_or_else(|| panic!("there is no row {by:?} {name} in {rows:?}"))
}

async fn pushed(clients: &mut Clients, follow_up: &FollowUp, button: &str, who: &str) -> FollowUp {
    let form = if button == "paid" {
        BTreeMap::from([("reference".to_owned(), text("R-1"))])
    } else {
        BTreeMap::new()
    };
    let note = if button == "reject" {
        "no receipt".to_owned()
    } else {
        String::new()
    };
    let request = PushButtonRequest {
        form,
        note,
        ..push(follow_up, button, who)
    };
    clients
        .manager
        .push_button(request)
        .await
        .expect("pushed")
        .into_inner()
        .follow_up
        .expect("it")
}

/// Ten refunds: Ann approves all, Ben pays six, one is cancelled; Ben rejects an eleventh by
/// mistake and takes it back.
async fn a_day(clients: &mut Clients) {
    for call in 0..10 {
        let follow_up = set(clients, &call.to_string(), 5.0).await;
        let approved = pushed(clients, &follow_up, "approve", "Ann").await;
        if call < 6 {
            pushed(clients, &approved, "paid", "Ben").await;
        }
        if call == 9 {
            let cancel = CancelInstanceRequest {
                actor: "ops".to_owned(),
                instance_id: approved.instance_id.clone(),
                reason: "twice".to_owned(),
                ..CancelInstanceRequest::default()
            };
            clients
                .operations
                .cancel_instance(cancel)
                .await
                .expect("cancelled");
        }
    }
    let mistake = set(clients, "mistake", 5.0).await;
    pushed(clients, &mistake, "reject", "Ben").await;
    let undo = UndoPushRequest {
        actor: "Ben".to_owned(),
        instance_id: mistake.instance_id,
        ..UndoPushRequest::default()
    };
    clients.manager.undo_push(undo).await.expect("taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_matches_the_work_done() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    a_day(&mut clients).await;
    // Enough besides that the day itself has left the journal for the packed history.
    let middle = set(&mut clients, "besides", 5.0).await;
    for number in 0..150 {
        let note = aftercall_proto::workflow::v1::AddNoteRequest {
            actor: "Eve".to_owned(),
            instance_id: middle.instance_id.clone(),
            text: format!("note {number}"),
            ..Default::default()
        };
        clients.manager.add_note(note).await.expect("noted");
    }
    eventually("the day is packed", || {
        let mut clients = clients.clone();
        async move {
            let info = clients
                .operations
                .get_server_info(GetServerInfoRequest {})
                .await
                .expect("info")
                .into_inner();
            (info.oldest_feed_sequence > 30).then_some(())
        }
    })
    .await;
    let whole = ReportRequest {
        from: Some(BEGINNING),
        ..ReportRequest::default()
    };
    let (rows, outcomes) = report(&mut clients, whole.clone()).await;
    let all = row(&rows, ReportBy::All, "all");
    assert_eq!(
        (all.set, all.finished, all.cancelled, all.stays),
        (12, 6, 1, 17)
    );
    assert_eq!(
        (all.promised, all.kept, all.with_due, all.overdue),
        (6, 6, 17, 0)
    );
    assert!(all.p50.is_some() && all.p90.is_some());
    assert_eq!(
        row(&rows, ReportBy::Workflow, "refund"),
        ReportRow {
            by: ReportBy::Workflow.into(),
            name: "refund".to_owned(),
            workflow: "refund".to_owned(),
            ..all
        }
    );
    let stays = |by: ReportBy, name: &str| row(&rows, by, name).stays;
    assert_eq!(
        (
            stays(ReportBy::Stage, "New call"),
            stays(ReportBy::Stage, "After Approve")
        ),
        (10, 7)
    );
    assert_eq!(
        (
            stays(ReportBy::Team, "billing"),
            stays(ReportBy::Team, "payments")
        ),
        (10, 7)
    );
    assert_eq!(
        (
            stays(ReportBy::Person, "Ann"),
            stays(ReportBy::Person, "Ben")
        ),
        (10, 6)
    );
    assert_eq!(rows.len(), 8, "{rows:?}");
    let paid = ReportOutcome {
        workflow: "refund".to_owned(),
        outcome: "paid".to_owned(),
        count: 6,
    };
    assert_eq!(outcomes, [paid]);
    let of_nobody = ReportRequest {
        customers: vec!["Contoso".to_owned()],
        ..whole.clone()
    };
    assert_eq!(
        report(&mut clients, of_nobody).await,
        (Vec::new(), Vec::new())
    );
    let of_refunds = ReportRequest {
        workflows: vec!["refund".to_owned()],
        ..whole
    };
    assert_eq!(report(&mut clients, of_refunds).await.0, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_counts_in_the_period_of_its_end() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let approved = pushed(&mut clients, &follow_up, "approve", "Ann").await;
    let from = approved.stage_entered_at;
    // The next millisecond: entries carry whole ones.
    let after = eventually("the next millisecond", || async {
        let now = Timestamp::from(std::time::SystemTime::now());
        (Some(now.seconds * 1_000 + i64::from(now.nanos / 1_000_000))
            > from.map(|from| from.seconds * 1_000 + i64::from(from.nanos / 1_000_000)))
        .then_some(now)
    })
    .await;
    let after = Timestamp {
        nanos: after.nanos / 1_000_000 * 1_000_000,
        ..after
    };
    pushed(&mut clients, &approved, "paid", "Ben").await;
    let request = ReportRequest {
        from: Some(after),
        ..ReportRequest::default()
    };
    let (rows, outcomes) = report(&mut clients, request).await;
    let all = row(&rows, ReportBy::All, "all");
    assert_eq!(
        (all.set, all.finished, all.stays, all.promised, all.kept),
        (0, 1, 1, 1, 1)
    );
    assert_eq!(row(&rows, ReportBy::Stage, "After Approve").stays, 1);
    assert_eq!(outcomes.len(), 1);
    let before = ReportRequest {
        from: Some(BEGINNING),
        to: Some(after),
        ..ReportRequest::default()
    };
    let (rows, outcomes) = report(&mut clients, before).await;
    let all = row(&rows, ReportBy::All, "all");
    assert_eq!(
        (all.set, all.finished, all.stays, outcomes.len()),
        (1, 0, 1, 0)
    );
    for wrong in [
        ReportRequest::default(),
        ReportRequest {
            from: Some(after),
            to: Some(after),
            ..ReportRequest::default()
        },
        ReportRequest {
            from: Some(BEGINNING),
            workflows: vec!["a".to_owned(); 101],
            ..ReportRequest::default()
        },
    ] {
        let refused = clients
            .operations
            .report(wrong.clone())
            .await
            .expect_err("no such report");
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong:?}");
    }
}

/// What is promised for one second after it was set.
const SHORT: &str = "
format: 1
workflow: short
title: Short
on_new_call:
  - alert: { text: Call, team: billing, due: 1s }
  - button: Called
    then: [ finish: called ]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_promise_counts_before_it_is_closed() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    clients.publish(SHORT).await;
    let request = SetWorkflowRequest {
        workflow: "short".to_owned(),
        fields: [].into(),
        ..set_refund("1", 1.0)
    };
    let open = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    // Not late, and beside it.
    set(&mut clients, "2", 5.0).await;
    let whole = ReportRequest {
        from: Some(BEGINNING),
        ..ReportRequest::default()
    };
    let rows = eventually("it is late", || {
        let (mut clients, whole) = (clients.clone(), whole.clone());
        async move {
            Some(report(&mut clients, whole).await.0)
                .filter(|rows| row(rows, ReportBy::All, "all").overdue > 0)
        }
    })
    .await;
    let numbers = |row: &ReportRow| (row.set, row.with_due, row.overdue, row.overdue_open);
    let promises = |row: &ReportRow| (row.promised, row.kept, row.broken_open);
    let all = row(&rows, ReportBy::All, "all");
    assert_eq!((numbers(&all), promises(&all)), ((2, 1, 1, 1), (1, 0, 1)));
    assert_eq!(
        numbers(&row(&rows, ReportBy::Team, "billing")),
        (0, 1, 1, 1)
    );
    // A period in which nothing happened to it counts it as well, and one that ended before its due
    // does not.
    let now = Timestamp::from(std::time::SystemTime::now());
    let since = ReportRequest {
        from: Some(now),
        ..ReportRequest::default()
    };
    let later = row(&report(&mut clients, since).await.0, ReportBy::All, "all");
    assert_eq!(
        (numbers(&later), promises(&later)),
        ((0, 1, 1, 1), (1, 0, 1))
    );
    let due = open.alerts[0].due.expect("a due");
    let before = ReportRequest {
        to: Some(due),
        ..whole.clone()
    };
    assert_eq!(
        row(
            &report(&mut clients, before.clone()).await.0,
            ReportBy::All,
            "all"
        )
        .overdue,
        0
    );
    // Once it is closed it counts as what ended late; the earlier period stays as it was.
    pushed(&mut clients, &open, "called", "Ann").await;
    let closed = row(&report(&mut clients, whole).await.0, ReportBy::All, "all");
    assert_eq!(
        (numbers(&closed), promises(&closed)),
        ((2, 1, 1, 0), (1, 0, 0))
    );
    let just_late = Timestamp::from(
        std::time::SystemTime::try_from(due).expect("a time") + Duration::from_millis(1),
    );
    let until = ReportRequest {
        from: Some(BEGINNING),
        to: Some(just_late),
        ..ReportRequest::default()
    };
    let earlier = row(&report(&mut clients, until).await.0, ReportBy::All, "all");
    assert_eq!(
        (numbers(&earlier), promises(&earlier)),
        ((2, 1, 1, 1), (1, 0, 1))
    );
}
