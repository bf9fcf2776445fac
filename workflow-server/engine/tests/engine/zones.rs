//! Tests the time zone of timers for a time of day, of texts and of rejections. All use one rule:
//! the caller's zone, or else the calendar's, or else the server's setting, or else UTC. Only a
//! timer for a time of day uses its calendar first.

use std::sync::Arc;

use aftercall_authoring::file::read_calendars;
use aftercall_definition::time::{Time, duration_in_words};
use aftercall_definition::value::Value;
use aftercall_engine::Rejection;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    CallChanges, Command, IfRunning, ImportCalendar, PauseInstance, ResumeInstance, SetWorkflow,
    UpdateCall,
};
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::InstanceId;
use jiff::tz::TimeZone;

use crate::desk::{Desk, MINUTE};

const HOUR: i64 = 60 * MINUTE;

/// The second text has a condition and joins other texts.
const WORKFLOW: &str = r#"
format: 1
workflow: repair
title: Repair
fields:
  ring_at: { type: time, min: now }
on_new_call:
  - alert: { text: "Ring at {{ fields.ring_at }}", team: care, due: 4h }
  - alert:
      text: "{% if fields.ring_at > now %}Later{% endif %}{{ ', at ' ~ fields.ring_at }}, {{ fields.ring_at | zone('Asia/Tokyo') }}"
      team: care
  - button: Done
    then: [ finish: done ]
  - timer: { at: "09:00" }
    then: [ finish: morning ]
"#;

const CALENDARS: &str = "
format: 1
calendars:
  - name: office
    title: Office
    time_zone: Europe/Berlin
    hours: { mon-sun: 00:00-24:00 }
";

/// A desk with or without a calendar, on a server with this default zone.
fn desk(calendar: bool, server: &str) -> Desk {
    let workflow = if calendar {
        WORKFLOW.replace("on_new_call", "calendar: office\non_new_call")
    } else {
        WORKFLOW.to_owned()
    };
    let calendars = read_calendars(CALENDARS).unwrap().into_iter().map(Arc::new);
    let mut desk = Desk::with(
        &workflow,
        calendars.map(|calendar| {
            Command::from(ImportCalendar {
                calendar,
                expected: None,
            })
        }),
    );
    desk.world.set_default_zone(TimeZone::get(server).unwrap());
    desk
}

fn set(desk: &mut Desk, caller: &str, ring_at: Time) -> Result<InstanceId, Rejection> {
    let caller = Caller {
        name: "Ada".into(),
        time_zone: caller.into(),
        ..Caller::default()
    };
    let set = SetWorkflow {
        call: CallKey {
            source: "scripts".into(),
            id: "1".into(),
        },
        changes: CallChanges {
            chargeable: Some(true),
            caller: Some(caller),
            ..CallChanges::default()
        },
        workflow: "repair".into(),
        version: None,
        fields: vec![("ring_at".into(), Value::Time(ring_at))],
        release: None,
        release_within_millis: None,
        if_running: IfRunning::Refuse,
    };
    match desk.ask("script", Command::from(set))? {
        Answer::Set { instance, .. } => Ok(instance),
        other => panic!("{other:?}"),
    }
}

fn shown(moment: Time, zone: &str, format: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(moment.0)
        .unwrap()
        .to_zoned_datetime(TimeZone::get(zone).unwrap());
    at.strftime(format).to_string()
}

const MOMENT: &str = "%a %Y-%m-%d %H:%M";

