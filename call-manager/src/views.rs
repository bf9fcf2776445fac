//! Saved views: filters of the board with a name, of the person or of a team.
//!
//! Promise: a view opens as an address, so it also works without scripts. The workflow-server keeps
//! the views, and decides who may save which.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    FollowUpFilter, ListViewsRequest, RemoveViewRequest, SaveViewRequest, SavedView,
};
use axum::Router;
use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use form_urlencoded::Serializer;
use serde::Deserialize;
use uuid::Uuid;

use crate::asked::Asked;
use crate::people::Person;
use crate::shared::Shared;
use crate::trouble::Trouble;

/// A saved view, as the board shows it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) name: String,
    /// Empty for a view of the person.
    pub(crate) team: String,
    /// Its address.
    pub(crate) path: String,
    pub(crate) follow_ups: u64,
    pub(crate) overdue: u64,
    /// Whether the person may remove it.
    pub(crate) is_removable: bool,
}

impl View {
    fn of(person: &Person, view: SavedView) -> Self {
        let counts = view.counts.unwrap_or_default();
        Self {
            path: path(&view.filter.unwrap_or_default()),
            is_removable: view.team.is_empty() || may_save_of_team(person),
            name: view.name,
            team: view.team,
            follow_ups: counts.follow_ups,
            overdue: counts.overdue,
        }
    }
}

/// Whether the person may save views of teams.
pub(crate) fn may_save_of_team(person: &Person) -> bool {
    person.may(&[Role::Supervisor, Role::Author])
}

/// The views of a person and of their teams. The board is shown without them where they cannot be
/// had.
pub(crate) async fn list(person: &Person) -> Vec<View> {
    let request = ListViewsRequest {
        person: person.actor(),
        ..ListViewsRequest::default()
    };
    match person.views().list_views(request).await {
        Ok(listed) => {
            let views = listed.into_inner().views.into_iter();
            views.map(|view| View::of(person, view)).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "the board is shown without saved views");
            Vec::new()
        }
    }
}

/// The address of a filter. A field of the page takes one value, so of several the first is used.
fn path(filter: &FollowUpFilter) -> String {
    let first = |texts: &[String]| texts.first().cloned().unwrap_or_default();
    let flag = |is_on: bool| if is_on { "1" } else { "" }.to_owned();
    let stage = filter.stages.first();
    let stage = stage.map(|stage| format!("{}/{}", stage.workflow, stage.stage));
    let priority = filter.priorities.first().map(i32::to_string);
    let pairs = [
        ("q", filter.text.clone()),
        ("team", first(&filter.teams)),
        ("customer", first(&filter.customers)),
        ("workflow", first(&filter.workflows)),
        ("stage", stage.unwrap_or_default()),
        ("priority", priority.unwrap_or_default()),
        ("mine", flag(!filter.holders.is_empty())),
        ("unclaimed", flag(filter.unclaimed)),
        ("overdue", flag(filter.overdue)),
    ];
    let mut query = Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, text)| !text.is_empty()));
    format!("/?{}", query.finish())
}

/// A form about a view.
#[derive(Debug, Deserialize)]
struct Named {
    view: String,
    /// The team that owns it; empty for the person.
    #[serde(default)]
    owner: String,
    #[serde(flatten)]
    asked: Asked,
}

/// The addresses of saved views.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/views", post(save))
        .route("/views/remove", post(remove))
}

/// `POST /views`: saves the filter of the form.
async fn save(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(named): Form<Named>,
) -> Response {
    let saved = async {
        let person = shared.people.of_request(&headers).await?;
        let mut filter = named.asked.filter(&person);
        if !named.owner.is_empty() {
            // A team has no "mine".
            filter.holders.clear();
        }
        let path = path(&filter);
        let request = SaveViewRequest {
            request_id: Uuid::new_v4().to_string(),
            actor: person.actor(),
            team: named.owner.clone(),
            view: named.view.clone(),
            filter: Some(filter),
            ..SaveViewRequest::default()
        };
        person.views().save_view(request).await?;
        Ok(Redirect::to(&path).into_response())
    };
    let saved: Result<Response, Trouble> = saved.await;
    saved.unwrap_or_else(|trouble| trouble.answer(&headers, "/"))
}

/// `POST /views/remove`: removes a view.
async fn remove(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(named): Form<Named>,
) -> Response {
    let removed = async {
        let person = shared.people.of_request(&headers).await?;
        let request = RemoveViewRequest {
            request_id: Uuid::new_v4().to_string(),
            actor: person.actor(),
            team: named.owner.clone(),
            view: named.view.clone(),
            ..RemoveViewRequest::default()
        };
        person.views().remove_view(request).await?;
        Ok(Redirect::to("/").into_response())
    };
    let removed: Result<Response, Trouble> = removed.await;
    removed.unwrap_or_else(|trouble| trouble.answer(&headers, "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_becomes_its_address() {
        let filter = FollowUpFilter {
            teams: vec!["billing & co".to_owned()],
            priorities: vec![4],
            overdue: true,
            ..FollowUpFilter::default()
        };
        assert_eq!(path(&filter), "/?team=billing+%26+co&priority=4&overdue=1");
    }
}
