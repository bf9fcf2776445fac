//! The words of the sign-in page.

use serde::Deserialize;

/// The words of the sign-in page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInWords {
    pub(crate) by_provider: String,
    pub(crate) with_token: String,
    pub(crate) not_accepted: String,
    pub(crate) provider_away: String,
    pub(crate) provider_refused: String,
    pub(crate) signed_in: String,
    pub(crate) close_window: String,
    pub(crate) is_over: String,
    pub(crate) text_is_kept: String,
    pub(crate) other_person: String,
}
