//! Tests what may happen between a push and its undo: automatic changes are allowed, work of people
//! is not. Also tests when a script may withdraw.

use std::sync::Arc;

use aftercall_engine::actor::ActorKind;
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{
    AcknowledgeAlert, AddNote, CallChanges, ChaseInstance, ClaimInstance, Command, EndCall,
    HandOver, MoveInstance, PauseInstance, ReleaseClaim, SeenAlert, SnoozeAlert, SnoozeUntil,
    TakeOver, UndoPush, UpdateCall,
};
use aftercall_engine::entry::{ChangeKind, Entry};
use aftercall_engine::instance::{Instance, InstanceId, Status};
use aftercall_engine::recipient::Recipient;
use aftercall_engine::work::{can_undo_over, is_work};

use crate::desk::{Desk, MINUTE};

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Ring, team: care, due: 8m, escalate: [ { at: due, priority: urgent } ] }
  - button: Again
    then:
      - alert: { text: Ring again, team: care, due: 2m, escalate: [ { at: due, team: leads } ] }
      - button: Done
        then: [ finish: done ]
      - timer: 20m
        id: late
        then: [ link: new-call ]
";

/// The changes of the instance since the push, newest first, as a service reads them from the
/// history.
struct Since(Vec<Arc<Entry>>);

impl Since {
    fn can_undo(&self, id: InstanceId) -> bool {
        let changes = self
            .0
            .iter()
            .flat_map(|entry| entry.instances.iter().map(move |change| (entry, change)));
        changes
            .filter(|(_, change)| change.after.id() == id)
            .all(|(entry, change)| can_undo_over(entry, change, "Ann"))
    }
}

fn call() -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: "1".into(),
    }
}

fn claim(minutes: i64) -> impl Fn(InstanceId) -> Command {
    move |instance| {
        Command::from(ClaimInstance {
            instance,
            lease_millis: minutes * MINUTE,
        })
    }
}

/// An instance after a push by Ann, who has claimed it for a minute. Also returns it as it was
/// before the push.
fn pushed() -> (Desk, InstanceId, Arc<Instance>) {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.ask("Ann", claim(1)(id)).unwrap();
    let before = Arc::new(desk.instance(id).clone());
    desk.push("Ann", id, "again").unwrap();
    (desk, id, before)
}

fn undo(
    desk: &mut Desk,
    id: InstanceId,
    before: &Arc<Instance>,
    pushed_at: aftercall_definition::time::Time,
) {
    let undo = UndoPush {
        instance: id,
        sequence: desk.instance(id).sequence,
        pushed_by: "Ann".into(),
        pushed_by_subject: None,
        pushed_at,
        before: before.clone(),
        within_millis: 30 * MINUTE,
        as_supervisor: false,
        reason: "".into(),
    };
    desk.ask("Ann", Command::from(undo)).unwrap();
}

#[test]
fn automatic_changes_do_not_prevent_an_undo() {
    let changes = CallChanges {
        agent: Some("Kim".into()),
        ..CallChanges::default()
    };
    let touches = [
        Command::from(UpdateCall {
            call: call(),
            changes,
            expected: None,
        }),
        Command::from(EndCall { call: call() }),
    ];
    // In these minutes nothing happens, Ann's claim ends, the new alert escalates, or both happen
    // and the call changes too.
    for (minutes, touched, expected) in [
        (0, false, vec![]),
        (1, false, vec![ChangeKind::ClaimLapsed]),
        (
            3,
            false,
            vec![ChangeKind::ClaimLapsed, ChangeKind::Escalated],
        ),
        (
            9,
            true,
            vec![ChangeKind::ClaimLapsed, ChangeKind::Escalated],
        ),
    ] {
        let (mut desk, id, before) = pushed();
        let pushed_at = desk.now;
        let mut since = Since(desk.pass_entries(minutes * MINUTE));
        let kinds: Vec<ChangeKind> = since.0.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, expected);
        for touch in touches.iter().filter(|_| touched) {
            since.0.push(Arc::new(
                desk.entry("script", touch.clone()).unwrap().0.unwrap(),
            ));
        }
        assert!(since.can_undo(id), "after {minutes} minutes");
        undo(&mut desk, id, &before, pushed_at);
        let back = desk.instance(id);
        let claim = before.claim.clone().filter(|claim| claim.until > desk.now);
        assert_eq!(
            (back.stage, back.status, &back.claim),
            (1, Status::Active, &claim)
        );
        assert_eq!(
            (&back.alerts, &back.timers, back.deadline),
            (&before.alerts, &before.timers, before.deadline)
        );
        assert_eq!(
            desk.world.root().call_of(back).unwrap().ended_at.is_some(),
            touched,
            "the call keeps its changes"
        );
        // Timers that became due meanwhile fire now: the escalation of the restored alert.
        let fired = desk.pass(0);
        assert_eq!(fired.contains(&ChangeKind::Escalated), minutes >= 8);
    }
}

