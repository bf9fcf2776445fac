//! Fields that are marked as sensitive, of a workflow and of a form.

use aftercall_definition::value::Value;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{Command, SetWorkflow};

use crate::incomplete::play_incomplete;
use crate::scenario::{Played, publish, push, setting};

const PROTECTED: &str = "
format: 1
workflow: protected
title: Protected
fields:
  account: { type: text, required: true, sensitive: true }
on_new_call:
  - alert: { text: Pay, team: care }
  - button: Paid
    form: { code: { type: text, sensitive: true } }
    then: [ finish: paid ]
";

/// Sets a sensitive field, and pushes a button whose form has one.
pub(crate) fn play_sensitive() -> Played {
    let mut played = play_incomplete();
    publish(&mut played, PROTECTED, "protected");
    let setting = SetWorkflow {
        workflow: "protected".into(),
        fields: vec![("account".into(), Value::Text("DE02 1203".into()))],
        ..setting("protected", false)
    };
    let id = played.ask(ActorKind::ScriptEngine, Command::from(setting));
    let root = played.world.root();
    let definition = root.definition_of(root.instance(id).unwrap()).unwrap();
    assert!(definition.fields[0].sensitive);
    assert!(definition.form_fields().all(|field| field.sensitive));
    played.ask(ActorKind::Person, push(id, "paid", 1, &[]));
    played
}
