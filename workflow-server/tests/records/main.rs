//! Tests of the stored form from outside. Frozen samples can still be read, and their form is still
//! written. The journal alone restores the World, byte for byte.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod samples;
mod scenario;

mod authors;
mod backups;
mod bounds;
mod clock;
mod desk_batches;
mod first_written;
mod hands;
mod history;
mod hours;
mod incomplete;
mod large;
mod leaving;
mod operations;
mod owners;
mod replay;
mod sensitive;
mod server;
mod sizes;
mod source;
mod teams;
mod texts;
mod titles;
mod unattended;
mod views;
