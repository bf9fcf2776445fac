//! Tests migration: what continues, what begins, and what is refused.

mod seen;

use aftercall_authoring::file;
use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;
use aftercall_engine::Rejection;
use aftercall_engine::command::{
    Command, ImportWorkflow, MigrateInstance, PauseInstance, PublishWorkflow, ResumeInstance,
};
use aftercall_engine::entry::{Answer, ChangeKind};
use aftercall_engine::instance::{InstanceId, Status};

use crate::desk::{Desk, MINUTE};

const HOUR: i64 = 60 * MINUTE;

const OLD: &str = r#"
format: 1
workflow: repair
title: Repair
deadline: 2d
fields: { size: { type: text, default: small }, gone: { type: text } }
on_new_call:
  - alert: { text: "Old {{ fields.size }}", team: care, due: 4h, escalate: [ { at: 50%, priority: raise } ] }
  - alert: { text: Leads, team: leads }
  - timer: 6h
    id: late
    then: [ finish: late ]
  - timer: 8h
    id: later
    then: [ finish: later ]
  - button: Go
    then:
      - alert: { text: Continue, team: billing }
      - button: Back
        then: [ link: { to: new-call, max: 2, else: late } ]
"#;

/// The first stage has other actions, and the second stage is gone.
const NEW: &str = r#"
format: 1
workflow: repair
title: Repair
deadline: 9d
fields: { size: { type: text, default: large }, colour: { type: text, default: red } }
on_new_call:
  - alert: { text: "New {{ fields.size }} {{ fields.colour }}", team: billing, priority: high, due: 1h, escalate: [ { at: due, priority: raise } ] }
  - button: Other
    stage: 9
    then: [ finish: other ]
  - timer: 1h
    id: soon
    stage: 10
    then: [ finish: soon ]
  - timer: { after: 1h, wait-for-claim: true }
    id: late
    stage: 2
    then: [ finish: late ]
"#;

