//! An RPC that is being served: each log line that is written meanwhile, or while its stream is
//! sent, names the RPC.
//!
//! Promise: one context for the log lines of each gRPC request, and one line at debug level when it
//! has ended for any reason. At its end it is in the audit log if it belongs there. Must not: log what a message holds, except who sent it and the id of
//! the request ([`Asked`](crate::asked::Asked) adds these two).

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Bytes, HttpBody};
use axum::http::{HeaderMap, Response, Uri};
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tracing::Level;

use crate::audit::{AuditLog, Event, is_refusal};
use crate::log_context::LogContext;
use crate::refusal::Refusal;

/// An RPC that is being served. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Rpc {
    pub(crate) context: LogContext,
    began: Instant,
    outcome: Outcome,
    /// The stable name of the error; empty if it has none, or nobody wants it.
    reason: Box<str>,
    audit: AuditLog,
}

/// How an RPC ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The client went away before the end.
    Cancelled,
    /// With a status.
    Code(Code),
    /// Its answer was sent. The status of a gRPC-Web answer is in its data.
    Sent,
}

impl Rpc {
    /// Begins an RPC of a method.
    pub(crate) fn begin(method: &Uri, peer: SocketAddr, audit: &AuditLog) -> Self {
        Self {
            context: LogContext::new(method, peer, audit.is_on()),
            began: Instant::now(),
            outcome: Outcome::Cancelled,
            reason: Box::default(),
            audit: audit.clone(),
        }
    }

    /// Notes that the server refuses it.
    pub(crate) fn note_refusal(&mut self, refusal: &Refusal) {
        self.outcome = Outcome::Code(refusal.code());
        self.reason = refusal.reason().into();
    }

    /// Continues until all of the answer is sent.
    pub(crate) fn until_sent(mut self, response: Response<Body>) -> Response<Spanned> {
        self.note_status(response.headers());
        response.map(|body| Spanned {
            body,
            rpc: Some(self),
        })
    }

    fn note_status(&mut self, headers: &HeaderMap) {
        let Some(code) = headers.get("grpc-status") else {
            return;
        };
        let code = Code::from_bytes(code.as_bytes());
        self.outcome = Outcome::Code(code);
        if code != Code::Ok && self.audit.is_on() {
            let status = Status::from_header_map(headers);
            let info = status.and_then(|status| status.get_details_error_info());
            self.reason = info.map(|info| info.reason.into()).unwrap_or_default();
        }
    }

    /// Adds it to the audit log if it was refused access, or is an action of an audited role.
    fn audit_end(&mut self) {
        if self.context.is_passing_on() {
            return;
        }
        let code = match self.outcome {
            Outcome::Code(code) => code,
            Outcome::Sent => Code::Ok,
            Outcome::Cancelled => Code::Cancelled,
        };
        if is_refusal(code, &self.reason) || self.context.is_audited_action() {
            self.audit.write(Event::Rpc {
                context: self.context.clone(),
                code,
                reason: std::mem::take(&mut self.reason),
                count: 1,
            });
        }
    }

    fn log_end(&self) {
        let duration_ms = self.began.elapsed().as_secs_f64() * 1_000.0;
        match self.outcome {
            Outcome::Code(code) => tracing::debug!(?code, duration_ms, "the RPC ended"),
            Outcome::Sent => tracing::debug!(duration_ms, "the RPC ended"),
            Outcome::Cancelled => {
                tracing::debug!(duration_ms, "the client left before the RPC ended");
            }
        }
    }
}

impl Drop for Rpc {
    fn drop(&mut self) {
        if self.audit.is_on() {
            self.audit_end();
        }
        if tracing::enabled!(Level::DEBUG) {
            self.context.in_scope(|| self.log_end());
        }
    }
}

/// The body of an answer, made within the context of its RPC.
#[derive(Debug)]
pub(crate) struct Spanned {
    body: Body,
    rpc: Option<Rpc>,
}

/// An answer to what is no RPC.
pub(crate) fn without_rpc(response: Response<Body>) -> Response<Spanned> {
    response.map(|body| Spanned { body, rpc: None })
}

