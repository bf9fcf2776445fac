//! What people do at their desks, over real gRPC: escalation, snooze, pause and undo, as lists,
//! streams, history and the words for ops show them; and as they are after a restart.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::snooze_alert_request::When;
use aftercall_proto::workflow::v1::{
    AcknowledgeAlertRequest, Alert, Caller, ChangeKind, DueState, EndCallRequest,
    ExplainInstanceRequest, FollowUp, FollowUpFilter, GetFollowUpRequest, ListFollowUpsRequest,
    ListHistoryRequest, PauseFollowUpRequest, Priority, ResumeFollowUpRequest, SetWorkflowRequest,
    SnoozeAlertRequest, SnoozeAlertResponse, Status, UndoPushRequest,
};
use aftercall_tests::{
    Clients, House, PATIENCE, alerter_has, call_ref, eventually, push, reason, set, set_refund,
    with_refund,
};
use tonic::{Code, Streaming};
use tonic_types::StatusExt as _;

/// An alert whose time is over within a second.
const HURRY: &str = r#"
format: 1
workflow: hurry
title: Hurry
on_new_call:
  - alert:
      text: Ring back
      team: billing
      priority: low
      due: 1s
      escalate:
        - { at: 50%, priority: raise }
        - { at: due, priority: urgent, add-team: payments }
  - button: Rang
    then: [ finish: rang ]
"#;

