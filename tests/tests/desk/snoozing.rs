//! Snoozes: an alert is hidden for a time, and comes back.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::snooze_alert_request::When;
use aftercall_proto::workflow::v1::{
    AcknowledgeAlertRequest, Alert, Caller, ChangeKind, ClaimNextRequest, DueState, FollowUp,
    FollowUpFilter, ListFollowUpsRequest, Priority, SaveViewRequest, SetWorkflowRequest,
    SnoozeAlertRequest, SnoozeAlertResponse,
};
use aftercall_tests::{
    Clients, House, PATIENCE, alerter_has, eventually, reason, set, set_refund, with_refund,
};
use tonic::{Code, Streaming};
use tonic_types::StatusExt as _;

use crate::{explained, get, kinds, rows, seconds};

/// An alert whose time is over within a second.
const HURRY: &str = r#"
format: 1
workflow: hurry
title: Hurry
on_new_call:
  - alert:
      text: Call back
      team: billing
      priority: low
      due: 1s
      escalate:
        - { at: 50%, priority: raise }
        - { at: due, priority: urgent, add-team: payments }
  - button: Called
    then: [ finish: called ]
"#;

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

pub(crate) async fn subscribe(
    clients: &Clients,
    request: SubscribeRequest,
) -> Streaming<SubscribeResponse> {
    let stream = eventually("the alerter is ready", || {
        let (mut clients, request) = (clients.clone(), request.clone());
        async move { clients.alerts.subscribe(request).await.ok() }
    });
    stream.await.into_inner()
}

/// Only the alert as it is now can be acknowledged or snoozed.
async fn check_acknowledgements(clients: &mut Clients, shown: &FollowUp) {
    let id = &shown.instance_id;
    let alert = &shown.alerts[0];
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
    let refused = snooze(clients, &as_seen, When::Days(1))
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
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_alert_escalates() {
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
                .expect("the stream continues")
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
    check_acknowledgements(&mut clients, &shown).await;
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
async fn a_snoozed_alert_comes_back() {
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
                .expect("the stream continues")
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

/// The names of what is snoozed, as lists show it: the follow-up, and who snoozed the alert.
async fn listed(clients: &mut Clients, filter: FollowUpFilter) -> Vec<(String, String)> {
    let request = ListFollowUpsRequest {
        filter: Some(FollowUpFilter {
            snoozed: true,
            ..filter
        }),
        ..ListFollowUpsRequest::default()
    };
    let page = clients.manager.list_follow_ups(request).await;
    let rows = page.expect("a list").into_inner().rows.into_iter();
    rows.map(|row| {
        let (one, alert) = row.follow_up.zip(row.alert).expect("a row");
        (one.instance_id, alert.snoozed_by)
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_snoozed_is_listed_alone() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let one = set(&mut clients, "1", 5.0).await;
    let other = set(&mut clients, "2", 5.0).await;
    let any = FollowUpFilter::default;
    assert_eq!(listed(&mut clients, any()).await, []);
    snooze(&mut clients, &one, When::Days(1))
        .await
        .expect("snoozed");
    let snoozed = (one.instance_id.clone(), "Ann".to_owned());
    let (billing, payments) = (vec!["billing".to_owned()], vec!["payments".to_owned()]);
    assert_eq!(listed(&mut clients, any()).await, [snoozed]);
    for (filter, is_found) in [
        (
            FollowUpFilter {
                teams: billing,
                ..any()
            },
            true,
        ),
        (
            FollowUpFilter {
                teams: payments,
                ..any()
            },
            false,
        ),
        (
            FollowUpFilter {
                text: "ada".to_owned(),
                ..any()
            },
            true,
        ),
        (
            FollowUpFilter {
                unclaimed: true,
                ..any()
            },
            true,
        ),
        (
            FollowUpFilter {
                overdue: true,
                ..any()
            },
            false,
        ),
        (
            FollowUpFilter {
                holders: vec!["Ann".to_owned()],
                ..any()
            },
            false,
        ),
    ] {
        let found = listed(&mut clients, filter.clone()).await;
        assert_eq!(found.len(), usize::from(is_found), "{filter:?}");
    }
    let waiting = rows(&mut clients, &[]).await;
    assert_eq!(waiting, [(other.instance_id.clone(), DueState::OnTime)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_lists_select_what_is_snoozed() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let filter = Some(FollowUpFilter {
        snoozed: true,
        ..FollowUpFilter::default()
    });
    let next = ClaimNextRequest {
        actor: "Ann".to_owned(),
        filter: filter.clone(),
        ..ClaimNextRequest::default()
    };
    let of_next = clients.manager.claim_next(next).await.expect_err("a claim");
    let view = SaveViewRequest {
        actor: "Ann".to_owned(),
        view: "Put off".to_owned(),
        filter: filter.clone(),
        ..SaveViewRequest::default()
    };
    let of_view = clients.views.save_view(view).await.expect_err("a view");
    let stream = SubscribeRequest {
        filter,
        ..SubscribeRequest::default()
    };
    let of_stream = clients.alerts.subscribe(stream).await;
    let of_stream = of_stream.expect_err("a stream");
    for refused in [of_next, of_view, of_stream] {
        let fields = refused.get_details_bad_request().expect("the fields");
        let fields = fields.field_violations.into_iter().map(|one| one.field);
        assert_eq!(fields.collect::<Vec<_>>(), ["filter.snoozed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_snooze_names_the_field() {
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
async fn a_snooze_past_the_due_time_warns() {
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