impl HttpBody for Spanned {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, rpc } = &mut *self;
        let Some(rpc) = rpc else {
            return Pin::new(body).poll_frame(context);
        };
        let polled = rpc.context.in_scope(|| Pin::new(body).poll_frame(context));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    rpc.note_status(trailers);
                }
            }
            Poll::Ready(None) if rpc.outcome == Outcome::Cancelled => rpc.outcome = Outcome::Sent,
            Poll::Ready(_) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::convert::Infallible;
    use std::io::{self, Write};
    use std::sync::Once;

    use aftercall_proto::attributed::Attributed;
    use futures::{StreamExt as _, stream};
    use http_body_util::StreamBody;
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::util::SubscriberInitExt as _;

    use super::*;
    use crate::asked::Asked;
    use crate::logs::{LogFormat, logs};

    thread_local! {
        /// What this thread has logged.
        static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    struct Log;

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            LOG.with_borrow_mut(|log| log.write(bytes))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that are logged meanwhile, without their times.
    fn logged(serve: impl FnOnce()) -> Vec<serde_json::Value> {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let logs = logs(LogFormat::Json, EnvFilter::new("debug"), false, || Log);
            logs.try_init().expect("no other test installs logs");
        });
        serve();
        let text = String::from_utf8(LOG.take()).expect("text");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// A request that names its sender.
    struct Note {
        actor: String,
    }

    impl Attributed for Note {
        fn actor(&self) -> &str {
            &self.actor
        }

        fn request_id(&self) -> &str {
            "r-1"
        }
    }

    fn begin() -> Rpc {
        Rpc::begin(
            &Uri::from_static("/aftercall.workflow.v1.CallManagerService/AddNote"),
            SocketAddr::from(([127, 0, 0, 1], 7)),
            &AuditLog::default(),
        )
    }

    /// A body of two frames: data, during which a line is logged, and the trailers of a status.
    fn body() -> Body {
        let trailers = HeaderMap::from_iter([(
            "grpc-status".parse().expect("a name"),
            "5".parse().expect("a value"),
        )]);
        let frames = stream::iter([
            Frame::data(Bytes::from_static(b"x")),
            Frame::trailers(trailers),
        ]);
        Body::new(StreamBody::new(frames.map(|frame| {
            tracing::info!(is_data = frame.is_data(), "a line within");
            Ok::<_, Infallible>(frame)
        })))
    }

    #[test]
    fn every_log_line_names_its_rpc() {
        let lines = logged(|| {
            let rpc = begin();
            let asked = rpc.context.in_scope(|| {
                Asked::new(tonic::Request::new(Note {
                    actor: "Ann".repeat(100),
                }))
                .expect("everybody may act for everybody")
            });
            assert_eq!(asked.actor().len(), 300, "only the log has it cut");
            let mut response = rpc.until_sent(Response::new(body()));
            let mut context = Context::from_waker(std::task::Waker::noop());
            while let Poll::Ready(Some(_)) = Pin::new(response.body_mut()).poll_frame(&mut context)
            {
            }
        });
        let messages: Vec<_> = lines
            .iter()
            .map(|line| line["fields"]["message"].clone())
            .collect();
        assert_eq!(
            messages,
            ["a line within", "a line within", "the RPC ended"]
        );
        for line in &lines {
            let span = &line["span"];
            assert_eq!(
                (&span["service"], &span["method"]),
                (
                    &"aftercall.workflow.v1.CallManagerService".into(),
                    &"AddNote".into()
                )
            );
            assert_eq!(
                (&span["peer"], &span["request_id"]),
                (&"127.0.0.1:7".into(), &"r-1".into())
            );
            assert_eq!(span["actor"].as_str().map(str::len), Some(LOGGED));
        }
        assert_eq!(
            (&lines[2]["level"], &lines[2]["fields"]["code"]),
            (&"DEBUG".into(), &"NotFound".into())
        );
    }

    /// Characters of a name that are logged.
    const LOGGED: usize = 128;

    #[test]
    fn an_rpc_whose_client_leaves_logs_its_end() {
        let lines = logged(|| drop(begin().until_sent(Response::new(body()))));
        assert_eq!(lines.len(), 1);
        assert_eq!(
            lines[0]["fields"]["message"],
            "the client left before the RPC ended"
        );
    }
}
