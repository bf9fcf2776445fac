//! The whole answer of a request to one of several servers: the server may be lost in the middle of
//! it.
//!
//! Promise: an answer that broke off is not returned as one, except of a stream, which may be open
//! for days.

use aftercall_proto::rules::rule;
use http::Response;
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tonic::transport::Error as ChannelError;
use tonic::{Code, Status};

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The server cannot serve at the moment, or its answer broke off. It may have begun the request.
    Away(Box<Response<Body>>),
    /// The request was not sent, or not answered.
    Failed(ChannelError),
}

impl Lost {
    /// What the caller gets.
    pub(crate) fn into_answer(self) -> Result<Response<Body>, ChannelError> {
        match self {
            Self::Away(response) => Ok(*response),
            Self::Failed(error) => Err(error),
        }
    }
}

/// The answer of an RPC to its end; of a stream its beginning.
pub(crate) async fn whole(path: &str, response: Response<Body>) -> Result<Response<Body>, Lost> {
    if let Some(status) = Status::from_header_map(response.headers()) {
        return ended(response, Some(&status));
    }
    if rule(path).is_none_or(|rule| rule.is_stream) {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => {
            let status = body.trailers().and_then(Status::from_header_map);
            let response = Response::from_parts(head, Body::new(body));
            ended(response, status.as_ref())
        }
        Err(status) => Err(Lost::Away(Box::new(status.into_http()))),
    }
}

fn ended(response: Response<Body>, status: Option<&Status>) -> Result<Response<Body>, Lost> {
    match status {
        Some(status) if status.code() == Code::Unavailable => Err(Lost::Away(Box::new(response))),
        _ => Ok(response),
    }
}

#[cfg(test)]
mod tests {
    use futures::stream::iter;
    use http::HeaderMap;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use hyper::body::Bytes;

    use super::*;

    const UNARY: &str = "/aftercall.alert.v1.AlertService/GetWallboard";
    const STREAM: &str = "/aftercall.alert.v1.AlertService/Subscribe";

    fn response(last: Result<Frame<Bytes>, Status>) -> Response<Body> {
        let frames = [Ok(Frame::data(Bytes::from_static(b"answer"))), last];
        Response::new(Body::new(StreamBody::new(iter(frames))))
    }

    fn trailers(status: &Status) -> Frame<Bytes> {
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers).expect("headers");
        Frame::trailers(trailers)
    }

    #[tokio::test]
    async fn an_answer_that_broke_off_is_lost() {
        let cut = || response(Err(Status::unknown("cut")));
        assert!(matches!(whole(UNARY, cut()).await, Err(Lost::Away(_))));
        assert!(whole(STREAM, cut()).await.is_ok(), "a stream is not read");
        let away = response(Ok(trailers(&Status::unavailable("no leader"))));
        assert!(matches!(whole(UNARY, away).await, Err(Lost::Away(_))));
        let alone = Status::unavailable("no leader").into_http();
        assert!(matches!(whole(STREAM, alone).await, Err(Lost::Away(_))));
    }

    #[tokio::test]
    async fn a_whole_answer_keeps_its_trailers() {
        let not_found = trailers(&Status::not_found("no such thing"));
        let answer = whole(UNARY, response(Ok(not_found)))
            .await
            .expect("it is whole");
        let body = answer.into_body().collect().await.expect("a body");
        let status = body.trailers().and_then(Status::from_header_map);
        assert_eq!(status.map(|status| status.code()), Some(Code::NotFound));
        assert_eq!(body.to_bytes(), "answer");
    }
}