async fn get(clients: &mut Clients, id: &str) -> FollowUp {
    let request = GetFollowUpRequest {
        instance_id: id.to_owned(),
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

async fn rows(clients: &mut Clients, teams: &[&str]) -> Vec<(String, DueState)> {
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

async fn kinds(clients: &mut Clients, id: &str) -> Vec<ChangeKind> {
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

async fn explained(clients: &mut Clients, id: &str) -> String {
    let request = ExplainInstanceRequest {
        instance_id: id.to_owned(),
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

async fn snooze(
    clients: &mut Clients,
    of: &FollowUp,
    when: When,
) -> Result<SnoozeAlertResponse, tonic::Status> {
    let request = SnoozeAlertRequest {
        actor: "Ann".to_owned(),
        instance_id: of.instance_id.clone(),
        alert_id: of.alerts[0].id.clone(),
        escalations: of.alerts[0].escalations,
        attempt_outcome: "no-answer".to_owned(),
        when: Some(when),
        ..SnoozeAlertRequest::default()
    };
    clients
        .manager
        .snooze_alert(request)
        .await
        .map(tonic::Response::into_inner)
}

async fn subscribe(clients: &Clients, request: SubscribeRequest) -> Streaming<SubscribeResponse> {
    let stream = eventually("the alerter is ready", || {
        let (mut clients, request) = (clients.clone(), request.clone());
        async move { clients.alerts.subscribe(request).await.ok() }
    });
    stream.await.into_inner()
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_whose_time_goes_by_is_brought_before_more_people_and_each_sees_it_at_once() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    clients.publish(HURRY).await;
    let filter = FollowUpFilter {
        teams: vec!["payments".to_owned()],
        ..FollowUpFilter::default()
    };
    let request = SubscribeRequest {
        filter: Some(filter),
        ..SubscribeRequest::default()
    };
    let mut stream = subscribe(&clients, request).await;
    let hurry = SetWorkflowRequest {
        workflow: "hurry".to_owned(),
        fields: Default::default(),
        ..set_refund("1", 1.0)
    };
    let answer = clients
        .scripts
        .set_workflow(hurry)
        .await
        .expect("set")
        .into_inner();
    let id = answer.follow_up.expect("it").instance_id;
    let change = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(Frame::StageChange(change)) = stream
                .message()
                .await
                .expect("it goes on")
                .expect("no end")
                .frame
            {
                return change;
            }
        }
    });
    let change = change
        .await
        .expect("the other team is shown it when it is due");
    assert_eq!(change.cause.expect("why").kind(), ChangeKind::Escalated);
    let shown = change.follow_up.expect("it");
    let alert = &shown.alerts[0];
    assert_eq!(
        (shown.instance_id.as_str(), alert.priority()),
        (id.as_str(), Priority::Urgent)
    );
    assert_eq!(
        (alert.added_teams.as_slice(), alert.escalations),
        (&["payments".to_owned()][..], 2)
    );
    assert_eq!(
        kinds(&mut clients, &id).await,
        [
            ChangeKind::Set,
            ChangeKind::Escalated,
            ChangeKind::Escalated
        ]
    );
    for team in ["billing", "payments"] {
        assert_eq!(
            rows(&mut clients, &[team]).await,
            [(id.clone(), DueState::Overdue)]
        );
    }
    let acknowledge = |escalations: u32| AcknowledgeAlertRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        alert_id: alert.id.clone(),
        escalations,
        ..AcknowledgeAlertRequest::default()
    };
    let refused = clients
        .manager
        .acknowledge_alert(acknowledge(0))
        .await
        .expect_err("she saw a less urgent alert");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "ALERT_ESCALATED")
    );
    let facts = refused.get_details_error_info().expect("facts").metadata;
    assert_eq!(
        (facts["instance_id"].as_str(), facts["visit"].as_str()),
        (id.as_str(), "1")
    );
    let as_seen = FollowUp {
        alerts: vec![Alert {
            escalations: 1,
            ..alert.clone()
        }],
        ..shown.clone()
    };
    let refused = snooze(&mut clients, &as_seen, When::Days(1))
        .await
        .expect_err("it has escalated since");
    assert_eq!(reason(&refused), "ALERT_ESCALATED");
    let of_another = AcknowledgeAlertRequest {
        team: "payments".to_owned(),
        ..acknowledge(2)
    };
    let refused = clients
        .manager
        .acknowledge_alert(of_another)
        .await
        .expect_err("she saw another team's alert");
    assert_eq!(reason(&refused), "ALERT_ESCALATED");
    let as_is = AcknowledgeAlertRequest {
        team: alert.team.clone(),
        ..acknowledge(2)
    };
    clients
        .manager
        .acknowledge_alert(as_is)
        .await
        .expect("as it is now");
    let stage = get(&mut clients, &id).await;
    assert_eq!(
        (
            stage.stage.expect("one").number,
            stage.visit,
            stage.buttons.len()
        ),
        (1, 1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snoozed_alert_leaves_every_list_and_is_back_by_itself_also_over_a_restart() {
    let mut house = House::start().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let id = follow_up.instance_id.clone();
    alerter_has(&clients, follow_up.sequence).await;
    let mut stream = subscribe(&clients, SubscribeRequest::default()).await;
    snooze(&mut clients, &follow_up, When::Duration(seconds(2)))
        .await
        .expect("snoozed");
    let mut frames = Vec::new();
    let watching = tokio::time::timeout(PATIENCE, async {
        loop {
            match stream
                .message()
                .await
                .expect("it goes on")
                .expect("no end")
                .frame
            {
                Some(Frame::OutOfView(left)) => {
                    frames.push((left.instance_id, left.cause.unwrap_or_default().kind()));
                }
                Some(Frame::StageChange(change)) => {
                    let kind = change.cause.unwrap_or_default().kind();
                    frames.push((change.follow_up.unwrap_or_default().instance_id, kind));
                }
                _ => {}
            }
            if frames.len() == 2 {
                return frames;
            }
        }
    });
    let frames = watching.await.expect("it leaves and comes back");
    assert_eq!(
        frames,
        [
            (id.clone(), ChangeKind::Snoozed),
            (id.clone(), ChangeKind::AlertReturned)
        ]
    );

    snooze(&mut clients, &follow_up, When::Duration(seconds(3_600)))
        .await
        .expect("snoozed");
    assert_eq!(rows(&mut clients, &[]).await, []);
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    assert_eq!(rows(&mut clients, &[]).await, []);
    let snoozed = get(&mut clients, &id).await;
    assert_eq!(
        (
            snoozed.alerts[0].snoozed_by.as_str(),
            snoozed.visible,
            snoozed.buttons.len()
        ),
        ("Ann", false, 2)
    );
    let attempts = snoozed.attempts.clone().expect("counted");
    assert_eq!(
        (attempts.count, attempts.last_outcome.as_str()),
        (2, "no-answer")
    );
    assert!(
        explained(&mut clients, &id)
            .await
            .contains("Ann has snoozed the alert")
    );
    snooze(&mut clients, &follow_up, When::EndNow(true))
        .await
        .expect("ended");
    assert_eq!(rows(&mut clients, &[]).await, [(id, DueState::OnTime)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_that_makes_no_sense_is_refused_with_the_field() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1", 5.0);
    let properties = request.properties.as_mut().expect("some");
    properties.caller = Some(Caller {
        time_zone: "Berlin".to_owned(),
        ..Caller::default()
    });
    let refused = clients
        .scripts
        .set_workflow(request.clone())
        .await
        .expect_err("no such zone");
    assert!(
        refused.message().contains("time_zone"),
        "{}",
        refused.message()
    );
    let properties = request.properties.as_mut().expect("some");
    properties.caller = Some(Caller {
        time_zone: "Europe/Berlin".to_owned(),
        ..Caller::default()
    });
    let answer = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner();
    let follow_up = answer.follow_up.expect("it");
    let past = prost_types::Timestamp {
        seconds: 1,
        nanos: 0,
    };
    for (when, field) in [
        (When::Duration(seconds(0)), "duration"),
        (When::Duration(seconds(-1)), "duration"),
        (When::Duration(seconds(400 * 86_400)), "duration"),
        (When::Days(0), "days"),
        (When::LocalTime("half past nine".to_owned()), "local_time"),
        (When::Until(past), "until"),
        (When::EndNow(false), "when"),
    ] {
        let refused = snooze(&mut clients, &follow_up, when.clone())
            .await
            .expect_err("it makes no sense");
        assert_eq!(refused.code(), Code::InvalidArgument, "{when:?}");
        let fields = refused
            .get_details_bad_request()
            .expect("the fields")
            .field_violations;
        assert_eq!(fields[0].field, field, "{when:?}: {}", refused.message());
    }
    let snoozed = snooze(
        &mut clients,
        &follow_up,
        When::LocalTime("09:00".to_owned()),
    )
    .await
    .expect("snoozed");
    let until = snoozed.snoozed_until.expect("a time");
    assert!(
        [7, 8].contains(&(until.seconds / 3_600 % 24)),
        "nine in Berlin is seven or eight in UTC: {until}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_refuses_pushes_until_it_is_resumed() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let id = follow_up.instance_id.clone();
    let mut pause = PauseFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        ..PauseFollowUpRequest::default()
    };
    let refused = clients
        .manager
        .pause_follow_up(pause.clone())
        .await
        .expect_err("why?");
    assert_eq!(refused.code(), Code::InvalidArgument);
    pause.reason = "the shop is closed".to_owned();
    clients
        .manager
        .pause_follow_up(pause)
        .await
        .expect("paused");
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let paused = get(&mut clients, &id).await;
    assert_eq!((paused.status(), paused.buttons.len()), (Status::Paused, 0));
    assert_eq!(
        paused.pause.as_ref().expect("by somebody").reason,
        "the shop is closed"
    );
    let refused = clients
        .manager
        .push_button(push(&paused, "approve", "Ben"))
        .await
        .expect_err("paused");
    assert_eq!(reason(&refused), "PAUSED");
    let message = refused.message();
    assert!(
        message.starts_with("the follow-up is paused, by Ann since 20"),
        "{message}"
    );
    let end = "until somebody resumes it; the reason: the shop is closed: resume it first (ResumeFollowUp)";
    assert!(message.ends_with(end), "{message}");
    let facts = refused.get_details_error_info().expect("facts").metadata;
    assert_eq!(
        (facts["paused_by"].as_str(), facts["pause_reason"].as_str()),
        ("Ann", "the shop is closed")
    );
    let words = explained(&mut clients, &id).await;
    assert!(
        words.contains("It is paused in stage 1") && words.contains("Somebody must resume it"),
        "{words}"
    );
    let resume = ResumeFollowUpRequest {
        actor: "Ben".to_owned(),
        instance_id: id,
        ..ResumeFollowUpRequest::default()
    };
    let resumed = clients
        .manager
        .resume_follow_up(resume)
        .await
        .expect("resumed")
        .into_inner();
    let resumed = resumed.follow_up.expect("it");
    assert!(resumed.due.expect("a due").seconds >= follow_up.due.expect("a due").seconds);
    clients
        .manager
        .push_button(push(&resumed, "approve", "Ben"))
        .await
        .expect("it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_with_an_end_ends_by_itself() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    let until = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
    let pause = PauseFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        reason: "a second".to_owned(),
        until: Some(until.into()),
        ..PauseFollowUpRequest::default()
    };
    clients
        .manager
        .pause_follow_up(pause)
        .await
        .expect("paused");
    eventually("the end of the pause", async || {
        (get(&mut clients.clone(), &id).await.status() == Status::Active).then_some(())
    })
    .await;
    assert_eq!(
        kinds(&mut clients, &id).await,
        [ChangeKind::Set, ChangeKind::Paused, ChangeKind::Resumed]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistaken_push_is_taken_back_and_the_history_keeps_both() {
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
    // Asked again by the same id it gives the same answer, though the newest change is no push any
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
async fn a_snooze_past_the_due_and_the_deadline_is_answered_with_warnings() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let soon = snooze(&mut clients, &follow_up, When::Duration(seconds(60)))
        .await
        .expect("snoozed");
    assert_eq!(soon.warnings, Vec::<String>::new());
    let late = snooze(&mut clients, &follow_up, When::Days(30))
        .await
        .expect("snoozed for long");
    assert_eq!(late.warnings.len(), 2, "{:?}", late.warnings);
    assert!(
        late.warnings[0].starts_with("the alert is due at "),
        "{:?}",
        late.warnings
    );
    assert!(
        late.warnings[1].starts_with("the deadline is at "),
        "{:?}",
        late.warnings
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_follow_up_says_that_its_call_has_ended() {
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
