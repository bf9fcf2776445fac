//! The addresses of the page, and what holds for all of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;

use crate::people::Person;
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::{
    actions, assets, board, callers, events, follow_up, instances, look, selection, sign_in,
    single_sign_on, snoozed, team, views, wall, workflows,
};

/// Only files of this server run, nothing may frame the page, and forms go nowhere else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// All pages.
pub(crate) fn pages(shared: Shared) -> Router {
    Router::new()
        .route("/", get(board::board))
        .route("/claim-next", post(actions::claim_next))
        .route("/f/{id}", get(follow_up::follow_up))
        .route("/f/{id}/history", get(follow_up::history))
        .route("/f/{id}/picture", get(follow_up::picture))
        .route("/f/{id}/{action}", post(actions::act))
        .route("/caller", get(callers::caller))
        .route("/snoozed", get(snoozed::snoozed))
        .merge(workflows::routes())
        .merge(instances::routes())
        .route("/f/{id}/looking", post(look::looking))
        .merge(selection::routes())
        .merge(views::routes())
        .route("/team", get(team::team))
        .route("/team/person", get(team::person))
        .route("/team/hand-over", post(team::hand_over))
        .route("/team/away", post(team::set_away))
        .route("/team/back", post(team::end_away))
        .route("/team/day", get(team::day))
        .route("/my-work", get(team::my_work))
        .route("/wall", get(wall::wall).post(wall::sign_in))
        .route("/wall/me", get(wall::me))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-in/start", get(single_sign_on::start))
        .route(single_sign_on::BACK, get(single_sign_on::back))
        .route("/signed-in", get(sign_in::signed_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/me", get(me))
        .route("/assets/{version}/{name}", get(assets::asset))
        .layer(CompressionLayer::new().gzip(true))
        // Not compressed: each event leaves at once.
        .route("/events", get(events::events))
        .route("/team/events", get(team::events))
        .route("/wall/events", get(wall::events))
        .fallback(no_such_page)
        .layer(CsrfLayer::new())
        .layer(from_fn(guarded))
        .with_state(shared)
}

/// `GET /me`: who is signed in, if the proof still counts, for the scripts.
async fn me(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let person = async {
        let person = shared.people.of_request(&headers).await?;
        person.check().await?;
        Ok(person)
    };
    let person: Result<Arc<Person>, Trouble> = person.await;
    match person {
        Ok(person) => person.key().to_owned().into_response(),
        Err(trouble) => trouble.answer(&headers, "/"),
    }
}

async fn no_such_page(uri: Uri, headers: HeaderMap) -> Response {
    Trouble::NotFound.answer(&headers, uri.path())
}

async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // A picture has a stricter one.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Addresses have ids of follow-ups.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
