//! Backups: what a running ledger copies, how a directory keeps the copies, and that a restore
//! equals the data of the server.

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
