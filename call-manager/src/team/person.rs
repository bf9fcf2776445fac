//! What one person holds, handing all of it over, and being away.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    Away, FollowUpFilter, HandOverRequest, HandOverResponse, ListFollowUpsRequest,
};
use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use futures::future::join;
use serde::Deserialize;
use uuid::Uuid;

use crate::callers::{Work, WorkList, shown_fields};
use crate::form::local;
use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::people::Person;
use crate::shared::Shared;
use crate::team::away;
use crate::trouble::Trouble;
use crate::words::{Words, words};

/// Follow-ups that the page lists.
const LISTED_MAX: u32 = 200;

/// The address of the page of a person.
pub(super) fn address(name: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/team/person?name={name}")
}

/// Whose work, and what is done with it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    name: String,
    to: String,
    to_team: String,
    reason: String,
    /// Not empty: back to the teams that it is for.
    release: String,
    /// When the person is back, in `time_zone`.
    until: String,
    time_zone: String,
    instead: String,
    request_id: String,
}

/// What came of a form.
#[derive(Debug, Default)]
struct Outcome {
    done: String,
    /// Why all of it was refused; empty if it was not.
    why: String,
    /// Sentences about single follow-ups, with their ids.
    refused: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage<'a> {
    frame: Frame<'a>,
    words: &'a Words,
    asked: &'a Asked,
    held: Vec<Work>,
    has_more: bool,
    /// Everybody who is away.
    away: Vec<Away>,
    outcome: Outcome,
}

impl PersonPage<'_> {
    fn is_own(&self) -> bool {
        self.asked.name == self.frame.person.name
    }

    /// Whether the person may be set away by who looks at the page.
    fn can_set_away(&self) -> bool {
        self.is_own() || self.frame.person.may(&[Role::Supervisor])
    }

    fn has_day(&self) -> bool {
        let roles = [Role::Supervisor, Role::Auditor];
        self.frame.person.may(&roles)
    }

    fn day(&self) -> String {
        let name: String = form_urlencoded::byte_serialize(self.asked.name.as_bytes()).collect();
        format!("/team/day?name={name}")
    }

    fn away(&self) -> Option<&Away> {
        let mut away = self.away.iter();
        away.find(|away| away.person == self.asked.name)
    }

    /// The zone of the form, as it was sent. The script of the page sets the viewer's.
    fn zone(&self) -> &str {
        match self.asked.time_zone.as_str() {
            "" => "UTC",
            zone => zone,
        }
    }

    fn request_id(&self) -> String {
        Uuid::new_v4().to_string()
    }

    fn list(&self) -> String {
        let (words, work) = (self.words, self.held.iter().collect());
        let list = WorkList {
            words,
            work,
            has_callers: true,
        };
        list.render().unwrap_or_default()
    }
}

/// `GET /team/person`.
pub(crate) async fn person(
    State(shared): State<Shared>,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        page(&person, words(&headers), &asked, Outcome::default()).await
    };
    answered(shown.await, &headers, &uri)
}

/// `GET /my-work`.
pub(crate) async fn my_work(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let asked = Asked {
            name: person.name.clone(),
            ..Asked::default()
        };
        page(&person, words(&headers), &asked, Outcome::default()).await
    };
    answered(shown.await, &headers, &uri)
}

fn answered(shown: Result<Response, Trouble>, headers: &HeaderMap, uri: &Uri) -> Response {
    shown.unwrap_or_else(|trouble| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        trouble.answer(headers, path)
    })
}

/// `POST /team/hand-over`.
pub(crate) async fn hand_over(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Response {
    let words = words(&headers);
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let request = HandOverRequest {
            request_id: asked.request_id.clone(),
            actor: person.actor(),
            all_of: asked.name.clone(),
            to_person: asked.to.clone(),
            to_team: asked.to_team.clone(),
            release: !asked.release.is_empty(),
            reason: asked.reason.clone(),
            ..HandOverRequest::default()
        };
        let outcome = match person.desk().hand_over(request).await {
            Ok(answer) => handed_over(words, answer.into_inner()),
            Err(status) => refused(words, status.into())?,
        };
        page_after(&person, words, &asked, outcome).await
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| trouble.answer(&headers, "/my-work"))
}

