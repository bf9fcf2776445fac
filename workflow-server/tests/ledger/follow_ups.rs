//! A workflow with one button, and its follow-ups: set, finished and archived.

use aftercall_authoring::file;
use aftercall_engine::Root;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    CallChanges, Command, EndCall, IfRunning, ImportWorkflow, PublishWorkflow, PushButton,
    SetWorkflow,
};
use aftercall_engine::instance::InstanceId;
use workflow_server::ledger::Clock as _;

use crate::support::{ARCHIVE_AFTER, Bench, team};

fn quick(retention: &str) -> String {
    format!(
        "
format: 1
workflow: quick
title: Quick
{retention}
fields: {{ reason: {{ type: text }} }}
on_new_call:
  - alert: {{ text: 'Ring {{{{ call.caller.name }}}} about {{{{ fields.reason }}}}', team: billing }}
  - button: Done
    then: [ finish: done ]
"
    )
}

pub(crate) async fn publish(bench: &Bench, retention: &str) {
    let has_team = !bench.handle.root().teams.is_empty();
    for command in imports(retention).into_iter().skip(usize::from(has_team)) {
        bench.commit(command).await;
    }
}

/// The commands that declare the team and publish the workflow.
pub(crate) fn imports(retention: &str) -> [Command; 3] {
    let definition = Box::new(file::read(&quick(retention), None).unwrap());
    let import = Command::from(ImportWorkflow {
        definition,
        expected: None,
    });
    let publish = Command::from(PublishWorkflow {
        name: "quick".into(),
        expected: None,
        validated: None,
    });
    [team("billing"), import, publish]
}

pub(crate) fn call_key(call: &str) -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: call.into(),
    }
}

pub(crate) fn caller(reference: &str) -> Caller {
    Caller {
        name: "Ada Lovelace".into(),
        reference: reference.into(),
        ..Caller::default()
    }
}

pub(crate) fn setting(call: &str, reference: &str, reason: &str) -> Command {
    let caller = Some(caller(reference));
    Command::from(SetWorkflow {
        call: call_key(call),
        changes: CallChanges {
            chargeable: Some(true),
            caller,
            ..CallChanges::default()
        },
        workflow: "quick".into(),
        version: None,
        fields: vec![(
            "reason".into(),
            aftercall_definition::value::Value::Text(reason.into()),
        )],
        release: None,
        release_within_millis: None,
        if_running: IfRunning::ReturnIt,
    })
}

/// Sets the workflow on a call, and finishes it.
pub(crate) async fn finish(bench: &Bench, call: &str, reference: &str) -> InstanceId {
    bench.commit(setting(call, reference, "a reason")).await;
    finish_newest(bench, call).await
}

/// Finishes the newest follow-up of a call.
pub(crate) async fn finish_newest(bench: &Bench, call: &str) -> InstanceId {
    let root = bench.handle.root();
    let slot = *root
        .call(&call_key(call))
        .unwrap()
        .instances
        .last()
        .unwrap();
    let id = root.instance_at(slot).unwrap().id;
    let push = PushButton {
        instance: id,
        button: "done".into(),
        stage: None,
        visit: 1,
        note: "".into(),
        form: Vec::new(),
    };
    bench.commit(Command::from(push)).await;
    bench
        .commit(Command::from(EndCall {
            call: call_key(call),
        }))
        .await;
    id
}

/// Lets enough time pass for ended instances to leave memory, also a few. Waits until this many
/// have left.
pub(crate) async fn archived(bench: &Bench, instances: u64) {
    bench.clock.pass(ARCHIVE_AFTER * 30);
    until(bench, "the ended ones have left memory", |root| {
        root.archive.instances == instances && root.counters.ended() == 0
    })
    .await;
}

/// Waits until the durable World is as expected. The keeper needs no wake-up for this.
pub(crate) async fn until(bench: &Bench, what: &str, holds: impl Fn(&Root) -> bool) {
    bench.until(what, holds).await;
}

pub(crate) fn now(bench: &Bench) -> aftercall_definition::time::Time {
    bench.clock.wall()
}
