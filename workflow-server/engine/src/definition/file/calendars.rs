//! The file of calendars: `calendars: [ { name, title, time_zone, hours, holidays }, … ]`.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;

use crate::calendar::{Calendar, Opening, WEEKDAYS, WeekHours};
use crate::definition::fault::{Fault, FaultCode};
use crate::definition::file::faults::{Faults, Position};
use crate::definition::file::mapping::{self, Keys, Mapping};
use crate::definition::file::tree::{Content, Key, Node, parse};
use crate::definition::rules;
use crate::limits;

const FILE: Keys = Keys { known: &["format", "calendars"], later: &[] };
const CALENDAR: Keys = Keys { known: &["name", "title", "time_zone", "hours", "holidays"], later: &[] };
const HOLIDAY: Keys = Keys { known: &["date", "title"], later: &[] };

/// Reads calendars, in the order written.
///
/// # Errors
/// Every fault of the file.
pub fn read_calendars(text: &str) -> Result<Vec<Calendar>, Vec<Fault>> {
    let mut faults = Faults::default();
    let read = parse(text, &mut faults).map(|root| {
        let Some(file) = Mapping::of_file(&root, "a file of calendars", &mut faults) else { return Vec::new() };
        file.check_keys(&FILE, &mut faults);
        if let Some(node) = file.get("format") {
            mapping::whole(node, "format", 1, 1, &mut faults);
        }
        let list = file.require("calendars", "a file of calendars", &mut faults);
        list.map(|node| calendars(node, &mut faults)).unwrap_or_default()
    });
    match read {
        Some(calendars) if faults.is_empty() => Ok(calendars),
        _ => Err(faults.finish(&[])),
    }
}

fn calendars(node: &Node, faults: &mut Faults) -> Vec<Calendar> {
    let items = mapping::list(node, "`calendars`", faults);
    if items.len() > limits::CALENDARS_MAX {
        let message = format!("there are {} calendars; at most {} can be declared", items.len(), limits::CALENDARS_MAX);
        faults.add(FaultCode::TooLarge, node.at, message);
        return Vec::new();
    }
    let mut names = HashSet::new();
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        let Some(calendar) = calendar(item, faults) else { continue };
        if !names.insert(calendar.name.clone()) {
            faults.add(FaultCode::Duplicate, item.at, format!("the calendar `{}` is here twice", calendar.name));
        }
        for fault in calendar.faults() {
            let field = fault.field.trim_start_matches("calendar.");
            faults.add(FaultCode::BadValue, place_of(item, field), format!("`{field}`: {}", fault.message));
        }
        read.push(calendar);
    }
    read
}

fn entries(node: &Node) -> &[(Key, Node)] {
    if let Content::Map(entries) = &node.content { entries } else { &[] }
}

/// Where the field of a calendar stands, such as `hours.mon`; or what it is a part of.
fn place_of(calendar: &Node, field: &str) -> Position {
    let (key, part) = field.split_once('.').unwrap_or((field, ""));
    let Some((_, node)) = entries(calendar).iter().find(|(known, _)| known.text == key) else { return calendar.at };
    let day = WEEKDAYS.iter().position(|day| *day == part);
    let says = |key: &str| day.zip(days(key)).is_some_and(|(day, (from, to))| (from..=to).contains(&day));
    let of_day = entries(node).iter().find(|(key, _)| says(&key.text)).map(|(_, openings)| openings.at);
    of_day.unwrap_or(node.at)
}

