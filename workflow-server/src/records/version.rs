//! The version byte, with which all records begin.

use super::{RECORDS_VERSION, RecordError};

/// Returns the bytes after the version.
pub(super) fn versioned(bytes: &[u8]) -> Result<&[u8], RecordError> {
    match bytes.split_first() {
        Some((&RECORDS_VERSION, rest)) => Ok(rest),
        Some((&found, _)) if found > RECORDS_VERSION => Err(RecordError::NewerVersion { found }),
        _ => Err(RecordError::Incomplete("version")),
    }
}
