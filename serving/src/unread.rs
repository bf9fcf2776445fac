//! The unsent bytes of all answers of this process.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::UNREAD_REFUSED_TIMES;

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
/// served: more than [`Limits::unread_bytes_max`](crate::Limits::unread_bytes_max).
pub(crate) fn is_over_all(bytes_max: usize) -> bool {
    bytes() > bytes_max
}

/// Whether all answers together hold so much that a server should make no large answer for any
/// client. `bytes_max` is [`unread_bytes_refused`].
#[must_use]
pub fn is_full_of_unread_answers(bytes_max: usize) -> bool {
    bytes() > bytes_max
}

/// Bytes of unread answers above which reads are refused, by the setting `unread_bytes_max`.
#[must_use]
pub fn unread_bytes_refused(unread_bytes_max: u32) -> usize {
    (unread_bytes_max as usize).saturating_mul(UNREAD_REFUSED_TIMES)
}
