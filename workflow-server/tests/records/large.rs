//! Entries that only note that the call of an instance changed. All instances together would be too
//! large.

use aftercall_definition::value::Value;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{
    CallChanges, Command, EndCall, ImportTeam, SetWorkflow, UpdateCall,
};

use crate::scenario::{Played, key, publish, setting};

/// One of the workflows that run at the same time on one call.
fn workflow(name: &str) -> String {
    format!(
        "
format: 1
workflow: {name}
title: Large
fields: {{ text: {{ type: text }} }}
on_new_call:
  - alert: {{ text: Ring, team: care }}
  - button: Done
    then: [ finish: done ]
"
    )
}

/// Sets two large follow-ups on a call, changes the call, and ends it.
pub(crate) fn play_large() -> Played {
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
    for (name, waits) in [("large", false), ("larger", true)] {
        publish(&mut played, &workflow(name), name);
        let set = SetWorkflow {
            workflow: name.into(),
            fields: vec![("text".into(), Value::Text("x".repeat(4_096).into()))],
            ..setting("1", waits)
        };
        played.ask(ActorKind::ScriptEngine, Command::from(set));
    }
    let changes = CallChanges {
        agent: Some("Dana".into()),
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
    let touched = played
        .entries
        .last()
        .unwrap()
        .instances
        .iter()
        .filter(|change| change.after.whole().is_none());
    assert_eq!(touched.count(), 2);
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(EndCall { call: key("1") }),
    );
    played
}
