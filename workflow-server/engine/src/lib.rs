//! The engine of workflows: it decides what each request changes, and applies the change.
//!
//! Promises: everything here is pure. `decide` reads a [`World`] and a command. It returns the
//! change as an [`Entry`], a list of facts. `apply` puts these facts into a World. Live traffic and
//! recovery use the same `apply`. Time and ids are arguments.
//!
//! Must not: do I/O, read a clock, make random ids, or know of files, gRPC or a store.
//! `clippy.toml` beside this crate forbids the usual functions for this.

pub mod actor;
pub mod alert;
pub mod archive;
pub mod away;
pub mod batch;
pub mod call;
pub mod command;
mod decide;
pub mod desk_change;
pub mod entry;
pub mod erasure;
pub mod filter;
pub mod history;
pub mod instance;
pub mod limits;
pub mod mask;
pub mod phone;
pub mod query;
pub mod reach;
pub mod recipient;
pub mod rejection;
pub mod saved_view;
mod shown;
pub mod team;
#[cfg(feature = "testing")]
pub mod testing;
mod times;
pub mod work;
pub mod world;

pub use command::{Command, Request};
pub use decide::{Decision, decide, recall, request_errors, request_errors_in, try_batch};
pub use entry::Entry;
pub use reach::Reach;
pub use rejection::Rejection;
pub use world::{Root, World};
