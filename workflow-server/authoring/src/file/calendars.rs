//! The file of calendars: `calendars: [ { name, title, time_zone, hours, holidays }, … ]`.

use std::collections::HashSet;

use aftercall_definition::calendar::{
    Calendar, Holiday, HolidayDate, Holidays, Opening, WEEKDAYS, WeekHours, meant_days,
    meant_opening,
};
use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::rules;
use aftercall_engine::limits;

use crate::file::faults::Faults;
use crate::file::mapping::{self, Keys, Mapping};
use crate::file::position::Position;
use crate::file::tree::{Content, Key, Node, parse};

pub(super) const FILE: Keys = Keys {
    known: &["format", "calendars"],
    later: &[],
};
pub(super) const CALENDAR: Keys = Keys {
    known: &["name", "title", "time_zone", "hours", "holidays"],
    later: &[],
};
pub(super) const HOLIDAY: Keys = Keys {
    known: &["date", "title", "hours"],
    later: &[],
};

/// Reads calendars, in the order of the file.
///
/// # Errors
/// All errors of the file.
pub fn read_calendars(text: &str) -> Result<Vec<Calendar>, Vec<Fault>> {
    let mut faults = Faults::default();
    let read = parse(text, &mut faults).map(|root| {
        let Some(file) = Mapping::from_file(&root, "a file of calendars", &mut faults) else {
            return Vec::new();
        };
        file.check_keys(&FILE, &mut faults);
        if let Some(node) = file.get("format") {
            mapping::whole_number(node, "format", 1, 1, &mut faults);
        }
        let list = file.require("calendars", "a file of calendars", &mut faults);
        list.map(|node| calendars(node, &mut faults))
            .unwrap_or_default()
    });
    match read {
        Some(calendars) if faults.is_empty() => Ok(calendars),
        _ => Err(faults.finish(&[])),
    }
}

fn calendars(node: &Node, faults: &mut Faults) -> Vec<Calendar> {
    let items = mapping::list(node, "`calendars`", faults);
    if items.len() > limits::CALENDARS_MAX {
        let message = format!(
            "there are {} calendars; at most {} can be declared",
            items.len(),
            limits::CALENDARS_MAX
        );
        faults.add(FaultCode::TooLarge, node.at, message);
        return Vec::new();
    }
    let mut names = HashSet::new();
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        let Some((calendar, are_hours_read)) = calendar(item, faults) else {
            continue;
        };
        if !names.insert(calendar.name.clone()) {
            faults.add(
                FaultCode::Duplicate,
                item.at,
                format!("the calendar `{}` is here twice", calendar.name),
            );
        }
        for fault in calendar.faults() {
            let field = fault.field.trim_start_matches("calendar.");
            // If the hours are invalid, an error about a calendar that is never open would be
            // wrong.
            if field == "hours" && !are_hours_read {
                continue;
            }
            faults.add(
                FaultCode::BadValue,
                place_of(item, field),
                format!("`{field}`: {}", fault.message),
            );
        }
        read.push(calendar);
    }
    read
}

fn entries(node: &Node) -> &[(Key, Node)] {
    if let Content::Map(entries) = &node.content {
        entries
    } else {
        &[]
    }
}

/// The position of a field of a calendar, such as `hours.mon`, or else of its parent.
fn place_of(calendar: &Node, field: &str) -> Position {
    let (key, part) = field.split_once('.').unwrap_or((field, ""));
    let Some((_, node)) = entries(calendar)
        .iter()
        .find(|(known, _)| known.text == key)
    else {
        return calendar.at;
    };
    if let Content::List(items) = &node.content {
        let says = |item: &&Node| date_of(item).is_some_and(|(_, text)| text == part);
        return items.iter().find(says).map_or(node.at, |item| item.at);
    }
    let day = WEEKDAYS.iter().position(|day| *day == part);
    let says = |key: &str| {
        day.zip(days(key))
            .is_some_and(|(day, days)| days.contains(&day))
    };
    let of_day = entries(node)
        .iter()
        .find(|(key, _)| says(&key.text))
        .map(|(_, openings)| openings.at);
    of_day.unwrap_or(node.at)
}

/// Reads a calendar. Also returns whether all of its hours were valid.
fn calendar(node: &Node, faults: &mut Faults) -> Option<(Calendar, bool)> {
    let calendar = Mapping::from_node(node, "a calendar", faults)?;
    calendar.check_keys(&CALENDAR, faults);
    let mut text = |key: &str| {
        let node = calendar.require(key, "a calendar", faults)?;
        Some((node.at, mapping::text(node, key, faults)?))
    };
    let (name, title, zone) = (text("name"), text("title"), text("time_zone"));
    let hours = calendar
        .require("hours", "a calendar", faults)
        .and_then(|node| hours(node, faults));
    let holidays = calendar
        .get("holidays")
        .map(|node| holidays(node, faults))
        .unwrap_or_default();
    let ((_, name), (_, title), (at, zone)) = (name?, title?, zone?);
    let (hours, are_hours_read) = hours.unwrap_or_default();
    match Calendar::new(name, title, zone, hours, holidays) {
        Ok(calendar) => Some((calendar, are_hours_read)),
        Err(wrong) => {
            faults.add(FaultCode::BadValue, at, wrong.to_string());
            None
        }
    }
}

