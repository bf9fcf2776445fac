//! The journal: the durable memory of one workflow-server.
//!
//! What it is: small traits over opaque bytes. The [`Log`] is an ordered list of groups of entries.
//! The [`Vault`] keeps named blobs (files of checked frames) and small keys. Both only read. Only
//! the leading process writes. [`Storage::lead`] returns a [`Leading`] for one term, which has the
//! [`LogWriter`] and the [`VaultWriter`]. A leader with a higher term deposes it, and then all its
//! writes are refused. [`Store::open`] opens a data directory: sled for the log, plain files for the
//! vault. Only one process can use it. [`postgres`] is a store in a database, which any number of
//! processes may share. [`memory`] is a store in memory for any number of simulated
//! processes, with faults on request.
//!
//! What it promises: after a future has returned `Ok`, the change is durable, even after `kill -9`
//! or a power cut. A read returns the bytes that were written, checked, or a typed error. After the
//! first failed append or sync nothing more is written. [`JournalError::Failed`] keeps the first
//! reason, and the next open copies the store before it uses it. A database keeps this promise without us: after an error of a
//! database writing continues, unless the error proves damage.
//!
//! What it must not do: read the content of the bytes, know the engine or the protos, read the clock
//! except for time limits, or name sled outside `sled.rs` and `sled/`. All file operations run on
//! separate threads or on the blocking threads of the runtime. The futures work with any tokio
//! runtime.

mod blobs;
mod database_error;
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
mod elections;
mod guard;
mod head;
mod identity;
mod leading;
mod lock;
mod options;
pub(crate) mod restoring;
mod storage;
mod store;
mod tables;
mod tail;

mod sled;
mod vault;

pub mod memory;
pub mod postgres;

pub use blobs::{BlobWriter, Vault, VaultWriter};
pub use database_error::DatabaseError;
pub use disk::{Disk, RealDisk};
pub use elections::{Elections, Lease, Member, Report, Reported, Seen};
pub use error::{JournalError, OpenError};
pub use group::{Bounds, Group, Position};
pub(crate) use identity::stored::{FILE as IDENTITY_FILE, replace_epoch};
pub use identity::{FORMAT, Identity};
pub use leading::Leading;
pub use limits::*;
pub use log::{Log, LogWriter};
pub use options::{Birth, OnStuck, Options};
pub use storage::Storage;
pub use store::Store;
pub use tables::{TableRows, Tables};
pub use term::Term;
