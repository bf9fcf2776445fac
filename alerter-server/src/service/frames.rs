//! Frames about the stream itself.

use std::time::SystemTime;

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{Reset, ResetReason, Upstream};

use super::status::Obstacle;
use crate::cache::Cache;
use crate::link::Link;

/// The frame that says why a stream starts again with a snapshot.
pub(crate) fn reset(view: &Cache, obstacle: Obstacle) -> Frame {
    let reason = match obstacle {
        Obstacle::TooOld => ResetReason::TooOld,
        Obstacle::OtherHistory => ResetReason::OtherHistory,
        Obstacle::OtherFilter => ResetReason::OtherFilter,
        Obstacle::FromTheFuture => ResetReason::FromTheFuture,
        Obstacle::AlerterRestarted => ResetReason::AlerterRestarted,
    };
    Frame::Reset(Reset {
        reason: reason.into(),
        oldest_sequence: view.oldest(),
        newest_sequence: view.head().sequence,
    })
}

/// The frame that says whether the workflow-server is connected.
pub(crate) fn upstream(link: Link, now: SystemTime) -> Frame {
    let lag = now.duration_since(link.as_of).unwrap_or_default();
    Frame::Upstream(Upstream {
        connected: link.connected,
        as_of: Some(link.as_of.into()),
        lag: prost_types::Duration::try_from(lag).ok(),
        behind: link.behind,
    })
}
