//! Tests the edges of opening hours: the moments at which hours begin and end, and one millisecond
//! before and after. A model that walks over the minutes computes the expected times. The tests
//! cover durations that just fit, timers that fire late, and pauses that begin and end at an edge.

mod late;
mod model;
mod pausing;

use std::sync::Arc;

use aftercall_authoring::file::{read, read_calendars};
use aftercall_authoring::simulate::Simulation;
use aftercall_definition::calendar::{Calendar, Clock, ClockTime};
use aftercall_definition::escalation::{alert_action, next_firing};
use aftercall_definition::time::{Span, SpanUnit, Time};
use aftercall_engine::command::{CallChanges, Command, ImportCalendar};
use aftercall_engine::query::never;
use jiff::Timestamp;
use jiff::civil::DateTime;
use model::Model;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// Hours that touch midnight, go over midnight, have a break, or are always open. None begins or
/// ends in an hour that a clock shows twice, because the model does not know that the first one
/// counts.
pub(crate) const HOURS: [&str; 8] = [
    "{ mon-fri: 09:00-17:00 }",
    "{ mon-fri: [08:00-12:00, 13:00-18:00], sat: 09:00-13:00 }",
    "{ mon-sun: 00:00-24:00 }",
    "{ mon-fri: 00:00-24:00 }",
    "{ mon-fri: 22:00-06:00 }",
    "{ mon-sun: 23:00-04:30 }",
    "{ mon-fri: 16:00-24:00, sat: 00:00-04:00 }",
    "{ mon-thu: [00:00-05:00, 12:00-24:00], sun: 09:00-10:00 }",
];
pub(crate) const ZONES: [&str; 4] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
];
/// Dates before and during changes of summer time, weekends and holidays.
pub(crate) const DATES: [&str; 8] = [
    "2027-03-13",
    "2027-03-26",
    "2027-03-27",
    "2027-04-03",
    "2027-10-02",
    "2027-10-29",
    "2027-11-06",
    "2027-12-23",
];
/// Times of day at which some of the hours begin or end, and one at which none do.
pub(crate) const TIMES: [&str; 13] = [
    "00:00", "04:30", "05:00", "06:00", "08:00", "09:00", "12:00", "13:00", "14:20", "16:00",
    "17:00", "18:00", "22:00",
];

pub(crate) fn calendar(zone: &str, hours: &str) -> Calendar {
    let text = format!(
        "calendars: [ {{ name: office, title: C, time_zone: {zone}, hours: {hours}, holidays: [ 2027-03-29, 2027-11-01, 2027-12-24 ] }} ]"
    );
    read_calendars(&text)
        .unwrap_or_else(|faults| panic!("{faults:#?}"))
        .remove(0)
}

/// The moment at which the clock of a calendar shows a time.
pub(crate) fn shown(calendar: &Calendar, text: &str) -> Time {
    let at: DateTime = text.parse().unwrap();
    Time(
        at.to_zoned_datetime(calendar.zone().clone())
            .unwrap()
            .timestamp()
            .as_millisecond(),
    )
}

pub(crate) fn text(calendar: &Calendar, time: Time) -> String {
    let moment = Timestamp::from_millisecond(time.0)
        .unwrap()
        .to_zoned_datetime(calendar.zone().clone());
    moment.strftime("%a %Y-%m-%d %H:%M:%S%.f").to_string()
}

/// A moment at, before or after an edge.
pub(crate) fn edge() -> impl Strategy<Value = (&'static str, &'static str, i64)> {
    (select(&DATES[..]), select(&TIMES[..]), -1_i64..=1)
}

/// An edge some days after another moment.
pub(crate) fn later_edge(days: i64) -> impl Strategy<Value = (i64, &'static str, i64)> {
    (0..days, select(&TIMES[..]), -1_i64..=1)
}

pub(crate) fn later(
    calendar: &Calendar,
    moment: Time,
    (days, time, off): (i64, &str, i64),
) -> Time {
    let date = text(calendar, Time(moment.0 + days * 24 * HOUR))[4..14].to_owned();
    at(calendar, (&date, time, off))
}

