//! The log in sled 0.34.7. Only this file and those below `sled/` name sled.
//!
//! sled is used as a journal: one tree and one writing thread. A group is one value, or chunks of
//! at most 64 KiB. New groups become durable in the tail file first, and are moved to sled in
//! batches. After every batch comes `flush`, and then an `fdatasync` of sled's file on a
//! descriptor of our own. The reason is that sled's flush does not survive a power cut. Every value
//! is checked when it is read, and all values when the store is opened. We do not trust the
//! recovery of sled: the chain and the head file decide whether anything is missing.

mod batch;
mod chunk;
mod copy;
mod log;
mod mover;
mod orders;
mod read;
mod replay;
mod shared;
mod tree;
mod verify;
mod watchdog;
mod writer;

pub(super) use copy::copy;
pub(super) use log::{SledLog, Start};
pub(super) use replay::replay;
pub(super) use tree::{Place, Tree};
pub(super) use verify::{Verified, verify};
