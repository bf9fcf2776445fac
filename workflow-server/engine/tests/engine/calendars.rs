//! Tests durations, due times and times of day with a calendar, by a table of summer time, holidays
//! and night shifts.

mod follow_ups;

use std::sync::Arc;

use aftercall_authoring::file::read_calendars;
use aftercall_definition::calendar::{Calendar, Clock, ClockTime, Holiday, HolidayDate};
use aftercall_definition::rules;
use aftercall_definition::time::Time;
use aftercall_engine::command::{Command, ImportCalendar};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use crate::desk::{Desk, MINUTE};

const HOUR: i64 = 60 * MINUTE;

fn calendar(zone: &str, hours: &str) -> Calendar {
    let text = format!(
        "calendars: [ {{ name: c, title: C, time_zone: {zone}, hours: {hours}, holidays: [ 2026-12-25, {{ date: 2027-01-01, title: New }} ] }} ]"
    );
    read_calendars(&text)
        .unwrap_or_else(|faults| panic!("{faults:#?}"))
        .remove(0)
}

/// The moment at which the clock of a zone shows a time.
fn shown(zone: &str, text: &str) -> Time {
    let at: DateTime = text.parse().unwrap();
    Time(
        at.to_zoned_datetime(TimeZone::get(zone).unwrap())
            .unwrap()
            .timestamp()
            .as_millisecond(),
    )
}

fn in_zone(zone: &str, time: Time) -> String {
    let moment = Timestamp::from_millisecond(time.0)
        .unwrap()
        .to_zoned_datetime(TimeZone::get(zone).unwrap());
    moment.strftime("%Y-%m-%dT%H:%M").to_string()
}

const WEEK: &str = "{ mon-fri: [09:00-12:00, 13:00-17:00] }";
const ALWAYS: &str = "{ mon-sun: 00:00-24:00 }";
const NIGHT: &str = "{ mon-sun: 22:00-06:00 }";
const BERLIN: &str = "Europe/Berlin";
/// Two openings with the hour between them that the clocks skip or repeat.
const SPLIT: &str = "{ mon-sun: [01:00-02:30, 03:00-05:00] }";
const NEW_YORK: &str = "America/New_York";
const SYDNEY: &str = "Australia/Sydney";

