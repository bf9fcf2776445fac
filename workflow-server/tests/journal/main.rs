//! Tests of the journal from outside: its promises, on files and in memory, and its refusals.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod support;
mod tail;
mod terms;

mod conformance;
mod copying;
mod elections;
mod failures;
mod flips;
mod model;
mod older_directory;
mod postgres;
mod power_cut;
mod refusals;
mod trimming;
