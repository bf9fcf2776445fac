//! The vault on plain files: `vault/blobs/` and `vault/keys/`, one file each, made in `vault/tmp/`
//! and renamed when whole.
//!
//! It promises that a name shows either nothing, or the old, or the new content, whole and checked.
//! A failed sync ends all writing of the store; a failed write (a full disk) costs only the blob
//! that was being written.

mod blob;
mod closed;
mod file;

pub(super) use blob::{END_BYTES, frame_bytes};
pub(super) use closed::{
    DIRECTORY, blobs, check_has_blobs, create_blob, create_directories, read_blob, remove_blob,
};
pub(super) use file::FileVault;

use super::{JournalError, NAME_CHARS_MAX};

/// Refuses what is no name.
pub(super) fn check_name(name: &str) -> Result<(), JournalError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty()
        || name.len() > NAME_CHARS_MAX
        || name.starts_with('.')
        || !name.chars().all(allowed)
    {
        return Err(JournalError::BadName {
            name: name.chars().take(NAME_CHARS_MAX).collect(),
        });
    }
    Ok(())
}

/// Refuses what is too large.
pub(super) fn check_size(
    what: &'static str,
    bytes: usize,
    bytes_max: usize,
) -> Result<(), JournalError> {
    if bytes > bytes_max {
        return Err(JournalError::TooLarge {
            what,
            bytes,
            bytes_max,
        });
    }
    Ok(())
}
