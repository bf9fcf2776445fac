//! Statuses that the gRPC library makes before a service is asked: they carry no details, and some
//! have another code than in gRPC's own table. Here each becomes a refusal of ours.

use axum::http::{HeaderMap, Response};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::refusal::Refusal;

/// The headers of a status.
const OF_STATUS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/// The answer. A status of the library becomes the refusal that it means. Other headers are kept:
/// one of them names the supported compressions.
pub(crate) fn explained(mut response: Response<Body>) -> Response<Body> {
    if let Some(refusal) =
        Status::from_header_map(response.headers()).and_then(|status| refusal(&status))
    {
        let headers = response.headers_mut();
        OF_STATUS
            .into_iter()
            .for_each(|name| drop(headers.remove(name)));
        put(headers, &refusal.status());
    }
    response
}

fn put(headers: &mut HeaderMap, status: &Status) {
    // It fails only for a message that is not a header value; messages of refusals are valid.
    if status.add_header(headers).is_err() {
        tracing::error!(%status, "a status could not be written");
    }
}

/// The meaning of a status without details. Statuses of services have details.
fn refusal(status: &Status) -> Option<Refusal> {
    if !status.details().is_empty() {
        return None;
    }
    match status.code() {
        // The connection was closed for abuse, which was counted there.
        Code::ResourceExhausted if status.message().starts_with("h2 protocol error") => None,
        // The library's code for it is OUT_OF_RANGE if the message is not compressed.
        Code::OutOfRange | Code::ResourceExhausted => Some(Refusal::RequestBytes {
            found: status.message().to_owned(),
        }),
        Code::Unimplemented if status.message().is_empty() => Some(Refusal::NoSuchMethod),
        Code::Unimplemented => Some(Refusal::Compression {
            found: status.message().to_owned(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn only_statuses_of_the_library_get_a_reason() {
        let check = |status: Status, code: Code, reason: Option<&str>| {
            let answer = explained(status.into_http());
            let answered = Status::from_header_map(answer.headers()).expect("a status");
            let info = answered.get_details_error_info().map(|info| info.reason);
            assert_eq!((answered.code(), info.as_deref()), (code, reason));
        };
        let large = "Error, decoded message length too large: found 6 bytes, the limit is: 4 bytes";
        check(
            Status::out_of_range(large),
            Code::ResourceExhausted,
            Some("REQUEST_BYTES"),
        );
        check(
            Status::resource_exhausted("size limit"),
            Code::ResourceExhausted,
            Some("REQUEST_BYTES"),
        );
        check(
            Status::unimplemented(""),
            Code::Unimplemented,
            Some("NO_SUCH_METHOD"),
        );
        check(
            Status::unimplemented("snappy"),
            Code::Unimplemented,
            Some("COMPRESSION_NOT_SUPPORTED"),
        );
        check(Status::not_found("no such service"), Code::NotFound, None);
        let closed = "h2 protocol error: error reading a body from connection";
        let closed = Status::resource_exhausted(closed);
        check(closed, Code::ResourceExhausted, None);
        let ours = Status::with_details(Code::OutOfRange, "too old", vec![1].into());
        check(ours, Code::OutOfRange, None);
    }
}
