//! Why an audit log cannot be written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the audit log cannot be written.
#[derive(Debug, Error)]
pub enum AuditError {
    /// Its file cannot be opened.
    #[error(
        "the audit log {} cannot be opened: {error}; name another file with --audit-log, or turn it off with --audit-log off",
        path.display()
    )]
    Open {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// Its thread cannot be started.
    #[error("the thread of the audit log cannot be started: {0}")]
    Thread(io::Error),
}
