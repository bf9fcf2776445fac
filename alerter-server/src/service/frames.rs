//! From entries and events to frames.
//!
//! Promise: pure; what a change means to a filter is decided here and nowhere else.

use std::time::SystemTime;

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{OutOfView, Reset, ResetReason, StageChange, Upstream};
use aftercall_proto::feed::v1::{FeedEntry, InstanceChange};

use super::status::Obstacle;
use crate::cache::Cache;
use crate::filter::Filter;
use crate::hub::Link;

/// The frames of an entry for a filter, in the entry's order; none where the filter lets nothing through.
pub(crate) fn frames_of(entry: &FeedEntry, filter: &Filter) -> Vec<Frame> {
    entry.changes.iter().filter_map(|change| frame_of(entry, change, filter)).collect()
}

fn frame_of(entry: &FeedEntry, change: &InstanceChange, filter: &Filter) -> Option<Frame> {
    let follow_up = change.follow_up.as_ref()?;
    if filter.shows(follow_up) {
        return Some(Frame::StageChange(StageChange {
            sequence: entry.sequence,
            at: entry.at,
            follow_up: Some(follow_up.clone()),
            cause: change.cause.clone(),
            actor: entry.actor.clone(),
            from_stage: change.from_stage.clone(),
        }));
    }
    filter.showed(change).then(|| {
        Frame::OutOfView(OutOfView {
            sequence: entry.sequence,
            instance_id: follow_up.instance_id.clone(),
            cause: change.cause.clone(),
            actor: entry.actor.clone(),
            status: follow_up.status,
            outcome: follow_up.outcome.clone(),
        })
    })
}

/// The frame that says why a stream begins anew.
pub(crate) fn reset(view: &Cache, obstacle: Obstacle) -> Frame {
    let reason = match obstacle {
        Obstacle::TooOld => ResetReason::TooOld,
        Obstacle::OtherHistory => ResetReason::OtherHistory,
        Obstacle::OtherFilter => ResetReason::OtherFilter,
        Obstacle::FromTheFuture => ResetReason::FromTheFuture,
        Obstacle::AlerterRestarted => ResetReason::AlerterRestarted,
    };
    Frame::Reset(Reset { reason: reason.into(), oldest_sequence: view.oldest(), newest_sequence: view.head().sequence })
}

/// The frame that says how the workflow-server stands.
pub(crate) fn upstream(link: Link, now: SystemTime) -> Frame {
    let lag = now.duration_since(link.as_of).unwrap_or_default();
    Frame::Upstream(Upstream {
        connected: link.connected,
        as_of: Some(link.as_of.into()),
        lag: prost_types::Duration::try_from(lag).ok(),
    })
}
