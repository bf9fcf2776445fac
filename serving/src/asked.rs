//! A request as the services see it. This is the only place that takes a `tonic::Request` apart.
//!
//! Promise: every RPC of both servers passes here. Only here is decided who calls.

use std::net::SocketAddr;
use std::sync::Arc;

use aftercall_proto::attributed::Attributed;

use crate::asker::{asker, caller};
use crate::caller::Acting;
pub use crate::caller::Caller;
use crate::log_context::LogContext;

/// A request, and who sent it.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    /// The name under which the caller acts, if the request does not have it, and whose it is.
    acting: Acting,
    /// Who sent it.
    pub caller: Caller,
    /// The peer of its connection; `None` if the request did not come over one.
    pub peer: Option<SocketAddr>,
    /// What was sent.
    pub request: T,
}

impl<T: Attributed> Asked<T> {
    /// Extracts the request, and names its sender in the log lines of the RPC.
    ///
    /// # Errors
    /// A status if the request names an actor that the caller may not act for.
    pub fn new(request: tonic::Request<T>) -> Result<Self, tonic::Status> {
        let (caller, request) = (caller().unwrap_or_else(Caller::local), request.into_inner());
        let acting = match caller.acting_as(request.actor()) {
            Ok(acting) => acting,
            Err(refusal) => {
                LogContext::note_request(request.actor(), &request);
                return Err(refusal.status());
            }
        };
        let asked = Self {
            acting,
            caller,
            peer: asker(),
            request,
        };
        LogContext::note_request(asked.actor(), &asked.request);
        Ok(asked)
    }

    /// The request of a caller that is known already. It came over no connection.
    #[must_use]
    pub fn of_caller(caller: Caller, request: T) -> Self {
        Self {
            acting: caller.acting_itself(),
            caller,
            peer: None,
            request,
        }
    }

    /// A part of the request, from the same caller.
    #[must_use]
    pub fn part(&self, request: T) -> Self {
        Self {
            acting: self.acting.clone(),
            caller: self.caller.clone(),
            peer: self.peer,
            request,
        }
    }

    /// The name under which the caller acts; empty if neither it nor its request has one.
    pub fn actor(&self) -> &str {
        let name = self.acting.name.as_deref();
        name.unwrap_or(self.request.actor())
    }

    /// Stable id of the one to whom claims, undo windows, batches and request ids of this request
    /// belong; `None` if nobody had to prove who they are.
    pub fn owner(&self) -> Option<Arc<str>> {
        self.acting.owner.clone()
    }

    /// The person for whom a proved caller acts under another name than its own.
    pub fn acts_for(&self) -> Option<&str> {
        let is_for_another = self.acting.is_for_another;
        is_for_another.then(|| self.request.actor().trim())
    }

    /// Id by which a repeated request is recognised; empty if there is none.
    pub fn request_id(&self) -> &str {
        self.request.request_id()
    }
}
