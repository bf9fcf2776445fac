//! What authors write, over real gRPC: conditions, fields, forms and texts run as they say,
//! calendars count, and the history shows what has no answer, also after a restart.

mod building;
mod migrating;
mod trying;
mod versions;

use aftercall_proto::workflow::v1::{
    Calendar, ConfirmRetentionRequest, DayHours, FollowUp, GetCalendarRequest, GetInstanceRequest,
    ImportCalendarRequest, ImportWorkflowRequest, ListCalendarsRequest, ListHistoryRequest,
    PublishWorkflowRequest, SetWorkflowRequest, Status, Value, Weekday,
};
use aftercall_tests::{Clients, House, number, push, reason, set_refund, text, with_refund};
use tonic::Code;
use tonic_types::StatusExt as _;

pub(crate) const CLAIM: &str = r#"
format: 1
workflow: claim
title: Claim
calendar: office
fields:
  price: { type: number, min: 0, max: 500, required: true }
  kind: { type: text, values: [kettle, toaster], default: kettle }
  reference: { type: text }
on_new_call:
  - finish: { outcome: small, when: fields.price < 10 }
  - alert: { text: "A {{ fields.kind }} of {{ call.caller.name | upper }}, {{ fields.reference }}", team: billing, due: 2wd }
  - button: Look
    form: { reference: { type: text, required: true, max: 5, label: Reference } }
    then:
      - set-field: { field: reference, to: form.reference }
      - alert: { text: "Repair {{ fields.reference }}", team: payments }
      - button: Done
        then: [ finish: done ]
  - button: Expensive
    when: fields.price > 100
    then: [ finish: expensive ]
"#;

