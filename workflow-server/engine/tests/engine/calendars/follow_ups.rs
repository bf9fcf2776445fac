//! Tests follow-ups with a calendar: due times, pauses, and an edited calendar.

use std::sync::Arc;

use aftercall_authoring::file::read;
use aftercall_definition::calendar::Clock;
use aftercall_definition::escalation::{alert_action, next_firing};
use aftercall_definition::time::Time;
use aftercall_engine::command::{Command, ImportCalendar, PauseInstance, ResumeInstance};
use aftercall_engine::entry::ChangeKind;

use crate::calendars::{BERLIN, HOUR, WEEK, calendar, in_zone, shown};
use crate::desk::Desk;

const WORKFLOW: &str = r#"
format: 1
workflow: repair
title: Repair
calendar: office
deadline: 2wd
on_new_call:
  - alert:
      text: Ring
      team: care
      due: 4h
      escalate: [ { at: 50%, priority: raise }, { after: 1h, team: leads } ]
  - timer: { at: 09:00 next working day }
    then: [ finish: late ]
  - button: Wait
    then:
      - alert: { text: Wait, team: care, calendar: none, due: 1h }
      - timer: { after: 1wd }
        then: [ finish: waited ]
"#;

fn office(hours: &str) -> Command {
    let mut calendar = calendar(BERLIN, hours);
    calendar.name = "office".to_owned();
    Command::from(ImportCalendar {
        calendar: Arc::new(calendar),
        expected: None,
    })
}

/// A desk in Berlin, on a Tuesday at 14:00.
fn desk() -> Desk {
    let mut desk = Desk::with(WORKFLOW, [office(WEEK)]);
    desk.now = shown(BERLIN, "2026-11-24T14:00");
    desk
}

#[test]
fn due_times_timers_and_escalations_count_by_the_calendar() {
    let mut desk = desk();
    let id = desk.set("1", true);
    let times = |desk: &Desk| {
        let instance = desk.instance(id);
        let alert = &instance.alerts[0];
        [
            instance.deadline,
            alert.due,
            alert.escalates_at,
            instance.timers.first().map(|timer| timer.due),
        ]
        .map(|time| time.map(|time| in_zone(BERLIN, time)).unwrap_or_default())
    };
    let at_first = [
        "2026-11-26T14:00",
        "2026-11-25T10:00",
        "2026-11-24T16:00",
        "2026-11-25T09:00",
    ];
    assert_eq!(times(&desk), at_first);
    assert_eq!(desk.pass(2 * HOUR), [ChangeKind::Escalated]);
    assert_eq!(
        times(&desk)[2],
        "2026-11-25T11:00",
        "an hour after it was due"
    );

    // A pause over a night. One hour of the day was left, and five hours until the due time.
    let pause = Command::from(PauseInstance {
        instance: id,
        until: None,
        reason: "parts".into(),
        expected: None,
    });
    desk.ask("ops", pause).unwrap();
    desk.now = shown(BERLIN, "2026-11-26T16:30");
    desk.ask(
        "ops",
        Command::from(ResumeInstance {
            instance: id,
            note: "".into(),
            expected: None,
        }),
    )
    .unwrap();
    let resumed = [
        "2026-11-30T14:30",
        "2026-11-27T10:30",
        "2026-11-27T11:30",
        "2026-11-27T09:00",
    ];
    assert_eq!(times(&desk), resumed);
}

