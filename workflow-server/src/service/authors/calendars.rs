//! Calendars, between the API and the engine.

use std::sync::Arc;

use aftercall_definition::calendar::{
    Calendar, Holiday, HolidayDate, Holidays, Opening, WeekHours, meant_opening,
};
use aftercall_engine::command::ImportCalendar;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::service::ask::{Asking, Faults};
use crate::service::say::refusal::Missing;
use crate::service::say::{Refusal, refusal};
use crate::service::shared::Shared;
use crate::service::view::Names;

pub(crate) async fn import(
    shared: &Shared,
    asked: Asked<proto::ImportCalendarRequest>,
) -> Result<proto::ImportCalendarResponse, Refusal> {
    let request = &asked.request;
    let mut faults = Faults::default();
    let given = request.calendar.clone().unwrap_or_default();
    let calendar = calendar(&given, &mut faults);
    faults.check()?;
    let Some(calendar) = calendar else {
        return Err(refusal::invalid_field("calendar", "must be given"));
    };
    let calendar = Arc::new(calendar);
    let command = ImportCalendar {
        calendar: calendar.clone(),
        expected: request.expected_revision,
    };
    let asking = Asking::of_author(&asked);
    let answered = shared.execute(asking, command).await?;
    let calendar = Some(proto::Calendar {
        revision: answered.revision()?,
        ..shown(&calendar)
    });
    Ok(proto::ImportCalendarResponse {
        calendar,
        sequence: answered.sequence,
    })
}

pub(crate) fn find(names: &Names, name: &str) -> Result<proto::Calendar, Refusal> {
    let missing = || {
        refusal::not_found(
            Missing::Calendar,
            name,
            format!("there is no calendar `{name}`"),
        )
    };
    names
        .calendars()
        .named(name)
        .map(|calendar| shown(calendar))
        .ok_or_else(missing)
}

pub(crate) fn shown(calendar: &Calendar) -> proto::Calendar {
    let day = |(weekday, openings): (i32, &Vec<Opening>)| proto::DayHours {
        weekday,
        openings: openings.iter().map(ToString::to_string).collect(),
    };
    let days = (proto::Weekday::Monday as i32..)
        .zip(&calendar.hours.0)
        .filter(|(_, openings)| !openings.is_empty());
    let holiday = |(date, holiday): (&HolidayDate, &Holiday)| proto::Holiday {
        date: date.to_string(),
        title: holiday.title.clone(),
        openings: holiday.hours.iter().map(ToString::to_string).collect(),
    };
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
        let place = usize::try_from(day.weekday)
            .ok()
            .and_then(|weekday| weekday.checked_sub(1));
        let Some(openings) = place.and_then(|place| hours.0.get_mut(place)) else {
            faults.add("calendar.hours.weekday", "must be a day of the week");
            continue;
        };
        if !openings.is_empty() {
            faults.add("calendar.hours.weekday", "is there twice");
        }
        openings.extend(self::openings(
            "calendar.hours.openings",
            &day.openings,
            faults,
        ));
    }
    let mut holidays = Holidays::new();
    for given in &given.holidays {
        let Some(date) = HolidayDate::parse(&given.date) else {
            faults.add(
                "calendar.holidays.date",
                "must be a date such as 2026-12-25, or 12-25 for every year",
            );
            continue;
        };
        let hours = openings("calendar.holidays.openings", &given.openings, faults);
        if holidays
            .insert(
                date,
                Holiday {
                    title: given.title.clone(),
                    hours,
                },
            )
            .is_some()
        {
            faults.add("calendar.holidays.date", format!("{date} is there twice"));
        }
    }
    match Calendar::new(&given.name, &given.title, &given.time_zone, hours, holidays) {
        Ok(calendar) => Some(calendar),
        Err(_) => {
            faults.add(
                "calendar.time_zone",
                "must be the IANA name of a time zone, such as Europe/Berlin",
            );
            None
        }
    }
}

fn openings(field: &'static str, given: &[String], faults: &mut Faults) -> Vec<Opening> {
    let mut read = Vec::with_capacity(given.len());
    for text in given {
        match Opening::parse(text) {
            Some(opening) => read.push(opening),
            None => {
                let meant = meant_opening(text)
                    .map_or_else(|| "09:00-17:30".to_owned(), |meant| meant.to_string());
                faults.add(field, format!("must be written as {meant}"));
            }
        }
    }
    read
}