/// Zone, hours, start, duration, end. Times are by the zone's clock.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[test]
fn durations_end_as_in_the_table() {
    let rows: [Row; 37] = [
        // Within a day, over noon, over night, over a weekend, and from a closed hour.
        (BERLIN, WEEK, "2026-11-24T09:30", "2h", "2026-11-24T11:30"),
        (BERLIN, WEEK, "2026-11-24T11:00", "2h", "2026-11-24T14:00"),
        (BERLIN, WEEK, "2026-11-24T16:30", "1h", "2026-11-25T09:30"),
        (BERLIN, WEEK, "2026-11-27T16:30", "90m", "2026-11-30T10:00"),
        (BERLIN, WEEK, "2026-11-28T12:00", "4h", "2026-11-30T14:00"),
        (BERLIN, WEEK, "2026-11-24T07:00", "30s", "2026-11-24T09:00"),
        // Exactly to the end of an opening: the end is not on the next day.
        (BERLIN, WEEK, "2026-11-24T15:00", "2h", "2026-11-24T17:00"),
        // Working days end at the same time of day. From a closed hour, they count from the next
        // opening. A holiday does not count.
        (BERLIN, WEEK, "2026-11-24T14:02", "1wd", "2026-11-25T14:02"),
        (BERLIN, WEEK, "2026-11-27T14:02", "1wd", "2026-11-30T14:02"),
        (BERLIN, WEEK, "2026-11-28T12:00", "1wd", "2026-12-01T09:00"),
        (BERLIN, WEEK, "2026-12-24T10:00", "1wd", "2026-12-28T10:00"),
        (BERLIN, WEEK, "2026-12-23T10:00", "5wd", "2026-12-31T10:00"),
        (BERLIN, WEEK, "2026-12-31T10:00", "1wd", "2027-01-04T10:00"),
        (BERLIN, WEEK, "2026-12-24T16:00", "2h", "2026-12-28T10:00"),
        // Days follow the clock of the zone: the same time of day, also on a holiday.
        (BERLIN, WEEK, "2026-12-24T10:00", "1d", "2026-12-25T10:00"),
        // Summer time begins in Berlin on 2026-03-29, in New York on 2026-03-08, in Sydney on
        // 2026-10-04. One hour is missing.
        (BERLIN, ALWAYS, "2026-03-29T01:00", "2h", "2026-03-29T04:00"),
        (BERLIN, ALWAYS, "2026-03-28T12:00", "1d", "2026-03-29T12:00"),
        (BERLIN, NIGHT, "2026-03-28T22:00", "7h", "2026-03-29T06:00"),
        (BERLIN, WEEK, "2026-03-27T16:00", "2h", "2026-03-30T10:00"),
        (
            NEW_YORK,
            ALWAYS,
            "2026-03-08T01:00",
            "2h",
            "2026-03-08T04:00",
        ),
        (
            NEW_YORK,
            WEEK,
            "2026-03-06T16:00",
            "1wd",
            "2026-03-09T16:00",
        ),
        (
            NEW_YORK,
            NIGHT,
            "2026-03-07T22:00",
            "8h",
            "2026-03-08T23:00",
        ),
        (SYDNEY, ALWAYS, "2026-10-04T01:00", "2h", "2026-10-04T04:00"),
        (SYDNEY, WEEK, "2026-10-02T16:00", "2h", "2026-10-05T10:00"),
        // The clocks skip an end of an opening, so it is after the start of the next one. The
        // overlap counts once.
        (BERLIN, SPLIT, "2026-03-29T00:00", "2h", "2026-03-29T04:00"),
        (BERLIN, SPLIT, "2026-03-29T03:15", "90m", "2026-03-29T04:45"),
        // Summer time ends in Berlin on 2026-10-25, in New York on 2026-11-01, in Sydney on
        // 2026-04-05. One hour occurs twice.
        (BERLIN, ALWAYS, "2026-10-25T01:00", "3h", "2026-10-25T03:00"),
        (BERLIN, ALWAYS, "2026-10-24T12:00", "1d", "2026-10-25T12:00"),
        (BERLIN, NIGHT, "2026-10-24T22:00", "9h", "2026-10-25T06:00"),
        (
            NEW_YORK,
            ALWAYS,
            "2026-11-01T00:30",
            "2h",
            "2026-11-01T01:30",
        ),
        (
            NEW_YORK,
            WEEK,
            "2026-10-30T16:00",
            "1wd",
            "2026-11-02T16:00",
        ),
        (SYDNEY, ALWAYS, "2026-04-05T01:00", "3h", "2026-04-05T03:00"),
        (SYDNEY, NIGHT, "2026-04-04T22:00", "9h", "2026-04-05T06:00"),
        // Over midnight: the hours after midnight belong to the day on which the opening began.
        (BERLIN, NIGHT, "2026-11-24T23:00", "4h", "2026-11-25T03:00"),
        (BERLIN, NIGHT, "2026-11-25T02:00", "1wd", "2026-11-26T02:00"),
        (BERLIN, NIGHT, "2026-11-24T12:00", "1h", "2026-11-24T23:00"),
        // The night shift of the day before continues into the holiday. The night shift of the
        // holiday does not begin.
        (BERLIN, NIGHT, "2026-12-25T05:00", "2h", "2026-12-26T23:00"),
    ];
    for (zone, hours, start, span, end) in rows {
        let calendar = calendar(zone, hours);
        let then = Clock::Calendar(&calendar).after(shown(zone, start), rules::span(span).unwrap());
        assert_eq!(in_zone(zone, then), end, "{zone} {hours}: {start} + {span}");
    }
}

