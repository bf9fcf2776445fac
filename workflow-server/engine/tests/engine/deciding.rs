//! Tests the conditions, fields, forms and texts of stages that an instance enters, and the
//! warnings if a value is missing.

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::Rejection;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{CallChanges, Command, Elapse, IfRunning, PushButton, SetWorkflow};
use aftercall_engine::entry::{Answer, StageWarningKind, Warning};
use aftercall_engine::instance::{InstanceId, Status};

use crate::desk::{Desk, MINUTE};

const WORKFLOW: &str = r#"
format: 1
workflow: repair
title: Repair
fields:
  amount: { type: number, min: 0, max: 1000, default: 100 }
  size: { type: text, values: [ small, large ], required: true }
  code: { type: text, max: 4 }
  ring_at: { type: time }
  reference: { type: text }
  rounds: { type: number, default: 0 }
on_new_call:
  - finish: { outcome: too-small, when: fields.amount < 50 }
  - set-field: { field: rounds, to: fields.rounds + 1 }
  - alert:
      text: "{{ call.caller.name | default('Somebody') | upper }} wants {{ fields.amount | round(2) }}{% if fields.size == 'large' %} (large){% endif %}, code {{ fields.code }}"
      team: care
  - alert: { text: Ask the lead, team: leads, when: fields.amount > 500 }
  - button: Pay
    when: fields.rounds < 3
    form: { reference: { type: text, required: true }, fee: { type: number, default: 5 } }
    then:
      - set-field: { field: reference, to: form.reference }
      - set-field: { field: amount, to: fields.amount + form.fee }
      - set-field: { field: code, to: "'too long' + ' for it'" }
      - link: { to: expensive, when: fields.amount > 800 }
      - alert: { text: "{{ fields.reference }} at {{ fields.ring_at | zone('Europe/Berlin') }}", team: billing }
      - timer: { from: fields.ring_at }
        id: ring
        then: [ finish: rang ]
  - button: Again
    then: [ link: new-call ]
  - button: Expensive
    then: [ finish: expensive ]
  - timer: 1h
    then: [ finish: { outcome: vip, when: "fields.code == 'vip'" }, finish: late ]
"#;

type Fields = Vec<(Box<str>, Value)>;

fn number(name: &str, number: f64) -> (Box<str>, Value) {
    (name.into(), Value::Number(number))
}

fn text(name: &str, text: &str) -> (Box<str>, Value) {
    (name.into(), Value::Text(text.into()))
}

fn set(desk: &mut Desk, fields: Fields) -> Result<(InstanceId, Vec<Warning>), Rejection> {
    let call = desk.world.root().next_instance_slot().to_string();
    let set = SetWorkflow {
        call: CallKey {
            source: "scripts".into(),
            id: call.into(),
        },
        changes: CallChanges {
            chargeable: Some(true),
            caller: Some(Caller {
                time_zone: "Europe/Berlin".into(),
                ..Caller::default()
            }),
            ..CallChanges::default()
        },
        workflow: "repair".into(),
        version: None,
        fields,
        release: None,
        release_within_millis: None,
        if_running: IfRunning::Refuse,
    };
    match desk.ask("script", Command::from(set))? {
        Answer::Set {
            instance, warnings, ..
        } => Ok((instance, warnings)),
        other => panic!("{other:?}"),
    }
}

fn push(
    desk: &mut Desk,
    id: InstanceId,
    button: &str,
    form: Fields,
) -> Result<Vec<(u16, StageWarningKind, String)>, Rejection> {
    let visit = desk.instance(id).visit();
    let push = PushButton {
        instance: id,
        button: button.into(),
        stage: None,
        visit,
        note: "".into(),
        form,
    };
    let entry = desk.entry("Ann", Command::from(push))?.0.unwrap();
    let said = entry.instances[0].warnings.iter();
    Ok(said
        .map(|warning| (warning.action, warning.kind, warning.name.to_string()))
        .collect())
}

fn field(desk: &Desk, id: InstanceId, place: u16) -> String {
    let found = desk.instance(id).fields.iter().find(|(at, _)| *at == place);
    found.map_or_else(String::new, |(_, value)| value.to_string())
}

