//! `aftercall calendar`: declares when people work.
//!
//! Promise: a calendar file has the form of `examples/calendars.yaml`; all of it is read before
//! anything is declared, and an error reads `file:line:col: message`. Must not: delete.

use std::path::{Path, PathBuf};

use aftercall_proto::workflow::v1::{
    Calendar as CalendarMessage, GetCalendarRequest, ImportCalendarRequest, ListCalendarsRequest,
    Weekday,
};
use clap::Subcommand;

use crate::authoring::calendars;
use crate::authoring::reading::{read_text, shown};
use crate::connect;
use crate::errors::Failure;
use crate::session::Session;
use crate::table::{Table, id, name, sentence, whole};

const ROWS: Table<'_> = Table {
    columns: &[
        id("name"),
        sentence("title", 2),
        name("time zone", 1),
        whole("holidays", 3),
        whole("revision", 4),
    ],
    empty: "No calendar is declared. `aftercall calendar import FILE` declares those of a file.",
};

#[derive(Debug, Subcommand)]
pub(crate) enum Calendar {
    /// Declare the calendars of a file, or change them
    #[command(
        after_help = "Example:\n  aftercall calendar import examples/calendars.yaml\n\nTimers and due times that already count keep their times."
    )]
    Import {
        /// A file with `calendars: [{ name, title, time_zone, hours, holidays }]`
        file: PathBuf,
    },
    /// List the calendars
    #[command(after_help = "Example:\n  aftercall calendar list")]
    List,
    /// Write calendars as a file that can be imported again
    #[command(after_help = "Example:\n  aftercall calendar export office > calendars.yaml")]
    Export {
        /// Their names; all where none is given
        names: Vec<String>,
    },
    /// Show the JSON Schema of a file of calendars, for editors
    #[command(
        after_help = "Example:\n  aftercall calendar schema > aftercall-calendars.schema.json"
    )]
    Schema,
    /// Show one calendar
    #[command(after_help = "Example:\n  aftercall calendar show office")]
    Show {
        /// Its name
        name: String,
    },
}

impl Calendar {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Import { file } => {
                let mut declared = Vec::new();
                for calendar in read(&file)? {
                    declared.push(declare(session, calendar).await?);
                }
                list(session, &declared)
            }
            Self::List => list(session, &all(session).await?),
            Self::Export { names } => {
                let mut calendars = Vec::with_capacity(names.len());
                for name in &names {
                    calendars.push(find(session, name).await?);
                }
                let calendars = if names.is_empty() {
                    all(session).await?
                } else {
                    calendars
                };
                session
                    .output
                    .line(calendars::write(&calendars)?.trim_end())
            }
            Self::Schema => session.output.line(&calendars::schema()?),
            Self::Show { name } => {
                let calendar = find(session, &name).await?;
                session.output.one(&calendar, || page(&calendar))
            }
        }
    }
}

/// Every calendar of the server.
async fn all(session: &Session) -> Result<Vec<CalendarMessage>, Failure> {
    let (mut definitions, mut calendars) = (session.to.definitions().await?, Vec::new());
    let mut request = ListCalendarsRequest::default();
    loop {
        let answer = definitions.list_calendars(request).await?.into_inner();
        calendars.extend(answer.calendars);
        if answer.next_page_token.is_empty() {
            return Ok(calendars);
        }
        request = ListCalendarsRequest {
            page_token: answer.next_page_token,
        };
    }
}

async fn find(session: &Session, name: &str) -> Result<CalendarMessage, Failure> {
    let request = GetCalendarRequest {
        name: name.to_owned(),
    };
    let answer = session
        .to
        .definitions()
        .await?
        .get_calendar(request)
        .await?
        .into_inner();
    answer
        .calendar
        .ok_or_else(|| Failure::not_found(format!("There is no calendar {name}.")))
}

fn read(file: &Path) -> Result<Vec<CalendarMessage>, Failure> {
    let text = read_text(file)?;
    calendars::read(&shown(file), &text)
}

/// Declares a calendar.
pub(crate) async fn declare(
    session: &Session,
    calendar: CalendarMessage,
) -> Result<CalendarMessage, Failure> {
    let request = ImportCalendarRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        calendar: Some(calendar),
        expected_revision: None,
    };
    let answer = session
        .to
        .definitions()
        .await?
        .import_calendar(request)
        .await?
        .into_inner();
    answer
        .calendar
        .ok_or_else(|| Failure::refused("The server declared the calendar but did not show it."))
}

fn list(session: &Session, calendars: &[CalendarMessage]) -> Result<(), Failure> {
    session.output.list(calendars, &ROWS, |calendar| {
        vec![
            calendar.name.clone(),
            calendar.title.clone(),
            calendar.time_zone.clone(),
            calendar.holidays.len().to_string(),
            calendar.revision.to_string(),
        ]
    })
}

/// A calendar as people read it.
fn page(calendar: &CalendarMessage) -> Vec<String> {
    let mut lines = vec![format!(
        "{} ({}): {}",
        calendar.name, calendar.time_zone, calendar.title
    )];
    lines.extend(calendar.hours.iter().map(|day| {
        format!(
            "  {:<9}  {}",
            day_word(day.weekday()),
            day.openings.join(", ")
        )
    }));
    lines.extend(calendar.holidays.iter().map(|day| {
        let hours = if day.openings.is_empty() {
            "closed".to_owned()
        } else {
            day.openings.join(", ")
        };
        let date = if day.date.len() == 5 {
            format!("{} each year", day.date)
        } else {
            day.date.clone()
        };
        format!("  {date} {hours}  {}", day.title)
            .trim_end()
            .to_owned()
    }));
    lines
}

fn day_word(day: Weekday) -> &'static str {
    match day {
        Weekday::Unspecified => "",
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_is_shown_as_written() {
        let text = "calendars: [ { name: a, title: A, time_zone: UTC, hours: { mon: [09:00-12:00, 22:00-06:00] }, holidays: [ { date: 2026-12-25, title: X }, { date: 2026-12-24, hours: 09:00-12:00 }, 01-01 ] } ]";
        let calendar = &calendars::read("file", text).unwrap()[0];
        let expected = [
            "a (UTC): A",
            "  Monday     09:00-12:00, 22:00-06:00",
            "  2026-12-24 09:00-12:00",
            "  2026-12-25 closed  X",
            "  01-01 each year closed",
        ];
        assert_eq!(page(calendar), expected);
    }
}
