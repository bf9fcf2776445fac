//! What the owner receives: questions, which it answers in turn, and orders.

use aftercall_engine::Request;
use aftercall_engine::command::RequestMark;
use tokio::sync::oneshot;

use super::error::LedgerError;
use super::outcome::Outcome;
use crate::records::WorldImage;

/// What the owner answers in turn.
pub(super) enum Question {
    /// Carry out this request.
    Decide(Request),
    /// Report whether the same request was carried out before.
    Recall(RequestMark),
}

/// A question on its way, and where its answer goes.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) answer: oneshot::Sender<Result<Outcome, LedgerError>>,
}

/// A task for the owner that is not a command.
pub(super) enum Order {
    /// Send the current World, once all of it is durable.
    TakeImage(oneshot::Sender<WorldImage>),
}
