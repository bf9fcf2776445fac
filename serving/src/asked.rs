//! A request as the services see it. This is the only place that takes a `tonic::Request` apart.
//!
//! Promise: every RPC of both servers passes here. Only here is decided who calls.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use aftercall_identity::{Identity, Scope};
use aftercall_proto::attributed::Attributed;
use tracing::Span;

use crate::asker::asker;

/// Characters of a name or a request id that go into the log.
const LOGGED_CHARS_MAX: usize = 128;

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(Arc<Identity>);

impl Caller {
    /// The caller of this identity.
    #[must_use]
    pub fn new(identity: Arc<Identity>) -> Self {
        Self(identity)
    }

    fn local() -> Self {
        static LOCAL: LazyLock<Arc<Identity>> =
            LazyLock::new(|| Arc::new(Identity::local_operator()));
        Self(Arc::clone(&LOCAL))
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0
    }

    /// What the caller may see and touch.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// The name under which the caller acts if its request names `actor`.
    fn acting_as<'a>(&'a self, actor: &'a str) -> &'a str {
        if self.0.is_proved() && !self.0.may_act_for_others() {
            &self.0.name
        } else {
            actor
        }
    }
}

/// A request, and who sent it.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    /// Who sent it.
    pub caller: Caller,
    /// The peer of its connection; `None` if the request did not come over one.
    pub peer: Option<SocketAddr>,
    /// What was sent.
    pub request: T,
}

impl<T: Attributed> Asked<T> {
    /// Extracts the request, and names its sender in the span of the RPC.
    #[must_use]
    pub fn new(request: tonic::Request<T>) -> Self {
        let asked = Self {
            caller: Caller::local(),
            peer: asker(),
            request: request.into_inner(),
        };
        let span = Span::current();
        for (field, value) in [("actor", asked.actor()), ("request_id", asked.request_id())] {
            if !value.is_empty() {
                span.record(field, cut(value));
            }
        }
        asked
    }

    /// A part of the request, from the same caller.
    #[must_use]
    pub fn part(&self, request: T) -> Self {
        Self {
            caller: self.caller.clone(),
            peer: self.peer,
            request,
        }
    }

    /// The name under which the caller acts; empty if neither it nor its request has one.
    pub fn actor(&self) -> &str {
        self.caller.acting_as(self.request.actor())
    }

    /// Id by which a repeated request is recognised; empty if there is none.
    pub fn request_id(&self) -> &str {
        self.request.request_id()
    }
}

fn cut(text: &str) -> &str {
    text.char_indices()
        .nth(LOGGED_CHARS_MAX)
        .map_or(text, |(end, _)| &text[..end])
}
