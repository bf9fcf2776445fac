//! Whose clock: a time is read and shown by the caller's, else by that of the calendar, else by the
//! server's; and where it is not the caller's, its zone is named.

use aftercall_proto::workflow::v1::snooze_alert_request::When;
use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{
    Calendar, CallProperties, Caller, DayHours, ExplainInstanceRequest, GetWorkflowRequest,
    ImportCalendarRequest, ListOpenFollowUpsRequest, PushButtonRequest, SetWorkflowRequest,
    SetWorkflowResponse, SnoozeAlertRequest, Value,
};
use aftercall_tests::{Clients, House, call_ref, push, set_refund, with_refund};
use tonic_types::StatusExt;

const RING: &str = "
format: 1
workflow: ring
title: Ring
calendar: office
on_new_call:
  - alert: { text: Ring, team: billing, due: 4h }
  - button: Done
    then: [ finish: done ]
";

const BOUNDED: &str = "
format: 1
workflow: bounded
title: Bounded
fields: { ring_at: { type: time, min: now, max: 90d } }
on_new_call:
  - alert: { text: Ring, team: billing }
  - button: Visit
    form: { visit_at: { type: time, min: -1d } }
    then: [ finish: done ]
";

fn in_days(days: i64) -> Value {
    let seconds = jiff::Timestamp::now().as_second() + days * 86_400;
    Value {
        kind: Some(Kind::Time(prost_types::Timestamp { seconds, nanos: 0 })),
    }
}

/// The field that a refusal names, and what it says of it.
fn violation(refused: &tonic::Status) -> (String, String) {
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    let details = refused.get_error_details();
    let violation = details.bad_request().expect("a field").field_violations[0].clone();
    (violation.field, violation.description)
}

#[tokio::test(flavor = "multi_thread")]
async fn times_outside_their_bounds_are_refused() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    clients.publish(BOUNDED).await;
    let get = GetWorkflowRequest {
        name: "bounded".to_owned(),
        ..GetWorkflowRequest::default()
    };
    let fields = clients
        .definitions
        .get_workflow(get)
        .await
        .expect("it")
        .into_inner()
        .workflow
        .expect("it")
        .fields;
    let bounds = [fields[0].min_from_now, fields[0].max_from_now]
        .map(|bound| bound.expect("a bound").seconds);
    assert_eq!(bounds, [0, 90 * 86_400]);
    let set = |days| SetWorkflowRequest {
        workflow: "bounded".to_owned(),
        fields: [("ring_at".to_owned(), in_days(days))].into(),
        ..set_refund("1", 1.0)
    };
    for (days, expected) in [(-1, "must not be before "), (91, "must not be after ")] {
        let (field, message) = violation(
            &clients
                .scripts
                .set_workflow(set(days))
                .await
                .expect_err("refused"),
        );
        assert_eq!(field, "fields.ring_at");
        assert!(
            message.starts_with(expected) && message.contains("), and is "),
            "{message}"
        );
    }
    let it = clients
        .scripts
        .set_workflow(set(1))
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    let (field, _) = violation(
        &clients
            .scripts
            .set_workflow(set(-1))
            .await
            .expect_err("refused when set again"),
    );
    assert_eq!(field, "fields.ring_at");
    let push = |days| PushButtonRequest {
        form: [("visit_at".to_owned(), in_days(days))].into(),
        ..push(&it, "visit", "Ann")
    };
    let (field, _) = violation(
        &clients
            .manager
            .push_button(push(-2))
            .await
            .expect_err("refused"),
    );
    assert_eq!(field, "form.visit_at");
    clients.manager.push_button(push(0)).await.expect("pushed");
}

