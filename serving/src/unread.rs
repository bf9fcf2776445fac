//! The unsent bytes of all answers of this process.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::{UNREAD_BYTES_MAX, UNREAD_BYTES_REFUSED};

static BYTES: AtomicUsize = AtomicUsize::new(0);

/// How many there are.
pub(crate) fn bytes() -> usize {
    BYTES.load(Ordering::Relaxed)
}

pub(crate) fn add(bytes: usize) {
    BYTES.fetch_add(bytes, Ordering::Relaxed);
}

pub(crate) fn subtract(bytes: usize) {
    BYTES.fetch_sub(bytes, Ordering::Relaxed);
}

/// Whether all answers together hold so much that only clients with almost no unsent bytes are
/// served.
pub(crate) fn is_over_all() -> bool {
    bytes() > UNREAD_BYTES_MAX
}

/// Whether all answers together hold so much that a server should make no large answer for any
/// client.
#[must_use]
pub fn is_full_of_unread_answers() -> bool {
    bytes() > UNREAD_BYTES_REFUSED
}
