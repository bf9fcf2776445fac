//! Calendars, between the API and the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use aftercall_engine::Root;
use aftercall_engine::calendar::{Calendar, Opening, WeekHours};
use aftercall_engine::command::Command;
use aftercall_proto::workflow::v1 as proto;
use prost::Message as _;
use tonic::Status;

use super::definitions::author;
use super::requests::Faults;
use super::{Shared, status};

pub(super) async fn import(
    shared: &Shared,
    request: proto::ImportCalendarRequest,
) -> Result<proto::ImportCalendarResponse, Status> {
    let mut faults = Faults::default();
    let given = request.calendar.clone().unwrap_or_default();
    let calendar = calendar(&given, &mut faults);
    faults.check()?;
    let Some(calendar) = calendar else { return Err(status::invalid_field("calendar", "must be given")) };
    let calendar = Arc::new(calendar);
    let command = Command::ImportCalendar { calendar: calendar.clone(), expected: request.expected_revision };
    let asking = author("ImportCalendar", &request.actor, &request.request_id, request.encode_to_vec());
    let answered = shared.execute(asking, command).await?;
    let calendar = Some(proto::Calendar { revision: answered.revision()?, ..shown(&calendar) });
    Ok(proto::ImportCalendarResponse { calendar, sequence: answered.sequence })
}

pub(super) fn find(root: &Root, name: &str) -> Result<proto::Calendar, Status> {
    let missing = || status::not_found("calendar", name, format!("there is no calendar `{name}`"));
    root.calendars.named(name).map(|calendar| shown(calendar)).ok_or_else(missing)
}

pub(super) fn shown(calendar: &Calendar) -> proto::Calendar {
    let day = |(weekday, openings): (i32, &Vec<Opening>)| proto::DayHours {
        weekday,
        openings: openings.iter().map(ToString::to_string).collect(),
    };
    let days = (proto::Weekday::Monday as i32..).zip(&calendar.hours.0).filter(|(_, openings)| !openings.is_empty());
    let holiday =
        |(date, title): (&jiff::civil::Date, &String)| proto::Holiday { date: date.to_string(), title: title.clone() };
    proto::Calendar {
        name: calendar.name.clone(),
        title: calendar.title.clone(),
        time_zone: calendar.time_zone.clone(),
        hours: days.map(day).collect(),
        holidays: calendar.holidays.iter().map(holiday).collect(),
        revision: calendar.revision,
    }
}

fn calendar(given: &proto::Calendar, faults: &mut Faults) -> Option<Calendar> {
    let mut hours = WeekHours::default();
    for day in &given.hours {
        let place = usize::try_from(day.weekday).ok().and_then(|weekday| weekday.checked_sub(1));
        let Some(openings) = place.and_then(|place| hours.0.get_mut(place)) else {
            faults.add("calendar.hours.weekday", "must be a day of the week");
            continue;
        };
        if !openings.is_empty() {
            faults.add("calendar.hours.weekday", "is there twice");
        }
        for text in &day.openings {
            match Opening::parse(text) {
                Some(opening) => openings.push(opening),
                None => faults.add("calendar.hours.openings", "must be written as 09:00-17:30"),
            }
        }
    }
    let mut holidays = BTreeMap::new();
    for holiday in &given.holidays {
        match holiday.date.parse() {
            Ok(date) => {
                holidays.insert(date, holiday.title.clone());
            }
            Err(_) => faults.add("calendar.holidays.date", "must be a date such as 2026-12-25"),
        }
    }
    match Calendar::new(&given.name, &given.title, &given.time_zone, hours, holidays) {
        Ok(calendar) => Some(calendar),
        Err(_) => {
            faults.add("calendar.time_zone", "must be the IANA name of a time zone, such as Europe/Berlin");
            None
        }
    }
}