#[test]
fn the_first_true_condition_ends_the_action_list() {
    let mut desk = Desk::new(WORKFLOW);
    let (id, warnings) = set(
        &mut desk,
        vec![number("amount", 49.5), text("size", "small")],
    )
    .unwrap();
    assert_eq!(
        (
            desk.instance(id).status,
            &*desk.instance(id).ending,
            warnings
        ),
        (Status::Finished, "too-small", vec![])
    );
    let (id, _) = set(
        &mut desk,
        vec![
            number("amount", 990.0),
            text("size", "small"),
            text("code", "x"),
        ],
    )
    .unwrap();
    assert_eq!(desk.instance(id).alerts.len(), 2);
    push(&mut desk, id, "pay", vec![text("reference", "R")]).unwrap();
    assert_eq!(
        (desk.instance(id).status, &*desk.instance(id).ending),
        (Status::Finished, "expensive")
    );
}

#[test]
fn every_invalid_field_is_reported() {
    let mut desk = Desk::new(WORKFLOW);
    let faults = |refused: Rejection| match refused {
        Rejection::Invalid(faults) => faults
            .into_iter()
            .map(|fault| format!("{} {}", fault.field, fault.message))
            .collect(),
        other => vec![format!("{other:?}")],
    };
    let wrong = vec![
        number("amount", 1_001.0),
        text("size", "medium"),
        text("code", "abcde"),
        number("rond", 1.0),
    ];
    let refused: Vec<String> = faults(set(&mut desk, wrong).unwrap_err());
    assert_eq!(
        refused,
        [
            "fields.amount must be at most 1000",
            "fields.size must be one of small, large",
            "fields.code must be at most 4 characters",
            "fields.rond is not declared; did you mean `rounds`?"
        ]
    );
    assert_eq!(
        faults(set(&mut desk, vec![]).unwrap_err()),
        ["fields.size must be given: text"]
    );
    let (id, _) = set(&mut desk, vec![text("size", "small")]).unwrap();
    assert_eq!(
        (field(&desk, id, 0), field(&desk, id, 5)),
        ("100".to_owned(), "1".to_owned())
    );
    assert_eq!(
        faults(push(&mut desk, id, "pay", vec![]).unwrap_err()),
        ["form.reference must be given: text"]
    );
}

#[test]
fn texts_show_gaps_and_warnings_name_them() {
    let mut desk = Desk::new(WORKFLOW);
    let (id, warnings) = set(
        &mut desk,
        vec![number("amount", 72.5), text("size", "large")],
    )
    .unwrap();
    assert_eq!(
        &*desk.instance(id).alerts[0].text,
        "SOMEBODY wants 72.50 (large), code [?]"
    );
    assert_eq!(warnings, [Warning::StageWarnings]);
    let warnings = push(&mut desk, id, "again", vec![]).unwrap();
    let gap = (2, StageWarningKind::MissingValue, "fields.code".to_owned());
    assert_eq!(warnings, [gap], "a value with a default leaves no gap");
    let (id, warnings) = set(&mut desk, vec![text("size", "small"), text("code", "A1")]).unwrap();
    assert_eq!(
        (&*desk.instance(id).alerts[0].text, warnings),
        ("SOMEBODY wants 100.00, code A1", vec![])
    );
}

