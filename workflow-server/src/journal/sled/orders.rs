//! What the threads of the log are asked to do.

use tokio::sync::oneshot;

use crate::journal::{Group, JournalError, Position};

/// The channel for the answer to an order.
pub(super) type Answer = oneshot::Sender<Result<(), JournalError>>;

/// An order to the writer.
pub(super) enum WriterOrder {
    /// See [`LogWriter::append`](crate::journal::LogWriter::append).
    Append(Group),
    /// Overwrites the tail, after its groups were moved.
    ClearTail,
}

/// A message to the mover.
pub(super) enum Message {
    /// A group waits, and there was none before.
    MoveSoon,
    /// Many groups wait, or a caller waits for them.
    MoveNow,
    Order(MoverOrder, Answer),
}

/// An order to the mover.
pub(super) enum MoverOrder {
    /// See [`LogWriter::trim`](crate::journal::LogWriter::trim).
    Trim(u64),
    /// Copies sled's files and removes the old ones.
    Copy,
    /// See [`LogWriter::start_at`](crate::journal::LogWriter::start_at).
    StartAt(Position),
}
