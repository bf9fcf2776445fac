//! Special days: half days, a Saturday with opening hours, yearly holidays. Also opening hours with
//! typing errors.

use aftercall_authoring::file::{calendars_schema, read_calendars, write_calendars};
use aftercall_definition::calendar::{
    Calendar, Clock, ClockTime, Holiday, HolidayDate, Holidays, Opening, WeekHours,
};
use aftercall_definition::rules;
use aftercall_definition::time::Time;
use jiff::civil::{Date, DateTime};
use proptest::prelude::*;
use proptest::sample::select;

fn file(hours: &str, holidays: &str) -> String {
    format!(
        "format: 1\ncalendars:\n  - name: c23\n    title: C\n    time_zone: Europe/Berlin\n    hours: {hours}\n    holidays: {holidays}\n"
    )
}

fn calendar(hours: &str, holidays: &str) -> Calendar {
    read_calendars(&file(hours, holidays))
        .unwrap_or_else(|faults| panic!("{faults:#?}"))
        .remove(0)
}

fn faults(hours: &str, holidays: &str) -> Vec<String> {
    let faults = read_calendars(&file(hours, holidays)).expect_err("an error");
    faults
        .into_iter()
        .map(|fault| format!("{}: {}", fault.line, fault.message))
        .collect()
}

fn moment(calendar: &Calendar, text: &str) -> Time {
    let at: DateTime = text.parse().unwrap();
    Time(
        at.to_zoned_datetime(calendar.zone().clone())
            .unwrap()
            .timestamp()
            .as_millisecond(),
    )
}

const WEEK: &str = "{ mon-fri: 09:00-17:00 }";

#[test]
fn durations_count_in_the_hours_of_the_day() {
    let calendar = calendar(
        WEEK,
        "[ { date: 2026-12-24, hours: 09:00-12:00 }, 12-25, { date: 2026-12-19, title: Open for once, hours: [09:00-11:00, 14:00-15:00] }, { date: 12-31, hours: 09:00-12:00 }, 2027-12-31 ]",
    );
    let clock = Clock::Calendar(&calendar);
    for (start, span, end) in [
        // Half a day, then a holiday.
        ("2026-12-24T10:00", "4h", "2026-12-28T11:00"),
        ("2026-12-24T10:00", "2h", "2026-12-24T12:00"),
        ("2026-12-23T16:00", "1wd", "2026-12-24T12:00"),
        ("2026-12-24T10:00", "1wd", "2026-12-28T10:00"),
        // A Saturday with opening hours.
        ("2026-12-18T16:00", "4h", "2026-12-19T15:00"),
        ("2026-12-18T10:00", "1wd", "2026-12-19T10:00"),
        // Every year, and one date with an exception.
        ("2028-12-22T16:00", "2h", "2028-12-26T10:00"),
        ("2026-12-31T11:00", "2h", "2027-01-01T10:00"),
        ("2027-12-30T16:00", "2h", "2028-01-03T10:00"),
    ] {
        let then = clock.after(moment(&calendar, start), rules::span(span).unwrap());
        assert_eq!(then, moment(&calendar, end), "{start} + {span}");
    }
    let next = ClockTime::parse("09:00 next working day").unwrap();
    let after =
        |start: &str| next.after(moment(&calendar, start), calendar.zone(), Some(&calendar));
    assert_eq!(
        after("2026-12-18T10:00"),
        moment(&calendar, "2026-12-19T09:00")
    );
    assert_eq!(
        after("2026-12-24T10:00"),
        moment(&calendar, "2026-12-28T09:00")
    );
}

#[test]
fn special_hours_of_a_night_shift_apply_past_midnight() {
    let night = calendar(
        "{ mon-sun: 22:00-06:00 }",
        "[ { date: 2026-12-24, hours: 20:00-02:00 }, 2026-12-25 ]",
    );
    let clock = Clock::Calendar(&night);
    for (start, span, end) in [
        ("2026-12-24T19:00", "6h", "2026-12-25T02:00"),
        ("2026-12-24T19:00", "7h", "2026-12-26T23:00"),
    ] {
        let then = clock.after(moment(&night, start), rules::span(span).unwrap());
        assert_eq!(then, moment(&night, end), "{start} + {span}");
    }
}

#[test]
fn duplicate_dates_and_overlapping_hours_are_errors() {
    assert_eq!(
        faults(
            WEEK,
            "[ 2026-12-25, { date: 2026-12-25, title: Christmas } ]"
        ),
        ["7: the date `2026-12-25` is here twice"]
    );
    assert_eq!(
        faults(WEEK, "[ 12-25, 2026-12-25, 12-25 ]"),
        ["7: the date `12-25` is here twice"]
    );
    assert_eq!(
        faults(WEEK, "[ 02-30, 2026-02-29, 26-12-24, 2026-12-24T09:00 ]"),
        ["02-30", "2026-02-29", "26-12-24", "2026-12-24T09:00"].map(|date| format!(
            "7: `{date}` is not a date: write it as 2026-12-25, or 12-25 for every year"
        ))
    );
    let overlap = "openings overlap, or are not in order; one that goes over midnight reaches into the next day";
    assert_eq!(
        faults(
            WEEK,
            "[ { date: 2026-12-24, hours: [09:00-12:00, 11:00-13:00] } ]"
        ),
        [format!("7: `holidays.2026-12-24`: {overlap}")]
    );
    // The hours of the night before continue into a day that is open too.
    assert_eq!(
        faults(
            "{ mon-thu: 09:00-17:00, fri: 22:00-10:00 }",
            "[ { date: 07-04, hours: 09:00-12:00 } ]"
        ),
        [format!("7: `holidays.07-04`: {overlap}")]
    );
    assert!(
        read_calendars(&file(
            WEEK,
            "[ 02-29, { date: 2028-02-29, hours: 09:00-12:00 }, { date: 12-24, hours: [] } ]"
        ))
        .is_ok()
    );
}

