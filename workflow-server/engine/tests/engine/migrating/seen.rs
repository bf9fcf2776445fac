//! Tests clicks on what people saw before a migration.

use aftercall_engine::Rejection;
use aftercall_engine::command::{Command, PushButton, SeenAlert, SnoozeAlert, SnoozeUntil};
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::Instance;

use crate::desk::Desk;
use crate::migrating::{HOUR, migrate, publish};

const CLICKS: &str = r#"
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Ring the caller, team: care }
  - button: Done
    then: [ finish: done ]
"#;

fn snooze(desk: &mut Desk, seen: &Instance) -> Result<Answer, Rejection> {
    let asked = SnoozeAlert {
        instance: seen.id,
        alert: SeenAlert {
            stage: seen.stage,
            visit: seen.visit(),
            action: seen.alerts[0].action,
            urgency_count: 0,
            team: None,
        },
        until: SnoozeUntil::For(HOUR),
        outcome: "".into(),
        note: "".into(),
    };
    desk.ask("Ann", Command::from(asked))
}

fn push(desk: &mut Desk, seen: &Instance) -> Result<Answer, Rejection> {
    let (instance, visit) = (seen.id, seen.visit());
    let push = PushButton {
        instance,
        button: "done".into(),
        stage: None,
        visit,
        note: "".into(),
        form: Vec::new(),
    };
    desk.ask("Ann", Command::from(push))
}

#[test]
fn an_old_click_with_another_meaning_is_refused() {
    let new = "  - alert: { text: Legal must look at this, team: leads, priority: urgent }\n  - alert: { text: Ring";
    let versions = [
        CLICKS.replace("  - alert: { text: Ring", new),
        CLICKS.replace(
            "button: Done",
            "button: Close and refund 500 EUR\n    id: done",
        ),
        CLICKS.replace("finish: done", "finish: refunded"),
    ];
    for version in versions {
        let mut desk = Desk::new(CLICKS);
        let id = desk.set("1", true);
        let seen = desk.instance(id).clone();
        publish(&mut desk, &version);
        migrate(&mut desk, id, 2, &[]).unwrap();
        assert!(
            matches!(snooze(&mut desk, &seen), Err(Rejection::AlertGone(_))),
            "{version}"
        );
        assert!(
            matches!(push(&mut desk, &seen), Err(Rejection::StaleVisit(_))),
            "{version}"
        );
        let seen = desk.instance(id).clone();
        snooze(&mut desk, &seen).unwrap();
        push(&mut desk, &seen).unwrap();
    }
}

#[test]
fn an_old_click_with_the_same_meaning_is_accepted() {
    let mut desk = Desk::new(CLICKS);
    let id = desk.set("1", true);
    let seen = desk.instance(id).clone();
    publish(
        &mut desk,
        &CLICKS.replace("title: Repair", "title: Repairs"),
    );
    migrate(&mut desk, id, 2, &[]).unwrap();
    assert_eq!(
        (desk.instance(id).version, desk.instance(id).visit()),
        (2, 1)
    );
    snooze(&mut desk, &seen).unwrap();
    push(&mut desk, &seen).unwrap();
}