fn pause(instance: InstanceId) -> Command {
    Command::from(PauseInstance {
        instance,
        until: None,
        reason: "ill".into(),
        expected: None,
    })
}

/// A person, and the command for an instance.
type Work = (&'static str, Box<dyn Fn(InstanceId) -> Command>);

/// Work of people after which an undo is refused.
fn work() -> Vec<Work> {
    let seen = SeenAlert {
        stage: 2,
        visit: 1,
        action: 0,
        urgency_count: 0,
        team: None,
    };
    let snooze = move |instance| {
        let (until, outcome, note) = (SnoozeUntil::For(MINUTE), "no-answer".into(), "".into());
        Command::from(SnoozeAlert {
            instance,
            alert: seen,
            until,
            outcome,
            note,
        })
    };
    vec![
        (
            "Ann",
            Box::new(|instance| {
                Command::from(AddNote {
                    instance,
                    text: "saw it".into(),
                })
            }),
        ),
        (
            "Ann",
            Box::new(move |instance| {
                Command::from(AcknowledgeAlert {
                    instance,
                    alert: seen,
                })
            }),
        ),
        ("Ann", Box::new(claim(15))),
        (
            "Ann",
            Box::new(|instance| Command::from(ReleaseClaim { instance })),
        ),
        (
            "Ben",
            Box::new(|instance| {
                Command::from(TakeOver {
                    instance,
                    lease_millis: MINUTE,
                    reason: "ill".into(),
                })
            }),
        ),
        (
            "Ann",
            Box::new(|instance| {
                let to = Recipient::Person {
                    name: "Ben".into(),
                    lease_millis: MINUTE,
                };
                Command::from(HandOver {
                    instance,
                    to,
                    reason: "".into(),
                })
            }),
        ),
        ("Ann", Box::new(snooze)),
        ("Ann", Box::new(pause)),
        ("ops", Box::new(pause)),
        (
            "ops",
            Box::new(|instance| {
                Command::from(MoveInstance {
                    instance,
                    stage: 1,
                    reason: "no".into(),
                    expected: None,
                })
            }),
        ),
    ]
}

#[test]
fn work_after_a_push_refuses_undo_and_withdrawal() {
    for (who, command) in work() {
        let (mut desk, id, _) = pushed();
        let entry = desk.entry(who, command(id)).unwrap().0.unwrap();
        assert!(is_work(&entry, &entry.instances[0]), "{:?}", entry.kind);
        assert!(!Since(vec![Arc::new(entry)]).can_undo(id));
    }
    // A chase is not work, so a script may still withdraw. But it is not automatic either, so the
    // push cannot be undone.
    let (mut desk, id, _) = pushed();
    let entry = desk
        .entry(
            "script",
            Command::from(ChaseInstance {
                instance: id,
                note: "where is it?".into(),
            }),
        )
        .unwrap()
        .0
        .unwrap();
    assert_eq!(entry.actor.kind, ActorKind::ScriptEngine);
    assert!(!is_work(&entry, &entry.instances[0]));
    assert!(!Since(vec![Arc::new(entry)]).can_undo(id));
}
