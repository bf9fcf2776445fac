//! Streams of the alerter: alerts, the list of the client library, and the wallboard.

mod alerts;
mod changed_calls;
mod follow;
mod moving;
mod wallboard;
