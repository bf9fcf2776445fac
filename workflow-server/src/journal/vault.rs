//! The vault as plain files in `vault/blobs/` and `vault/keys/`. A new file is written in
//! `vault/tmp/`, and renamed when it is whole.
//!
//! Promise: a name shows nothing, the whole old content or the whole new content, and the content
//! is checked. A failed sync ends all writing of the store. A failed write, as on a full disk,
//! costs only the unfinished blob.

mod blob;
mod closed;
mod file;

pub(super) use blob::{END_BYTES, decode, encode_end, encode_frame, frame_bytes};
pub(super) use closed::{
    DIRECTORY, blobs, check_has_blobs, create_blob, create_directories, read_blob, remove_blob,
};
pub(super) use file::FileVault;

use super::{JournalError, NAME_CHARS_MAX};

/// Returns an error for a text that is not a valid name.
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

/// Returns an error if the size is over the limit.
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
