//! Signing in with a token, and signing out. [`single_sign_on`](crate::single_sign_on) is the other way in.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::layout::html;
use crate::session::{SessionOf, no_cookie};
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::words::{Words, words};

/// Where a person returns to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignIn {
    return_to: String,
    token: String,
}

/// A path of this page; any other address would lead people to a foreign page.
pub(crate) fn own_path(path: &str) -> &str {
    let is_path = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    if is_path && !path.chars().any(char::is_control) {
        path
    } else {
        "/"
    }
}

/// Where a new session continues. A display has one page.
pub(crate) fn after_sign_in(whose: SessionOf, return_to: &str) -> &str {
    match whose {
        SessionOf::Person => own_path(return_to),
        SessionOf::Display => "/wall",
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    words: &'a Words,
    return_to: &'a str,
    /// Whether people sign in at a provider too.
    has_provider: bool,
    /// Why the last try failed; empty for none.
    refused: &'a str,
}

/// The page on which people sign in.
pub(crate) fn sign_in_page(
    shared: &Shared,
    words: &Words,
    return_to: &str,
    refused: &str,
) -> Response {
    html(&SignInPage {
        words,
        return_to: own_path(return_to),
        has_provider: shared.people.provider.is_some(),
        refused,
    })
}

/// `GET /sign-in`.
pub(crate) async fn page(
    State(shared): State<Shared>,
    Query(asked): Query<SignIn>,
    headers: HeaderMap,
) -> Response {
    sign_in_page(&shared, words(&headers), &asked.return_to, "")
}

/// `POST /sign-in`.
pub(crate) async fn sign_in(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<SignIn>,
) -> Response {
    let words = words(&headers);
    match shared.people.sign_in(&headers, &asked.token).await {
        Ok((secret, whose)) => {
            let cookie = secret.cookie(whose, shared.is_secure);
            let to = Redirect::to(after_sign_in(whose, &asked.return_to));
            ([(SET_COOKIE, cookie)], to).into_response()
        }
        Err(Trouble::SignedOut) => {
            let refused = &words.not_accepted;
            let mut response = sign_in_page(&shared, words, &asked.return_to, refused);
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        }
        Err(trouble) => trouble.answer(&headers, "/"),
    }
}

#[derive(Template)]
#[template(path = "signed_in.html")]
struct SignedInPage<'a> {
    words: &'a Words,
}

/// `GET /signed-in`: the end of a sign-in in a window of its own. It informs the other tabs.
pub(crate) async fn signed_in(headers: HeaderMap) -> Response {
    html(&SignedInPage {
        words: words(&headers),
    })
}

/// How a person signs out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignOut {
    everywhere: String,
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<SignOut>,
) -> Response {
    let is_everywhere = !asked.everywhere.is_empty();
    match shared.people.sign_out(&headers, is_everywhere) {
        Ok(()) => {
            let cookie = no_cookie(shared.is_secure);
            ([(SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response()
        }
        Err(trouble) => trouble.answer(&headers, "/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_return_only_to_pages_of_their_own() {
        assert_eq!(own_path("/f/1?team=a"), "/f/1?team=a");
        for foreign in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\nb",
            "/\t/evil.example",
            "javascript:alert(1)",
            "evil.example",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign:?}");
        }
    }
}
