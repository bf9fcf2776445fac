//! The journal: the durable memory of one workflow-server.
//!
//! What it is: small traits over opaque bytes. The [`Log`] is an ordered row of groups of entries;
//! the [`Vault`] keeps named blobs (files made of checked frames) and small keys. Both only read.
//! Writing is for the one process that leads: [`Storage::lead`] returns a [`Leading`] for one term,
//! and it alone has the [`LogWriter`] and the [`VaultWriter`]. A leader with a higher term deposes
//! it, and its every later write is refused. [`Store::open`] opens a data directory (sled for the
//! log, plain files for the vault), which only one process can use; [`memory`] is a store in memory
//! for any number of simulated processes, with faults on request.
//!
//! What it promises: a future that has answered `Ok` is durable, against `kill -9` and against a
//! power cut. What is read back is what was written, checked, or a typed error. After the first
//! failed append or sync nothing is written any more ([`JournalError::Failed`] keeps the first
//! reason) and the next open copies the store before it is believed.
//!
//! What it must not do: look into the bytes, know the engine or the protos, read the clock for
//! anything but time limits, or name sled outside `sled.rs` and `sled/`. All work on files runs on
//! threads of its own or on the runtime's blocking threads; the futures work under any tokio
//! runtime.

mod blobs;
mod error;
mod group;
mod limits;
mod log;
mod term;

mod blocking;
mod disk;
mod fault;
pub(crate) mod files;
mod sealed;

mod birth;
mod current;
mod guard;
mod head;
mod identity;
mod lock;
mod options;
pub(crate) mod restoring;
mod storage;
mod store;

mod sled;
mod vault;

pub mod memory;

pub use blobs::{BlobWriter, Vault, VaultWriter};
pub use disk::{Disk, RealDisk};
pub use error::{JournalError, OpenError};
pub use group::{Bounds, Group, Position};
pub(crate) use identity::stored::{FILE as IDENTITY_FILE, replace_epoch};
pub use identity::{FORMAT, Identity};
pub use limits::*;
pub use log::{Log, LogWriter};
pub use options::{Birth, OnStuck, Options};
pub use storage::{Leading, Storage};
pub use store::Store;
pub use term::Term;
