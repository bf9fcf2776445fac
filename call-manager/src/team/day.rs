//! What a person did on a day.

use aftercall_proto::workflow::v1::{DayCount, GetDayRequest, GetDayResponse};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use prost_types::Timestamp as ProtoTime;
use serde::Deserialize;

use crate::follow_up::{change_name, changes};
use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::words::{Words, words};

/// Whose day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    name: String,
    /// A date; empty for today.
    date: String,
    /// The zone in which the day begins; empty for UTC.
    zone: String,
}

#[derive(Template)]
#[template(path = "day.html")]
struct DayPage<'a> {
    frame: Frame<'a>,
    words: &'a Words,
    asked: &'a Asked,
    date: Date,
    zone: &'a str,
    day: GetDayResponse,
}

impl DayPage<'_> {
    fn changes(&self) -> String {
        changes(self.words, &self.day.items)
    }

    fn name(&self, count: &DayCount) -> String {
        change_name(self.words, count.kind())
    }

    fn person(&self) -> String {
        super::person::address(&self.asked.name)
    }
}

/// `GET /team/day`.
pub(crate) async fn day(
    State(shared): State<Shared>,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let words = words(&headers);
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let zone = match asked.zone.as_str() {
            "" => "UTC",
            zone => zone,
        };
        let (date, request) = request(&asked, zone)?;
        let day = person.staff().get_day(request).await?.into_inner();
        Ok(html(&DayPage {
            frame: Frame {
                words,
                person: &person,
                here: Here::Team,
            },
            words,
            asked: &asked,
            date,
            zone,
            day,
        }))
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        trouble.answer(&headers, path)
    })
}

/// From midnight to midnight: a day has 23 or 25 hours where the clock changes.
fn request(asked: &Asked, zone: &str) -> Result<(Date, GetDayRequest), Trouble> {
    let invalid = |name: &str, text: &str| Trouble::Form(format!("{name}: {text:?}"));
    let time_zone = TimeZone::get(zone).map_err(|_| invalid("zone", zone))?;
    let date = match asked.date.as_str() {
        "" => time_zone.to_datetime(Timestamp::now()).date(),
        text => text.parse().map_err(|_| invalid("date", text))?,
    };
    let midnight = |date: Date| {
        let start = date.to_zoned_datetime(time_zone.clone()).ok()?.timestamp();
        Some(ProtoTime {
            seconds: start.as_second(),
            nanos: 0,
        })
    };
    let next = date.checked_add(1.day()).ok();
    let request = GetDayRequest {
        person: asked.name.clone(),
        from: midnight(date),
        to: next.and_then(midnight),
    };
    Ok((date, request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_at_midnight() {
        for (date, hours) in [("2026-03-29", 23), ("2026-06-01", 24), ("2026-10-25", 25)] {
            let asked = Asked {
                date: date.to_owned(),
                ..Asked::default()
            };
            let (_, request) = request(&asked, "Europe/Berlin").expect("a day");
            let (from, to) = (request.from.expect("a time"), request.to.expect("a time"));
            assert_eq!(to.seconds - from.seconds, hours * 3_600, "{date}");
        }
        let asked = Asked {
            date: "soon".to_owned(),
            ..Asked::default()
        };
        assert!(request(&asked, "UTC").is_err());
        assert!(request(&Asked::default(), "Nowhere").is_err());
    }
}
