//! Tests pauses that begin and end at the edges of opening hours, inside and outside of them.

use aftercall_definition::calendar::Calendar;
use aftercall_definition::time::Time;
use aftercall_engine::command::{Command, Elapse, PauseInstance, ResumeInstance};
use aftercall_engine::instance::{Instance, InstanceId};
use proptest::prelude::*;
use proptest::sample::select;

use super::model::Model;
use super::{HOURS, MINUTE, ZONES, at, calendar, edge, import, later, later_edge, shown, text};
use crate::desk::Desk;

const PROMISES: &str = r#"
format: 1
workflow: repair
title: Repair
calendar: office
deadline: DUE
on_new_call:
  - alert: { text: Wait, team: care, due: DUE, escalate: [ { at: due, every: 1d, times: 2, priority: raise } ] }
  - timer: { after: DUE }
    then: [ finish: late ]
"#;

fn pause(desk: &mut Desk, id: InstanceId, until: Option<Time>) {
    desk.ask(
        "ops",
        Command::from(PauseInstance {
            instance: id,
            until,
            reason: "parts".into(),
            expected: None,
        }),
    )
    .unwrap();
}

fn resume(desk: &mut Desk, id: InstanceId) {
    desk.ask(
        "ops",
        Command::from(ResumeInstance {
            instance: id,
            note: "".into(),
            expected: None,
        }),
    )
    .unwrap();
}

fn promised(instance: &Instance) -> [Time; 3] {
    [
        instance.deadline.unwrap(),
        instance.alerts[0].due.unwrap(),
        instance.timers[0].due,
    ]
}

fn check(calendar: &Calendar, due: &str, (set, paused, resumed): (Time, Time, Time), late: i64) {
    let model = Model(calendar);
    let mut desk = Desk::with(&PROMISES.replace("DUE", due), [import(calendar)]);
    desk.now = set;
    let id = desk.set("1", true);
    let before = promised(desk.instance(id));
    desk.now = paused;
    pause(&mut desk, id, Some(resumed).filter(|until| *until > paused));
    // A pause that a person ends is never late.
    desk.now = Time(resumed.0 + if resumed > paused { late } else { 0 });
    match desk.world.timers().earliest() {
        Some(key) => {
            drop(
                desk.entry(
                    "",
                    Command::from(Elapse {
                        due: key.due,
                        slot: key.slot,
                        wake: key.wake(),
                    }),
                )
                .unwrap(),
            );
        }
        None => resume(&mut desk, id),
    }
    let stood = model.between(paused, resumed);
    for (was, is) in before.into_iter().zip(promised(desk.instance(id))) {
        let said = || {
            format!(
                "{due}: {} paused {} to {}: {} became {}",
                text(calendar, set),
                text(calendar, paused),
                text(calendar, resumed),
                text(calendar, was),
                text(calendar, is)
            )
        };
        assert!(is >= was, "a time moved to an earlier moment: {}", said());
        if was > paused {
            let left = model.between(paused, was);
            assert_eq!(is, model.after(resumed, left).max(was), "{}", said());
        } else {
            assert_eq!(
                model.between(is, resumed),
                model.between(was, paused),
                "as long overdue: {}",
                said()
            );
        }
        if stood == 0 && was > resumed {
            assert_eq!(is, was, "nothing was open during the pause: {}", said());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_pause_moves_due_times_by_its_open_time(
        (zone, hours) in (select(&ZONES[..]), select(&HOURS[..])),
        (set, first, second) in (edge(), later_edge(5), later_edge(5)),
        due in select(vec!["8h", "4h", "90m", "1d", "2d", "1wd"]),
        late in select(vec![0_i64, 14, 3_600_000]),
    ) {
        let calendar = calendar(zone, hours);
        let set = at(&calendar, set);
        let [paused, resumed] = [first, second].map(|edge| later(&calendar, set, edge).max(set));
        check(&calendar, due, (set, paused.min(resumed), paused.max(resumed)), late);
    }
}

const OF_DAY: &str = r#"
format: 1
workflow: repair
title: Repair
calendar: office
on_new_call:
  - timer: TIMER
    then: [ finish: late ]
"#;

#[test]
fn a_timer_keeps_its_day_after_a_short_pause() {
    let always = calendar("UTC", HOURS[2]);
    let due = |timer: &str, paused: &str, until: &str, late: i64| {
        let mut desk = Desk::with(&OF_DAY.replace("TIMER", timer), [import(&always)]);
        desk.now = shown(&always, "2026-11-24T06:00");
        let id = desk.set("1", true);
        desk.now = shown(&always, paused);
        let until = shown(&always, until);
        pause(&mut desk, id, Some(until));
        desk.now = Time(until.0 + late);
        let key = desk.world.timers().earliest().unwrap();
        desk.entry(
            "",
            Command::from(Elapse {
                due: key.due,
                slot: key.slot,
                wake: key.wake(),
            }),
        )
        .unwrap();
        text(&always, desk.instance(id).timers[0].due)
    };
    let nine = "{ at: \"09:00\" }";
    let today = "Tue 2026-11-24 09:00:00";
    let tomorrow = "Wed 2026-11-25 09:00:00";
    assert_eq!(
        due(nine, "2026-11-24T07:00", "2026-11-24T08:59:59.999", 14),
        today
    );
    assert_eq!(
        due(nine, "2026-11-24T07:00", "2026-11-24T09:00", 14),
        today,
        "the pause ends at nine, but the server is late"
    );
    assert_eq!(
        due(nine, "2026-11-24T07:00", "2026-11-24T09:00:00.001", 0),
        tomorrow,
        "nine o'clock was during the pause"
    );
    // The wait ends at eight. A pause of up to one hour delays the wait to nine. A longer one
    // delays the timer by a day.
    let wait = "{ after: 2h, at: \"09:00\" }";
    assert_eq!(
        due(wait, "2026-11-24T07:00", "2026-11-24T07:01", 0),
        today,
        "a pause of a minute"
    );
    assert_eq!(due(wait, "2026-11-24T07:00", "2026-11-24T08:00", 14), today);
    assert_eq!(
        due(wait, "2026-11-24T07:00", "2026-11-24T08:00:00.001", 0),
        tomorrow
    );
    assert_eq!(
        due(wait, "2026-11-24T08:30", "2026-11-24T08:45", 0),
        today,
        "the wait had ended before the pause"
    );
}

#[test]
fn a_timer_due_before_a_pause_fires_on_resume() {
    let always = calendar("UTC", HOURS[2]);
    let mut desk = Desk::with(
        &OF_DAY.replace("TIMER", "{ at: \"09:00\" }"),
        [import(&always)],
    );
    desk.now = shown(&always, "2026-11-24T06:00");
    let id = desk.set("1", true);
    // The server has not fired the timer yet.
    desk.now = shown(&always, "2026-11-24T09:00:00.003");
    pause(&mut desk, id, None);
    desk.now = Time(desk.now.0 + 30 * MINUTE);
    resume(&mut desk, id);
    assert!(desk.instance(id).timers[0].due <= desk.now, "not tomorrow");
}
