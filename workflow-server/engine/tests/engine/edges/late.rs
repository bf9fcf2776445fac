//! Tests a server whose timers fire late. Clocks that a timer starts count from the due time of
//! that timer.

use aftercall_definition::time::Time;
use aftercall_engine::command::{Command, Elapse, ReleaseClaim};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::{Instance, InstanceId};
use proptest::prelude::*;
use proptest::sample::select;

use super::{HOUR, HOURS, MINUTE, ZONES, at, calendar, edge, import, shown, text};
use crate::desk::Desk;

const STAGES: &str = r#"
format: 1
workflow: repair
title: Repair
calendar: office
deadline: 3d
on_new_call:
  - alert: { text: Wait, team: care, due: 2h, escalate: [ { at: due, priority: raise } ] }
  - timer: { at: "09:00 next working day" }
    then:
      - alert:
          text: Do it
          team: care
          due: 8h
          escalate: [ { at: 50%, priority: raise }, { at: due, every: 1d, times: 2, team: leads }, { after: 1h, priority: urgent } ]
      - timer: { after: 1wd, at: "12:00" }
        then:
          - alert: { text: Late, team: leads, due: 1d, escalate: [ { at: 75%, priority: raise } ] }
          - timer: { after: 4h }
            then:
              - alert: { text: Later, team: leads, due: 2wd }
              - button: Done
                then: [ finish: done ]
"#;

/// All promised times of an instance.
fn promised(instance: &Instance) -> Vec<Option<Time>> {
    let alerts = instance
        .alerts
        .iter()
        .flat_map(|alert| [alert.due, alert.escalates_at]);
    alerts
        .chain(instance.timers.iter().map(|timer| Some(timer.due)))
        .chain([instance.deadline])
        .collect()
}

/// Fires the next timer, some milliseconds late.
fn wake(desk: &mut Desk, late: i64) -> bool {
    let Some(key) = desk.world.timers().earliest() else {
        return false;
    };
    desk.now = desk.now.max(Time(key.due.0 + late));
    desk.entry(
        "",
        Command::from(Elapse {
            due: key.due,
            slot: key.slot,
            wake: key.wake(),
        }),
    )
    .unwrap();
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_late_server_computes_the_same_due_times(
        (zone, hours) in (select(&ZONES[..]), select(&HOURS[..])),
        start in edge(),
        late in prop::collection::vec(select(vec![0_i64, 1, 14, 900, 30_000]), 16),
    ) {
        let calendar = calendar(zone, hours);
        let desk = || {
            let mut desk = Desk::with(STAGES, [import(&calendar)]);
            desk.now = at(&calendar, start);
            let id = desk.set("1", true);
            (desk, id)
        };
        let ((mut punctual, id), (mut tardy, _)) = (desk(), desk());
        for late in late {
            let is_on = wake(&mut punctual, 0);
            prop_assert_eq!(wake(&mut tardy, late), is_on);
            let [expected, found] = [&punctual, &tardy].map(|desk| desk.instance(id));
            prop_assert_eq!((found.stage, promised(found)), (expected.stage, promised(expected)), "{} ms late", late);
        }
    }
}

const WHOLE_DAY: &str = r#"
format: 1
workflow: repair
title: Repair
calendar: office
on_new_call:
  - timer: { at: "09:00 next working day" }
    then:
      - alert: { text: Do it today, team: care, due: 8h, escalate: [ { at: 25%, priority: raise }, { at: due, priority: urgent } ] }
      - timer: { after: 2h }
        then: [ finish: late ]
"#;

fn set_whole_day() -> (Desk, InstanceId, aftercall_definition::calendar::Calendar) {
    let calendar = calendar("Europe/London", HOURS[0]);
    let mut desk = Desk::with(WHOLE_DAY, [import(&calendar)]);
    desk.now = shown(&calendar, "2026-11-23T12:00");
    let id = desk.set("1", true);
    (desk, id, calendar)
}

#[test]
fn a_late_timer_does_not_move_due_times() {
    let (mut desk, id, calendar) = set_whole_day();
    assert!(wake(&mut desk, 14));
    let instance = desk.instance(id);
    let alert = &instance.alerts[0];
    assert_eq!(
        text(&calendar, instance.entered_at),
        "Tue 2026-11-24 09:00:00.014",
        "when it happened"
    );
    assert_eq!(
        text(&calendar, instance.counts_from(alert)),
        "Tue 2026-11-24 09:00:00"
    );
    assert_eq!(
        text(&calendar, alert.due.unwrap()),
        "Tue 2026-11-24 17:00:00"
    );
    assert_eq!(
        text(&calendar, alert.escalates_at.unwrap()),
        "Tue 2026-11-24 11:00:00"
    );
    assert_eq!(
        text(&calendar, instance.timers[0].due),
        "Tue 2026-11-24 11:00:00"
    );
}