fn handed_over(words: &Words, answer: HandOverResponse) -> Outcome {
    let results = answer.results.into_iter();
    let (refused, given): (Vec<_>, Vec<_>) = results.partition(|result| !result.reason.is_empty());
    let mut done = format!("{} {}", words.team_page.handed_over, given.len());
    // The one who was named is away.
    let instead = given.iter().find(|result| !result.instead.is_empty());
    if let Some(result) = instead {
        done = format!("{done} · {}: {}", words.team_page.instead, result.instead);
    }
    let refused = refused.into_iter();
    Outcome {
        done,
        refused: refused
            .map(|result| {
                let why = words.refusal(&result.reason, &result.message);
                (result.instance_id, why)
            })
            .collect(),
        ..Outcome::default()
    }
}

/// A form whose refusal its page shows.
fn refused(words: &Words, trouble: Trouble) -> Result<Outcome, Trouble> {
    match trouble {
        Trouble::Refused(_) | Trouble::Form(_) => Ok(Outcome {
            why: trouble.sentence(words),
            ..Outcome::default()
        }),
        other => Err(other),
    }
}

/// `POST /team/away`.
pub(crate) async fn set_away(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Response {
    let words = words(&headers);
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let until = local(&asked.until, &asked.time_zone);
        let names = (asked.name.as_str(), asked.instead.as_str());
        let set = match until {
            Some(until) => away::set(&person, names, Some(until), &asked.request_id).await,
            None => Err(Trouble::Form(format!("until: {:?}", asked.until))),
        };
        let outcome = match set {
            Ok(()) => Outcome {
                done: words.done.clone(),
                ..Outcome::default()
            },
            Err(trouble) => refused(words, trouble)?,
        };
        page_after(&person, words, &asked, outcome).await
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| trouble.answer(&headers, "/my-work"))
}

/// `POST /team/back`.
pub(crate) async fn end_away(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Response {
    let words = words(&headers);
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let outcome = match away::end(&person, &asked.name, &asked.request_id).await {
            Ok(()) => Outcome {
                done: words.done.clone(),
                ..Outcome::default()
            },
            Err(trouble) => refused(words, trouble)?,
        };
        page_after(&person, words, &asked, outcome).await
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| trouble.answer(&headers, "/my-work"))
}

/// The page after a form, with the status of what came of it.
async fn page_after(
    person: &Person,
    words: &Words,
    asked: &Asked,
    outcome: Outcome,
) -> Result<Response, Trouble> {
    let is_refused = !outcome.why.is_empty();
    let mut page = page(person, words, asked, outcome).await?;
    if is_refused {
        *page.status_mut() = StatusCode::CONFLICT;
    }
    Ok(page)
}

async fn page(
    person: &Person,
    words: &Words,
    asked: &Asked,
    outcome: Outcome,
) -> Result<Response, Trouble> {
    let request = ListFollowUpsRequest {
        filter: Some(FollowUpFilter {
            holders: vec![asked.name.clone()],
            ..FollowUpFilter::default()
        }),
        page_size: LISTED_MAX,
        read_mask: Some(shown_fields()),
        ..ListFollowUpsRequest::default()
    };
    let mut desk = person.desk();
    let (listed, away) = join(desk.list_follow_ups(request), away::all(person)).await;
    let listed = listed?.into_inner();
    let rows = listed.rows.into_iter();
    let held = rows
        .filter_map(|row| Some(Work::of(row.follow_up?)))
        .collect();
    let here = match person.may(&[Role::Supervisor, Role::Operator, Role::Auditor]) {
        true => Here::Team,
        false => Here::Board,
    };
    Ok(html(&PersonPage {
        frame: Frame {
            words,
            person,
            here,
        },
        words,
        asked,
        held,
        has_more: !listed.next_page_token.is_empty(),
        away,
        outcome,
    }))
}
