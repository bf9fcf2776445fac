//! Where people sign in.

use std::path::PathBuf;

/// An OpenID provider, and this page as a client of it.
#[derive(Clone, Debug)]
pub(crate) struct ProviderSettings {
    /// The `iss` of its tokens, an address.
    pub(crate) issuer: String,
    /// The id of this page there.
    pub(crate) client_id: String,
    /// A file with the secret of this page; none for a public client.
    pub(crate) secret_file: Option<PathBuf>,
    /// The scopes to request, with spaces between them.
    pub(crate) scopes: String,
    /// The audience to request, for providers that need one; else empty.
    pub(crate) audience: String,
    /// A file with the certificate authority of the provider; without one the system's are trusted.
    pub(crate) ca_file: Option<PathBuf>,
}