pub(crate) fn at(calendar: &Calendar, (date, time, off): (&str, &str, i64)) -> Time {
    Time(shown(calendar, &format!("{date}T{time}")).0 + off)
}

fn span(amount: u32, unit: SpanUnit) -> Span {
    Span { amount, unit }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn open_time_matches_the_model(
        (zone, hours) in (select(&ZONES[..]), select(&HOURS[..])),
        start in edge(),
        (minutes, off) in (0_i64..3_000, -1_i64..=1),
    ) {
        let calendar = calendar(zone, hours);
        let (model, start) = (Model(&calendar), at(&calendar, start));
        let millis = (minutes * MINUTE + off).max(0);
        let end = calendar.after_open(start, millis);
        prop_assert_eq!(end, model.after(start, millis), "{} + {} ms", text(&calendar, start), millis);
        prop_assert_eq!(calendar.open_between(start, end), millis);
        let elapsed = millis / 3;
        let share = if elapsed == millis { end } else { calendar.before_open(end, millis - elapsed).max(start) };
        prop_assert_eq!(share, model.after(start, elapsed), "a third of it");
    }

    #[test]
    fn a_duration_to_the_next_edge_ends_at_that_edge(
        (zone, hours) in (select(&ZONES[..]), select(&HOURS[..])),
        (start, edge) in (edge(), later_edge(9)),
        off in -1_i64..=1,
    ) {
        let calendar = calendar(zone, hours);
        let (model, start) = (Model(&calendar), at(&calendar, start));
        let edge = later(&calendar, start, edge).max(start);
        let open = model.between(start, edge);
        prop_assert_eq!(calendar.open_between(start, edge), open);
        let millis = (open + off).max(0);
        prop_assert_eq!(calendar.after_open(start, millis), model.after(start, millis));
    }

    #[test]
    fn escalation_steps_match_a_simple_calendar_model(
        (zone, hours) in (select(&ZONES[..]), select(&HOURS[..])),
        start in edge(),
        (amount, unit) in prop_oneof![
            (1_u32..20).prop_map(|hours| (hours, SpanUnit::Hours)),
            (1_u32..4).prop_map(|days| (days, SpanUnit::Days)),
            select(vec![(480_u32, SpanUnit::Minutes), (240, SpanUnit::Minutes), (60, SpanUnit::Minutes)]),
        ],
        share in 1_u8..100,
    ) {
        let calendar = calendar(zone, hours);
        let (model, since, clock) = (Model(&calendar), at(&calendar, start), Clock::Calendar(&calendar));
        let file = format!(
            "format: 1\nworkflow: w\ntitle: W\non_new_call:\n  - alert: {{ text: a, team: care, due: {}, escalate: [ {{ at: {share}%, priority: raise }}, {{ at: due, every: 1d, times: 3, priority: raise }}, {{ after: 2h, every: 90m, times: 2, team: care }} ] }}\n",
            span(amount, unit),
        );
        let definition = read(&file, None).unwrap();
        let alert = alert_action(&definition, 1, 0).unwrap();
        let due = match unit {
            SpanUnit::Days => model.days_after(since, amount as i32),
            _ => model.after(since, span(amount, unit).millis()),
        };
        prop_assert_eq!(clock.after(since, span(amount, unit)), due);
        let total = model.between(since, due);
        let left = total * i64::from(100 - share) / 100;
        let of_share = if left == 0 { due } else { model.after(since, total - left) };
        let mut expected = vec![
            of_share, due, model.days_after(due, 1), model.days_after(due, 2), model.after(due, 2 * HOUR),
            model.after(model.after(due, 2 * HOUR), 90 * MINUTE),
        ];
        expected.sort_unstable();
        let times: Vec<Time> = (0..).map_while(|fired| next_firing(alert, (since, due), fired, clock)).map(|(at, _)| at).collect();
        prop_assert_eq!(times, expected, "from {}", text(&calendar, since));
    }
}

