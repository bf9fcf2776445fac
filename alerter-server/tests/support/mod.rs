//! What the tests of the alerter-server share: a scripted feed, alerters, clients, and the checker
//! of streams.
//!
//! Each test binary uses a part of it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "each test binary uses a part of this, and a test may fail"
)]

pub mod alerter;
pub mod feed;
pub mod model;
pub mod picture;

use aftercall_proto::workflow::v1::FollowUpFilter;

/// A filter by teams.
pub fn teams(names: &[&str]) -> FollowUpFilter {
    FollowUpFilter {
        teams: names.iter().map(ToString::to_string).collect(),
        ..FollowUpFilter::default()
    }
}
