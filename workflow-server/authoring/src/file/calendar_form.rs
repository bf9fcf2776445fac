//! The file form of calendars: the writer and the JSON Schema.

use std::fmt::Write as _;

use aftercall_definition::calendar::{Calendar, Holiday, HolidayDate, Opening, WEEKDAYS};
use aftercall_definition::limits::{HOLIDAYS_MAX, LABEL_CHARS_MAX, NAME_CHARS_MAX, OPENINGS_MAX};
use aftercall_engine::limits;
use serde_json::{Value, json};

use super::calendars::{CALENDAR, FILE, HOLIDAY};
use super::reading::FORMAT;
use super::schema_parts::object;

/// Writes a file that reads back as the same calendars, except for their revisions.
#[must_use]
pub fn write_calendars(calendars: &[Calendar]) -> String {
    let mut text = format!(
        "format: {FORMAT}\ncalendars:{}\n",
        if calendars.is_empty() { " []" } else { "" }
    );
    for calendar in calendars {
        // Writing to a text cannot fail.
        let _ = write_calendar(&mut text, calendar);
    }
    text
}

fn write_calendar(out: &mut String, calendar: &Calendar) -> std::fmt::Result {
    writeln!(out, "  - name: {}", scalar(&calendar.name))?;
    writeln!(out, "    title: {}", scalar(&calendar.title))?;
    writeln!(out, "    time_zone: {}", scalar(&calendar.time_zone))?;
    writeln!(out, "    hours:")?;
    let week = &calendar.hours.0;
    let mut first = 0;
    while first < week.len() {
        // Consecutive days with the same hours are one line.
        let last = (first..week.len())
            .take_while(|day| week[*day] == week[first])
            .last()
            .unwrap_or(first);
        let days = if first == last {
            WEEKDAYS[first].to_owned()
        } else {
            format!("{}-{}", WEEKDAYS[first], WEEKDAYS[last])
        };
        if !week[first].is_empty() {
            writeln!(out, "      {days}: {}", hours(&week[first]))?;
        }
        first = last + 1;
    }
    if !calendar.holidays.is_empty() {
        writeln!(out, "    holidays:")?;
    }
    calendar
        .holidays
        .iter()
        .try_for_each(|(date, holiday)| write_holiday(out, *date, holiday))
}

fn write_holiday(out: &mut String, date: HolidayDate, holiday: &Holiday) -> std::fmt::Result {
    if *holiday == Holiday::default() {
        return writeln!(out, "      - {date}");
    }
    write!(out, "      - {{ date: {date}")?;
    if !holiday.title.is_empty() {
        write!(out, ", title: {}", scalar(&holiday.title))?;
    }
    if !holiday.hours.is_empty() {
        write!(out, ", hours: {}", hours(&holiday.hours))?;
    }
    writeln!(out, " }}")
}

fn hours(openings: &[Opening]) -> String {
    match openings {
        [one] => one.to_string(),
        several => {
            let all: Vec<String> = several.iter().map(ToString::to_string).collect();
            format!("[{}]", all.join(", "))
        }
    }
}

/// A text, in quotes if YAML could read it as something else. The escapes of JSON are valid in
/// YAML.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 3] = ["true", "false", "null"];
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|one| one.is_alphanumeric() || " /_-.()".contains(one))
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_lowercase().as_str());
    if is_plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// The JSON Schema of a file of calendars, draft 2020-12.
#[must_use]
pub fn calendars_schema() -> Value {
    let calendars = json!({
        "type": "array",
        "maxItems": limits::CALENDARS_MAX,
        "items": calendar_schema(),
    });
    let of_file = [
        (
            "format",
            json!({ "const": FORMAT }),
            "The version of the file form: 1",
        ),
        ("calendars", calendars, "Business calendars"),
    ];
    let mut root = object(&FILE, &of_file, &["calendars"]);
    if let Value::Object(root) = &mut root {
        root.insert(
            "$schema".to_owned(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        root.insert("title".to_owned(), "Calendars of Aftercall".into());
    }
    root
}

fn calendar_schema() -> Value {
    let day = format!("({})", WEEKDAYS.join("|"));
    let days = format!("^{day}(-{day})?( *, *{day}(-{day})?)*$");
    let week = json!({
        "type": "object",
        "minProperties": 1,
        "patternProperties": { days: hours_schema() },
        "additionalProperties": false,
    });
    let name =
        json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "maxLength": NAME_CHARS_MAX });
    let holidays = json!({ "type": "array", "maxItems": HOLIDAYS_MAX, "items": holiday_schema() });
    let of_calendar = [
        ("name", name, "The name that workflows use"),
        ("title", label_schema(), "The title for people"),
        (
            "time_zone",
            json!({ "type": "string" }),
            "The IANA name of its time zone, such as Europe/Berlin",
        ),
        (
            "hours",
            week,
            "The hours of an ordinary week, by day: mon, mon-fri or mon,wed,fri",
        ),
        ("holidays", holidays, "Dates with other hours, or none"),
    ];
    object(
        &CALENDAR,
        &of_calendar,
        &["name", "title", "time_zone", "hours"],
    )
}

fn holiday_schema() -> Value {
    let date = json!({ "type": "string", "pattern": "^([0-9]{4}-)?[0-9]{2}-[0-9]{2}$" });
    let of_holiday = [
        ("date", date.clone(), "2026-12-25, or 12-25 for every year"),
        ("title", label_schema(), "The title for people"),
        (
            "hours",
            hours_schema(),
            "The hours of that day. Without hours it is closed",
        ),
    ];
    json!({ "anyOf": [date, object(&HOLIDAY, &of_holiday, &["date"])] })
}

fn hours_schema() -> Value {
    let opening =
        json!({ "type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2} *- *[0-9]{1,2}:[0-9]{2}$" });
    json!({
        "anyOf": [opening, { "type": "array", "maxItems": OPENINGS_MAX, "items": opening }],
        "description": "09:00-17:30, or a list of openings; 22:00-06:00 ends on the next day",
    })
}

fn label_schema() -> Value {
    json!({ "type": "string", "maxLength": LABEL_CHARS_MAX })
}