/// Sets a workflow in a simulation. Returns the due time and the times of the automatic changes.
fn comes(workflow: &str, calendar: &Calendar, start: &str, times: usize) -> (String, Vec<String>) {
    let definition = read(workflow, None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let begin = shown(calendar, start);
    let mut simulation =
        Simulation::new(&definition, &[Arc::new(calendar.clone())], begin).unwrap();
    simulation.set(CallChanges::default(), Vec::new()).unwrap();
    let due = simulation
        .instance()
        .unwrap()
        .alerts
        .first()
        .and_then(|alert| alert.due);
    let mut came = Vec::new();
    for _ in 0..times {
        let next = simulation.next_at().unwrap();
        came.push(text(calendar, next));
        simulation
            .wait(next.0 - simulation.now().0, &never)
            .unwrap();
    }
    (due.map(|due| text(calendar, due)).unwrap_or_default(), came)
}

fn workflow(actions: &str) -> String {
    format!(
        "format: 1\nworkflow: repair\ntitle: Repair\ncalendar: office\non_new_call:\n{actions}\n  - button: Done\n    then: [ finish: done ]\n"
    )
}

#[test]
fn an_alert_can_escalate_exactly_at_closing_time() {
    let steps = workflow(
        "  - alert: { text: Ring back, team: care, due: 8h, escalate: [ { at: 50%, priority: raise }, { at: due, priority: urgent } ] }",
    );
    let nine_five = calendar("Europe/London", HOURS[0]);
    let (due, came) = comes(&steps, &nine_five, "2026-11-27T07:30", 2);
    assert_eq!(due, "Fri 2026-11-27 17:00:00");
    assert_eq!(came, ["Fri 2026-11-27 13:00:00", "Fri 2026-11-27 17:00:00"]);
    // Half of the time is over when the lunch break begins, not when it ends.
    let split = calendar("Europe/Berlin", HOURS[1]);
    let (_, came) = comes(&steps, &split, "2026-11-27T08:00", 2);
    assert_eq!(came, ["Fri 2026-11-27 12:00:00", "Fri 2026-11-27 17:00:00"]);
    // Days can end in closed hours.
    let (due, came) = comes(
        &steps.replace("8h", "1d"),
        &nine_five,
        "2026-11-27T10:00",
        2,
    );
    assert_eq!(due, "Sat 2026-11-28 10:00:00");
    assert_eq!(came, ["Fri 2026-11-27 13:30:00", "Sat 2026-11-28 10:00:00"]);
}

#[test]
fn a_daily_escalation_repeats_at_the_same_time() {
    let steps = workflow(
        "  - alert: { text: Ring back, team: care, due: 4h, escalate: [ { at: due, every: 1d, times: 4, priority: raise } ] }",
    );
    let nine_five = calendar("Europe/London", HOURS[0]);
    let (due, came) = comes(&steps, &nine_five, "2026-11-23T10:00", 4);
    assert_eq!(due, "Mon 2026-11-23 14:00:00");
    let days = [
        "Mon 2026-11-23 14:00:00",
        "Tue 2026-11-24 14:00:00",
        "Wed 2026-11-25 14:00:00",
        "Thu 2026-11-26 14:00:00",
    ];
    assert_eq!(came, days);
    let steps = steps.replace("every: 1d", "every: 1wd");
    let (_, came) = comes(
        &steps,
        &calendar(
            "Europe/London",
            "{ mon: 09:00-18:00, tue-thu: 09:00-13:00 }",
        ),
        "2026-11-25T09:00",
        4,
    );
    let days = [
        "Wed 2026-11-25 13:00:00",
        "Thu 2026-11-26 13:00:00",
        "Mon 2026-11-30 13:00:00",
        "Tue 2026-12-01 13:00:00",
    ];
    assert_eq!(came, days);
    // A daily escalation at closing time repeats at the closing time of the next working day, not
    // at the opening of the day after.
    let (_, came) = comes(
        &steps.replace("4h", "8h"),
        &nine_five,
        "2026-11-26T09:00",
        3,
    );
    assert_eq!(
        came,
        [
            "Thu 2026-11-26 17:00:00",
            "Fri 2026-11-27 17:00:00",
            "Mon 2026-11-30 17:00:00"
        ]
    );
}

#[test]
fn a_night_shift_belongs_to_the_day_it_begins() {
    let night = calendar("Europe/Berlin", HOURS[4]);
    let rows = [
        // In Monday's shift, after midnight: the next working day is Tuesday.
        (
            "2026-11-24T02:00",
            "22:00 next working day",
            "Tue 2026-11-24 22:00:00",
        ),
        (
            "2026-11-24T05:59",
            "22:00 next working day",
            "Tue 2026-11-24 22:00:00",
        ),
        (
            "2026-11-24T06:00",
            "22:00 next working day",
            "Tue 2026-11-24 22:00:00",
        ),
        (
            "2026-11-24T06:01",
            "22:00 next working day",
            "Wed 2026-11-25 22:00:00",
        ),
        (
            "2026-11-23T23:00",
            "22:00 next working day",
            "Tue 2026-11-24 22:00:00",
        ),
        // A time after midnight is in the shift that began on that working day.
        (
            "2026-11-23T23:00",
            "02:00 next working day",
            "Wed 2026-11-25 02:00:00",
        ),
        (
            "2026-11-24T02:00",
            "02:00 next working day",
            "Wed 2026-11-25 02:00:00",
        ),
        (
            "2026-11-24T02:00",
            "06:00 next working day",
            "Wed 2026-11-25 06:00:00",
        ),
        (
            "2026-11-25T06:00",
            "06:00 next working day",
            "Thu 2026-11-26 06:00:00",
        ),
        // In the night shift from Friday to Saturday: the next one is Monday's.
        (
            "2026-11-28T02:00",
            "22:00 next working day",
            "Mon 2026-11-30 22:00:00",
        ),
        (
            "2026-11-28T02:00",
            "12:00 next working day",
            "Mon 2026-11-30 12:00:00",
        ),
    ];
    for (start, at, expected) in rows {
        let then =
            ClockTime::parse(at)
                .unwrap()
                .after(shown(&night, start), night.zone(), Some(&night));
        assert_eq!(text(&night, then), expected, "{at} from {start}");
    }
    let until_midnight = calendar("Europe/Berlin", "{ mon-fri: 09:00-24:00 }");
    let clock = Clock::Calendar(&until_midnight);
    for (start, expected) in [
        ("2026-11-24T23:59", "Wed 2026-11-25 23:59:00"),
        ("2026-11-25T00:00", "Thu 2026-11-26 00:00:00"),
        ("2026-11-25T00:01", "Thu 2026-11-26 09:00:00"),
    ] {
        let then = clock.after(
            shown(&until_midnight, start),
            span(1, SpanUnit::WorkingDays),
        );
        assert_eq!(
            text(&until_midnight, then),
            expected,
            "a working day from {start}"
        );
    }
}

#[test]
fn a_timer_can_fire_exactly_when_its_wait_ends() {
    let office = calendar("UTC", HOURS[2]);
    let timer = "format: 1\nworkflow: repair\ntitle: Repair\ncalendar: office\non_new_call:\n  - timer: { after: 2h, at: \"09:00\" }\n    then: [ finish: done ]\n";
    for (start, expected) in [
        ("2026-11-24T06:59:59.999", "Tue 2026-11-24 09:00:00"),
        ("2026-11-24T07:00", "Tue 2026-11-24 09:00:00"),
        ("2026-11-24T07:00:00.001", "Wed 2026-11-25 09:00:00"),
    ] {
        assert_eq!(
            comes(timer, &office, start, 1).1,
            [expected],
            "from {start}"
        );
    }
}

pub(crate) fn import(calendar: &Calendar) -> Command {
    Command::from(ImportCalendar {
        calendar: Arc::new(calendar.clone()),
        expected: None,
    })
}
