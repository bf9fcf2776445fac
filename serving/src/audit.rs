//! The audit log: one line of JSON for each refusal of access, and for each action by an author, an
//! operator or a supervisor.
//!
//! Promise: a request never waits for it. Lines that could not be kept are counted and reported.
//! Must not: hold what a message says, except who acts, the id of the request, and the ids and names
//! of what it is about.

mod error;
mod file;
mod flood;
mod line;
pub(crate) mod notes;
mod settings;
mod writer;

pub use error::AuditError;
pub(crate) use line::{Event, is_refusal};
pub(crate) use settings::errors;
pub use settings::{AUDIT_LOG_FILES, AUDIT_LOG_SIZE_MIB, AuditPlace, AuditSettings};
pub(crate) use writer::{AuditLog, AuditWriter, open};