pub(crate) fn office(openings: &[&str]) -> ImportCalendarRequest {
    let hours = (1..=5).map(|weekday| DayHours {
        weekday,
        openings: openings.iter().map(|one| (*one).to_owned()).collect(),
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

pub(crate) async fn set(
    clients: &mut Clients,
    call: &str,
    fields: &[(&str, Value)],
) -> Result<FollowUp, tonic::Status> {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let request = SetWorkflowRequest {
        workflow: "claim".to_owned(),
        fields,
        ..set_refund(call, 1.0)
    };
    clients
        .scripts
        .set_workflow(request)
        .await
        .map(|answer| answer.into_inner().follow_up.expect("it"))
}

pub(crate) async fn with_claim(house: &House) -> Clients {
    let mut clients = with_refund(house).await;
    clients
        .definitions
        .import_calendar(office(&["09:00-17:00"]))
        .await
        .expect("declared");
    clients.publish(CLAIM).await;
    clients
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_fields_and_forms_of_a_file_run() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_claim(&house).await;
    let small = set(&mut clients, "1", &[("price", number(9.5))])
        .await
        .expect("set");
    assert_eq!(
        (small.status(), small.outcome.as_str()),
        (Status::Finished, "small")
    );
    let refused = set(
        &mut clients,
        "2",
        &[("price", number(501.0)), ("kind", text("fridge"))],
    )
    .await
    .expect_err("refused");
    let violations = refused
        .get_details_bad_request()
        .expect("the fields")
        .field_violations;
    let named: Vec<String> = violations
        .iter()
        .map(|one| format!("{} {}", one.field, one.description))
        .collect();
    assert_eq!(
        named,
        [
            "fields.kind must be one of kettle, toaster",
            "fields.price must be at most 500"
        ]
    );

    let open = set(&mut clients, "3", &[("price", number(50.0))])
        .await
        .expect("set");
    assert_eq!(open.alerts[0].text, "A kettle of ADA, [?]");
    assert_eq!(
        open.buttons
            .iter()
            .map(|button| button.id.as_str())
            .collect::<Vec<_>>(),
        ["look"]
    );
    assert_eq!(
        (
            open.buttons[0].form[0].label.as_str(),
            open.buttons[0].form[0].max
        ),
        ("Reference", Some(5.0))
    );
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let gone = clients
        .manager
        .push_button(push(&open, "expensive", "Ben"))
        .await
        .expect_err("it is not there");
    assert_eq!(reason(&gone), "BUTTON_GONE");
    let mut look = push(&open, "look", "Ben");
    look.form = [("reference".to_owned(), text("too long"))].into();
    let refused = clients
        .manager
        .push_button(look.clone())
        .await
        .expect_err("too long");
    assert_eq!(refused.code(), Code::InvalidArgument);
    look.form = [("reference".to_owned(), text("TX-9"))].into();
    let looked = clients
        .manager
        .push_button(look)
        .await
        .expect("pushed")
        .into_inner()
        .follow_up
        .expect("it");
    assert_eq!(
        (looked.alerts[0].text.as_str(), &looked.fields["reference"]),
        ("Repair TX-9", &text("TX-9"))
    );

    let history = ListHistoryRequest {
        instance_id: open.instance_id.clone(),
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(history)
        .await
        .expect("history")
        .into_inner()
        .items;
    let warnings: Vec<&String> = items.iter().flat_map(|item| &item.warnings).collect();
    assert_eq!(
        warnings,
        ["stage 1, action 2: the text has a gap, because `fields.reference` has no value"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calendars_count_from_their_declaration() {
    let house = House::start_without_alerter().await;
    let mut clients = with_claim(&house).await;
    let first = set(&mut clients, "1", &[("price", number(50.0))])
        .await
        .expect("set");
    let due = first.alerts[0].due.expect("a due");
    let now = first.alerts[0].raised_at.expect("a time");
    assert!(
        (due.seconds - now.seconds) > 86_400,
        "two working days are more than a day: {now} to {due}"
    );

    let changed = clients
        .definitions
        .import_calendar(office(&["09:00-12:00", "13:00-17:00"]))
        .await
        .expect("changed");
    assert_eq!(changed.into_inner().calendar.expect("it").revision, 2);
    let request = GetInstanceRequest {
        instance_id: first.instance_id,
        read_mask: None,
    };
    let same = clients.operations.get_instance(request).await;
    let same = same.expect("it").into_inner().instance.expect("it");
    assert_eq!(same.alerts[0].due, Some(due), "what was promised is kept");
    let got = clients
        .definitions
        .get_calendar(GetCalendarRequest {
            name: "office".to_owned(),
        })
        .await
        .expect("it");
    let got = got.into_inner().calendar.expect("it");
    assert_eq!(
        (got.hours[0].weekday(), got.hours[0].openings.len()),
        (Weekday::Monday, 2)
    );
    let all = clients
        .definitions
        .list_calendars(ListCalendarsRequest::default())
        .await
        .expect("a list")
        .into_inner()
        .calendars;
    assert_eq!(all.len(), 1);

    let mut faulty = office(&["9-17", "10:00-11:00"]);
    let calendar = faulty.calendar.as_mut().expect("it");
    (calendar.name, calendar.time_zone) = ("Bad Name".to_owned(), "Nowhere".to_owned());
    let refused = clients
        .definitions
        .import_calendar(faulty)
        .await
        .expect_err("refused");
    let named = refused
        .get_details_bad_request()
        .expect("the fields")
        .field_violations;
    assert!(
        named
            .iter()
            .any(|one| one.field == "calendar.hours.openings"),
        "{named:?}"
    );
    assert!(
        named.iter().any(|one| one.field == "calendar.time_zone"),
        "{named:?}"
    );
    let other = ImportCalendarRequest {
        expected_revision: Some(7),
        ..office(&["08:00-09:00"])
    };
    assert_eq!(
        clients
            .definitions
            .import_calendar(other)
            .await
            .expect_err("refused")
            .code(),
        Code::Aborted
    );
    let missing = GetCalendarRequest {
        name: "none-such".to_owned(),
    };
    assert_eq!(
        clients
            .definitions
            .get_calendar(missing)
            .await
            .expect_err("none")
            .code(),
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_cannot_be_published() {
    let house = House::start_without_alerter().await;
    let mut clients = with_claim(&house).await;
    let file = CLAIM
        .replace("fields.price > 100", "fields.prize > 100")
        .replace("office", "ofice");
    let request = ImportWorkflowRequest {
        file,
        validate_only: true,
        ..ImportWorkflowRequest::default()
    };
    let faults = clients
        .definitions
        .import_workflow(request)
        .await
        .expect("looked at")
        .into_inner()
        .faults;
    let messages: Vec<String> = faults
        .iter()
        .map(|fault| {
            format!(
                "{}:{} {} {}",
                fault.line, fault.column, fault.code, fault.message
            )
        })
        .collect();
    assert_eq!(
        messages,
        [
            "5:11 UNKNOWN_CALENDAR the calendar `ofice` is not declared; did you mean `office`?",
            "21:11 BAD_EXPRESSION `when` names the field `fields.prize`, which is not declared; did you mean `price`?"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_retention_needs_confirmation() {
    let house = House::start_without_alerter().await;
    let mut clients = house.clients().await;
    let kept = |days: u32| {
        format!(
            "format: 1\nworkflow: kept\ntitle: Kept\nretention: {days}d\non_new_call: [ finish: done ]\n"
        )
    };
    clients.publish(&kept(90)).await;
    let import = ImportWorkflowRequest {
        file: kept(9),
        actor: "author".to_owned(),
        ..ImportWorkflowRequest::default()
    };
    clients
        .definitions
        .import_workflow(import)
        .await
        .expect("imported");
    let publish = PublishWorkflowRequest {
        name: "kept".to_owned(),
        actor: "author".to_owned(),
        ..Default::default()
    };
    let published = clients
        .definitions
        .publish_workflow(publish)
        .await
        .expect("published")
        .into_inner();
    let warning = published
        .faults
        .iter()
        .find(|fault| fault.code == "RETENTION_SHORTENED")
        .expect("a warning");
    assert!(
        warning.warning && warning.message.contains("90d in force"),
        "{}",
        warning.message
    );
    let confirm = |version, dry_run, request_id: &str| ConfirmRetentionRequest {
        request_id: request_id.to_owned(),
        actor: "Olga".to_owned(),
        workflow: "kept".to_owned(),
        version,
        dry_run,
    };
    let waits = clients
        .operations
        .confirm_retention(confirm(0, true, ""))
        .await
        .expect("a dry run")
        .into_inner();
    assert_eq!(
        (
            waits.version,
            &*waits.retention_in_force,
            &*waits.retention_newest
        ),
        (2, "90d", "9d")
    );
    let older = clients
        .operations
        .confirm_retention(confirm(1, false, "a"))
        .await
        .expect_err("not the newest");
    assert_eq!(reason(&older), "NOT_THE_NEWEST_VERSION");
    let first = clients
        .operations
        .confirm_retention(confirm(2, false, "b"))
        .await
        .expect("confirmed")
        .into_inner();
    clients.publish(&kept(5)).await;
    let again = clients
        .operations
        .confirm_retention(confirm(2, false, "b"))
        .await
        .expect("the repetition")
        .into_inner();
    assert_eq!(again, first);
    let waits = clients
        .operations
        .confirm_retention(confirm(0, true, ""))
        .await
        .expect("a dry run")
        .into_inner();
    assert_eq!(
        (
            waits.version,
            &*waits.retention_in_force,
            &*waits.retention_newest
        ),
        (3, "9d", "5d")
    );
}
