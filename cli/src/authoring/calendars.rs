//! Files of calendars, as the server takes them.

use aftercall_engine::calendar::Calendar as Read;
use aftercall_engine::definition::file::read_calendars;
use aftercall_proto::workflow::v1::{Calendar, DayHours, Holiday, Weekday};

use super::files::refused;
use crate::errors::Failure;

/// Reads the text of a file of calendars; `file` is its name in faults.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Calendar>, Failure> {
    let read = read_calendars(text).map_err(|faults| refused(file, text, &faults))?;
    Ok(read.iter().map(message).collect())
}

fn message(calendar: &Read) -> Calendar {
    let days = (Weekday::Monday as i32..).zip(&calendar.hours.0).filter(|(_, openings)| !openings.is_empty());
    let hours = days
        .map(|(weekday, openings)| DayHours { weekday, openings: openings.iter().map(ToString::to_string).collect() });
    let holidays = calendar.holidays.iter();
    Calendar {
        name: calendar.name.clone(),
        title: calendar.title.clone(),
        time_zone: calendar.time_zone.clone(),
        hours: hours.collect(),
        holidays: holidays.map(|(date, title)| Holiday { date: date.to_string(), title: title.clone() }).collect(),
        revision: 0,
    }
}