#[test]
fn times_use_the_zone_of_caller_calendar_or_server() {
    for (caller, calendar, server, text, timer) in [
        (
            "America/New_York",
            false,
            "Asia/Kolkata",
            "America/New_York",
            "America/New_York",
        ),
        (
            "America/New_York",
            true,
            "Asia/Kolkata",
            "America/New_York",
            "Europe/Berlin",
        ),
        ("", true, "Asia/Kolkata", "Europe/Berlin", "Europe/Berlin"),
        ("", false, "Asia/Kolkata", "Asia/Kolkata", "Asia/Kolkata"),
        ("", false, "UTC", "UTC", "UTC"),
    ] {
        let case = format!("{caller}, {calendar}, {server}");
        let mut desk = desk(calendar, server);
        let ring_at = Time(desk.now.0 + 30 * HOUR);
        let id = set(&mut desk, caller, ring_at).unwrap();
        // The text names the zone unless it is the caller's.
        let named = if caller.is_empty() {
            format!(" {text}")
        } else {
            String::new()
        };
        let at = format!("{}{named}", shown(ring_at, text, MOMENT));
        let instance = desk.instance(id);
        assert_eq!(*instance.alerts[0].text, *format!("Ring at {at}"), "{case}");
        let tokyo = shown(ring_at, "Asia/Tokyo", MOMENT);
        assert_eq!(
            *instance.alerts[1].text,
            *format!("Later, at {at}, {tokyo}"),
            "{case}"
        );
        assert_eq!(
            shown(instance.timers[0].due, timer, "%H:%M"),
            "09:00",
            "{case}"
        );
        // If the time passes during a pause, the timer is due the next time, by the same clock.
        let due = instance.timers[0].due;
        let pause = Command::from(PauseInstance {
            instance: id,
            until: None,
            reason: "part".into(),
            expected: None,
        });
        desk.ask("Ann", pause).unwrap();
        desk.now = Time(due.0 + HOUR);
        desk.ask(
            "Ann",
            Command::from(ResumeInstance {
                instance: id,
                note: "".into(),
                expected: None,
            }),
        )
        .unwrap();
        let next = desk.instance(id).timers[0].due;
        assert_eq!(
            (shown(next, timer, "%H:%M"), next.0 > due.0),
            ("09:00".to_owned(), true),
            "{case}"
        );
    }
}

#[test]
fn a_refusal_names_the_zone_by_which_it_shows_times() {
    for (caller, calendar, zone) in [
        ("America/New_York", true, "America/New_York"),
        ("", true, "Europe/Berlin"),
        ("", false, "Asia/Kolkata"),
    ] {
        let mut desk = desk(calendar, "Asia/Kolkata");
        let past = Time(desk.now.0 - 20 * HOUR);
        let Err(Rejection::Invalid(faults)) = set(&mut desk, caller, past) else {
            panic!("it is refused")
        };
        let [now, given] = [desk.now, past].map(|moment| shown(moment, zone, "%Y-%m-%d %H:%M:%S"));
        let expected = format!("must not be before {now} {zone} (now), and is {given} {zone}");
        assert_eq!(
            (&*faults[0].field, &*faults[0].message),
            ("fields.ring_at", &*expected)
        );
    }
}

#[test]
fn texts_change_when_the_caller_becomes_known() {
    let mut desk = desk(true, "UTC");
    let ring_at = Time(desk.now.0 + 30 * HOUR);
    let id = set(&mut desk, "", ring_at).unwrap();
    let caller = Caller {
        time_zone: "America/New_York".into(),
        ..Caller::default()
    };
    let changes = CallChanges {
        caller: Some(caller),
        ..CallChanges::default()
    };
    let call = CallKey {
        source: "scripts".into(),
        id: "1".into(),
    };
    desk.ask(
        "script",
        Command::from(UpdateCall {
            call,
            changes,
            expected: None,
        }),
    )
    .unwrap();
    let expected = format!("Ring at {}", shown(ring_at, "America/New_York", MOMENT));
    assert_eq!(*desk.instance(id).alerts[0].text, *expected);
}

#[test]
fn durations_are_rounded_and_have_at_most_two_units() {
    let seconds = |seconds: u64| duration_in_words(seconds * 1_000);
    for (shown, expected) in [
        (duration_in_words(0), "0 s"),
        (duration_in_words(499), "0 s"),
        (duration_in_words(59_499), "59 s"),
        (duration_in_words(59_500), "1 min"),
        (seconds(121), "2 min 1 s"),
        (duration_in_words(899_980), "15 min"),
        (seconds(3_570), "1 h"),
        (duration_in_words(14_399_900), "4 h"),
        (seconds(3 * 3_600 + 59 * 60), "3 h 59 min"),
        (seconds(86_399), "1 d"),
        (duration_in_words(3 * 86_400_000 - 40), "3 d"),
        (seconds(2 * 86_400 + 4 * 3_600 + 1_799), "2 d 4 h"),
        (seconds(365 * 86_400), "365 d"),
    ] {
        assert_eq!(shown, expected);
    }
}
