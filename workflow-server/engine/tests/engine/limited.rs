//! Tests that limits apply on every path that opens an instance: set, set again with replacement,
//! and the undo of an end.

use std::sync::Arc;

use aftercall_authoring::file;
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{
    CallChanges, Command, IfRunning, ImportWorkflow, PublishWorkflow, SetWorkflow, UndoPush,
};
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::InstanceId;
use aftercall_engine::limits;
use aftercall_engine::rejection::{Limit, Rejection};

use crate::desk::Desk;

fn workflow(name: &str) -> String {
    format!(
        "
format: 1
workflow: {name}
title: Repair
on_new_call:
  - alert: {{ text: Ring, team: care, due: 4h }}
  - button: Done
    then: [ finish: done ]
"
    )
}

fn set(call: &str, workflow: &str, if_running: IfRunning) -> Command {
    Command::from(SetWorkflow {
        call: CallKey {
            source: "scripts".into(),
            id: call.into(),
        },
        changes: CallChanges {
            chargeable: Some(true),
            ..CallChanges::default()
        },
        workflow: workflow.into(),
        version: None,
        fields: Vec::new(),
        release: None,
        release_within_millis: None,
        if_running,
    })
}

#[test]
fn repeated_replacing_stops_at_the_instance_limit() {
    let mut desk = Desk::new(&workflow("repair"));
    for _ in 0..limits::INSTANCES_PER_CALL_MAX {
        desk.ask("script", set("1", "repair", IfRunning::Replace))
            .unwrap();
    }
    let refused = desk.ask("script", set("1", "repair", IfRunning::Replace));
    assert!(
        matches!(
            refused,
            Err(Rejection::Limit {
                limit: Limit::InstancesPerCall,
                ..
            })
        ),
        "{refused:?}"
    );
    desk.ask("script", set("1", "repair", IfRunning::ReturnIt))
        .unwrap();
}

/// Fills a call with as many open instances as possible. Returns its first instance, which ended
/// before the last one was set, and the undo of that end.
fn full(desk: &mut Desk) -> (InstanceId, UndoPush) {
    let first = desk.set("1", true);
    let before = Arc::new(desk.instance(first).clone());
    desk.push("Ann", first, "done").unwrap();
    for number in 0..limits::OPEN_INSTANCES_PER_CALL_MAX {
        let name = format!("repair-{number}");
        let definition = Box::new(file::read(&workflow(&name), None).unwrap());
        desk.ask(
            "author",
            Command::from(ImportWorkflow {
                definition,
                expected: None,
            }),
        )
        .unwrap();
        desk.ask(
            "author",
            Command::from(PublishWorkflow {
                name: name.as_str().into(),
                expected: None,
                validated: None,
            }),
        )
        .unwrap();
        desk.ask("script", set("1", &name, IfRunning::Refuse))
            .unwrap();
    }
    let (sequence, pushed_at) = (desk.instance(first).sequence, desk.now);
    let undo = UndoPush {
        instance: first,
        sequence,
        pushed_by: "Ann".into(),
        pushed_by_subject: None,
        pushed_at,
        before,
        within_millis: 300_000,
        as_supervisor: false,
        reason: "".into(),
    };
    (first, undo)
}

#[test]
fn an_undo_counts_toward_the_open_instance_limit() {
    let mut desk = Desk::new(&workflow("repair"));
    let (_, undo) = full(&mut desk);
    let refused = desk.ask("Ann", Command::from(undo));
    assert!(
        matches!(
            refused,
            Err(Rejection::Limit {
                limit: Limit::OpenInstancesPerCall,
                ..
            })
        ),
        "{refused:?}"
    );
    let refused = desk.ask("script", set("1", "repair", IfRunning::Replace));
    assert!(
        matches!(
            refused,
            Err(Rejection::Limit {
                limit: Limit::OpenInstancesPerCall,
                ..
            })
        ),
        "nothing to replace"
    );
    let replaced = desk
        .ask("script", set("1", "repair-0", IfRunning::Replace))
        .unwrap();
    assert!(matches!(replaced, Answer::Set { started: true, .. }));
}
