//! What all pages need.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::kept_forms::KeptForms;
use crate::looking::Looking;
use crate::people::People;
use crate::rows::Rows;

/// What all pages need.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) people: Arc<People>,
    /// The forms that have an address.
    pub(crate) forms: Arc<KeptForms>,
    /// Who looks at what.
    pub(crate) looking: Arc<Looking>,
    /// Whether browsers reach the page over TLS.
    pub(crate) is_secure: bool,
    /// The address of the page in browsers; empty for that of each request.
    pub(crate) public_url: Arc<str>,
    /// The rows that streams have been sent lately.
    pub(crate) rows: Rows,
    /// Ends the streams when the server stops.
    pub(crate) stop: CancellationToken,
}
