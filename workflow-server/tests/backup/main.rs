//! Backups: what is copied from a running ledger, how a directory keeps it, and that what is
//! restored is what the server had.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod chosen_point;
mod clock;
mod damage;
mod erased;
mod incremental;
mod interrupted;
mod purging;
mod support;
mod under_load;
