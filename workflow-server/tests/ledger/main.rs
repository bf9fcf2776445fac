//! The ledger on a store in memory that can be held and made to fail, with a clock that moves when
//! it is told to.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

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
mod released;
mod starts;
mod time;
mod trails;
mod upkeep;
