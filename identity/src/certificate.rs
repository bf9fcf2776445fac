//! The names in a client certificate. The chain was verified by TLS before.

use std::time::{Duration, SystemTime};

use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// The names in a certificate, and its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CertificateNames {
    pub(crate) common_names: Vec<String>,
    pub(crate) dns: Vec<String>,
    pub(crate) uris: Vec<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) expires_at: Option<SystemTime>,
}

impl CertificateNames {
    /// Reads a certificate in DER; `None` if it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let common_names = certificate.subject().iter_common_name();
        let mut names = Self {
            common_names: common_names
                .filter_map(|name| Some(name.as_str().ok()?.to_owned()))
                .collect(),
            expires_at: u64::try_from(certificate.validity().not_after.timestamp())
                .ok()
                .and_then(|seconds| {
                    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
                }),
            ..Self::default()
        };
        let alternatives = certificate.subject_alternative_name().ok().flatten();
        for name in alternatives
            .iter()
            .flat_map(|names| &names.value.general_names)
        {
            match name {
                GeneralName::DNSName(name) => names.dns.push((*name).to_owned()),
                GeneralName::URI(name) => names.uris.push((*name).to_owned()),
                GeneralName::RFC822Name(name) => names.emails.push((*name).to_owned()),
                _ => {}
            }
        }
        Some(names)
    }
}
