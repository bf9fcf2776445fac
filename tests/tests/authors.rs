//! What authors write, over real gRPC: conditions, fields, forms and texts run as they say,
//! calendars count, and what has no answer is told in the history; also after a restart.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::simulation_step::What;
use aftercall_proto::workflow::v1::{
    ArchiveWorkflowRequest, Calendar, ConfirmRetentionRequest, CountInstancesRequest, DayHours,
    DiffVersionsRequest, FollowUp, GetCalendarRequest, GetInstanceRequest, ImportCalendarRequest,
    ImportWorkflowRequest, ListCalendarsRequest, ListHistoryRequest, ListWorkflowsRequest,
    PictureFormat, PublishWorkflowRequest, RenderWorkflowRequest, SetWorkflowRequest,
    SimulateWorkflowRequest, SimulatedPush, SimulationStep, Status, Value, Weekday,
};
use aftercall_tests::{Clients, House, number, push, reason, set_refund, text, with_refund};
use tonic::Code;
use tonic_types::StatusExt as _;

const CLAIM: &str = r#"
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

fn office(openings: &[&str]) -> ImportCalendarRequest {
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

async fn set(
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

async fn with_claim(house: &House) -> Clients {
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
async fn what_a_file_says_of_conditions_fields_and_forms_is_what_runs() {
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
async fn calendars_are_declared_listed_and_counted_in_and_what_runs_is_left_alone() {
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
    };
    let same = clients
        .operations
        .get_instance(request)
        .await
        .expect("it")
        .into_inner()
        .instance
        .expect("it");
    assert_eq!(same.alerts[0].due, Some(due), "what was promised stands");
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
async fn what_names_what_is_not_there_cannot_be_published_and_each_fault_is_told() {
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
    let told: Vec<String> = faults
        .iter()
        .map(|fault| {
            format!(
                "{}:{} {} {}",
                fault.line, fault.column, fault.code, fault.message
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "5:11 UNKNOWN_CALENDAR the calendar `ofice` is not declared; did you mean `office`?",
            "21:11 BAD_EXPRESSION `when` names the field `fields.prize`, which is not declared; did you mean `price`?"
        ]
    );
}

/// A draft with as many stages and paths as a picture may have, many of which cross.
fn tangle() -> String {
    let mut file =
        "format: 1\nworkflow: tangle\ntitle: Tangle\nfields: { n: { type: number } }\non_new_call:\n".to_owned();
    file += "  - alert: { text: Look, team: billing }\n";
    for outer in 0..11 {
        file += &format!(
            "  - button: B{outer}\n    then:\n      - alert: {{ text: Look, team: billing }}\n"
        );
        for inner in 0..12 {
            file += &format!(
                "      - button: B{outer} {inner}\n        id: b{outer}-{inner}\n        then:\n"
            );
            let (to, place) = (
                (inner * 5 + outer * 7 + 1) % 12,
                (outer * 5 + inner + 1) % 11,
            );
            file += &format!(
                "          - link: {{ to: b{place}-{to}, when: \"fields.n < {inner}\" }}\n"
            );
            file += "          - finish: done\n";
        }
    }
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_takes_too_long_is_refused_by_name_and_drawn_as_mermaid() {
    let house = House::start_without_alerter().await;
    let mut clients = house.clients().await;
    clients.teams(&["billing"]).await;
    let import = ImportWorkflowRequest {
        actor: "Una".to_owned(),
        file: tangle(),
        ..ImportWorkflowRequest::default()
    };
    clients
        .definitions
        .import_workflow(import)
        .await
        .expect("imported");
    let picture = |format: PictureFormat| RenderWorkflowRequest {
        name: "tangle".to_owned(),
        draft: true,
        format: format.into(),
        ..RenderWorkflowRequest::default()
    };
    let refused = clients
        .definitions
        .render_workflow(picture(PictureFormat::Svg))
        .await
        .expect_err("too large");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "PICTURE_TOO_LARGE")
    );
    let drawn = clients
        .definitions
        .render_workflow(picture(PictureFormat::Mermaid))
        .await
        .expect("drawn");
    assert!(drawn.into_inner().picture.contains("B10 11"));
}

/// What is drawn of the claim whose instance stands in stage 2.
async fn check_pictures(clients: &mut Clients, instance_id: &str) {
    let picture = |format: PictureFormat, instance_id: &str, name: &str| RenderWorkflowRequest {
        name: name.to_owned(),
        format: format.into(),
        instance_id: instance_id.to_owned(),
        ..RenderWorkflowRequest::default()
    };
    let request = picture(PictureFormat::Text, instance_id, "");
    let tree = clients
        .definitions
        .render_workflow(request)
        .await
        .expect("drawn")
        .into_inner()
        .picture;
    assert!(
        tree.contains("1 New call   (was here)") && tree.contains("2 After Look   <== it is here"),
        "{tree}"
    );
    let named = |name: &str, version, draft| RenderWorkflowRequest {
        version,
        draft,
        ..picture(PictureFormat::Text, instance_id, name)
    };
    let same = clients
        .definitions
        .render_workflow(named("claim", 1, false))
        .await
        .expect("drawn")
        .into_inner()
        .picture;
    assert_eq!(same, tree);
    for other in [
        named("refund", 0, false),
        named("claim", 2, false),
        named("claim", 0, true),
    ] {
        assert_eq!(
            clients
                .definitions
                .render_workflow(other)
                .await
                .expect_err("other")
                .code(),
            Code::InvalidArgument
        );
    }
    let request = picture(PictureFormat::Svg, "", "claim");
    let drawn = clients
        .definitions
        .render_workflow(request)
        .await
        .expect("drawn")
        .into_inner()
        .picture;
    assert!(
        drawn.starts_with("<svg")
            && drawn.contains("Check")
            && !drawn.contains("class=\"box present\""),
        "{drawn}"
    );
    let request = picture(PictureFormat::Mermaid, "ffffff-0-0000", "");
    assert_eq!(
        clients
            .definitions
            .render_workflow(request)
            .await
            .expect_err("none")
            .code(),
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_version_changes_is_said_in_words_and_what_calls_stand_in_is_counted() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_claim(&house).await;
    let open = set(&mut clients, "1", &[("price", number(500.0))])
        .await
        .expect("set");
    let mut look = push(&open, "look", "Ben");
    look.form = [("reference".to_owned(), text("TX-9"))].into();
    clients.manager.push_button(look).await.expect("pushed");
    let without = CLAIM
        .replace("button: Look", "button: Check")
        .replace("due: 2wd", "due: 1wd");
    assert_eq!(clients.publish(&without).await, 2);
    let request = DiffVersionsRequest {
        name: "claim".to_owned(),
        ..DiffVersionsRequest::default()
    };
    let diff = clients
        .definitions
        .diff_versions(request)
        .await
        .expect("told")
        .into_inner();
    assert_eq!((diff.from_version, diff.to_version), (1, 2));
    assert!(
        diff.differences
            .iter()
            .any(|one| one.contains("due in 2wd") && one.contains("due in 1wd")),
        "{diff:?}"
    );
    assert!(
        diff.differences
            .contains(&"stage 2 \"After Look\" is gone".to_owned()),
        "{diff:?}"
    );
    let gone: Vec<(u32, u64)> = diff
        .vanished
        .iter()
        .map(|gone| {
            (
                gone.stage.clone().unwrap_or_default().number,
                gone.open_instances,
            )
        })
        .collect();
    assert_eq!(gone, [(2, 1)]);
    let again = PublishWorkflowRequest {
        name: "claim".to_owned(),
        actor: "author".to_owned(),
        ..Default::default()
    };
    let faults = clients
        .definitions
        .publish_workflow(again)
        .await
        .expect("it is there")
        .into_inner()
        .faults;
    assert_eq!(
        faults
            .iter()
            .map(|fault| fault.code.as_str())
            .collect::<Vec<_>>(),
        ["INSTANCES_STAND_THERE"]
    );

    check_pictures(&mut clients, &open.instance_id).await;

    let archive = |restore| ArchiveWorkflowRequest {
        name: "claim".to_owned(),
        restore,
        ..Default::default()
    };
    let archived = clients
        .definitions
        .archive_workflow(archive(false))
        .await
        .expect("archived")
        .into_inner();
    assert_eq!(
        (
            archived.open_instances,
            archived.workflow.expect("it").archived
        ),
        (1, true)
    );
    let again = PublishWorkflowRequest {
        name: "claim".to_owned(),
        actor: "author".to_owned(),
        ..Default::default()
    };
    assert!(
        clients
            .definitions
            .publish_workflow(again)
            .await
            .expect("it is there")
            .into_inner()
            .archived
    );
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let refused = set(&mut clients, "2", &[("price", number(50.0))])
        .await
        .expect_err("out of use");
    assert_eq!(reason(&refused), "WORKFLOW_ARCHIVED");
    set(&mut clients, "1", &[("price", number(60.0))])
        .await
        .expect("what runs is found");
    let all = |include_archived| ListWorkflowsRequest {
        include_archived,
        ..ListWorkflowsRequest::default()
    };
    let listed = clients
        .definitions
        .list_workflows(all(false))
        .await
        .expect("a list")
        .into_inner()
        .workflows;
    assert!(listed.iter().all(|workflow| workflow.name != "claim") && !listed.is_empty());
    assert_eq!(
        clients
            .definitions
            .list_workflows(all(true))
            .await
            .expect("a list")
            .into_inner()
            .workflows
            .len(),
        2
    );
    clients
        .definitions
        .archive_workflow(archive(true))
        .await
        .expect("restored");
    set(&mut clients, "2", &[("price", number(50.0))])
        .await
        .expect("set again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_tried_out_and_nothing_is_stored() {
    let house = House::start_without_alerter().await;
    let mut clients = with_claim(&house).await;
    let push = |button: &str, form: &[(&str, Value)]| SimulationStep {
        what: Some(What::Push(SimulatedPush {
            button_id: button.to_owned(),
            form: form
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            note: String::new(),
        })),
    };
    let wait = |seconds| SimulationStep {
        what: Some(What::Wait(prost_types::Duration { seconds, nanos: 0 })),
    };
    let file = CLAIM
        .replace("team: payments", "team: not-declared-here")
        .replace(
            "      - button: Done",
            "      - timer: 2h\n        then: [ finish: late ]\n      - button: Done",
        );
    let request = SimulateWorkflowRequest {
        file,
        fields: [("price".to_owned(), number(50.0))].into(),
        at: Some(prost_types::Timestamp {
            seconds: 1_795_000_000,
            nanos: 0,
        }),
        steps: vec![
            wait(3_600),
            push("look", &[("reference", text("TX-9"))]),
            wait(7_200),
            push("done", &[]),
            wait(1),
        ],
        ..SimulateWorkflowRequest::default()
    };
    let answer = clients
        .definitions
        .simulate_workflow(request.clone())
        .await
        .expect("tried")
        .into_inner();
    let told: Vec<String> = answer
        .states
        .iter()
        .map(|state| {
            let follow_up = state.follow_up.as_ref().expect("it");
            let stage = follow_up.stage.as_ref().map_or(0, |stage| stage.number);
            let at = state.at.expect("a time").seconds - 1_795_000_000;
            format!(
                "{at} {stage} {} {} {}",
                follow_up.outcome,
                state.warnings.len(),
                state.reason
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "0 1  2 ",
            "3600 1  0 ",
            "3600 2  0 ",
            "10800 5 late 0 ",
            "10800 5 late 0 INSTANCE_ENDED"
        ]
    );
    let everything = CountInstancesRequest::default();
    let counts = clients
        .operations
        .count_instances(everything)
        .await
        .expect("counted")
        .into_inner();
    assert!(counts.counts.is_empty(), "{counts:?}");
    let wrong = SimulateWorkflowRequest {
        fields: BTreeMap::new(),
        ..request.clone()
    };
    let refused = clients
        .definitions
        .simulate_workflow(wrong)
        .await
        .expect_err("a field is missing");
    assert_eq!(
        refused
            .get_details_bad_request()
            .expect("fields")
            .field_violations[0]
            .field,
        "fields.price"
    );
    let faulty = SimulateWorkflowRequest {
        file: CLAIM.replace("office", "nowhere"),
        ..request
    };
    let refused = clients
        .definitions
        .simulate_workflow(faulty)
        .await
        .expect_err("no such calendar");
    assert_eq!(reason(&refused), "WORKFLOW_HAS_FAULTS");
    assert_eq!(
        refused
            .get_details_bad_request()
            .expect("places")
            .field_violations[0]
            .field,
        "file:5:11"
    );
}

/// Comes back every second, with some kilobytes to show.
fn restless(text_bytes: usize) -> String {
    let text = "x".repeat(text_bytes);
    format!(
        "format: 1
workflow: restless
title: Restless
on_new_call:
  - alert: {{ text: {text}, team: billing }}
  - alert: {{ text: {text}, team: billing }}
  - timer: 1s
    then: [ link: new-call ]
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_would_go_on_too_long_or_tell_too_much_ends_and_says_so() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let wait = |seconds| SimulationStep {
        what: Some(What::Wait(prost_types::Duration { seconds, nanos: 0 })),
    };
    let day = SimulateWorkflowRequest {
        file: restless(10),
        steps: vec![wait(60), wait(86_400), wait(1)],
        ..SimulateWorkflowRequest::default()
    };
    let states = clients
        .definitions
        .simulate_workflow(day)
        .await
        .expect("tried")
        .into_inner()
        .states;
    let told: Vec<(&str, i64)> = states
        .iter()
        .map(|state| {
            (
                state.reason.as_str(),
                state.at.expect("a time").seconds - states[0].at.expect("a time").seconds,
            )
        })
        .collect();
    assert_eq!(
        told,
        [("", 0), ("", 60), ("TOO_BUSY", 2_000)],
        "no step is done after that"
    );

    let much = SimulateWorkflowRequest {
        file: restless(4_000),
        steps: vec![wait(1); 1_000],
        ..SimulateWorkflowRequest::default()
    };
    let answer = clients
        .definitions
        .simulate_workflow(much)
        .await
        .expect("it fits a message")
        .into_inner();
    let bytes = prost::Message::encoded_len(&answer);
    assert!((3 << 20..(3 << 20) + 40_000).contains(&bytes), "{bytes}");
    let reasons: Vec<&str> = answer
        .states
        .iter()
        .map(|state| state.reason.as_str())
        .collect();
    assert_eq!(
        reasons
            .iter()
            .filter(|reason| !reason.is_empty())
            .collect::<Vec<_>>(),
        [&"TOO_LARGE"]
    );
    assert_eq!(reasons.last(), Some(&"TOO_LARGE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_retention_is_warned_of_and_counts_once_operations_confirm_it() {
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
        .expect("asked again")
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