#[test]
fn a_pause_never_makes_a_closed_time_earlier() {
    let days = WORKFLOW
        .replace("deadline: 2wd", "deadline: 1d")
        .replace("due: 4h", "due: 1d")
        .replace("{ at: 09:00 next working day }", "1d");
    let mut desk = Desk::with(&days, [office(WEEK)]);
    desk.now = shown(BERLIN, "2026-11-27T01:16");
    let id = desk.set("1", true);
    let times = |desk: &Desk| {
        let instance = desk.instance(id);
        [
            instance.deadline,
            instance.alerts[0].due,
            instance.timers.first().map(|timer| timer.due),
        ]
        .map(|time| in_zone(BERLIN, time.unwrap()))
    };
    let resume_after = |desk: &mut Desk, millis: i64| {
        let pause = Command::from(PauseInstance {
            instance: id,
            until: None,
            reason: "parts".into(),
            expected: None,
        });
        desk.ask("ops", pause).unwrap();
        desk.now = Time(desk.now.0 + millis);
        desk.ask(
            "ops",
            Command::from(ResumeInstance {
                instance: id,
                note: "".into(),
                expected: None,
            }),
        )
        .unwrap();
    };
    assert_eq!(times(&desk), ["2026-11-28T01:16"; 3], "a Saturday");
    resume_after(&mut desk, 0);
    assert_eq!(times(&desk), ["2026-11-28T01:16"; 3]);
    resume_after(&mut desk, 7 * HOUR);
    assert_eq!(
        times(&desk),
        ["2026-11-28T01:16"; 3],
        "nothing was open meanwhile"
    );
    resume_after(&mut desk, 3 * HOUR);
    assert_eq!(
        times(&desk),
        ["2026-11-30T11:16"; 3],
        "by the open time of the pause: from 9:00 to 11:16"
    );
}

#[test]
fn an_edited_calendar_changes_only_later_times() {
    let mut desk = desk();
    let first = desk.set("1", true);
    let (due, timer) = (
        desk.instance(first).alerts[0].due,
        desk.instance(first).timers[0].due,
    );
    desk.ask("author", office("{ mon-fri: 14:00-15:00 }"))
        .unwrap();
    assert_eq!(
        (
            desk.instance(first).alerts[0].due,
            desk.instance(first).timers[0].due
        ),
        (due, timer),
        "promised times are kept"
    );
    let second = desk.set("2", true);
    assert_eq!(
        in_zone(BERLIN, desk.instance(second).alerts[0].due.unwrap()),
        "2026-11-27T15:00",
        "each day has one open hour"
    );
    assert!(desk.pass(2 * HOUR).contains(&ChangeKind::Escalated));
    let alert = &desk.instance(first).alerts[0];
    assert_eq!((alert.due, alert.escalated), (due, 1));
    assert_eq!(
        in_zone(BERLIN, alert.escalates_at.unwrap()),
        "2026-11-25T15:00",
        "the next escalation step uses the new hours"
    );
    desk.push("Ann", first, "wait").unwrap();
    let waiting = desk.instance(first);
    assert_eq!(
        in_zone(BERLIN, waiting.alerts[0].due.unwrap()),
        "2026-11-24T17:00",
        "by the wall clock"
    );
    assert_eq!(
        in_zone(BERLIN, waiting.timers[0].due),
        "2026-11-26T14:00",
        "by the new hours"
    );
    assert!(
        desk.ask("author", office("{ mon-fri: 14:00-15:00 }"))
            .is_ok()
    );
    assert_eq!(
        desk.world
            .root()
            .calendars
            .named("office")
            .unwrap()
            .revision,
        2,
        "the same content is not a change"
    );
}

#[test]
fn a_percentage_of_a_day_counts_open_time_only() {
    let calendar = calendar(BERLIN, "{ mon-thu: 09:00-17:00, fri: 09:00-16:00 }");
    let check = |raised: &str, due: &str, expected: &str| {
        let file = format!(
            "format: 1\nworkflow: w\ntitle: W\non_new_call:\n  - alert: {{ text: a, team: care, due: {due}, escalate: [ {{ at: 50%, priority: raise }} ] }}\n"
        );
        let definition = read(&file, None).unwrap();
        let alert = alert_action(&definition, 1, 0).unwrap();
        let (raised, clock) = (shown(BERLIN, raised), Clock::Calendar(&calendar));
        let due = clock.after(raised, alert.due.unwrap());
        let (at, _) = next_firing(alert, (raised, due), 0, clock).unwrap();
        assert_eq!(in_zone(BERLIN, at), expected, "{due:?}");
        assert!(at >= raised);
    };
    // A Friday afternoon: one hour of that day is open.
    check("2026-11-27T15:00", "1d", "2026-11-27T15:30");
    // No hour of that day is open, so half of the open time is over only at the due time.
    check("2026-11-28T09:00", "1d", "2026-11-29T09:00");
    check("2026-11-23T09:00", "3d", "2026-11-24T13:00");
    check("2026-11-27T15:00", "1wd", "2026-11-30T11:30");
    check("2026-11-27T15:00", "4h", "2026-11-30T10:00");
}
