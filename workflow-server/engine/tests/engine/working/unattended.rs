//! Tests alerts that somebody has seen and nobody works on.

use aftercall_engine::command::{
    AcknowledgeAlert, Command, ImportWorkflow, MigrateInstance, PublishWorkflow, ReleaseClaim,
    SnoozeUntil,
};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::InstanceId;

use crate::desk::{Desk, MINUTE};
use crate::working::HOUR;

const WATCHED: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Ring, team: care, seen-for: 15m }
  - button: Rang
    then: [ finish: rang ]
";

impl Desk {
    fn see(&mut self, who: &str, id: InstanceId) {
        let command = AcknowledgeAlert {
            instance: id,
            alert: self.seen(id),
        };
        self.ask(who, Command::from(command)).unwrap();
    }

    /// Who has seen the first alert, and in how many minutes it is new again.
    fn sight(&self, id: InstanceId) -> Option<(&str, Option<i64>)> {
        let instance = self.instance(id);
        let alert = &instance.alerts[0];
        let again = instance.alerts_again_at(alert);
        let again = again.map(|at| (at.0 - self.now.0) / MINUTE);
        alert.seen.as_ref().map(|seen| (&*seen.by, again))
    }
}

#[test]
fn a_seen_alert_that_nobody_takes_is_new_again() {
    let mut desk = Desk::new(WATCHED);
    let id = desk.set("1", true);
    assert_eq!(desk.pass(HOUR), [], "nobody has seen it");
    for who in ["ann", "ben"] {
        desk.see(who, id);
        assert_eq!(desk.sight(id), Some((who, Some(15))));
        assert_eq!(desk.pass(15 * MINUTE - 1), []);
        assert_eq!(desk.pass(1), [ChangeKind::AlertedAgain]);
        assert_eq!(desk.sight(id), None);
        assert_eq!(desk.instance(id).visit(), 1);
        assert_eq!(desk.pass(HOUR), []);
    }
    desk.see("ann", id);
    desk.push("ann", id, "rang").unwrap();
    assert_eq!(desk.pass(HOUR), [], "the work is done");
}

#[test]
fn without_the_key_a_sight_counts_until_the_end() {
    let mut desk = Desk::new(&WATCHED.replace(", seen-for: 15m", ""));
    let id = desk.set("1", true);
    desk.see("ann", id);
    assert_eq!(desk.pass(100 * HOUR), []);
    assert_eq!(desk.sight(id), Some(("ann", None)));
}

#[test]
fn a_claim_delays_it_to_its_end() {
    let mut desk = Desk::new(WATCHED);
    let id = desk.set("1", true);
    desk.see("ann", id);
    assert_eq!(desk.pass(10 * MINUTE), []);
    desk.claim("ben", id).unwrap();
    assert_eq!(desk.sight(id), Some(("ann", Some(15))));
    assert_eq!(
        desk.pass(15 * MINUTE),
        [ChangeKind::AlertedAgain, ChangeKind::ClaimLapsed]
    );
    desk.see("ann", id);
    desk.claim("ben", id).unwrap();
    assert_eq!(desk.pass(5 * MINUTE), []);
    desk.ask("ben", Command::from(ReleaseClaim { instance: id }))
        .unwrap();
    assert_eq!(desk.sight(id), Some(("ann", Some(10))));
    assert_eq!(desk.pass(10 * MINUTE), [ChangeKind::AlertedAgain]);
}

#[test]
fn a_snooze_and_a_pause_stop_it() {
    let mut desk = Desk::new(WATCHED);
    let id = desk.set("1", true);
    desk.see("ann", id);
    desk.snooze("ann", id, SnoozeUntil::For(HOUR), "").unwrap();
    assert_eq!(desk.sight(id), Some(("ann", None)));
    assert_eq!(desk.pass(HOUR), [ChangeKind::AlertReturned]);
    assert_eq!(desk.sight(id), None);

    desk.see("ann", id);
    assert_eq!(desk.pass(10 * MINUTE), []);
    desk.pause(id, None).unwrap();
    assert_eq!(desk.pass(2 * HOUR), []);
    desk.resume(id).unwrap();
    assert_eq!(desk.sight(id), Some(("ann", Some(5))));
    desk.push("ann", id, "rang").unwrap();
    // Who looks at it during a pause has the whole time after the pause.
    let other = desk.set("2", true);
    desk.pause(other, None).unwrap();
    assert_eq!(desk.pass(HOUR), []);
    desk.see("ben", other);
    assert_eq!(desk.pass(HOUR), []);
    desk.resume(other).unwrap();
    assert_eq!(desk.sight(other), Some(("ben", Some(15))));
}

#[test]
fn another_time_of_a_new_version_begins_at_the_migration() {
    let mut desk = Desk::new(WATCHED);
    let id = desk.set("1", true);
    desk.see("ann", id);
    let migrate = |desk: &mut Desk, version: u32, file: &str| {
        let definition = Box::new(aftercall_authoring::file::read(file, None).unwrap());
        let import = ImportWorkflow {
            definition,
            expected: None,
        };
        let publish = PublishWorkflow {
            name: "repair".into(),
            expected: None,
            validated: None,
        };
        desk.ask("author", Command::from(import)).unwrap();
        desk.ask("author", Command::from(publish)).unwrap();
        let migrate = MigrateInstance {
            instance: id,
            version,
            stages: Vec::new(),
            reason: "newer".into(),
            expected: None,
        };
        desk.ask("ops", Command::from(migrate)).unwrap();
    };
    assert_eq!(desk.pass(10 * MINUTE), []);
    migrate(&mut desk, 2, &WATCHED.replace("Repair", "Repairs"));
    assert_eq!(desk.sight(id), Some(("ann", Some(5))), "the same time");
    migrate(&mut desk, 3, &WATCHED.replace("15m", "1h"));
    assert_eq!(desk.sight(id), Some(("ann", Some(60))));
    migrate(&mut desk, 4, &WATCHED.replace(", seen-for: 15m", ""));
    assert_eq!(desk.sight(id), Some(("ann", None)));
    migrate(&mut desk, 5, WATCHED);
    assert_eq!(desk.sight(id), Some(("ann", Some(15))));
}
