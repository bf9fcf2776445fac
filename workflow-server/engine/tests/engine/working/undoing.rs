//! Tests the undo of a push.

use aftercall_engine::Rejection;
use aftercall_engine::command::{AddNote, Command, UndoPush};
use aftercall_engine::instance::Status;

use crate::desk::{Desk, MINUTE};
use crate::working::{HOUR, WORKFLOW};

#[test]
fn the_person_who_pushed_can_undo_the_newest_push() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.pass(HOUR);
    let before = desk.instance(id).clone();
    let undo = desk.push_to_undo("Ann", id, "again");
    assert!(matches!(
        desk.undo("Ben", undo.clone()),
        Err(Rejection::PushedByAnother { .. })
    ));
    desk.undo("Ann", undo).unwrap();
    let instance = desk.instance(id);
    assert_eq!(
        (
            instance.stage,
            instance.status,
            instance.visit(),
            instance.revision
        ),
        (1, Status::Active, 2, before.revision + 2)
    );
    assert_eq!(
        (&instance.alerts, &instance.timers, instance.deadline),
        (&before.alerts, &before.timers, before.deadline)
    );
    // A click from before the undo must not be accepted after it.
    let stale = aftercall_engine::command::PushButton {
        instance: id,
        button: "again".into(),
        stage: None,
        visit: 1,
        note: "".into(),
        form: Vec::new(),
    };
    assert!(matches!(
        desk.ask("Ben", Command::from(stale)),
        Err(Rejection::StaleVisit(_))
    ));

    let undo = desk.push_to_undo("Ann", id, "again");
    desk.ask(
        "Ben",
        Command::from(AddNote {
            instance: id,
            text: "saw it".into(),
        }),
    )
    .unwrap();
    assert!(matches!(
        desk.undo("Ann", undo),
        Err(Rejection::NotTheNewest(_))
    ));
}

#[test]
fn a_supervisor_can_undo_a_push_for_some_time() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.push("Ann", id, "again").unwrap();
    let undo = desk.push_to_undo("Ann", id, "done");
    assert_eq!(desk.instance(id).status, Status::Finished);
    let unsaid = UndoPush {
        as_supervisor: true,
        ..undo.clone()
    };
    assert!(
        matches!(desk.undo("Eve", unsaid), Err(Rejection::Invalid(_))),
        "a supervisor must give a reason"
    );
    desk.pass(5 * MINUTE);
    let by_supervisor = UndoPush {
        as_supervisor: true,
        reason: "wrong call".into(),
        ..undo.clone()
    };
    desk.undo("Eve", by_supervisor).unwrap();
    assert_eq!(
        (desk.instance(id).status, desk.instance(id).ended_at),
        (Status::Active, None)
    );

    let undo = desk.push_to_undo("Ann", id, "done");
    desk.pass(5 * MINUTE + 1);
    assert!(matches!(
        desk.undo("Ann", undo),
        Err(Rejection::UndoTooLate(_))
    ));
}

#[test]
fn a_push_cannot_be_undone_while_another_instance_runs() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.push("Ann", id, "again").unwrap();
    let undo = desk.push_to_undo("Ann", id, "done");
    let newer = desk.set("1", true);
    match desk.undo("Ann", undo) {
        Err(Rejection::AnotherRuns(running)) => assert_eq!(running.id, newer),
        other => panic!("{other:?}"),
    }
}
