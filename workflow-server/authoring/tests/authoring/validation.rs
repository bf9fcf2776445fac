//! Errors that prevent a valid file from being published, stage by stage and all together.

use aftercall_authoring::file::{read, read_placed};
use aftercall_definition::limits::LABEL_CHARS_MAX;
use aftercall_definition::model::{EventKind, FinishAction};
use aftercall_definition::testing::TEAMS;
use aftercall_definition::validate::{Declared, has_unlinked_ends, validate};
use aftercall_definition::{ActionKind, Definition, Event, Fault, Stage};

fn shown(fault: &Fault) -> String {
    let kind = if fault.warning { "warning" } else { "fault" };
    format!(
        "{}.{} {kind} {}: {}",
        fault.stage,
        fault.action,
        fault.code.name(),
        fault.message
    )
}

fn faults_of(definition: &Definition) -> Vec<String> {
    validate(
        definition,
        Declared::new(&|team| TEAMS.contains(&team), &|name| name == "office"),
    )
    .iter()
    .map(shown)
    .collect()
}

fn workflow(actions: &str) -> Definition {
    let file = format!(
        "format: 1\nworkflow: w\ntitle: T\nfields: {{ amount: {{ type: number }} }}\non_new_call:{actions}"
    );
    read(&file, None).unwrap_or_else(|faults| panic!("{faults:#?}\n{file}"))
}

fn check(actions: &str, expected: &[&str]) {
    assert_eq!(faults_of(&workflow(actions)), expected, "{actions}");
}

#[test]
fn an_unlinked_end_is_an_error_unless_allowed() {
    let actions = "
  - alert: { text: a, team: care }
  - button: Go
";
    check(
        actions,
        &[
            "2.0 fault UNLINKED_END: `go` is an unlinked end: it neither waits (button, timer), links nor finishes; add one of these",
        ],
    );
    let allowed = Definition {
        allow_unlinked_ends: true,
        ..workflow(actions)
    };
    assert!(has_unlinked_ends(&allowed));
    assert!(
        validate(&allowed, Declared::new(&|_| true, &|_| true))
            .iter()
            .all(|fault| fault.warning)
    );
    assert!(!has_unlinked_ends(&workflow(" [ { finish: done } ]")));
}

#[test]
fn a_link_must_lead_to_an_event() {
    check(
        "
  - alert: { text: a, team: care }
  - button: Pay out
    then: [ { link: { to: pay-uot, max: 2, else: nowhere } } ]
",
        &[
            "2.1 fault UNKNOWN_EVENT: there is no event `pay-uot`; did you mean `pay-out`?",
            "2.1 fault UNKNOWN_EVENT: there is no event `nowhere`; available: new-call, pay-out",
        ],
    );
}

#[test]
fn links_must_not_form_a_cycle_without_a_wait() {
    check(
        "
  - alert: { text: a, team: care }
  - { button: A, then: [ { link: b } ] }
  - { button: B, then: [ { link: { to: new-call, max: 2, else: c } } ] }
  - { button: C, then: [ { link: a } ] }
  - { button: Self, then: [ { link: self } ] }
  - { button: Back, then: [ { link: new-call } ] }
",
        &[
            "4.1 fault CIRCLE_WITHOUT_WAIT: the links form a circle in which nothing waits: a → b → c → a; put a button in it, or a timer that counts from its stage",
            "5.1 fault CIRCLE_WITHOUT_WAIT: the links form a circle in which nothing waits: self → self; put a button in it, or a timer that counts from its stage",
        ],
    );
    check(
        " [ { link: new-call } ]",
        &[
            "1.1 fault CIRCLE_WITHOUT_WAIT: the links form a circle in which nothing waits: new-call → new-call; put a button in it, or a timer that counts from its stage",
        ],
    );
}

#[test]
fn a_link_or_a_finish_is_alone_in_its_stage() {
    check(
        "
  - alert: { text: a, team: care }
  - finish: done
  - { timer: 1h, then: [ { finish: late } ] }
",
        &[
            "1.2 fault ACTION_AFTER_END: `finish` leaves the stage at once, so its alert would never be seen: move `finish` to a stage of its own",
            "1.3 fault ACTION_AFTER_END: nothing after `finish` is ever done: it must be the last action",
        ],
    );
    check(
        "
  - { timer: 1h, then: [ { finish: late } ] }
  - link: after-1h
",
        &[
            "1.2 fault ACTION_AFTER_END: `link` leaves the stage at once, so its buttons and timers would never be seen: move `link` to a stage of its own",
        ],
    );
}

#[test]
fn a_stage_needs_an_alert_and_distinct_buttons() {
    check(
        "
  - { button: Go, then: [ { finish: a } ] }
  - { button: Go, then: [ { finish: b } ] }
",
        &[
            "1.0 warning NO_ALERT: `new-call` has buttons but no alert: nobody sees that they wait",
            "1.2 fault DUPLICATE_LABEL: the stage has another button `Go`",
        ],
    );
}