#[test]
fn form_values_can_be_stored_in_fields() {
    let mut desk = Desk::new(WORKFLOW);
    let (id, _) = set(&mut desk, vec![text("size", "small"), text("code", "A1")]).unwrap();
    let warnings = push(&mut desk, id, "pay", vec![text("reference", "TX-9")]).unwrap();
    assert_eq!(
        (
            field(&desk, id, 4),
            field(&desk, id, 0),
            field(&desk, id, 2)
        ),
        ("TX-9".into(), "105".into(), "A1".into())
    );
    assert_eq!(
        warnings,
        [
            (2, StageWarningKind::FieldNotSet, "fields.code".to_owned()),
            (
                4,
                StageWarningKind::MissingValue,
                "fields.ring_at".to_owned()
            ),
            (5, StageWarningKind::NoTime, "fields.ring_at".to_owned()),
        ]
    );
    assert_eq!(&*desk.instance(id).alerts[0].text, "TX-9 at [?]");
    desk.pass(0);
    assert_eq!(
        &*desk.instance(id).ending,
        "rang",
        "without a time it does not wait"
    );
    let at = Time(desk.now.0 + 90 * MINUTE);
    let fields = vec![text("size", "small"), ("ring_at".into(), Value::Time(at))];
    let (id, _) = set(&mut desk, fields).unwrap();
    push(
        &mut desk,
        id,
        "pay",
        vec![text("reference", "TX-9"), number("fee", 0.0)],
    )
    .unwrap();
    assert_eq!(
        (desk.instance(id).timers[0].due, field(&desk, id, 0)),
        (at, "100".to_owned())
    );
    assert_eq!(
        &*desk.instance(id).alerts[0].text,
        "TX-9 at Wed 2026-11-18 13:36"
    );
}

#[test]
fn a_button_with_a_false_condition_cannot_be_pushed() {
    let mut desk = Desk::new(WORKFLOW);
    let (id, _) = set(&mut desk, vec![text("size", "small")]).unwrap();
    push(&mut desk, id, "again", vec![]).unwrap();
    assert_eq!(desk.instance(id).skipped.to_vec(), [0, 3]);
    push(&mut desk, id, "again", vec![]).unwrap();
    assert_eq!(
        desk.instance(id).skipped.to_vec(),
        [0, 3, 4],
        "the third round"
    );
    let refused = push(&mut desk, id, "pay", vec![text("reference", "R")]).unwrap_err();
    assert!(matches!(refused, Rejection::ButtonGone(_)), "{refused:?}");
}

#[test]
fn a_failed_condition_is_false_and_causes_a_warning() {
    let mut desk = Desk::new(WORKFLOW);
    let (id, _) = set(&mut desk, vec![text("size", "small")]).unwrap();
    desk.now = Time(desk.now.0 + 60 * MINUTE);
    let key = desk.world.timers().earliest().unwrap();
    let elapse = Command::from(Elapse {
        due: key.due,
        slot: key.slot,
        wake: key.wake(),
    });
    let entry = desk.entry("", elapse).unwrap().0.unwrap();
    let warning = &entry.instances[0].warnings[0];
    assert_eq!(
        (warning.kind, &*warning.name),
        (StageWarningKind::ConditionFailed, "fields.code")
    );
    assert_eq!(&*desk.instance(id).ending, "late");
}

#[test]
fn an_expression_must_compute_an_allowed_value() {
    const ODD: &str = r#"
format: 1
workflow: repair
title: Repair
fields:
  size: { type: text }
  at: { type: time }
on_new_call:
  - button: Go
    then:
      - set-field: { field: size, to: '"a" + "\u0007"' }
      - set-field: { field: size, to: '"a" + "\u202e"' }
      - set-field: { field: at, to: 'timestamp("9998-01-01T00:00:00Z")' }
      - set-field: { field: at, to: 'timestamp("0001-01-01T00:00:00Z") - duration("1h")' }
      - set-field: { field: at, to: 'timestamp("9000-01-01T00:00:00Z") + duration("1h")' }
      - button: Done
        then: [ finish: done ]
"#;
    let mut desk = Desk::new(ODD);
    let (id, _) = set(&mut desk, vec![text("size", "as it was")]).unwrap();
    let said = push(&mut desk, id, "go", vec![]).unwrap();
    let not_set = |action, name: &str| (action, StageWarningKind::FieldNotSet, name.to_owned());
    assert_eq!(
        said,
        [
            not_set(0, "fields.size"),
            not_set(1, "fields.size"),
            not_set(2, "fields.at"),
            not_set(3, "fields.at")
        ]
    );
    assert_eq!(
        (field(&desk, id, 0), field(&desk, id, 1)),
        ("as it was".to_owned(), "9000-01-01T01:00:00Z".to_owned())
    );
}
