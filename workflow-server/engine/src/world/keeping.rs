//! How many request ids the World keeps, and how long.

/// The settings of the World for request ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// How long request ids are kept, in milliseconds.
    pub request_ids_millis: i64,
    /// The largest number of request ids to keep. Above it, the oldest are removed first.
    pub request_ids_max: usize,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            request_ids_millis: 24 * 3_600_000,
            request_ids_max: crate::limits::REQUEST_IDS_MAX,
        }
    }
}
