//! Alerts whose texts change with the data that they show: stored forms, rewritten texts, and texts
//! that a timer fills in.

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::call::Caller;
use aftercall_engine::command::{
    CallChanges, Command, ImportTeam, PushButton, SetWorkflow, UpdateCall,
};
use aftercall_engine::entry::After;

use crate::scenario::{Played, key, publish, setting};

const WORKFLOW: &str = "
format: 1
workflow: texts
title: Texts
fields: { text: { type: text }, amount: { type: number } }
on_new_call:
  - alert: { text: 'Pay {{ fields.amount }} to {{ call.caller.name }}', team: care }
  - button: Ask
    form: { reference: { type: text }, reason: { type: text } }
    then:
      - alert: { text: 'Ask for {{ form.reference }}', team: care }
      - button: Done
        then: [ finish: done ]
";

/// Sets one follow-up again with another amount. Pushes a button with a form on another one, whose
/// texts a timer then fills in.
pub(crate) fn play_texts() -> Played {
    let mut played = Played::new();
    played.ask(
        ActorKind::Author,
        Command::from(ImportTeam {
            name: "care".into(),
            title: "Care".into(),
            expected: None,
            claim_next_only: None,
        }),
    );
    publish(&mut played, WORKFLOW, "texts");
    for (call, amount, text) in [("1", 72.5, ""), ("1", 27.5, ""), ("2", 1.0, "x")] {
        let fields = vec![
            ("text".into(), Value::Text(text.repeat(4_096).into())),
            ("amount".into(), Value::Number(amount)),
        ];
        let set = SetWorkflow {
            workflow: "texts".into(),
            fields,
            ..setting(call, false)
        };
        played.ask(ActorKind::ScriptEngine, Command::from(set));
    }
    let caller = Caller {
        name: "Cleo".into(),
        ..Caller::default()
    };
    let changes = CallChanges {
        caller: Some(caller),
        ..CallChanges::default()
    };
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(UpdateCall {
            call: key("1"),
            changes,
            expected: None,
        }),
    );
    assert_eq!(*played.entries.last().unwrap().instances[0].rewritten, [0]);
    let large = played.world.root().instance_at(1).unwrap().id;
    let form = vec![
        ("reference".into(), Value::Text("R-7".into())),
        ("reason".into(), Value::Text("why".into())),
    ];
    let push = PushButton {
        instance: large,
        button: "ask".into(),
        stage: None,
        visit: 1,
        note: "".into(),
        form,
    };
    played.ask(ActorKind::Person, Command::from(push));
    let changes = CallChanges {
        details: vec![("shelf".into(), "B".into())],
        ..CallChanges::default()
    };
    let command = Command::from(UpdateCall {
        call: key("2"),
        changes,
        expected: None,
    });
    played.ask_and("Ann Árbol", (ActorKind::ScriptEngine, command), |entry| {
        // The server would do this only for a call with a mebibyte of texts.
        let After::Touched(touched) = &mut entry.instances[0].after else {
            panic!("it is large")
        };
        touched.refresh_at = Some(Time(entry.at.0));
    });
    let instance = played.world.root().instance(large).unwrap();
    assert_eq!(
        instance.form().map(<[_]>::len),
        Some(1),
        "only data that a text shows is stored"
    );
    assert!(instance.refresh_at().is_some());
    played
}