#[test]
fn teams_and_fields_must_be_declared() {
    check(
        "
  - alert: { text: 'Refund {{ fields.amuont }} {{ fields.reason }}', team: biling }
  - { button: Go, then: [ { finish: done } ] }
",
        &[
            "1.1 fault UNKNOWN_FIELD: the text names the field `fields.amuont`, which is not declared; did you mean `amount`?",
            "1.1 fault UNKNOWN_FIELD: the text names the field `fields.reason`, which is not declared; declare it under `fields`",
            "1.1 fault UNKNOWN_TEAM: the team `biling` is not declared: import it, or correct the name",
        ],
    );
}

/// A file cannot express these errors, but a definition that is built in another way can.
#[test]
fn an_escalation_needs_a_due_and_declared_teams() {
    check(
        "
  - alert:
      text: a
      team: care
      escalate: [ { at: due, team: nobody }, { after: 1h, add-team: biling } ]
  - button: Done
    then: [ finish: done ]
",
        &[
            "1.1 fault UNKNOWN_TEAM: the team `nobody` is not declared: import it, or correct the name",
            "1.1 fault UNKNOWN_TEAM: the team `biling` is not declared: import it, or correct the name",
            "1.1 fault MISSING_KEY: `escalate` counts from the alert's due: give the alert a `due`",
        ],
    );
}

#[test]
fn every_event_needs_exactly_one_action_that_adds_it() {
    let mut definition = workflow(
        "\n  - alert: { text: a, team: care }\n  - { button: A, then: [ { finish: a } ] }\n",
    );
    let event = |id: &str| Event {
        id: id.to_owned(),
        kind: EventKind::ButtonPushed,
        label: "L".to_owned(),
        stage_title: None,
    };
    let finish = || {
        vec![
            ActionKind::Finish(FinishAction {
                outcome: "a".to_owned(),
            })
            .into(),
        ]
    };
    definition.stages.push(Stage {
        number: 5,
        event: event("orphan"),
        actions: finish(),
    });
    let again = definition.stages[0].actions[1].clone();
    definition.stages[0].actions.push(again);
    assert_eq!(
        faults_of(&definition),
        [
            "1.3 fault DUPLICATE_LABEL: the stage has another button `A`",
            "1.3 fault DUPLICATE: the event `a` is added by another action already",
            "5.0 fault UNREACHABLE_STAGE: nothing leads to the event `orphan`: give its button or timer to a stage, or remove it",
        ]
    );
    definition.stages[2].number = 2;
    definition.stages[2].event = event("a");
    let faults = faults_of(&definition);
    assert!(
        faults.contains(&"2.0 fault DUPLICATE: stage 2 does not come after stage 2".to_owned()),
        "{faults:#?}"
    );
    definition.stages.remove(0);
    let faults = faults_of(&definition);
    assert!(
        faults.contains(
            &"0.0 fault MISSING_KEY: the workflow has no stage 1, its new call".to_owned()
        ),
        "{faults:#?}"
    );
}

#[test]
fn limits_apply_to_definitions_from_any_source() {
    let mut definition = workflow(" [ { finish: done } ]");
    definition.name = "Not A Name".to_owned();
    definition.title = "x".repeat(LABEL_CHARS_MAX + 1);
    definition.stages[0].event.label = String::new();
    definition.stages[0].actions = vec![
        ActionKind::Finish(FinishAction {
            outcome: "\u{202e}".to_owned(),
        })
        .into(),
    ];
    assert_eq!(
        faults_of(&definition),
        [
            "0.0 fault BAD_VALUE: `workflow` must be lower-case letters, digits and hyphens and start with a letter or digit, such as `not-a-name`, not `Not A Name`",
            "0.0 fault TOO_LARGE: `title` has 129 characters; at most 128 are allowed",
            "1.0 fault BAD_VALUE: the event's label is empty",
            "1.1 fault BAD_VALUE: the outcome must be lower-case letters, digits and hyphens and start with a letter or digit, not `\u{202e}`",
        ]
    );
}

