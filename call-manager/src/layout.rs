//! Answers as HTML, with the headers that each page has.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// Requests of the page's own script have it: they get a part of a page.
const FRAGMENT: HeaderName = HeaderName::from_static("x-fragment");

/// Whether the page's own script asks.
pub(crate) fn is_fragment(headers: &HeaderMap) -> bool {
    headers.contains_key(FRAGMENT)
}

/// A picture loads and runs nothing, also where somebody opens it alone.
const PICTURE_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// An SVG picture.
pub(crate) fn picture(svg: String) -> Response {
    let kind = HeaderValue::from_static("image/svg+xml; charset=utf-8");
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, PICTURE_POLICY),
    ];
    (headers, svg).into_response()
}

/// A page, or a part of one.
pub(crate) fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            // It has data of callers.
            let cache = HeaderValue::from_static("no-store");
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, cache)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
