//! The log in sled 0.34.7. Only this file and those below `sled/` name sled.
//!
//! sled is used as a journal: one tree, one writing thread, a group as one value or as chunks of at
//! most 64 KiB, and after every batch `flush` and an `fdatasync` of sled's file on a descriptor of
//! our own, because sled's flush does not survive a power cut. Every value is checked when it is
//! read, all of them when the store is opened. sled's own recovery is not believed: the chain and
//! the head file decide whether anything is missing.

mod chunk;
mod copy;
mod log;
mod read;
mod shared;
mod tree;
mod verify;
mod watchdog;
mod writer;

pub(super) use copy::copy;
pub(super) use log::{SledLog, Start};
pub(super) use tree::{Place, Tree};
pub(super) use verify::{Verified, verify};
