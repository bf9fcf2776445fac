//! Which settings of TLS need each other.

use crate::error::SettingError;
use crate::tls::settings::TlsSettings;

/// The settings that do not fit together. Files are read later, when the port is opened.
pub(crate) fn errors(tls: &TlsSettings) -> Vec<SettingError> {
    let has_key = !tls.key.as_os_str().is_empty();
    let checks = [
        (
            tls.is_on() && !has_key,
            "tls_key",
            "it is empty: name the PEM file with the private key of tls_certificate",
        ),
        (
            has_key && !tls.is_on(),
            "tls_certificate",
            "it is empty: name the PEM file with the certificate of tls_key",
        ),
        (
            tls.has_client_ca() && !tls.is_on(),
            "tls_client_ca",
            "certificates of clients need TLS: set tls_certificate and tls_key too",
        ),
        (
            tls.client_required && !tls.has_client_ca(),
            "tls_client_required",
            "name the CA that signs the certificates of clients with tls_client_ca",
        ),
    ];
    checks
        .into_iter()
        .filter(|(is_wrong, ..)| *is_wrong)
        .map(|(_, setting, message)| SettingError::new(setting, message))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::tls::settings::TlsSettings;

    fn wrong(certificate: &str, key: &str, client_ca: &str, required: bool) -> Vec<&'static str> {
        let settings = TlsSettings {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: client_ca.into(),
            client_required: required,
        };
        let errors = super::errors(&settings);
        errors.iter().map(|error| error.setting).collect()
    }

    #[test]
    fn settings_that_need_each_other_are_checked_together() {
        for valid in [
            wrong("", "", "", false),
            wrong("c", "k", "", false),
            wrong("c", "k", "ca", true),
        ] {
            assert_eq!(valid, [""; 0]);
        }
        assert_eq!(wrong("c", "", "", false), ["tls_key"]);
        assert_eq!(wrong("", "k", "", false), ["tls_certificate"]);
        assert_eq!(wrong("", "", "ca", false), ["tls_client_ca"]);
        assert_eq!(wrong("c", "k", "", true), ["tls_client_required"]);
    }
}
