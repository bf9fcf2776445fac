//! Tests of the ledger on a store in memory. The tests can hold the store, make it fail, and move
//! the clock.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod follow_ups;
mod support;

mod archive;
mod durability;
mod erasure;
mod failures;
mod keeping;
mod large;
mod late;
mod lost_answers;
mod members;
mod older;
mod on_database;
mod released;
mod starts;
mod time;
mod trails;
mod upkeep;
