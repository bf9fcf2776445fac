//! The RPC that log lines name.
//!
//! Every request has one, and few requests write a line. A span that is made for each request costs
//! 6 % of the server's CPU: its fields are formatted when it begins. Here they are kept as values,
//! and the log makes the span when a line is written ([`crate::logs`]).
//!
//! Must not: hold what a message says, except who sent it and the id of the request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use tracing::Span;

/// Bytes of the path of an unknown method that go into the log.
const PATH_BYTES_MAX: usize = 200;

/// Characters of a name or a request id that go into the log.
const LOGGED_CHARS_MAX: usize = 128;

/// Distinguishes requests that have no id.
static NEXT: AtomicU64 = AtomicU64::new(1);

tokio::task_local! {
    static PRESENT: LogContext;
}

/// The RPC that log lines name, if any. It is passed to the tasks and threads that work for the RPC.
#[derive(Clone, Debug, Default)]
pub struct LogContext(Option<Arc<Named>>);

#[derive(Debug)]
struct Named {
    number: u64,
    path: Option<PathAndQuery>,
    peer: SocketAddr,
    sender: OnceLock<Sender>,
}

/// Who sent the request; a text is empty if the request does not have it.
#[derive(Debug)]
struct Sender {
    actor: Box<str>,
    request_id: Box<str>,
}

impl LogContext {
    /// The context of a request to this method.
    pub(crate) fn new(method: &Uri, peer: SocketAddr) -> Self {
        Self(Some(Arc::new(Named {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            path: method.path_and_query().cloned(),
            peer,
            sender: OnceLock::new(),
        })))
    }

    /// The context of the running task; empty outside of an RPC.
    #[must_use]
    pub fn current() -> Self {
        PRESENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Adds who sent the request to the context of the running task.
    pub(crate) fn note_sender(actor: &str, request_id: &str) {
        let note = |present: &Self| {
            let sender = Sender {
                actor: cut(actor).into(),
                request_id: cut(request_id).into(),
            };
            // It is noted once: a request has one sender.
            present.0.as_ref().map(|named| named.sender.set(sender))
        };
        let _ = PRESENT.try_with(note);
    }

    /// Runs a function whose log lines name this RPC.
    pub fn in_scope<T>(&self, run: impl FnOnce() -> T) -> T {
        PRESENT.sync_scope(self.clone(), run)
    }

    /// A future whose log lines name this RPC.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        PRESENT.scope(self.clone(), future)
    }

    /// The span that a log line shows; none outside of an RPC.
    pub(crate) fn span(&self) -> Span {
        let Some(named) = &self.0 else {
            return Span::none();
        };
        let path = named.path.as_ref().map_or("", PathAndQuery::path);
        let path = path.trim_start_matches('/');
        let path = &path[..path.floor_char_boundary(PATH_BYTES_MAX)];
        let (service, method) = path.split_once('/').unwrap_or((path, ""));
        let (number, peer) = (named.number, named.peer);
        let sender = named.sender.get();
        let actor = sender.and_then(|sender| non_empty(&sender.actor));
        let request_id = sender.and_then(|sender| non_empty(&sender.request_id));
        tracing::info_span!("rpc", number, service, method, %peer, actor, request_id)
    }
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn cut(text: &str) -> &str {
    text.char_indices()
        .nth(LOGGED_CHARS_MAX)
        .map_or(text, |(end, _)| &text[..end])
}
