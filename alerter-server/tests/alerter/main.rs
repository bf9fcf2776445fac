//! Tests of a whole alerter-server against a scripted workflow-server: every stream is compared
//! with a model.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the modules are of this test only, and a test may fail"
)]

mod feed;
mod identity;
mod model;
mod picture;
mod servers;

mod crashes;
mod limits;
mod members;
mod resuming;
mod streams;
mod upstream;

use aftercall_proto::workflow::v1::FollowUpFilter;

/// A filter by teams.
fn teams(names: &[&str]) -> FollowUpFilter {
    FollowUpFilter {
        teams: names.iter().map(ToString::to_string).collect(),
        ..FollowUpFilter::default()
    }
}
