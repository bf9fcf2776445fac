//! What the owner receives: questions, which it answers in order, and orders.

use std::sync::Arc;

use aftercall_engine::Request;
use aftercall_engine::command::RequestMark;
use tokio::sync::oneshot;

use super::error::LedgerError;
use super::outcome::Outcome;
use crate::records::WorldImage;

/// A question that the owner answers in order.
pub(super) enum Question {
    /// Carry out this request. The sender keeps it too: what it has allocated is then freed by its own
    /// thread, and it can ask again.
    Decide(Arc<Request>),
    /// Find out whether an equal request was carried out before.
    Recall(RequestMark),
}

/// A question, and the channel for its answer.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) answer: oneshot::Sender<Result<Outcome, LedgerError>>,
}

/// A task for the owner that is not a command.
pub(super) enum Order {
    /// Send the current World after all of it has become durable.
    TakeImage(oneshot::Sender<WorldImage>),
}
