//! What all pages need.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::people::People;

/// What all pages need.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) people: Arc<People>,
    /// Whether browsers reach the page over TLS.
    pub(crate) is_secure: bool,
    /// Ends the streams when the server stops.
    pub(crate) stop: CancellationToken,
}
