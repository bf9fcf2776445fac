//! Tests that no instance stays in a stage that nothing can leave, after a migration or a pause.
//! Also tests that an instance is found if an earlier version of the server left it so.

use std::sync::Arc;

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::{
    AddNote, Command, ImportWorkflow, MigrateInstance, MoveInstance, PauseInstance,
    PublishWorkflow, ResumeInstance,
};
use aftercall_engine::entry::{After, Answer, ChangeKind};
use aftercall_engine::instance::{Instance, InstanceId, Pause, Status};
use aftercall_engine::query::{StuckReason, never, stuck};
use aftercall_engine::{Reach, Rejection, try_batch};

use crate::desk::{Desk, MINUTE};

const HOUR: i64 = 60 * MINUTE;

const OLD: &str = "
format: 1
workflow: repair
title: Repair
deadline: 10h
on_new_call:
  - alert: { text: Look, team: care }
  - button: Go
    then:
      - alert: { text: Repair it, team: care, due: 2h }
      - button: Done
        then: [ finish: done ]
  - button: Wait
    then:
      - alert: { text: Wait for parts, team: billing, due: 2h }
      - timer: 4h
        id: parts
        then: [ finish: parts ]
  - button: Nowhere
    then: []
allow_unlinked_ends: true
";

/// A version in which the stage of the button Go no longer waits.
fn no_longer_waits() -> String {
    let (before, after) = OLD.split_once("      - alert: { text: Repair it").unwrap();
    let (_, after) = after.split_once("  - button: Wait").unwrap();
    format!("{before}      - link: wait\n  - button: Wait{after}")
}

fn publish(desk: &mut Desk, text: &str) {
    let numbering = desk
        .world
        .root()
        .workflows
        .named("repair")
        .unwrap()
        .numbering
        .clone();
    let definition =
        Box::new(file::read(text, Some(&numbering)).unwrap_or_else(|faults| panic!("{faults:#?}")));
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
            name: "repair".into(),
            expected: None,
            validated: None,
        }),
    )
    .unwrap();
}

fn migrate(desk: &mut Desk, id: InstanceId) -> Result<Answer, Rejection> {
    let asked = MigrateInstance {
        instance: id,
        version: 2,
        stages: Vec::new(),
        reason: "the new form".into(),
        expected: None,
    };
    desk.ask("ops", Command::from(asked))
}

fn pause(desk: &mut Desk, instance: InstanceId, until: Option<i64>) {
    let until = until.map(|millis| Time(desk.now.0 + millis));
    desk.ask(
        "ops",
        Command::from(PauseInstance {
            instance,
            until,
            reason: "parts".into(),
            expected: None,
        }),
    )
    .unwrap();
}

fn resume(desk: &mut Desk, instance: InstanceId) {
    desk.ask(
        "ops",
        Command::from(ResumeInstance {
            instance,
            note: "".into(),
            expected: None,
        }),
    )
    .unwrap();
}

fn move_to(desk: &mut Desk, instance: InstanceId, event: &str) {
    let definition = desk
        .world
        .root()
        .definition_of(desk.instance(instance))
        .unwrap();
    let stage = definition.stage_of(event).unwrap().number;
    desk.ask(
        "ops",
        Command::from(MoveInstance {
            instance,
            stage,
            reason: "a mistake".into(),
            expected: None,
        }),
    )
    .unwrap();
}

fn in_stage(event: &str) -> (Desk, InstanceId) {
    let mut desk = Desk::new(OLD);
    let id = desk.set("1", true);
    desk.push("Ann", id, event).unwrap();
    (desk, id)
}

#[test]
fn a_migration_that_leaves_an_instance_stuck_is_rejected() {
    let (mut desk, id) = in_stage("go");
    publish(&mut desk, &no_longer_waits());
    assert!(matches!(
        migrate(&mut desk, id),
        Err(Rejection::WouldBeStuck(_))
    ));
    pause(&mut desk, id, Some(HOUR));
    assert!(
        matches!(migrate(&mut desk, id), Err(Rejection::WouldBeStuck(_))),
        "paused"
    );
    let batch = StartBatch {
        work: BatchWork::Migrate {
            version: 2,
            stages: Vec::new(),
        },
        items: BatchItems::named([id]),
        reason: "the new form".into(),
        per_second: 9,
    };
    let actor = Actor {
        kind: ActorKind::Operations,
        name: "ops".into(),
        subject: None,
    };
    let tried = try_batch(
        desk.world.root(),
        &batch,
        (&actor, false, desk.now),
        |_, tried| tried.map(|one| one.status),
        &never,
    );
    let tried = tried.unwrap();
    assert!(
        matches!(tried[..], [Err(Rejection::WouldBeStuck(_))]),
        "a batch also tries paused instances: {tried:?}"
    );
    desk.pass(HOUR);
    assert_eq!(
        (desk.instance(id).version, desk.instance(id).status),
        (1, Status::Active),
        "a refused migration changes nothing"
    );
    desk.push("Ann", id, "done").unwrap();
}

