//! Every status that this server answers with is made here, and nowhere else.

use tonic::Status;
use tonic_types::StatusExt;

use crate::service::say::refusal::{Parts, Refusal};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "aftercall";

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Parts {
            code,
            reason,
            message,
            facts,
            mut details,
        } = refusal.into_parts();
        details.set_error_info(reason.word(), DOMAIN, facts);
        Self::with_error_details(code, message, details)
    }
}
