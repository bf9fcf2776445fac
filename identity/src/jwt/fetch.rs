//! Fetching the keys of an issuer from its address.

use std::path::PathBuf;

use crate::access_file::Issuer;
use crate::https::issuer_client;

/// Bytes of an answer. Keys of providers have a few KiB.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// Where keys are, and whom to trust for it.
#[derive(Debug)]
pub(super) struct Address {
    url: String,
    ca_file: Option<PathBuf>,
}

impl Address {
    /// The address in an entry of the access file.
    pub(super) fn of(issuer: &Issuer) -> Self {
        Self {
            url: issuer.keys_url.clone().unwrap_or_default(),
            ca_file: issuer.ca_file.clone(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// What is at an address.
///
/// # Errors
/// A sentence that says why it cannot be read.
pub(super) fn fetch(address: &Address) -> Result<String, String> {
    let settings = issuer_client(&address.url, address.ca_file.as_deref())?;
    let answer = settings.build().new_agent().get(&address.url).call();
    let mut answer = answer.map_err(|error| error.to_string())?;
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    body.read_to_string().map_err(|error| error.to_string())
}
