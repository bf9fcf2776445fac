//! Signing in at an OpenID provider: the two addresses of this page that it needs.
//!
//! Promise: a person comes back only to the browser that began, and then to a page of this server.

use axum::extract::{Query, State};
use axum::http::header::{HOST, SET_COOKIE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::provider::{Begun, Provider, ProviderError};
use crate::session::{SessionOf, SessionSecret, cookies_named, set_cookie};
use crate::shared::Shared;
use crate::sign_in::{after_sign_in, own_path, sign_in_page};
use crate::trouble::Trouble;
use crate::words::words;

/// What the browser keeps while the person is at the provider.
const COOKIE_NAME: &str = "aftercall_sign_in";
/// Where the provider sends people back. The cookie goes nowhere else.
pub(crate) const BACK: &str = "/sign-in/back";

/// Where a person returns to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Start {
    return_to: String,
}

/// `GET /sign-in/start`: to the provider.
pub(crate) async fn start(
    State(shared): State<Shared>,
    Query(asked): Query<Start>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(provider) = &shared.people.provider else {
        return Trouble::NotFound.answer(&headers, "/");
    };
    let return_to = own_path(&asked.return_to);
    let back = address(&shared, &uri, &headers, BACK);
    let begun = match provider.begin(&back, return_to).await {
        Ok((to, begun)) => provider.seal(&begun).map(|sealed| (to, sealed)),
        Err(error) => Err(error),
    };
    match begun {
        Ok((to, sealed)) => {
            let cookie = cookie(&sealed, &shared);
            ([(SET_COOKIE, cookie)], Redirect::to(&to)).into_response()
        }
        Err(error) => failed(&shared, &headers, return_to, &error),
    }
}

/// What the provider sends with a person who comes back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Back {
    code: String,
    state: String,
    error: String,
}

/// `GET /sign-in/back`: from the provider.
pub(crate) async fn back(
    State(shared): State<Shared>,
    Query(asked): Query<Back>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(provider) = &shared.people.provider else {
        return Trouble::NotFound.answer(&headers, "/");
    };
    let begun = cookies_named(&headers, COOKIE_NAME).find_map(|text| provider.unseal(text));
    let Some(begun) = begun.filter(|begun| begun.has_state(&asked.state)) else {
        let error = ProviderError::Invalid("no sign-in of this browser has begun so".to_owned());
        return failed(&shared, &headers, "/", &error);
    };
    let redirect = address(&shared, &uri, &headers, BACK);
    match signed_in(&shared, provider, &headers, &asked, &begun, &redirect).await {
        Ok(Ok((secret, whose))) => {
            let cookies = [secret.cookie(whose, shared.is_secure), cookie("", &shared)];
            let cookies = AppendHeaders(cookies.map(|cookie| (SET_COOKIE, cookie)));
            (
                cookies,
                Redirect::to(after_sign_in(whose, &begun.return_to)),
            )
                .into_response()
        }
        Ok(Err(Trouble::SignedOut)) => {
            let words = words(&headers);
            let refused = &words.sign_in_page.not_accepted;
            let mut response = sign_in_page(&shared, words, &begun.return_to, refused);
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        }
        Ok(Err(trouble)) => trouble.answer(&headers, "/"),
        Err(error) => failed(&shared, &headers, &begun.return_to, &error),
    }
}

async fn signed_in(
    shared: &Shared,
    provider: &Provider,
    headers: &HeaderMap,
    asked: &Back,
    begun: &Begun,
    redirect: &str,
) -> Result<Result<(SessionSecret, SessionOf), Trouble>, ProviderError> {
    if !asked.error.is_empty() {
        let text: String = asked.error.chars().take(100).collect();
        return Err(ProviderError::Refused(format!("{text:?}")));
    }
    let tokens = provider.finish(&asked.code, begun, redirect).await?;
    Ok(shared.people.sign_in_with(headers, tokens).await)
}

/// The sign-in page with a sentence. The reason is for the operator, in the log.
fn failed(
    shared: &Shared,
    headers: &HeaderMap,
    return_to: &str,
    error: &ProviderError,
) -> Response {
    tracing::warn!(%error, "a person is not signed in");
    let words = words(headers);
    let (sentence, status) = match error {
        ProviderError::Away(_) | ProviderError::Seal(_) => (
            &words.sign_in_page.provider_away,
            StatusCode::SERVICE_UNAVAILABLE,
        ),
        ProviderError::Refused(_) | ProviderError::Invalid(_) => {
            (&words.sign_in_page.provider_refused, StatusCode::FORBIDDEN)
        }
    };
    let mut response = sign_in_page(shared, words, return_to, sentence);
    *response.status_mut() = status;
    response
}

fn cookie(sealed: &str, shared: &Shared) -> HeaderValue {
    let age = if sealed.is_empty() { 0 } else { 600 };
    let pair = format!("{COOKIE_NAME}={sealed}; Path={BACK}");
    set_cookie(&pair, shared.is_secure, &format!("Max-Age={age}"))
}

/// The address of a path of this page, as the browser of the request reaches it. The name of the host
/// was checked before any page.
fn address(shared: &Shared, uri: &Uri, headers: &HeaderMap, path: &str) -> String {
    if !shared.public_url.is_empty() {
        return format!("{}{path}", shared.public_url.trim_end_matches('/'));
    }
    let scheme = if shared.is_secure { "https" } else { "http" };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or(uri.authority().map(Authority::as_str));
    format!("{scheme}://{}{path}", host.unwrap_or_default())
}
