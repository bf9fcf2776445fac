//! The place of a subscription: what it requests when it reconnects.
//!
//! Promise: it resumes after the last frame that was handled. A requested snapshot is requested
//! again until a whole one was handled, so that a stream that is cut in a snapshot never leaves
//! half of it.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeResponse};

/// A place in the stream of alerts.
#[derive(Debug)]
pub(crate) struct Place {
    /// The token of the last frame that was handled and had one.
    token: String,
    snapshot: SnapshotMode,
    /// Whether a requested snapshot has not been handled whole.
    is_snapshot_due: bool,
    /// Whether this connection's snapshot has ended.
    has_ended: bool,
    /// The last frame, which counts as handled when the next is requested: its token, and whether
    /// it ends a snapshot.
    given: Option<(String, bool)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let snapshot = SnapshotMode::Auto;
        Self {
            token: String::new(),
            snapshot,
            is_snapshot_due: false,
            has_ended: false,
            given: None,
        }
    }

    /// Begins after a token.
    pub(crate) fn resume(&mut self, token: String) {
        self.token = token;
    }

    /// Begins with a snapshot, or without.
    pub(crate) fn begin_with(&mut self, snapshot: SnapshotMode) {
        self.snapshot = snapshot;
        self.is_snapshot_due = snapshot == SnapshotMode::Always;
    }

    /// The token of the last frame that was handled.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The token and the snapshot mode to request.
    pub(crate) fn request(&self) -> (String, SnapshotMode) {
        let is_satisfied = self.snapshot == SnapshotMode::Always && !self.is_snapshot_due;
        (
            self.token.clone(),
            if is_satisfied {
                SnapshotMode::Auto
            } else {
                self.snapshot
            },
        )
    }

    /// Notes a frame that the caller gets now.
    pub(crate) fn give(&mut self, response: &SubscribeResponse) {
        self.given = Some((
            response.token.clone(),
            matches!(response.frame, Some(Frame::SnapshotEnd(_))),
        ));
    }

    /// Notes that the last frame has been handled.
    pub(crate) fn handled(&mut self) {
        let Some((token, ends_snapshot)) = self.given.take() else {
            return;
        };
        self.has_ended |= ends_snapshot;
        // Tokens are empty during a snapshot: nothing resumes in the middle of one.
        if !token.is_empty() {
            self.token = token;
            self.is_snapshot_due &= !self.has_ended;
        }
    }

    /// Notes that the connection is lost.
    pub(crate) fn lost(&mut self) {
        self.has_ended = false;
    }
}

#[cfg(test)]
#[path = "place/tests.rs"]
mod tests;
