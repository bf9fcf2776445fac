//! Teams: the list, declaring one, and removing one.

use std::collections::HashMap;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{ImportTeamRequest, ListTeamsRequest, RemoveTeamRequest, Team};
use askama::Template;
use axum::extract::{Form, Query};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::form::Texts;
use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::{Visit, refused, request_id};
use crate::words::workflows::WorkflowsWords;

/// What the page asks about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// The team that is to be removed.
    remove: String,
    /// The team that is to be changed: the form has what it is now.
    change: String,
    done: String,
}

/// What was typed into a refused form, and why it was refused.
#[derive(Debug, Default)]
struct Kept {
    name: String,
    title: String,
    claim_next_only: bool,
    why: String,
}

#[derive(Template)]
#[template(path = "workflows/teams.html")]
struct Teams<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    is_author: bool,
    request_id: String,
    teams: Vec<Team>,
    asked: &'a Asked,
    kept: &'a Kept,
}

/// `GET /workflows/teams`.
pub(crate) async fn list(visit: Visit, Query(asked): Query<Asked>) -> Response {
    visit.answer(page(&visit, &asked, &Kept::default()).await)
}

async fn page(visit: &Visit, asked: &Asked, kept: &Kept) -> Result<Response, Trouble> {
    let person = &visit.person;
    let teams = person.definitions().list_teams(ListTeamsRequest {}).await?;
    let teams = teams.into_inner().teams;
    let present = teams.iter().find(|team| team.name == asked.change);
    let present = present.map(|team| Kept {
        name: team.name.clone(),
        title: team.title.clone(),
        claim_next_only: team.claim_next_only,
        why: String::new(),
    });
    Ok(html(&Teams {
        frame: visit.frame(Here::Workflows),
        w: &visit.words.workflows,
        is_author: person.may(&[Role::Author]),
        request_id: request_id(),
        teams,
        asked,
        kept: present.as_ref().unwrap_or(kept),
    }))
}

/// `POST /workflows/teams`: declares a team, changes its title, or removes it.
pub(crate) async fn change(visit: Visit, Form(texts): Form<HashMap<String, String>>) -> Response {
    let texts = Texts(texts);
    let changed = async {
        let mut client = visit.person.definitions();
        let (request_id, name) = (texts.get("request_id"), texts.get("name"));
        let actor = visit.person.actor();
        let is_removal = !texts.get("remove").is_empty();
        let done = if is_removal {
            let request = RemoveTeamRequest {
                request_id,
                actor,
                name: name.clone(),
                expected_revision: None,
            };
            client.remove_team(request).await.map(|_| ())
        } else {
            let request = ImportTeamRequest {
                request_id,
                actor,
                name: name.clone(),
                title: texts.get("title"),
                expected_revision: None,
                claim_next_only: Some(!texts.get("claim_next_only").is_empty()),
            };
            client.import_team(request).await.map(|_| ())
        };
        let Err(status) = done else {
            return Ok(Redirect::to("/workflows/teams?done=1").into_response());
        };
        let kept = Kept {
            name,
            title: texts.get("title"),
            claim_next_only: !texts.get("claim_next_only").is_empty(),
            why: visit.why(status)?,
        };
        Ok(refused(page(&visit, &Asked::default(), &kept).await?))
    };
    visit.answer(changed.await)
}
