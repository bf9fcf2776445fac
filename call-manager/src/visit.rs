//! A person's request for a page: who asks, and in which language.
//!
//! Promise: what keeps a page from being shown is answered in one way. A form that a server refuses
//! gets the sentence for it, so that its page can come back with what was typed.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tonic::Status;
use uuid::Uuid;

use crate::frame::{Frame, Here};
use crate::people::Person;
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::words::{Words, words};

/// A person's request for a page.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) person: Arc<Person>,
    pub(crate) words: &'static Words,
    headers: HeaderMap,
    /// Where the person returns to after signing in.
    path: String,
}

/// The answer to a request of somebody whom the page does not know.
#[derive(Debug)]
pub(crate) struct Stopped(Box<Response>);

impl IntoResponse for Stopped {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl FromRequestParts<Shared> for Visit {
    type Rejection = Stopped;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Stopped> {
        let whole = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let is_read = parts.method == Method::GET;
        let path = if is_read { whole } else { parts.uri.path() };
        match shared.people.of_request(&parts.headers).await {
            Ok(person) => Ok(Self {
                person,
                words: words(&parts.headers),
                headers: parts.headers.clone(),
                path: path.to_owned(),
            }),
            Err(trouble) => Err(Stopped(Box::new(trouble.answer(&parts.headers, path)))),
        }
    }
}

impl Visit {
    /// The top of the page.
    pub(crate) fn frame(&self, here: Here) -> Frame<'_> {
        Frame {
            words: self.words,
            person: &self.person,
            here,
        }
    }

    /// The page, or what keeps it from being shown.
    pub(crate) fn answer(&self, made: Result<Response, Trouble>) -> Response {
        made.unwrap_or_else(|trouble| trouble.answer(&self.headers, &self.path))
    }

    /// The sentence for a refused form, whose page is shown again.
    ///
    /// # Errors
    /// [`Trouble::SignedOut`]: only signing in helps.
    pub(crate) fn why(&self, status: Status) -> Result<String, Trouble> {
        match Trouble::from(status.clone()) {
            Trouble::SignedOut => Err(Trouble::SignedOut),
            Trouble::Away => Ok(self.words.servers_away.clone()),
            _ => Ok(Trouble::Refused(Box::new(status)).sentence(self.words)),
        }
    }
}

/// The id of a form: new in each page, so that a second click on the same form repeats the first
/// answer.
pub(crate) fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// The same page with the status of a refusal.
pub(crate) fn refused(mut page: Response) -> Response {
    *page.status_mut() = StatusCode::CONFLICT;
    page
}
