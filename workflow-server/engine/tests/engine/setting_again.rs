//! Tests a workflow that is set again on its call: what is released, and what is promised.

use aftercall_definition::time::Time;
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{CallChanges, Command, IfRunning, Release, SetWorkflow};
use aftercall_engine::entry::{Answer, Warning};
use aftercall_engine::instance::Status;

use crate::desk::{Desk, MINUTE};

const HOUR: i64 = 60 * MINUTE;

const WORKFLOW: &str = r"
format: 1
workflow: repair
title: Repair
deadline: 2d
on_new_call:
  - alert: { text: Ring, team: care, due: 4h }
  - button: Done
    then: [ finish: done ]
";

/// Sets the workflow again. Returns the promised time, and whether it warns that it is overdue.
fn set_again(desk: &mut Desk, release: Option<Release>) -> (Option<Time>, bool) {
    let set = SetWorkflow {
        call: CallKey {
            source: "scripts".into(),
            id: "1".into(),
        },
        changes: CallChanges {
            chargeable: Some(true),
            ..CallChanges::default()
        },
        workflow: "repair".into(),
        version: None,
        fields: Vec::new(),
        release,
        release_within_millis: None,
        if_running: IfRunning::ReturnIt,
    };
    match desk.ask("script", Command::from(set)).unwrap() {
        Answer::Set {
            promise_by,
            warnings,
            ..
        } => (promise_by, warnings.contains(&Warning::Overdue)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_immediate_release_ends_the_wait_for_call_end() {
    let mut desk = Desk::new(WORKFLOW);
    set_again(&mut desk, Some(Release::CallEnded));
    let id = desk.world.root().instance_at(0).unwrap().id;
    for release in [None, Some(Release::CallEnded)] {
        set_again(&mut desk, release);
        assert_eq!(
            desk.instance(id).status,
            Status::WaitingForCallEnd,
            "{release:?}"
        );
    }
    set_again(&mut desk, Some(Release::Immediately));
    let instance = desk.instance(id);
    assert_eq!(
        (instance.status, instance.stage, instance.alerts.len()),
        (Status::Active, 1, 1)
    );
    let revision = instance.revision;
    set_again(&mut desk, Some(Release::Immediately));
    assert_eq!(
        desk.instance(id).revision,
        revision,
        "a released instance does not change"
    );
}

#[test]
fn a_past_time_is_not_promised() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let deadline = desk.instance(id).deadline;
    assert_eq!(set_again(&mut desk, None), (deadline, false));
    desk.pass(5 * HOUR);
    assert_eq!(
        set_again(&mut desk, None),
        (deadline, true),
        "its alert is overdue, its deadline is in the future"
    );
    desk.pass(48 * HOUR);
    assert_eq!(set_again(&mut desk, None), (None, true));
}