#[test]
fn due_times_do_not_move_because_of_an_outage() {
    let (mut desk, id, calendar) = set_whole_day();
    // Down until Tuesday 10:30: the timer of the stage is not due yet.
    assert!(wake(&mut desk, 90 * MINUTE));
    assert_eq!(
        text(&calendar, desk.instance(id).timers[0].due),
        "Tue 2026-11-24 11:00:00"
    );
    // Down until Wednesday 10:00: overdue since Tuesday 17:00. Each escalation step runs once, and
    // people have two hours.
    let (mut desk, id, calendar) = set_whole_day();
    desk.now = shown(&calendar, "2026-11-25T10:00");
    let came = desk.pass(0);
    assert_eq!(
        came,
        [
            ChangeKind::TimerElapsed,
            ChangeKind::Escalated,
            ChangeKind::Escalated
        ]
    );
    let instance = desk.instance(id);
    assert_eq!(
        text(&calendar, instance.alerts[0].due.unwrap()),
        "Tue 2026-11-24 17:00:00"
    );
    assert_eq!(
        text(&calendar, instance.timers[0].due),
        "Wed 2026-11-25 12:00:00"
    );
}

#[test]
fn a_circle_of_timers_runs_once_after_an_outage() {
    let circle = "format: 1\nworkflow: repair\ntitle: Repair\non_new_call:\n  - timer: { after: 1m }\n    id: again\n    then: [ link: new-call ]\n";
    let mut desk = Desk::new(circle);
    let id = desk.set("1", true);
    let set = desk.now;
    assert_eq!(desk.pass(10 * HOUR).len(), 1);
    assert_eq!(desk.instance(id).timers[0].due, Time(desk.now.0 + MINUTE));
    assert!(wake(&mut desk, 14) && wake(&mut desk, 14));
    assert_eq!(
        desk.instance(id).timers[0].due,
        Time(set.0 + 10 * HOUR + 3 * MINUTE),
        "no drift"
    );
}

#[test]
fn a_timer_with_a_past_time_is_due_immediately() {
    let past = "format: 1\nworkflow: repair\ntitle: Repair\nfields:\n  ring_at: { type: time, default: 2016-12-24T09:00:00Z }\non_new_call:\n  - timer: { from: fields.ring_at }\n    then:\n      - alert: { text: Ring, team: care, due: 4h }\n      - button: Done\n        then: [ finish: done ]\n";
    let mut desk = Desk::new(past);
    let id = desk.set("1", true);
    let set = desk.now;
    assert_eq!(desk.pass(14), [ChangeKind::TimerElapsed]);
    assert_eq!(
        desk.instance(id).alerts[0].due,
        Some(Time(set.0 + 4 * HOUR))
    );
}

#[test]
fn a_waiting_timer_is_due_when_the_claim_ends() {
    let waits = "format: 1\nworkflow: repair\ntitle: Repair\non_new_call:\n  - alert: { text: Wait, team: care }\n  - button: Done\n    then: [ finish: done ]\n  - timer: { after: 5m, wait-for-claim: true }\n    then:\n      - alert: { text: Ring, team: care, due: 1h }\n      - button: Rang\n        then: [ finish: rang ]\n";
    let due = |release_after: Option<i64>, late: i64| {
        let mut desk = Desk::new(waits);
        let id = desk.set("1", true);
        let set = desk.now;
        desk.claim("Ann", id).unwrap();
        if let Some(after) = release_after {
            desk.now = Time(desk.now.0 + after);
            desk.ask("Ann", Command::from(ReleaseClaim { instance: id }))
                .unwrap();
        }
        wake(&mut desk, late);
        desk.instance(id).alerts[0].due.unwrap().0 - set.0
    };
    assert_eq!(due(Some(10 * MINUTE), 14), 10 * MINUTE + HOUR, "released");
    assert_eq!(
        due(Some(2 * MINUTE), 14),
        5 * MINUTE + HOUR,
        "released before it was due"
    );
    assert_eq!(due(None, 14), 15 * MINUTE + HOUR, "the lease is over");
}
