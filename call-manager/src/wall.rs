//! The wall: the counts on a screen that nobody sits at.
//!
//! A display opens `/wall#TOKEN`. What follows `#` stays in the browser; the script of the page posts
//! it and removes it from the address.
//!
//! Promise: it shows numbers and names of teams, workflows and stages, and no name of a person or a
//! caller. The cookie of a display is sent to these pages only.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::assets;
use crate::layout::{html, is_fragment};
use crate::session::{SessionOf, SessionSecret};
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::wallboard::stream;
use crate::words::{Words, words};

/// The page of a display.
#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage<'a> {
    words: &'a Words,
    version: &'a str,
    is_signed_in: bool,
    /// Why the display is not signed in; empty for no reason.
    refused: &'a str,
}

/// `GET /wall`. It is never a redirect: a browser would carry the token on to another address.
pub(crate) async fn wall(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let found = shared.people.of_wall(&headers).await;
    let page = html(&WallPage {
        words: words(&headers),
        version: assets::version(),
        // Servers that are away are no reason to sign in again.
        is_signed_in: !matches!(found, Err(Trouble::SignedOut)),
        refused: "",
    });
    renewed(&shared, &headers, page)
}

/// How a display signs in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignIn {
    token: String,
}

/// `POST /wall`.
pub(crate) async fn sign_in(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<SignIn>,
) -> Response {
    let words = words(&headers);
    match shared.people.sign_in_display(&asked.token, &headers).await {
        Ok(secret) => {
            let cookie = secret.cookie(SessionOf::Display, shared.is_secure);
            let answer = match is_fragment(&headers) {
                true => StatusCode::NO_CONTENT.into_response(),
                false => Redirect::to("/wall").into_response(),
            };
            ([(SET_COOKIE, cookie)], answer).into_response()
        }
        Err(trouble @ (Trouble::SignedOut | Trouble::NotForDisplays)) => {
            let refused = match trouble {
                Trouble::SignedOut => &words.wall.not_accepted,
                _ => &words.wall.not_for_displays,
            };
            let mut answer = match is_fragment(&headers) {
                true => refused.clone().into_response(),
                false => html(&WallPage {
                    words,
                    version: assets::version(),
                    is_signed_in: false,
                    refused,
                }),
            };
            *answer.status_mut() = StatusCode::FORBIDDEN;
            answer
        }
        Err(trouble) => trouble.answer(&headers, "/wall"),
    }
}

/// `GET /wall/me`: whether the display is still signed in, for the script.
pub(crate) async fn me(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let display = async { shared.people.of_wall(&headers).await?.check().await };
    match display.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(Trouble::SignedOut) => StatusCode::UNAUTHORIZED.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// `GET /wall/events`.
pub(crate) async fn events(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let display = match shared.people.of_wall(&headers).await {
        Ok(display) => display,
        Err(Trouble::SignedOut) => return StatusCode::UNAUTHORIZED.into_response(),
        Err(trouble) => return trouble.answer(&headers, "/wall"),
    };
    let (people, secret) = (shared.people.clone(), secret(&headers));
    let has_ended = move || {
        secret
            .as_ref()
            .is_some_and(|secret| people.has_ended(secret))
    };
    let stream = stream(
        &display,
        words(&headers),
        false,
        shared.stop.clone(),
        has_ended,
    );
    renewed(&shared, &headers, stream)
}

/// The session by which the request sees the wall.
fn secret(headers: &HeaderMap) -> Option<SessionSecret> {
    [SessionOf::Display, SessionOf::Person]
        .into_iter()
        .find_map(|whose| SessionSecret::of_request(headers, whose))
}

/// With the cookie of the display once more: it lives longer than the time that it is given first.
fn renewed(shared: &Shared, headers: &HeaderMap, mut response: Response) -> Response {
    let secret = SessionSecret::of_request(headers, SessionOf::Display);
    if let Some(secret) = secret.filter(|secret| !shared.people.has_ended(secret)) {
        let cookie = secret.cookie(SessionOf::Display, shared.is_secure);
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
