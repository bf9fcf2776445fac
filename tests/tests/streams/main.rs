//! Streams of the alerter: alerts, the list of the client library, and the wallboard.

mod alerts;
mod follow;
mod wallboard;
