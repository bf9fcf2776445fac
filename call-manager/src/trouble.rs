//! What keeps a page from being shown, or an action from being done.

use askama::Template;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::layout::{html, is_fragment};
use crate::refusal::{self, Part};
use crate::session::SessionError;
use crate::words::{Words, words};

/// What went wrong.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    /// Nobody is signed in, or the token has ended.
    #[error("nobody is signed in")]
    SignedOut,
    /// There is no such follow-up or page.
    #[error("there is no such page")]
    NotFound,
    /// A server does not answer.
    #[error("the servers do not answer")]
    Away,
    /// The server refused the action, and says why.
    #[error("{}", .0.message())]
    Refused(Box<Status>),
    /// The server did nothing to the one follow-up of a request, and says why.
    #[error("{sentence}")]
    Declined {
        /// The stable word.
        reason: String,
        /// The sentence of the server.
        sentence: String,
    },
    /// Other machines would reach the page without signing in.
    #[error(
        "the servers want no proof of identity, and other machines reach this page: set up tokens or single sign-on"
    )]
    NotProtected,
    /// The token of a display may be used for more than a wall.
    #[error("this token may be used for more than a wall")]
    NotForDisplays,
    /// A form lacks something, or has something that is none.
    #[error("the form is invalid: {0}")]
    Form(String),
    /// Sessions cannot be kept.
    #[error(transparent)]
    Sessions(#[from] SessionError),
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage<'a> {
    words: &'a Words,
    text: &'a str,
}

impl Trouble {
    fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Away => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(status) if status.code() == Code::PermissionDenied => {
                StatusCode::FORBIDDEN
            }
            Self::Refused(_) | Self::Declined { .. } => StatusCode::CONFLICT,
            Self::NotProtected | Self::NotForDisplays => StatusCode::FORBIDDEN,
            Self::Form(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Sessions(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The sentence for the person.
    pub(crate) fn sentence(&self, words: &Words) -> String {
        match self {
            Self::SignedOut => words.signed_out.clone(),
            Self::NotFound => words.not_found.clone(),
            Self::Away => words.servers_away.clone(),
            Self::NotForDisplays => words.wall.not_for_displays.clone(),
            Self::Refused(status) => words.refusal(&reason(status), &sentence(status)),
            Self::Declined { reason, sentence } => words.refusal(reason, sentence),
            Self::Form(what) => format!("{}: {what}", words.invalid),
            other => other.to_string(),
        }
    }

    /// The same with times that the browser shows.
    pub(crate) fn why(&self, words: &Words) -> Vec<Part> {
        match self {
            Self::Refused(status) => refusal::parts(words, status, &sentence(status)),
            other => refusal::of_sentence(&other.sentence(words)),
        }
    }

    /// The answer for a person who asked for a page, or for the script of one.
    pub(crate) fn answer(&self, headers: &HeaderMap, path: &str) -> Response {
        if matches!(self, Self::Sessions(_)) {
            tracing::error!(error = %self, "sessions cannot be kept");
        }
        if matches!(self, Self::SignedOut) && !is_fragment(headers) {
            let path = sign_in_path(path);
            return Redirect::to(&path).into_response();
        }
        let words = words(headers);
        let text = self.sentence(words);
        let mut response = if is_fragment(headers) {
            text.into_response()
        } else {
            html(&TroublePage { words, text: &text })
        };
        *response.status_mut() = self.status();
        if matches!(self, Self::Away) {
            let seconds = header::HeaderValue::from_static("5");
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// The sign-in page, from which the person returns to where they were.
fn sign_in_path(path: &str) -> String {
    if path == "/" {
        return "/sign-in".to_owned();
    }
    let encoded: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
    format!("/sign-in?return_to={encoded}")
}

/// The stable word for why; empty where the server gives none.
fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map_or_else(String::new, |info| info.reason)
}

/// All errors of a refusal, each with its field.
fn sentence(status: &Status) -> String {
    let fields = status.get_details_bad_request();
    let fields = fields.map(|bad| bad.field_violations).unwrap_or_default();
    if fields.is_empty() {
        return status.message().to_owned();
    }
    let sentences: Vec<String> = fields
        .into_iter()
        .map(|field| format!("{}: {}", field.field, field.description))
        .collect();
    sentences.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_encoded() {
        assert_eq!(sign_in_path("/"), "/sign-in");
        let path = sign_in_path("/?team=a&mine=1");
        assert_eq!(path, "/sign-in?return_to=%2F%3Fteam%3Da%26mine%3D1");
    }
}
