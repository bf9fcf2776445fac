//! Tests the texts of open alerts. An entry that changes a value also changes the texts that show
//! it.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::Entry;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    AcknowledgeAlert, CallChanges, Command, EndCall, IfRunning, PushButton, SeenAlert, SetWorkflow,
    UpdateCall,
};
use aftercall_engine::entry::After;
use aftercall_engine::instance::{Instance, InstanceId};

use crate::desk::Desk;

const WORKFLOW: &str = r#"
format: 1
workflow: repair
title: Repair
fields:
  amount: { type: number }
on_new_call:
  - alert: { text: "Refund {{ fields.amount }} for {{ call.caller.name | default('somebody') }}", team: care }
  - alert: { text: "Look at it", team: leads }
  - button: Approve
    form: { reference: { type: text } }
    then:
      - alert: { text: "Pay {{ fields.amount }}, {{ form.reference }}, {{ call.caller.name }}, ended {{ call.ended }}", team: billing }
      - set-field: { field: amount, to: fields.amount + 1 }
      - button: Paid
        then: [ finish: paid ]
"#;

fn key() -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: "1".into(),
    }
}

fn named(name: &str) -> CallChanges {
    let caller = Caller {
        name: name.into(),
        ..Caller::default()
    };
    CallChanges {
        chargeable: Some(true),
        caller: Some(caller),
        ..CallChanges::default()
    }
}

/// Sets the workflow, also if it already runs.
fn set(desk: &mut Desk, name: &str, amount: f64) -> Option<Entry> {
    let set = SetWorkflow {
        call: key(),
        changes: named(name),
        workflow: "repair".into(),
        version: None,
        fields: vec![("amount".into(), Value::Number(amount))],
        release: None,
        release_within_millis: None,
        if_running: IfRunning::ReturnIt,
    };
    desk.entry("script", Command::from(set)).unwrap().0
}

fn update(desk: &mut Desk, name: &str) -> Entry {
    desk.entry(
        "script",
        Command::from(UpdateCall {
            call: key(),
            changes: named(name),
            expected: None,
        }),
    )
    .unwrap()
    .0
    .unwrap()
}

fn only(desk: &Desk) -> &Instance {
    desk.world.root().instance_at(0).unwrap()
}

fn text(desk: &Desk) -> &str {
    &only(desk).alerts[0].text
}

fn approve(desk: &mut Desk, reference: &str) {
    let form = vec![("reference".into(), Value::Text(reference.into()))];
    let id: InstanceId = only(desk).id;
    let push = PushButton {
        instance: id,
        button: "approve".into(),
        stage: None,
        visit: 1,
        note: "".into(),
        form,
    };
    desk.ask("Ann", Command::from(push)).unwrap();
}

#[test]
fn a_call_update_rewrites_alert_texts_in_one_entry() {
    let mut desk = Desk::new(WORKFLOW);
    set(&mut desk, "", 72.5);
    assert_eq!(text(&desk), "Refund 72.5 for somebody");
    let entry = set(&mut desk, "Ada", 27.5).unwrap();
    assert_eq!(text(&desk), "Refund 27.5 for Ada");
    assert_eq!(entry.instances.len(), 1);
    assert_eq!(
        *entry.instances[0].rewritten,
        [0],
        "the history names only the changed alert"
    );
    let entry = update(&mut desk, "Ada Lovelace");
    assert_eq!(text(&desk), "Refund 27.5 for Ada Lovelace");
    assert_eq!(*entry.instances[0].rewritten, [0]);
    // A property that no text shows rewrites no text.
    let changes = CallChanges {
        details: vec![("shelf".into(), "B".into())],
        ..CallChanges::default()
    };
    let updated = desk
        .entry(
            "script",
            Command::from(UpdateCall {
                call: key(),
                changes,
                expected: None,
            }),
        )
        .unwrap()
        .0
        .unwrap();
    assert!(updated.instances[0].rewritten.is_empty());
}

#[test]
fn an_alert_with_a_changed_text_becomes_unseen() {
    let mut desk = Desk::new(WORKFLOW);
    set(&mut desk, "Ada", 72.5);
    let id = only(&desk).id;
    for action in [0, 1] {
        let alert = SeenAlert {
            stage: 1,
            visit: 1,
            action,
            urgency_count: 0,
            team: None,
        };
        desk.ask(
            "Ann",
            Command::from(AcknowledgeAlert {
                instance: id,
                alert,
            }),
        )
        .unwrap();
    }
    set(&mut desk, "Ada", 27.5);
    let seen: Vec<bool> = desk
        .instance(id)
        .alerts
        .iter()
        .map(|alert| alert.seen.is_some())
        .collect();
    assert_eq!(seen, [false, true]);
}

#[test]
fn an_alert_text_shows_field_and_form_values() {
    let mut desk = Desk::new(WORKFLOW);
    set(&mut desk, "Ada", 1.0);
    approve(&mut desk, "R-7");
    assert_eq!(
        text(&desk),
        "Pay 2, R-7, Ada, ended no",
        "the field is set after the alert"
    );
    update(&mut desk, "Bea");
    assert_eq!(text(&desk), "Pay 2, R-7, Bea, ended no");
    desk.ask("script", Command::from(EndCall { call: key() }))
        .unwrap();
    assert_eq!(text(&desk), "Pay 2, R-7, Bea, ended yes");
    set(&mut desk, "Bea", 5.0);
    assert_eq!(text(&desk), "Pay 5, R-7, Bea, ended yes");
}

#[test]
fn form_values_in_texts_survive_an_upgrade() {
    let mut desk = Desk::new(WORKFLOW);
    set(&mut desk, "Ada", 1.0);
    approve(&mut desk, "R-7");
    // The state that earlier servers left, which did not keep forms.
    let mut entry = update(&mut desk, "Ada Lovelace");
    entry.sequence += 1;
    let old = only(&desk);
    let after = Instance {
        filling: None,
        revision: old.revision + 1,
        sequence: entry.sequence,
        whole_at: entry.sequence,
        ..old.clone()
    };
    entry.instances[0].after = After::Whole(Arc::new(after));
    desk.world.apply(&entry).unwrap();
    update(&mut desk, "Bea");
    assert_eq!(
        text(&desk),
        "Pay 2, R-7, Ada Lovelace, ended no",
        "the text does not change, so it keeps the reference"
    );
    assert_eq!(desk.world.timers().due(Time::NEVER).count(), 0);
}