#[test]
fn a_text_must_name_existing_time_zones() {
    check(
        "
  - alert: { text: \"{{ now | zone('Berlin') }} {{ now | zone('Europe/Berlin') }} {{ now | zone('Berlin') }}\", team: care }
  - button: Go
    then: [ finish: done ]
",
        &["1.1 fault BAD_VALUE: `Berlin` in the text is not a time zone: give its IANA name, such as Europe/Berlin"],
    );
}

#[test]
fn a_timer_from_an_optional_field_causes_a_warning() {
    let warning = "1.1 warning BAD_VALUE: `fields.ring_at` may have no value, and the timer then counts from entering the stage: make the field `required`, or give the timer `when: has(fields.ring_at)`";
    let warned = |ring_at: &str, rest: &str| {
        let file = format!(
            "format: 1
workflow: w
title: T
fields: {{ ring_at: {{ type: time{ring_at} }} }}
on_new_call:
  - timer: {{ from: fields.ring_at, after: 1h }}
    {rest}
    then: [ finish: done ]
  - button: Go
    then: [ finish: gone ]
"
        );
        let mut faults =
            faults_of(&read(&file, None).unwrap_or_else(|faults| panic!("{faults:#?}\n{file}")));
        faults.retain(|fault| !fault.contains("NO_ALERT"));
        faults
    };
    assert_eq!(warned("", "label: Then"), [warning]);
    assert_eq!(warned(", required: true", ""), Vec::<String>::new());
    assert_eq!(
        warned(", default: 2026-11-24T09:00:00Z", ""),
        Vec::<String>::new()
    );
    assert_eq!(
        warned("", "when: has(fields.ring_at)"),
        Vec::<String>::new()
    );
}

#[test]
fn a_sensitive_value_in_a_text_causes_a_warning() {
    let file = "format: 1
workflow: w
title: T
fields: { account: { type: text, sensitive: true }, code: { type: text } }
on_new_call:
  - alert: { text: \"Pay {{ call.caller.name }} on {{ fields.account }}\", team: care }
  - button: Paid
    form: { code: { type: text, required: true, sensitive: true } }
    then:
      - set-field: { field: code, to: form.code }
      - set-field: { field: account, to: form.code }
      - finish: paid
";
    let read = read(file, None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(
        faults_of(&read),
        [
            "1.1 warning BAD_VALUE: names `fields.account`, which is sensitive: everybody who sees the alert, its notices and the reports sees the text. Leave it out, and let people open the follow-up to see it",
            "2.1 warning BAD_VALUE: gets `form.code`, which is sensitive, but `fields.code` is not: declare it as `sensitive: true`",
        ]
    );
}

#[test]
fn an_error_twice_in_one_action_is_reported_once() {
    check(
        "
  - alert: { text: a, team: care }
  - button: Go
    id: go
    then: [ { link: { to: go, max: 5, else: go } } ]
",
        &[
            "2.1 fault CIRCLE_WITHOUT_WAIT: the links form a circle in which nothing waits: go → go; put a button in it, or a timer that counts from its stage",
        ],
    );
}

#[test]
fn a_form_lasts_until_the_next_push_or_timer() {
    let actions = |last: &str| {
        format!(
            "
  - alert: {{ text: a, team: care }}
  - button: Go
    form: {{ ref: {{ type: text }} }}
    then:
      - alert: {{ text: 'At once {{{{ form.ref }}}}', team: care }}
      - link: {{ to: later, when: form.ref == 'x' }}
      - button: Further
        id: further
        then:
          - alert: {{ text: b, team: care }}
          - timer: 1h
            then:
{last}
              - finish: done
  - button: Later
    id: later
    then:
      - alert: {{ text: 'Over a link {{{{ form.ref }}}}', team: care, when: has(form.ref) }}
      - button: End
        then: [ finish: end ]
"
        )
    };
    check(
        &actions("              - set-field: { field: amount, to: '5' }"),
        &[],
    );
    let gone = "names `form.ref`, which no push that leads to this stage requests: keep it with `set-field` where it is requested, and name the field";
    check(
        &actions("              - finish: { outcome: early, when: form.ref == 'y' }"),
        &[&format!("4.1 fault UNKNOWN_FIELD: `when` {gone}")],
    );
    check(
        &actions("              - set-field: { field: amount, to: 'form.ref == \"\" ? 1 : 2' }"),
        &[&format!("4.1 fault UNKNOWN_FIELD: `to` {gone}")],
    );
}

#[test]
fn validation_errors_have_their_position_in_the_file() {
    let file = r#"format: 1
workflow: w
title: T
calendar: ofice
fields: { amount: { type: number } }
on_new_call:
  - alert:
      text: "Pay {{ fields.amuont }}"
      team: caer
      when: fields.amount == "5"
  - button: Look
    when: amount > 5
    then:
      - alert: { text: a, team: care }
      - button: Pay
        id: pay
      - timer: { after: 2h, calendar: nowhere }
        then: [ link: paid ]
  - timer: { from: fields.amount }
    then:
      - link: { to: aprove, max: 2, else: pay }
      - alert: { text: never, team: care }
"#;
    let (definition, places) = read_placed(file, |_| None).expect("each part has a valid form");
    let is_team = |team: &str| TEAMS.contains(&team);
    let mut faults = validate(
        &definition,
        Declared::new(&is_team, &|name| name == "office"),
    );
    places.put(&mut faults);
    let found: Vec<String> = faults
        .iter()
        .map(|fault| {
            format!(
                "{}:{} {} {}",
                fault.line,
                fault.column,
                fault.code.name(),
                fault.field
            )
        })
        .collect();
    let expected = [
        "4:11 UNKNOWN_CALENDAR calendar",
        "8:21 UNKNOWN_FIELD text",
        "9:13 UNKNOWN_TEAM team",
        "10:13 BAD_EXPRESSION when",
        "12:11 BAD_EXPRESSION when",
        "15:9 UNLINKED_END ",
        "17:39 UNKNOWN_CALENDAR calendar",
        "18:23 UNKNOWN_EVENT to",
        "19:20 BAD_VALUE from",
        "21:21 UNKNOWN_EVENT to",
        "22:9 ACTION_AFTER_END ",
    ];
    assert_eq!(found, expected);
}
