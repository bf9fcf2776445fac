//! Where to log in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where to log in, and what to request there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginSettings {
    /// The address of the issuer, which is the `iss` of its tokens.
    pub(crate) issuer: String,
    /// The id under which the issuer knows this program.
    pub(crate) client_id: String,
    /// The scopes to request, separated by spaces.
    pub(crate) scopes: String,
    /// The audience to request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<String>,
    /// A PEM file with the CA of the issuer; without one those of the system are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}