#[test]
fn times_of_day_are_as_in_the_table() {
    let rows = [
        (BERLIN, "2026-11-24T08:00", "09:00", "2026-11-24T09:00"),
        (BERLIN, "2026-11-24T09:00", "09:00", "2026-11-25T09:00"),
        (
            BERLIN,
            "2026-11-24T08:00",
            "09:00 next day",
            "2026-11-25T09:00",
        ),
        (
            BERLIN,
            "2026-11-27T08:00",
            "09:00 next working day",
            "2026-11-30T09:00",
        ),
        (
            BERLIN,
            "2026-12-24T23:59",
            "09:00 next working day",
            "2026-12-28T09:00",
        ),
        // If the clocks skip an hour, the next hour counts. If an hour occurs twice, the first
        // counts.
        (
            BERLIN,
            "2026-03-28T12:00",
            "02:30 next day",
            "2026-03-29T03:30",
        ),
        (
            NEW_YORK,
            "2026-03-07T12:00",
            "02:30 next day",
            "2026-03-08T03:30",
        ),
        (
            SYDNEY,
            "2026-10-03T12:00",
            "02:30 next day",
            "2026-10-04T03:30",
        ),
        (
            BERLIN,
            "2026-10-24T12:00",
            "02:30 next day",
            "2026-10-25T02:30",
        ),
    ];
    for (zone, start, at, expected) in rows {
        let calendar = calendar(zone, WEEK);
        let time = ClockTime::parse(at).unwrap();
        assert_eq!(time.to_string(), at);
        let then = time.after(shown(zone, start), calendar.zone(), Some(&calendar));
        assert_eq!(in_zone(zone, then), expected, "{zone}: {at} after {start}");
    }
    let first = ClockTime::parse("02:30").unwrap().after(
        shown(BERLIN, "2026-10-24T12:00"),
        calendar(BERLIN, WEEK).zone(),
        None,
    );
    assert_eq!(
        Timestamp::from_millisecond(first.0).unwrap().to_string(),
        "2026-10-25T00:30:00Z",
        "still summer time"
    );
}

#[test]
fn a_calendar_without_open_time_uses_wall_clock_time() {
    let mut calendar = calendar("UTC", "{ fri: 09:00-10:00 }");
    let holidays = "2026-01-01"
        .parse::<jiff::civil::Date>()
        .unwrap()
        .series(jiff::Span::new().days(1))
        .take(4_000);
    calendar.holidays = holidays
        .map(|date| (HolidayDate::Once(date), Holiday::default()))
        .collect();
    let start = shown("UTC", "2026-06-01T12:00");
    assert_eq!(calendar.after_open(start, HOUR), Time(start.0 + HOUR));
    assert_eq!(
        calendar.after_working_days(start, 3),
        Time(start.0 + 3 * 24 * HOUR),
        "it does not end at once"
    );
    let at = ClockTime::parse("09:00 next working day").unwrap();
    assert_eq!(
        at.after(start, calendar.zone(), Some(&calendar)),
        shown("UTC", "2026-06-02T09:00")
    );
}

#[test]
fn open_time_counts_until_a_calendar_has_no_more() {
    let mut calendar = calendar("UTC", "{ fri: 09:00-10:00 }");
    let holidays = "2026-06-15"
        .parse::<jiff::civil::Date>()
        .unwrap()
        .series(jiff::Span::new().days(1))
        .take(4_000);
    calendar.holidays = holidays
        .map(|date| (HolidayDate::Once(date), Holiday::default()))
        .collect();
    let start = shown("UTC", "2026-06-01T12:00");
    // Open on the 5th and on the 12th, for one hour each.
    let end = shown("UTC", "2026-06-12T10:00");
    for (hours, expected) in [
        (1, shown("UTC", "2026-06-05T10:00")),
        (2, end),
        (5, Time(end.0 + 3 * HOUR)),
    ] {
        let after = calendar.after_open(start, hours * HOUR);
        assert_eq!(
            (after, calendar.open_between(start, after)),
            (expected, hours * HOUR),
            "{hours} hours"
        );
    }
    let days: Vec<Time> = (1..5)
        .map(|days| calendar.after_working_days(start, days))
        .collect();
    let expected = [
        "2026-06-12T09:00",
        "2026-06-13T09:00",
        "2026-06-14T09:00",
        "2026-06-15T09:00",
    ];
    assert_eq!(days, expected.map(|time| shown("UTC", time)));
}