#[test]
fn mistyped_hours_are_rejected_with_the_right_spelling() {
    for text in [
        "9-17",
        "9am-5pm",
        "09:00\u{2013}17:00",
        "0900-1700",
        "9.00-17.00",
    ] {
        let expected = [format!(
            "6: `{text}` is not an opening: write it as 09:00-17:00"
        )];
        assert_eq!(faults(&format!("{{ mon-fri: {text} }}"), "[]"), expected);
        let expected = [format!(
            "7: `{text}` is not an opening: write it as 09:00-17:00"
        )];
        assert_eq!(
            faults(WEEK, &format!("[ {{ date: 2026-12-24, hours: {text} }} ]")),
            expected
        );
    }
    assert_eq!(
        faults("{ mon-fri: closed }", "[]"),
        ["6: `closed` is not an opening: write it as 09:00-17:30"]
    );
    assert_eq!(
        faults("{ Monday-Friday: 09:00-17:00 }", "[]"),
        [
            "6: `hours` has days such as mon, sat, mon-fri or mon,wed,fri, not `Monday-Friday`; write mon-fri"
        ]
    );
    assert_eq!(
        faults("{ mon,tue: 09:00-17:00 }", "[]").len(),
        1,
        "in braces a comma ends the key"
    );
    assert!(faults("{ mon,tue: 09:00-17:00 }", "[]")[0].contains("several days are quoted"));
    assert_eq!(
        faults("{}", "[]"),
        ["6: `hours`: is never open: give it hours on at least one day"]
    );
}

#[test]
fn lists_of_days_are_accepted() {
    let expected = calendar(
        "{ mon: 09:00-17:00, wed: 09:00-17:00, fri: 09:00-17:00 }",
        "[]",
    );
    for days in [
        "{ \"mon,wed,fri\": 09:00-17:00 }",
        "\n      mon,wed,fri: 09:00-17:00",
        "\n      mon, wed-wed, fri: 09:00-17:00",
    ] {
        assert_eq!(calendar(days, "[]"), expected, "{days}");
    }
    assert_eq!(
        faults("\n      mon,mon: 09:00-17:00", "[]"),
        ["7: mon has hours already"]
    );
}

fn openings() -> impl Strategy<Value = Vec<Opening>> {
    let hour = |from: u16, to: u16| Opening {
        from: from * 60,
        to: to * 60,
    };
    select(vec![
        vec![],
        vec![hour(9, 17)],
        vec![hour(8, 12), hour(13, 18)],
        vec![hour(12, 24)],
    ])
}

prop_compose! {
    fn calendars()(
        week in prop::collection::vec(openings(), 7),
        holidays in prop::collection::btree_map(
            prop_oneof![
                (0_i64..2_000).prop_map(|days| HolidayDate::Once(Date::constant(2026, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap())),
                (1_i8..=12, 1_i8..=28).prop_map(|(month, day)| HolidayDate::Yearly { month, day }),
            ],
            (select(vec!["", "Half a day", "true", "it's: \"so\" # é"]), openings()).prop_map(|(title, hours)| Holiday { title: title.to_owned(), hours }),
            0..6,
        ),
        title in select(vec!["Office hours", "null", "- x", "ä: b"]),
    ) -> Option<Calendar> {
        let holidays: Holidays = holidays;
        let hours = WeekHours(week.try_into().ok()?);
        let calendar = Calendar::new("office", title, "Europe/London", hours, holidays).ok()?;
        calendar.faults().is_empty().then_some(calendar)
    }
}

proptest! {
    #[test]
    fn a_written_calendar_reads_back_and_matches_the_schema(calendar in calendars()) {
        let Some(calendar) = calendar else { return Ok(()) };
        let text = write_calendars(std::slice::from_ref(&calendar));
        prop_assert_eq!(read_calendars(&text), Ok(vec![calendar]), "{}", text);
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let schema = jsonschema::validator_for(&calendars_schema()).unwrap();
        let errors: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        prop_assert_eq!(errors, Vec::<String>::new(), "{}", text);
    }
}

#[test]
fn the_schema_refuses_an_invalid_file() {
    let schema = jsonschema::validator_for(&calendars_schema()).unwrap();
    let is_valid =
        |text: &str| schema.is_valid(&serde_saphyr::from_str::<serde_json::Value>(text).unwrap());
    assert!(is_valid(&file(
        "{ \"mon,wed-fri\": 09:00-17:00 }",
        "[ 12-24, { date: 2026-12-25, hours: 09:00-12:00 } ]"
    )));
    for (hours, holidays) in [
        ("{ mon-fri: 9-17 }", "[]"),
        ("{ Monday: 09:00-17:00 }", "[]"),
        (WEEK, "[ { date: 2026-12-24, open: 09:00-12:00 } ]"),
    ] {
        assert!(!is_valid(&file(hours, holidays)), "{hours} {holidays}");
    }
}
