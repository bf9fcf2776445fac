//! What is snoozed: nobody finds it at the board until it comes back.

use aftercall_proto::workflow::v1::{Alert, FollowUp, FollowUpFilter, ListFollowUpsRequest};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::shared::Shared;
use crate::shown;
use crate::trouble::Trouble;
use crate::visit::{Visit, request_id};
use crate::words::Words;

/// Follow-ups that the page reads.
const LISTED_MAX: u32 = 1_000;

/// Which snoozes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    team: String,
    /// Not empty: only those of the person.
    mine: String,
}

/// A snoozed alert.
#[derive(Debug)]
struct Snoozed {
    one: FollowUp,
    alert: Alert,
}

impl Snoozed {
    fn caller(&self) -> &str {
        let call = self.one.call.as_ref();
        let caller = call.and_then(|call| call.caller.as_ref());
        caller.map_or("", shown::caller)
    }

    fn customer(&self) -> &str {
        self.one.call.as_ref().map_or("", |call| &call.customer)
    }

    fn request_id(&self) -> String {
        request_id()
    }
}

#[derive(Template)]
#[template(path = "snoozed.html")]
struct SnoozedPage<'a> {
    frame: Frame<'a>,
    words: &'a Words,
    asked: &'a Asked,
    /// Those that come back first are first.
    snoozed: Vec<Snoozed>,
    has_more: bool,
}

/// `GET /snoozed`.
pub(crate) async fn snoozed(
    visit: Visit,
    State(_): State<Shared>,
    Query(asked): Query<Asked>,
) -> Response {
    let shown = page(&visit, &asked).await;
    visit.answer(shown)
}

async fn page(visit: &Visit, asked: &Asked) -> Result<Response, Trouble> {
    let team = Some(asked.team.trim().to_owned()).filter(|team| !team.is_empty());
    let request = ListFollowUpsRequest {
        filter: Some(FollowUpFilter {
            teams: team.into_iter().collect(),
            snoozed: true,
            ..FollowUpFilter::default()
        }),
        page_size: LISTED_MAX,
        ..ListFollowUpsRequest::default()
    };
    let listed = visit.person.desk().list_follow_ups(request).await?;
    let listed = listed.into_inner();
    let is_wanted = |alert: &Alert| asked.mine.is_empty() || alert.snoozed_by == visit.person.name;
    let mut snoozed: Vec<Snoozed> = listed
        .rows
        .into_iter()
        .filter_map(|row| row.follow_up.zip(row.alert))
        .filter(|(_, alert)| is_wanted(alert))
        .map(|(one, alert)| Snoozed { one, alert })
        .collect();
    snoozed.sort_by_key(|one| one.alert.snoozed_until.map(|until| until.seconds));
    Ok(html(&SnoozedPage {
        frame: visit.frame(Here::Board),
        words: visit.words,
        asked,
        snoozed,
        has_more: !listed.next_page_token.is_empty(),
    }))
}