#[test]
fn a_working_day_loop_runs_daily_on_closed_days() {
    let mut closed = calendar("UTC", "{ fri: 09:00-10:00 }");
    let holidays = "2026-01-02"
        .parse::<jiff::civil::Date>()
        .unwrap()
        .series(jiff::Span::new().days(7))
        .take(399);
    closed.holidays = holidays
        .map(|date| (HolidayDate::Once(date), Holiday::default()))
        .collect();
    let import = Command::from(ImportCalendar {
        calendar: Arc::new(closed),
        expected: None,
    });
    let circle = "format: 1\nworkflow: repair\ntitle: Repair\ncalendar: c\non_new_call:\n  - timer: 1wd\n    id: again\n    then: [ link: new-call ]\n";
    let mut desk = Desk::with(circle, [import]);
    desk.set("1", true);
    let came: Vec<usize> = (0..10).map(|_| desk.pass(24 * HOUR).len()).collect();
    assert_eq!(came, [1; 10]);
}

#[test]
fn an_invalid_calendar_is_refused_with_all_errors() {
    let text = "format: 1
calendars:
  - { name: none, title: '', time_zone: UTC, hours: { mon: 09:00-17:00 } }
  - { name: a, title: A, time_zone: Berlin, hours: { mo: 09:00-17:00 } }
  - { name: b, title: B, time_zone: UTC, hours: { mon: [09:00-12:00, 11:00-13:00], fri: 9-17 }, holidays: [ 2026-02-30 ] }
  - { name: c, title: C, time_zone: UTC, hours: { mon: 20:00-08:00, tue: 07:00-09:00 }, colour: red }
  - { name: d, title: D, time_zone: UTC, hours: {} }
  - { name: e, title: E, time_zone: UTC, hours: { fri-mon: 09:00-17:00 } }
";
    let faults: Vec<String> = read_calendars(text)
        .unwrap_err()
        .into_iter()
        .map(|fault| format!("{}:{} {}", fault.line, fault.column, fault.message))
        .collect();
    assert_eq!(
        faults,
        [
            "3:13 `name`: `none` means the wall clock: choose another name",
            "3:26 `title`: the title is empty",
            "4:37 `Berlin` is not a time zone: give its IANA name, such as Europe/Berlin",
            "4:54 `hours` has days such as mon, sat, mon-fri or mon,wed,fri, not `mo`; write mon",
            "5:56 `hours.mon`: openings overlap, or are not in order; one that goes over midnight reaches into the next day",
            "5:89 `9-17` is not an opening: write it as 09:00-17:00",
            "5:109 `2026-02-30` is not a date: write it as 2026-12-25, or 12-25 for every year",
            "6:56 `hours.mon`: openings overlap, or are not in order; one that goes over midnight reaches into the next day",
            "6:89 unknown key `colour`; known here: name, title, time_zone, hours, holidays",
            "7:49 `hours`: is never open: give it hours on at least one day",
            "8:51 `hours` has days such as mon, sat, mon-fri or mon,wed,fri, not `fri-mon`; a range ends later in the week than it begins",
        ]
    );
}

proptest! {
    #[test]
    fn counting_forwards_and_backwards_agree(
        minutes in 0_i64..2_000_000,
        span in 1_i64..60_000,
        zone in proptest::sample::select(vec![BERLIN, NEW_YORK, SYDNEY]),
        hours in proptest::sample::select(vec![WEEK, NIGHT, ALWAYS, SPLIT]),
    ) {
        let calendar = calendar(zone, hours);
        let clock = Clock::Calendar(&calendar);
        let start = Time(shown(zone, "2026-01-01T00:00").0 + minutes * MINUTE);
        let end = clock.after_millis(start, span * MINUTE);
        prop_assert!(end > start);
        prop_assert_eq!(clock.between(start, end), span * MINUTE);
        let back = clock.before_millis(end, span * MINUTE);
        prop_assert_eq!(clock.between(back, end), span * MINUTE);
        prop_assert!(clock.between(start, back) == 0 && clock.between(back, start) == 0, "nothing is open in between");
    }
}
