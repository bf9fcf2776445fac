//! The RPC that log lines name, and what the audit log says of it.
//!
//! Every request has one, and few requests write a line. A span that is made for each request costs
//! 6 % of the server's CPU: its fields are formatted when it begins. Here they are kept as values,
//! and the log makes the span when a line is written ([`crate::logs`]).
//!
//! Must not: hold what a message says, except who sent it and the id of the request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use aftercall_identity::{Holder, Proof};
use aftercall_proto::attributed::Attributed;
use aftercall_proto::rules::Rule;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use tracing::Span;

use crate::audit::notes::Notes;
use crate::caller::Caller;
use crate::cut::cut;

/// Bytes of the path of an unknown method that go into the log.
const PATH_BYTES_MAX: usize = 200;

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
    /// Set if another member of the cluster has passed the request on.
    passed_on: OnceLock<PassedOn>,
    notes: Notes,
}

/// The client of a request that another member has passed on, and the name of that member.
#[derive(Debug)]
struct PassedOn {
    peer: SocketAddr,
    member: Arc<str>,
}

/// Who sent the request; a text is empty if the request does not have it.
#[derive(Debug)]
struct Sender {
    actor: Box<str>,
    request_id: Box<str>,
}

/// What the logs say of an RPC; a text is empty if it is not known.
#[derive(Debug)]
pub(crate) struct Logged<'n> {
    pub(crate) number: u64,
    /// `package.Service/Method`.
    pub(crate) path: &'n str,
    pub(crate) peer: SocketAddr,
    pub(crate) actor: &'n str,
    pub(crate) request_id: &'n str,
    /// The member that has passed the request on; empty if none has.
    pub(crate) member: &'n str,
    pub(crate) notes: &'n Notes,
}

impl LogContext {
    /// The context of a request to this method. `is_audited`: the server has an audit log.
    pub(crate) fn new(method: &Uri, peer: SocketAddr, is_audited: bool) -> Self {
        Self(Some(Arc::new(Named {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            path: method.path_and_query().cloned(),
            peer,
            sender: OnceLock::new(),
            passed_on: OnceLock::new(),
            notes: Notes::new(is_audited),
        })))
    }

    /// The context of the running task; empty outside of an RPC.
    #[must_use]
    pub fn current() -> Self {
        PRESENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Adds the name under which the sender acts, and the request, to the context of the running
    /// task.
    pub(crate) fn note_request<T: Attributed>(actor: &str, request: &T) {
        Self::note(|named| {
            let sender = Sender {
                actor: cut(actor).into(),
                request_id: cut(request.request_id()).into(),
            };
            // It is noted once: a request has one sender.
            let _ = named.sender.set(sender);
            named.notes.note_request(request);
        });
    }

    /// Adds who was let in, and by which rule.
    pub(crate) fn note_caller(caller: Caller, rule: Option<&'static Rule>) {
        Self::note(|named| named.notes.note_caller(caller, rule));
    }

    /// Adds which member has passed the request on, and for which client.
    pub(crate) fn note_passed_on(peer: SocketAddr, member: Arc<str>) {
        Self::note(|named| {
            let _ = named.passed_on.set(PassedOn { peer, member });
        });
    }

    /// Notes that this member passes the request on: the audit log of the leader has its end.
    pub fn note_passing_on() {
        Self::note(|named| named.notes.note_passing_on());
    }

    /// Whether this member has passed the request on.
    pub(crate) fn is_passing_on(&self) -> bool {
        let named = self.0.as_deref();
        named.is_some_and(|named| named.notes.is_passing_on())
    }

    /// Adds by which proof the sender was not let in, and whose it is if it is genuine.
    pub(crate) fn note_refused_proof(proof: Proof, holder: Option<Box<Holder>>) {
        Self::note(|named| named.notes.note_refused_proof(proof, holder));
    }

    /// Adds what the RPC of the running task has made, for the audit log: its kind, and its id or
    /// name. It must not be data of a caller.
    pub fn note_made(kind: &'static str, id: &str) {
        Self::note(|named| named.notes.note_made(kind, id));
    }

    fn note(note: impl FnOnce(&Named)) {
        // Outside of an RPC there is nothing to add to.
        let _ = PRESENT.try_with(|present| present.0.as_deref().map(note));
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
        let span = self.logged(|logged| {
            let (service, method) = logged.path.split_once('/').unwrap_or((logged.path, ""));
            let (number, peer) = (logged.number, logged.peer);
            let actor = non_empty(logged.actor);
            let request_id = non_empty(logged.request_id);
            let member = non_empty(logged.member);
            tracing::info_span!("rpc", number, service, method, %peer, member, actor, request_id)
        });
        span.unwrap_or_else(Span::none)
    }

    /// What the logs say of the RPC; `None` outside of one.
    pub(crate) fn logged<'c, T>(&'c self, read: impl FnOnce(&Logged<'c>) -> T) -> Option<T> {
        let named = self.0.as_deref()?;
        let path = named.path.as_ref().map_or("", PathAndQuery::path);
        let path = path.trim_start_matches('/');
        let sender = named.sender.get();
        let passed_on = named.passed_on.get();
        Some(read(&Logged {
            number: named.number,
            path: &path[..path.floor_char_boundary(PATH_BYTES_MAX)],
            peer: passed_on.map_or(named.peer, |passed_on| passed_on.peer),
            member: passed_on.map_or("", |passed_on| &passed_on.member),
            actor: sender.map_or("", |sender| &sender.actor),
            request_id: sender.map_or("", |sender| &sender.request_id),
            notes: &named.notes,
        }))
    }

    /// Whether the RPC is an action that is in the audit log also if it succeeds.
    pub(crate) fn is_audited_action(&self) -> bool {
        let named = self.0.as_deref();
        let path = named.and_then(|named| Some((named, named.path.as_ref()?.path())));
        path.is_some_and(|(named, path)| named.notes.is_audited_action(path))
    }
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
