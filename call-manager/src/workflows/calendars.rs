//! Calendars: the list, and a form for one with its hours and holidays.

use std::collections::HashMap;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    Calendar, DayHours, Holiday, ImportCalendarRequest, ListCalendarsRequest, Weekday,
};
use askama::Template;
use axum::extract::{Form, Query};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::form::Texts;
use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::people::Person;
use crate::trouble::Trouble;
use crate::visit::{Visit, refused, request_id};
use crate::words::workflows::WorkflowsWords;

/// Which calendar is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    name: String,
    done: String,
}

/// A calendar as its form has it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Typed {
    name: String,
    title: String,
    time_zone: String,
    /// The openings of each day, from Monday.
    days: [String; 7],
    /// A line for each holiday: its date, its openings, its title.
    holidays: String,
    /// The revision that was looked at; 0 for a new one.
    revision: u64,
}

impl From<&Calendar> for Typed {
    fn from(calendar: &Calendar) -> Self {
        let mut days: [String; 7] = Default::default();
        for day in &calendar.hours {
            let at = usize::try_from(day.weekday - 1).ok();
            if let Some(hours) = at.and_then(|at| days.get_mut(at)) {
                *hours = day.openings.join(", ");
            }
        }
        let holidays = calendar.holidays.iter().map(|holiday| {
            let hours = match holiday.openings.as_slice() {
                [] => String::new(),
                openings => format!(" {}", openings.join(",")),
            };
            format!("{}{hours} {}", holiday.date, holiday.title)
                .trim_end()
                .to_owned()
        });
        Self {
            name: calendar.name.clone(),
            title: calendar.title.clone(),
            time_zone: calendar.time_zone.clone(),
            days,
            holidays: holidays.collect::<Vec<_>>().join("\n"),
            revision: calendar.revision,
        }
    }
}

impl Typed {
    fn read(texts: &Texts) -> Self {
        Self {
            name: texts.get("name"),
            title: texts.get("title"),
            time_zone: texts.get("time_zone"),
            days: std::array::from_fn(|at| texts.get(&format!("day{at}"))),
            holidays: texts.get("holidays").replace("\r\n", "\n"),
            revision: texts.get("revision").parse().unwrap_or_default(),
        }
    }

    fn calendar(&self) -> Calendar {
        let days = (Weekday::Monday as i32..).zip(&self.days);
        let hours = days
            .map(|(weekday, text)| DayHours {
                weekday,
                openings: openings(text),
            })
            .filter(|day| !day.openings.is_empty());
        let holidays = self.holidays.lines().map(str::trim);
        Calendar {
            name: self.name.clone(),
            title: self.title.clone(),
            time_zone: self.time_zone.clone(),
            hours: hours.collect(),
            holidays: holidays
                .filter(|line| !line.is_empty())
                .map(holiday)
                .collect(),
            revision: 0,
        }
    }
}

fn openings(text: &str) -> Vec<String> {
    let parts = text.split([',', ';']).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// A holiday from its line: `2026-12-24 08:00-12:00 Christmas Eve`.
fn holiday(line: &str) -> Holiday {
    let (date, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim_start();
    let (first, title) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let has_hours = first.starts_with(|first: char| first.is_ascii_digit())
        && first.contains(':')
        && first.contains('-');
    let (hours, title) = if has_hours {
        (first, title)
    } else {
        ("", rest)
    };
    Holiday {
        date: date.to_owned(),
        title: title.trim().to_owned(),
        openings: openings(hours),
    }
}

#[derive(Template)]
#[template(path = "workflows/calendars.html")]
struct Calendars<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    is_author: bool,
    request_id: String,
    calendars: Vec<Calendar>,
    typed: &'a Typed,
    is_done: bool,
    why: &'a str,
}

impl Calendars<'_> {
    /// The days of the week with the hours that were typed.
    fn days(&self) -> Vec<(&str, &str)> {
        let names = self.w.days.iter().map(String::as_str);
        let hours = self.typed.days.iter().map(String::as_str);
        names.zip(hours).collect()
    }
}

/// `GET /workflows/calendars`.
pub(crate) async fn list(visit: Visit, Query(asked): Query<Asked>) -> Response {
    let listed = async {
        let calendars = all(&visit.person).await?;
        let shown = calendars.iter().find(|one| one.name == asked.name);
        let typed = shown.map(Typed::from).unwrap_or_default();
        let is_done = !asked.done.is_empty();
        Ok(page(&visit, calendars, &typed, is_done, ""))
    };
    visit.answer(listed.await)
}

async fn all(person: &Person) -> Result<Vec<Calendar>, Trouble> {
    let mut client = person.definitions();
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListCalendarsRequest { page_token };
        let page = client.list_calendars(request).await?.into_inner();
        found.extend(page.calendars);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

fn page(
    visit: &Visit,
    calendars: Vec<Calendar>,
    typed: &Typed,
    is_done: bool,
    why: &str,
) -> Response {
    html(&Calendars {
        frame: visit.frame(Here::Workflows),
        w: &visit.words.workflows,
        is_author: visit.person.may(&[Role::Author]),
        request_id: request_id(),
        calendars,
        typed,
        is_done,
        why,
    })
}

/// `POST /workflows/calendars`: declares a calendar or changes it.
pub(crate) async fn change(visit: Visit, Form(texts): Form<HashMap<String, String>>) -> Response {
    let texts = Texts(texts);
    let changed = async {
        let typed = Typed::read(&texts);
        let request = ImportCalendarRequest {
            request_id: texts.get("request_id"),
            actor: visit.person.actor(),
            calendar: Some(typed.calendar()),
            expected_revision: Some(typed.revision),
        };
        match visit.person.definitions().import_calendar(request).await {
            Ok(_) => {
                let name: String = form_urlencoded::byte_serialize(typed.name.as_bytes()).collect();
                let to = format!("/workflows/calendars?name={name}&done=1");
                Ok(Redirect::to(&to).into_response())
            }
            Err(status) => {
                let why = visit.why(status)?;
                let calendars = all(&visit.person).await?;
                Ok(refused(page(&visit, calendars, &typed, false, &why)))
            }
        }
    };
    visit.answer(changed.await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_shows_what_it_reads() {
        let typed = Typed {
            name: "office".to_owned(),
            title: "Office".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            days: std::array::from_fn(|at| match at {
                0 => "08:00-12:00, 13:00-17:00".to_owned(),
                _ => String::new(),
            }),
            holidays: "2026-12-24 08:00-12:00 Christmas Eve\n12-25\n01-06 3 kings - closed"
                .to_owned(),
            revision: 0,
        };
        let calendar = typed.calendar();
        assert_eq!(calendar.hours.len(), 1);
        assert_eq!(calendar.hours[0].openings, ["08:00-12:00", "13:00-17:00"]);
        assert_eq!(calendar.holidays[0].openings, ["08:00-12:00"]);
        assert_eq!(calendar.holidays[0].title, "Christmas Eve");
        assert_eq!(calendar.holidays[2].title, "3 kings - closed");
        assert_eq!(Typed::from(&calendar), typed);
    }
}