fn desk() -> (Desk, InstanceId) {
    let mut desk = Desk::new(OLD);
    let id = desk.set("1", true);
    publish(&mut desk, NEW);
    (desk, id)
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

fn migrate(
    desk: &mut Desk,
    id: InstanceId,
    version: u32,
    stages: &[(u32, u32)],
) -> Result<Answer, Rejection> {
    let asked = MigrateInstance {
        instance: id,
        version,
        stages: stages.to_vec(),
        reason: "the new form".into(),
        expected: None,
    };
    desk.ask("ops", Command::from(asked))
}

fn pause(desk: &mut Desk, instance: InstanceId) {
    desk.ask(
        "ops",
        Command::from(PauseInstance {
            instance,
            until: None,
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

#[test]
fn a_migration_keeps_clocks_and_begins_new_actions() {
    let (mut desk, id) = desk();
    let began = desk.now;
    desk.pass(HOUR);
    desk.claim("Ann", id).unwrap();
    migrate(&mut desk, id, 2, &[]).unwrap();
    let now = desk.instance(id);
    assert_eq!(
        (now.version, now.stage, now.visit(), now.status),
        (2, 1, 2, Status::Active),
        "clicks on the stage before are refused"
    );
    assert_eq!(desk.holder(id), "Ann", "the claim is kept");
    let alert = &now.alerts[0];
    assert_eq!(now.alerts.len(), 1, "the second alert is gone");
    assert_eq!(
        (&*alert.text, alert.priority),
        ("New small red", Priority::High)
    );
    assert_eq!(
        alert.due,
        Some(Time(began.0 + 4 * HOUR)),
        "the due time is kept"
    );
    assert_eq!(
        alert.escalates_at,
        Some(Time(began.0 + 4 * HOUR)),
        "the new escalation step is at the due time"
    );
    assert_eq!(
        now.deadline,
        Some(Time(began.0 + 48 * HOUR)),
        "the deadline is kept"
    );
    let timers: Vec<(u16, i64, bool)> = now
        .timers
        .iter()
        .map(|timer| {
            (
                timer.action,
                (timer.due.0 - began.0) / HOUR,
                timer.waits_for_claim,
            )
        })
        .collect();
    assert_eq!(
        timers,
        [(2, 2, false), (3, 6, true)],
        "a new timer begins now, the old one continues, another is gone"
    );
    desk.push("Ann", id, "other").unwrap();
    assert_eq!(&*desk.instance(id).ending, "other");
}

#[test]
fn a_stage_that_is_gone_needs_a_replacement() {
    let (mut desk, id) = desk();
    desk.push("Ann", id, "go").unwrap();
    assert!(matches!(
        migrate(&mut desk, id, 2, &[]),
        Err(Rejection::StageGone(_))
    ));
    let going = desk.instance(id).stage;
    assert!(matches!(
        migrate(&mut desk, id, 2, &[(going, 77)]),
        Err(Rejection::NoSuchStage { stage: 77, .. })
    ));
    assert!(matches!(
        migrate(&mut desk, id, 3, &[(going, 1)]),
        Err(Rejection::NoSuchVersion(_, 3))
    ));
    assert_eq!(
        desk.instance(id).version,
        1,
        "a refused migration changes nothing"
    );
    let moved = migrate(&mut desk, id, 2, &[(99, 9), (going, 1)]).unwrap();
    assert_eq!(
        moved,
        Answer::Moved {
            instance: id,
            entered: vec![1]
        }
    );
    assert_eq!(
        (
            desk.instance(id).version,
            desk.instance(id).stage,
            desk.instance(id).visit()
        ),
        (2, 1, 2),
        "the instance enters it"
    );
    migrate(&mut desk, id, 2, &[]).unwrap();
    assert_eq!(
        desk.instance(id).revision,
        3,
        "a migration to the present version changes nothing"
    );
    desk.push("Ann", id, "other").unwrap();
    assert!(
        matches!(
            migrate(&mut desk, id, 1, &[]),
            Err(Rejection::IllegalMove { .. })
        ),
        "it has ended"
    );
}

#[test]
fn missing_required_values_are_named() {
    let (mut desk, id) = desk();
    publish(
        &mut desk,
        &NEW.replace("default: red", "required: true")
            .replace("default: large", "values: [large]"),
    );
    let Err(Rejection::Invalid(faults)) = migrate(&mut desk, id, 3, &[]) else {
        panic!("it is refused")
    };
    let named: Vec<String> = faults
        .iter()
        .map(|fault| format!("{} {}", fault.field, fault.message))
        .collect();
    assert_eq!(
        named,
        [
            "fields.size must be one of large",
            "fields.colour must have a value in the new version: text"
        ]
    );
}

#[test]
fn a_paused_instance_stays_paused_and_link_counts_continue() {
    let mut desk = Desk::new(OLD);
    let id = desk.set("1", true);
    for _ in 0..2 {
        desk.push("Ann", id, "go").unwrap();
        desk.push("Ann", id, "back").unwrap();
    }
    publish(
        &mut desk,
        &OLD.replace("title: Repair", "title: Repairs").replace(
            "[ link: {",
            "[ set-field: { field: size, to: \"'x'\" }, link: {",
        ),
    );
    let pause = Command::from(PauseInstance {
        instance: id,
        until: None,
        reason: "parts".into(),
        expected: None,
    });
    desk.ask("ops", pause).unwrap();
    let (timers, deadline) = (desk.instance(id).timers.clone(), desk.instance(id).deadline);
    migrate(&mut desk, id, 2, &[]).unwrap();
    assert_eq!(
        (
            desk.instance(id).status,
            &desk.instance(id).timers,
            desk.instance(id).deadline
        ),
        (Status::Paused, &timers, deadline)
    );
    desk.ask(
        "ops",
        Command::from(ResumeInstance {
            instance: id,
            note: "".into(),
            expected: None,
        }),
    )
    .unwrap();
    desk.push("Ann", id, "go").unwrap();
    desk.push("Ann", id, "back").unwrap();
    assert_eq!(
        &*desk.instance(id).ending,
        "late",
        "the third time, the link leads to another stage"
    );
}

#[test]
fn a_migration_back_keeps_the_oldest_clock() {
    let (mut desk, id) = desk();
    migrate(&mut desk, id, 2, &[]).unwrap();
    migrate(&mut desk, id, 1, &[]).unwrap();
    let now = desk.instance(id);
    assert_eq!((now.version, now.alerts.len(), now.timers.len()), (1, 2, 2));
    let history: Vec<ChangeKind> = desk.pass(6 * HOUR);
    assert_eq!(history.last(), Some(&ChangeKind::TimerElapsed));
    assert_eq!(&*desk.instance(id).ending, "late");
}

#[test]
fn migrating_during_a_pause_keeps_new_timers_stopped() {
    let (mut desk, id) = desk();
    desk.pass(HOUR);
    pause(&mut desk, id);
    desk.pass(6 * HOUR);
    let began = desk.now.0 - 7 * HOUR;
    migrate(&mut desk, id, 2, &[]).unwrap();
    let now = desk.instance(id);
    assert_eq!(
        (now.status, now.alerts[0].escalated),
        (Status::Paused, 0),
        "no escalation step has run"
    );
    resume(&mut desk, id);
    let now = desk.instance(id);
    assert_eq!(now.alerts[0].due, Some(Time(began + 10 * HOUR)));
    let timers: Vec<i64> = now
        .timers
        .iter()
        .map(|timer| (timer.due.0 - desk.now.0) / HOUR)
        .collect();
    assert_eq!(timers, [1, 5], "a new timer has all of its time");
}

#[test]
fn a_pause_continues_in_a_replacement_stage() {
    let (mut desk, id) = desk();
    desk.push("Ann", id, "go").unwrap();
    pause(&mut desk, id);
    desk.pass(HOUR);
    let going = desk.instance(id).stage;
    migrate(&mut desk, id, 2, &[(going, 1)]).unwrap();
    assert_eq!(
        (desk.instance(id).stage, desk.instance(id).status),
        (1, Status::Paused)
    );
    resume(&mut desk, id);
    assert_eq!(
        desk.instance(id).timers[0].due,
        Time(desk.now.0 + HOUR),
        "the new stage has all of its time"
    );
}

#[test]
fn a_migration_that_would_get_stuck_is_rejected() {
    let (mut desk, id) = desk();
    publish(
        &mut desk,
        "format: 1\nworkflow: repair\ntitle: R\non_new_call: [ finish: at-once ]\n",
    );
    assert!(matches!(
        migrate(&mut desk, id, 3, &[]),
        Err(Rejection::WouldBeStuck(_))
    ));
    assert_eq!(
        desk.instance(id).version,
        1,
        "a refused migration changes nothing"
    );
    let moved = migrate(&mut desk, id, 2, &[(1, 9)]).unwrap();
    assert_eq!(
        moved,
        Answer::Moved {
            instance: id,
            entered: vec![9]
        },
        "the request names the stage"
    );
}

#[test]
fn an_alert_keeps_its_clock_after_new_actions() {
    let file = |alerts: &str| {
        format!(
            "format: 1\nworkflow: repair\ntitle: Repair\non_new_call:\n{alerts}  - button: Go\n    then: [ finish: gone ]\n"
        )
    };
    let first = "  - alert: { text: First, team: care, due: 1h }\n";
    let mut desk = Desk::new(&file(&format!(
        "{first}  - alert: {{ text: Second, team: leads, due: 4h }}\n"
    )));
    let id = desk.set("1", true);
    let began = desk.instance(id).alerts[0].due.unwrap();
    desk.pass(HOUR / 2);
    publish(
        &mut desk,
        &file(&format!(
            "  - alert: {{ text: New, team: billing, due: 2h }}\n{first}"
        )),
    );
    migrate(&mut desk, id, 2, &[]).unwrap();
    let migrated = desk.instance(id);
    let dues: Vec<(&str, i64)> = migrated
        .alerts
        .iter()
        .map(|alert| (&*alert.text, (alert.due.unwrap().0 - began.0) / MINUTE))
        .collect();
    assert_eq!(
        dues,
        [("New", 90), ("First", 0)],
        "the new alert begins, and the old one continues"
    );
}
