//! The page of a supervisor: the counts, live, and who holds what.

mod away;
mod day;
mod person;

use aftercall_proto::workflow::v1::{Away, CountInstancesRequest, GroupBy, InstanceCount};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
pub(crate) use day::day;
pub(crate) use person::{end_away, hand_over, my_work, person, set_away};

use crate::assets;
use crate::frame::{Frame, Here};
use crate::layout::{html, is_fragment};
use crate::people::Person;
use crate::session::{SessionOf, SessionSecret};
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::wallboard::{self, counts, stream};
use crate::words::{Words, words};

/// The page.
#[derive(Template)]
#[template(path = "team.html")]
struct TeamPage<'a> {
    frame: Frame<'a>,
    words: &'a Words,
    version: &'a str,
    counts: String,
    holders: String,
}

/// Who holds what.
#[derive(Template)]
#[template(path = "holders.html")]
struct Holders<'a> {
    words: &'a Words,
    holders: Vec<InstanceCount>,
    away: Vec<Away>,
}

impl Holders<'_> {
    fn address(&self, holder: &InstanceCount) -> String {
        person::address(&holder.group)
    }

    fn address_of(&self, away: &Away) -> String {
        person::address(&away.person)
    }
}

/// `GET /team`; for the script only who holds what.
pub(crate) async fn team(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    let words = words(&headers);
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let holders = Holders {
            words,
            holders: holders(&person).await?,
            away: away::all(&person).await,
        };
        if is_fragment(&headers) {
            return Ok(html(&holders));
        }
        let holders = holders.render();
        let board = wallboard::now(&person).await;
        Ok(html(&TeamPage {
            frame: Frame {
                words,
                person: &person,
                here: Here::Team,
            },
            words,
            version: assets::version(),
            counts: board.map_or_else(String::new, |board| counts(words, &board, true)),
            holders: holders.map_err(|error| Trouble::Form(error.to_string()))?,
        }))
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| trouble.answer(&headers, uri.path()))
}

/// The group of what nobody holds.
const NOBODY: &str = "nobody";

async fn holders(person: &Person) -> Result<Vec<InstanceCount>, Trouble> {
    let request = CountInstancesRequest {
        group_by: GroupBy::Holder.into(),
        ..CountInstancesRequest::default()
    };
    let counted = person.operations().count_instances(request).await?;
    let mut holders = counted.into_inner().counts;
    holders.retain(|holder| holder.group != NOBODY);
    Ok(holders)
}

/// `GET /team/events`.
pub(crate) async fn events(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let person = match shared.people.of_request(&headers).await {
        Ok(person) => person,
        Err(trouble) => return trouble.answer(&headers, "/team"),
    };
    let people = shared.people.clone();
    let secret = SessionSecret::of_request(&headers, SessionOf::Person);
    let has_ended = move || {
        secret
            .as_ref()
            .is_some_and(|secret| people.has_ended(secret))
    };
    let stop = shared.stop.clone();
    stream(&person, words(&headers), true, stop, has_ended)
}