/// In Berlin, always open.
fn office() -> ImportCalendarRequest {
    let hours = (1..=7).map(|weekday| DayHours {
        weekday,
        openings: vec!["00:00-24:00".to_owned()],
    });
    let calendar = Calendar {
        name: "office".to_owned(),
        title: "Office".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        hours: hours.collect(),
        ..Calendar::default()
    };
    ImportCalendarRequest {
        actor: "author".to_owned(),
        calendar: Some(calendar),
        ..ImportCalendarRequest::default()
    }
}

async fn set(clients: &mut Clients, call: &str, workflow: &str, zone: &str) -> SetWorkflowResponse {
    let caller = Caller {
        name: "Ada".to_owned(),
        time_zone: zone.to_owned(),
        ..Caller::default()
    };
    let refund = set_refund(call, 1.0);
    let properties = refund.properties.map(|known| CallProperties {
        caller: Some(caller),
        ..known
    });
    let request = SetWorkflowRequest {
        workflow: workflow.to_owned(),
        fields: [].into(),
        properties,
        ..set_refund(call, 1.0)
    };
    clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
}

/// What is read out, and by whose clock the promise is to be.
async fn read_out(clients: &mut Clients, call: &str) -> (String, String) {
    let request = ListOpenFollowUpsRequest {
        call: Some(call_ref(call)),
        ..ListOpenFollowUpsRequest::default()
    };
    let mut open = clients
        .scripts
        .list_open_follow_ups(request)
        .await
        .expect("open")
        .into_inner()
        .follow_ups;
    let open = open.pop().expect("one");
    (open.words, open.time_zone)
}

#[tokio::test(flavor = "multi_thread")]
async fn times_use_the_zone_of_caller_calendar_or_server() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    clients
        .definitions
        .import_calendar(office())
        .await
        .expect("declared");
    clients.publish(RING).await;
    clients
        .publish(
            &RING
                .replace("workflow: ring", "workflow: plain")
                .replace("calendar: office\n", ""),
        )
        .await;
    for (call, workflow, of_caller, expected) in [
        ("1", "ring", "America/New_York", "America/New_York"),
        ("2", "ring", "", "Europe/Berlin"),
        ("3", "plain", "", "UTC"),
    ] {
        let answer = set(&mut clients, call, workflow, of_caller).await;
        assert_eq!(answer.time_zone, expected);
        let (words, zone) = read_out(&mut clients, call).await;
        assert_eq!(zone, expected);
        let named = format!(" Times are by the clock of {expected}.");
        assert_eq!(words.contains(&named), of_caller.is_empty(), "{words}");
        let follow_up = answer.follow_up.expect("it");
        let explain = ExplainInstanceRequest {
            instance_id: follow_up.instance_id.clone(),
            read_mask: None,
        };
        let sentences = clients
            .operations
            .explain_instance(explain)
            .await
            .expect("explained")
            .into_inner()
            .sentences;
        assert!(
            sentences[0].contains(&format!(" {expected} ")),
            "{sentences:?}"
        );
        let snooze = SnoozeAlertRequest {
            actor: "Ann".to_owned(),
            instance_id: follow_up.instance_id,
            alert_id: follow_up.alerts[0].id.clone(),
            when: Some(When::LocalTime("09:00".to_owned())),
            ..SnoozeAlertRequest::default()
        };
        let until = clients
            .manager
            .snooze_alert(snooze)
            .await
            .expect("snoozed")
            .into_inner()
            .snoozed_until
            .expect("it");
        let until = jiff::Timestamp::new(until.seconds, 0)
            .expect("a time")
            .in_tz(expected)
            .expect("a zone");
        assert_eq!(
            until.strftime("%H:%M").to_string(),
            "09:00",
            "by the clock of {expected}"
        );
    }
    let get = |name: &str| GetWorkflowRequest {
        name: name.to_owned(),
        ..GetWorkflowRequest::default()
    };
    let ring = clients
        .definitions
        .get_workflow(get("ring"))
        .await
        .expect("it")
        .into_inner();
    assert_eq!(ring.time_zone, "Europe/Berlin");
}
