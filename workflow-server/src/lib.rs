//! The workflow-server: owns workflow definitions and the instances that run on calls, and serves
//! them over gRPC.
//!
//! The journal is the truth, memory is the state, the feed is the journal: see `ARCHITECTURE.md`.

mod askers;
pub mod backup;
mod cluster;
mod compaction;
pub mod config;
pub mod limits;
mod new_epoch;
pub mod reading;
mod report;
pub mod store_copy;

mod process;
mod series;
mod server;

pub mod journal;
pub mod records;

pub mod ledger;
pub mod service;

pub use compaction::{Compacted, compact};
pub use new_epoch::new_epoch;
pub use server::{Server, ServerError};
