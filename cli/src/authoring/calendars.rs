//! Files of calendars, as the server takes them.

use aftercall_authoring::file::{calendars_schema, read_calendars, write_calendars};
use aftercall_definition::calendar::{
    Calendar as Read, Holiday as ReadHoliday, HolidayDate, Opening, WeekHours,
};
use aftercall_proto::workflow::v1::{Calendar, DayHours, Holiday, Weekday};

use super::files::refused;
use crate::errors::Failure;

/// Reads the text of a file of calendars; `file` is its name in errors.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Calendar>, Failure> {
    let read = read_calendars(text).map_err(|faults| refused(file, text, &faults))?;
    Ok(read.iter().map(message).collect())
}

fn message(calendar: &Read) -> Calendar {
    let days = (Weekday::Monday as i32..)
        .zip(&calendar.hours.0)
        .filter(|(_, openings)| !openings.is_empty());
    let hours = days.map(|(weekday, openings)| DayHours {
        weekday,
        openings: openings.iter().map(ToString::to_string).collect(),
    });
    let holidays = calendar.holidays.iter().map(|(date, holiday)| Holiday {
        date: date.to_string(),
        title: holiday.title.clone(),
        openings: holiday.hours.iter().map(ToString::to_string).collect(),
    });
    Calendar {
        name: calendar.name.clone(),
        title: calendar.title.clone(),
        time_zone: calendar.time_zone.clone(),
        hours: hours.collect(),
        holidays: holidays.collect(),
        revision: 0,
    }
}

/// Writes calendars of a server as a file that can be imported again.
pub(crate) fn write(calendars: &[Calendar]) -> Result<String, Failure> {
    let unknown = |calendar: &Calendar| {
        Failure::refused(format!(
            "The calendar {} has something that this version does not know.",
            calendar.name
        ))
    };
    let read: Result<Vec<Read>, Failure> = calendars
        .iter()
        .map(|calendar| from_message(calendar).ok_or_else(|| unknown(calendar)))
        .collect();
    Ok(write_calendars(&read?))
}

fn from_message(calendar: &Calendar) -> Option<Read> {
    let openings = |texts: &[String]| {
        texts
            .iter()
            .map(|text| Opening::parse(text))
            .collect::<Option<Vec<_>>>()
    };
    let mut hours = WeekHours::default();
    for day in &calendar.hours {
        let place = usize::try_from(day.weekday).ok()?.checked_sub(1)?;
        *hours.0.get_mut(place)? = openings(&day.openings)?;
    }
    let holiday = |one: &Holiday| {
        let hours = openings(&one.openings)?;
        Some((
            HolidayDate::parse(&one.date)?,
            ReadHoliday {
                title: one.title.clone(),
                hours,
            },
        ))
    };
    let holidays = calendar
        .holidays
        .iter()
        .map(holiday)
        .collect::<Option<_>>()?;
    Read::new(
        &calendar.name,
        &calendar.title,
        &calendar.time_zone,
        hours,
        holidays,
    )
    .ok()
}

/// The JSON Schema of a file of calendars, as text.
pub(crate) fn schema() -> Result<String, Failure> {
    serde_json::to_string_pretty(&calendars_schema())
        .map_err(|error| Failure::refused(format!("The schema cannot be shown: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendars_are_exported_as_imported() {
        let file = "format: 1\ncalendars:\n  - name: office\n    title: Office\n    time_zone: Europe/Berlin\n    hours:\n      mon-fri: [08:00-12:00, 13:00-17:00]\n      sun: 22:00-06:00\n    holidays:\n      - { date: 2026-12-24, title: Christmas Eve, hours: 08:00-12:00 }\n      - 12-25\n";
        assert_eq!(write(&read("file", file).unwrap()).unwrap(), file);
    }
}
