//! Tests of the tools for people who write workflows.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod building;
mod consequences;
mod counterparts;
mod diff;
mod different_days;
mod examples;
mod examples_walked;
mod faults;
mod guides;
mod hostile;
mod numbering;
mod round_trip;
mod schema;
mod texts;
mod validation;