/// Reads `{ mon-fri: [ 09:00-12:00, 13:00-17:00 ], "sat,sun": 10:00-14:00 }`. Also returns whether
/// all of it was valid.
fn hours(node: &Node, faults: &mut Faults) -> Option<(WeekHours, bool)> {
    let mapping = Mapping::from_node(node, "`hours`", faults)?;
    let (mut hours, mut is_read) = (WeekHours::default(), true);
    for (key, value) in mapping.entries {
        let Some(days) = days(&key.text) else {
            faults.add(FaultCode::UnknownKey, key.at, no_days(&key.text));
            is_read = false;
            continue;
        };
        if is_empty(value) {
            let message = format!(
                "{} has no hours: leave it out where it is closed; in braces, several days are quoted: {{ \"mon,tue\": 09:00-17:00 }}",
                rules::quoted(&key.text)
            );
            faults.add(FaultCode::BadValue, key.at, message);
            is_read = false;
            continue;
        }
        let openings = openings(value, faults, &mut is_read);
        for day in days {
            if !hours.0[day].is_empty() {
                faults.add(
                    FaultCode::Duplicate,
                    key.at,
                    format!("{} has hours already", WEEKDAYS[day]),
                );
            }
            hours.0[day].clone_from(&openings);
        }
    }
    Some((hours, is_read))
}

fn no_days(text: &str) -> String {
    let backwards = text
        .split_once('-')
        .is_some_and(|(from, to)| days(&format!("{to}-{from}")).is_some());
    let hint = match meant_days(text).filter(|meant| days(meant).is_some()) {
        _ if backwards => "; a range ends later in the week than it begins".to_owned(),
        Some(meant) => format!("; write {meant}"),
        None => String::new(),
    };
    format!(
        "`hours` has days such as mon, sat, mon-fri or mon,wed,fri, not {}{hint}",
        rules::quoted(text)
    )
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar { text, plain: true } if text.is_empty())
}

/// The weekdays of `mon`, `mon-fri` or `mon,wed-fri`, as indexes.
fn days(text: &str) -> Option<Vec<usize>> {
    let place = |word: &str| WEEKDAYS.iter().position(|day| *day == word);
    let mut days = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (place(from.trim())?, place(to.trim())?);
        if from > to {
            return None;
        }
        days.extend(from..=to);
    }
    Some(days)
}

fn openings(node: &Node, faults: &mut Faults, is_read: &mut bool) -> Vec<Opening> {
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut openings = Vec::with_capacity(items.len());
    for item in items {
        let opening = mapping::text(item, "hours", faults).map(|text| (text, Opening::parse(text)));
        match opening {
            Some((_, Some(opening))) => openings.push(opening),
            Some((text, None)) => {
                let example = meant_opening(text)
                    .map_or_else(|| "09:00-17:30".to_owned(), |meant| meant.to_string());
                let message = format!(
                    "{} is not an opening: write it as {example}",
                    rules::quoted(text)
                );
                faults.add(FaultCode::BadValue, item.at, message);
                *is_read = false;
            }
            None => *is_read = false,
        }
    }
    openings
}

fn holidays(node: &Node, faults: &mut Faults) -> Holidays {
    let mut holidays = Holidays::new();
    for item in mapping::list(node, "`holidays`", faults) {
        let Some((at, text, holiday)) = holiday(item, faults) else {
            continue;
        };
        let Some(date) = HolidayDate::parse(&text) else {
            let message = format!(
                "{} is not a date: write it as 2026-12-25, or 12-25 for every year",
                rules::quoted(&text)
            );
            faults.add(FaultCode::BadValue, at, message);
            continue;
        };
        if holidays.insert(date, holiday).is_some() {
            faults.add(
                FaultCode::Duplicate,
                at,
                format!("the date `{date}` is here twice"),
            );
        }
    }
    holidays
}

/// The date of an item of `holidays`.
fn date_of(node: &Node) -> Option<(Position, &str)> {
    let of_map = || {
        entries(node)
            .iter()
            .find(|(key, _)| key.text == "date")
            .map(|(_, node)| node)
    };
    let date = if mapping::is_scalar(node) {
        Some(node)
    } else {
        of_map()
    };
    date.and_then(|node| {
        if let Content::Scalar { text, .. } = &node.content {
            Some((node.at, text.as_str()))
        } else {
            None
        }
    })
}

/// A date, or `{ date, title, hours }`.
fn holiday(node: &Node, faults: &mut Faults) -> Option<(Position, String, Holiday)> {
    if mapping::is_scalar(node) {
        return Some((
            node.at,
            mapping::text(node, "date", faults)?.to_owned(),
            Holiday::default(),
        ));
    }
    let holiday = Mapping::from_node(node, "a holiday", faults)?;
    holiday.check_keys(&HOLIDAY, faults);
    let date = holiday.require("date", "a holiday", faults)?;
    let title = holiday
        .get("title")
        .and_then(|node| mapping::text(node, "title", faults))
        .unwrap_or_default();
    let hours = holiday
        .get("hours")
        .map(|node| openings(node, faults, &mut true))
        .unwrap_or_default();
    Some((
        date.at,
        mapping::text(date, "date", faults)?.to_owned(),
        Holiday {
            title: title.to_owned(),
            hours,
        },
    ))
}