fn calendar(node: &Node, faults: &mut Faults) -> Option<Calendar> {
    let calendar = Mapping::of(node, "a calendar", faults)?;
    calendar.check_keys(&CALENDAR, faults);
    let mut text = |key: &str| {
        let node = calendar.require(key, "a calendar", faults)?;
        Some((node.at, mapping::text(node, key, faults)?))
    };
    let (name, title, zone) = (text("name"), text("title"), text("time_zone"));
    let hours = calendar.require("hours", "a calendar", faults).and_then(|node| hours(node, faults));
    let holidays = calendar.get("holidays").map(|node| holidays(node, faults)).unwrap_or_default();
    let ((_, name), (_, title), (at, zone)) = (name?, title?, zone?);
    let has_hours = hours.is_some();
    match Calendar::new(name, title, zone, hours.unwrap_or_default(), holidays) {
        Ok(calendar) => has_hours.then_some(calendar),
        Err(wrong) => {
            faults.add(FaultCode::BadValue, at, wrong.to_string());
            None
        }
    }
}

/// `{ mon-fri: [ 09:00-12:00, 13:00-17:00 ], sat: 10:00-14:00 }`.
fn hours(node: &Node, faults: &mut Faults) -> Option<WeekHours> {
    let mapping = Mapping::of(node, "`hours`", faults)?;
    let (mut hours, mut are_known) = (WeekHours::default(), true);
    for (key, value) in mapping.entries {
        let Some((from, to)) = days(&key.text) else {
            let backwards = key.text.split_once('-').is_some_and(|(from, to)| days(&format!("{to}-{from}")).is_some());
            let hint = if backwards { "; a range ends later in the week than it begins" } else { "" };
            let message =
                format!("`hours` has days such as mon, sat or mon-fri, not {}{hint}", rules::quoted(&key.text));
            faults.add(FaultCode::UnknownKey, key.at, message);
            are_known = false;
            continue;
        };
        let openings = openings(value, faults);
        for (day, word) in hours.0[from..=to].iter_mut().zip(&WEEKDAYS[from..=to]) {
            if !day.is_empty() {
                faults.add(FaultCode::Duplicate, key.at, format!("{word} has hours already"));
            }
            day.clone_from(&openings);
        }
    }
    // Where a day was misspelt nothing more is said of what is open.
    (are_known || !hours.is_empty()).then_some(hours)
}

/// The places in the week of `mon` or `mon-fri`.
fn days(text: &str) -> Option<(usize, usize)> {
    let place = |word: &str| WEEKDAYS.iter().position(|day| *day == word);
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (place(from)?, place(to)?);
    (from <= to).then_some((from, to))
}

fn openings(node: &Node, faults: &mut Faults) -> Vec<Opening> {
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut openings = Vec::with_capacity(items.len());
    for item in items {
        let Some(text) = mapping::text(item, "hours", faults) else { continue };
        match Opening::parse(text) {
            Some(opening) => openings.push(opening),
            None => {
                let message = format!("{} is not an opening: write it as 09:00-17:30", rules::quoted(text));
                faults.add(FaultCode::BadValue, item.at, message);
            }
        }
    }
    openings
}

fn holidays(node: &Node, faults: &mut Faults) -> BTreeMap<Date, String> {
    let mut holidays = BTreeMap::new();
    for item in mapping::list(node, "`holidays`", faults) {
        let Some((at, date, title)) = holiday(item, faults) else { continue };
        match date.parse() {
            Ok(date) => {
                holidays.insert(date, title);
            }
            Err(_) => {
                let message = format!("{} is not a date: write it as 2026-12-25", rules::quoted(&date));
                faults.add(FaultCode::BadValue, at, message);
            }
        }
    }
    holidays
}

/// A date alone, or `{ date, title }`.
fn holiday(node: &Node, faults: &mut Faults) -> Option<(Position, String, String)> {
    if mapping::is_scalar(node) {
        return Some((node.at, mapping::text(node, "date", faults)?.to_owned(), String::new()));
    }
    let holiday = Mapping::of(node, "a holiday", faults)?;
    holiday.check_keys(&HOLIDAY, faults);
    let date = holiday.require("date", "a holiday", faults)?;
    let title = holiday.get("title").and_then(|node| mapping::text(node, "title", faults)).unwrap_or_default();
    Some((date.at, mapping::text(date, "date", faults)?.to_owned(), title.to_owned()))
}
