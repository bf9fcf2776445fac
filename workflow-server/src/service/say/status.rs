//! Every status that this server answers with is made here, and nowhere else.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use tonic::Status;
use tonic::body::Body;
use tonic_types::StatusExt;

use crate::service::say::refusal::{self, Parts, Refusal};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "aftercall";

/// The answer to a request that no member of the cluster can answer at the moment.
pub(crate) fn unavailable_answer(message: &str) -> Response<Body> {
    Status::from(refusal::unavailable(message)).into_http()
}

/// The same as the end of an answer that has begun.
pub(crate) fn unavailable_trailers(message: &str) -> HeaderMap {
    let (head, _) = unavailable_answer(message).into_parts();
    let mut trailers = head.headers;
    trailers.remove(CONTENT_TYPE);
    trailers
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Parts {
            code,
            reason,
            message,
            facts,
            mut details,
        } = refusal.into_parts();
        details.set_error_info(reason.word(), DOMAIN, facts);
        Self::with_error_details(code, message, details)
    }
}
