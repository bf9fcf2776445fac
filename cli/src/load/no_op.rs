//! The no-op that requests are compared with: the serving layer of both servers around a handler
//! that does nothing.
//!
//! Promise: it is a process of its own, as the measured server is. It reads the same request from
//! the same bytes, and its answer has as many bytes. Must not: have a store, or anything behind the
//! handler.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};

use aftercall_proto::codec::BoundedCodec;
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1::{SetWorkflowRequest, SetWorkflowResponse};
use aftercall_serving::{Limits, Protection, Readiness, base_routes, open_listener, serve};
use clap::Args;
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

use crate::errors::Failure;
use crate::session::Session;

/// Runs until it is killed: `load` starts it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  aftercall load no-op-server --answer-bytes 640")]
pub(crate) struct NoOpServer {
    /// How many bytes its answer has
    #[arg(long, value_name = "N", default_value_t = 640, value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    answer_bytes: u32,
}

impl NoOpServer {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let failed = |error: aftercall_serving::ServeError| Failure::unavailable(error.to_string());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = open_listener(address, &Protection::default())
            .await
            .map_err(failed)?;
        let readiness = Readiness::new();
        let no_op = NoOp {
            answer: Ready::new(&answer(self.answer_bytes as usize)),
        };
        let routes = base_routes(&[NoOp::NAME], &readiness)
            .await
            .map_err(failed)?
            .add_service(no_op);
        session.output.line(&listener.local_addr().to_string())?;
        let limits = Limits::default();
        let until_killed = CancellationToken::new();
        serve(listener, routes, &limits, readiness, until_killed)
            .await
            .map_err(failed)
    }
}

/// An answer of so many bytes; of one more, where no text has the length.
fn answer(bytes: usize) -> SetWorkflowResponse {
    let padded = |length: usize| SetWorkflowResponse {
        time_zone: "x".repeat(length),
        ..SetWorkflowResponse::default()
    };
    // The text has a key and a length before it.
    let around = padded(bytes).encoded_len() - bytes;
    let answer = padded(bytes.saturating_sub(around));
    match answer.encoded_len() < bytes {
        true => padded(bytes.saturating_sub(around) + 1),
        false => answer,
    }
}

/// Answers each Set Workflow with the same bytes.
#[derive(Clone)]
struct NoOp {
    answer: Ready<SetWorkflowResponse>,
}

impl NamedService for NoOp {
    const NAME: &'static str = "aftercall.workflow.v1.ScriptEngineService";
}

impl Service<http::Request<Body>> for NoOp {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let handler = self.clone();
        Box::pin(async move {
            let codec = BoundedCodec::<Ready<SetWorkflowResponse>, SetWorkflowRequest>::default();
            Ok(Grpc::new(codec).unary(handler, request).await)
        })
    }
}

impl UnaryService<SetWorkflowRequest> for NoOp {
    type Response = Ready<SetWorkflowResponse>;
    type Future = BoxFuture<Response<Self::Response>, Status>;

    fn call(&mut self, _request: Request<SetWorkflowRequest>) -> Self::Future {
        let answer = self.answer.clone();
        Box::pin(async move { Ok(Response::new(answer)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_as_many_bytes_as_wanted() {
        for bytes in [16, 100, 129, 640, 100_000] {
            assert_eq!(answer(bytes).encoded_len(), bytes);
        }
    }
}