/// Moves an instance to a version in which its stage does not wait. Earlier servers did this; now
/// it is refused.
fn left_behind(desk: &mut Desk, id: InstanceId, status: Status) {
    let (entry, _) = desk
        .entry(
            "Ann",
            Command::from(AddNote {
                instance: id,
                text: "it hangs".into(),
            }),
        )
        .unwrap();
    let mut entry = entry.unwrap();
    entry.sequence += 1;
    let old = desk.instance(id);
    let pause = Pause {
        by: "ops".into(),
        since: desk.now,
        until: Some(Time(desk.now.0 + HOUR)),
        reason: "".into(),
    };
    let after = Instance {
        version: 2,
        status,
        alerts: Box::default(),
        revision: old.revision + 1,
        sequence: entry.sequence,
        whole_at: entry.sequence,
        pause: (status == Status::Paused).then(|| Box::new(pause)),
        ..old.clone()
    };
    entry.instances[0].after = After::Whole(Arc::new(after));
    desk.world.apply(&entry).unwrap();
}

#[test]
fn an_instance_waiting_for_nothing_is_reported_as_stuck() {
    for status in [Status::Active, Status::Paused] {
        let (mut desk, id) = in_stage("go");
        publish(&mut desk, &no_longer_waits());
        left_behind(&mut desk, id, status);
        let found = stuck(desk.world.root(), (&Reach::EVERYTHING, Time(0)), &never).unwrap();
        assert_eq!(
            (found.len(), found[0].reason),
            (1, StuckReason::Incomplete),
            "{status:?}"
        );
        if status == Status::Paused {
            assert_eq!(desk.pass(HOUR), [ChangeKind::Resumed]);
        } else {
            desk.ask(
                "Ann",
                Command::from(AddNote {
                    instance: id,
                    text: "why?".into(),
                }),
            )
            .unwrap();
        }
        assert_eq!(desk.instance(id).status, Status::Incomplete, "{status:?}");
        move_to(&mut desk, id, "wait");
        assert_eq!(desk.instance(id).status, Status::Active);
    }
}

#[test]
fn an_instance_waiting_for_a_timer_is_not_stuck() {
    let file = |first: &str| {
        format!(
            "format: 1\nworkflow: repair\ntitle: Repair\non_new_call:\n  - {first}\n    then: [ finish: done ]\n"
        )
    };
    for (first, expected) in [
        ("timer: 4h", None),
        ("button: Go", Some(StuckReason::Unclaimed)),
    ] {
        let mut desk = Desk::new(&file(first));
        desk.set("1", true);
        desk.pass(HOUR);
        let found = stuck(desk.world.root(), (&Reach::EVERYTHING, desk.now), &never).unwrap();
        assert_eq!(found.first().map(|one| one.reason), expected, "{first}");
    }
}

#[test]
fn an_instance_moved_during_a_pause_stays_paused() {
    let (mut desk, id) = in_stage("go");
    desk.pass(HOUR);
    pause(&mut desk, id, None);
    desk.pass(20 * HOUR);
    move_to(&mut desk, id, "wait");
    let moved = desk.instance(id);
    assert_eq!((moved.status, moved.entered_at), (Status::Paused, desk.now));
    assert!(
        !moved.is_overdue(desk.now),
        "its deadline has not passed, because its clocks are stopped"
    );
    desk.pass(5 * HOUR);
    resume(&mut desk, id);
    let resumed = desk.instance(id).clone();
    let from_now = |time: Option<Time>| (time.unwrap().0 - desk.now.0) / HOUR;
    assert_eq!(from_now(resumed.deadline), 9, "the pause has delayed it");
    assert_eq!(from_now(resumed.alerts[0].due), 2);
    assert_eq!(from_now(resumed.timers.first().map(|timer| timer.due)), 4);
}

#[test]
fn a_paused_instance_in_a_dead_end_becomes_incomplete() {
    let (mut desk, id) = in_stage("go");
    pause(&mut desk, id, Some(90 * HOUR));
    desk.pass(20 * HOUR);
    move_to(&mut desk, id, "nowhere");
    let moved = desk.instance(id);
    assert_eq!((moved.status, &moved.pause), (Status::Incomplete, &None));
    assert_eq!(moved.deadline, Some(Time(desk.now.0 + 10 * HOUR)));
}
