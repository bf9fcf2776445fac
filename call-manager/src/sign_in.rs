//! Signing in with a token, and signing out.

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

impl SignIn {
    /// A path of this page; any other address would lead people to a foreign page.
    fn return_to(&self) -> &str {
        let path = &self.return_to;
        let is_path = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
        if is_path && !path.chars().any(char::is_control) {
            path
        } else {
            "/"
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    words: &'a Words,
    return_to: &'a str,
    is_refused: bool,
}

/// `GET /sign-in`.
pub(crate) async fn page(Query(asked): Query<SignIn>, headers: HeaderMap) -> Response {
    html(&SignInPage {
        words: words(&headers),
        return_to: asked.return_to(),
        is_refused: false,
    })
}

/// `POST /sign-in`.
pub(crate) async fn sign_in(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<SignIn>,
) -> Response {
    let words = words(&headers);
    match shared.people.sign_in(&asked.token).await {
        Ok((secret, whose)) => {
            let cookie = secret.cookie(whose, shared.is_secure);
            let to = match whose {
                SessionOf::Person => asked.return_to(),
                SessionOf::Display => "/wall",
            };
            ([(SET_COOKIE, cookie)], Redirect::to(to)).into_response()
        }
        Err(Trouble::SignedOut) => {
            let mut response = html(&SignInPage {
                words,
                return_to: asked.return_to(),
                is_refused: true,
            });
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        }
        Err(trouble) => trouble.answer(&headers, "/"),
    }
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
        let return_to = |path: &str| {
            let asked = SignIn {
                return_to: path.to_owned(),
                ..SignIn::default()
            };
            asked.return_to().to_owned()
        };
        assert_eq!(return_to("/f/1?team=a"), "/f/1?team=a");
        for foreign in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\nb",
        ] {
            assert_eq!(return_to(foreign), "/", "{foreign:?}");
        }
    }
}
