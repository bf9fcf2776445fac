//! The certificate that new connections get. It is read again when its files change.
//!
//! Promise: files that are invalid or do not fit together change nothing. A connection keeps the
//! certificate that it began with. Connections learn when the CAs of clients change. Must not: depend on how the files are replaced: their content is
//! compared, so a symbolic link may move too.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use tokio::sync::watch;

use crate::tls::files::{self, Contents, TlsError, Usable};
use crate::tls::settings::TlsSettings;
use crate::tls::trust::{ClientCas, Trust};

/// The certificate of a server, with its key and the CAs of its clients.
pub(crate) struct Certificates {
    settings: TlsSettings,
    present: RwLock<Present>,
    client_cas: watch::Sender<ClientCas>,
}

struct Present {
    contents: Contents,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never a key.
        formatter
            .debug_struct("Certificates")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn read(settings: TlsSettings) -> Result<Self, TlsError> {
        let contents = files::read(&settings)?;
        let usable = files::usable(&settings, &contents)?;
        let client_cas = watch::Sender::new(Arc::clone(&usable.client_cas));
        let config = note_used(&settings, usable);
        Ok(Self {
            settings,
            present: RwLock::new(Present { contents, config }),
            client_cas,
        })
    }

    /// Follows the CAs of clients for a connection. Call it before [`Certificates::config`], so that
    /// no change is missed.
    pub(crate) fn trust(&self) -> Trust {
        Trust::new(self.client_cas.subscribe())
    }

    /// What the next handshake uses.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&present.config)
    }

    /// Reads the files again and again. It never ends.
    pub(crate) async fn keep_up(self: Arc<Self>, read_every: Duration) {
        let mut logged = None;
        loop {
            tokio::time::sleep(read_every).await;
            let certificates = Arc::clone(&self);
            // Files can be on a network.
            let looked = tokio::task::spawn_blocking(move || certificates.read_again()).await;
            let Ok(looked) = looked else { continue };
            match looked.map_err(|error| error.to_string()) {
                Ok(is_changed) => {
                    if is_changed || logged.take().is_some() {
                        logged = None;
                        tracing::info!("new connections get the certificate in the files");
                    }
                }
                Err(error) => {
                    metrics::counter!("aftercall_tls_certificate_errors_total").increment(1);
                    if logged.as_ref() != Some(&error) {
                        tracing::error!(%error, "the changed files of the certificate cannot be used: new connections get the earlier certificate; the files are read again every few seconds");
                        logged = Some(error);
                    }
                }
            }
        }
    }

    /// Uses the files if they have changed; returns whether they have.
    fn read_again(&self) -> Result<bool, TlsError> {
        let contents = files::read(&self.settings)?;
        let is_same = {
            let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
            present.contents == contents
        };
        if is_same {
            return Ok(false);
        }
        let usable = files::usable(&self.settings, &contents)?;
        let client_cas = Arc::clone(&usable.client_cas);
        let config = note_used(&self.settings, usable);
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let has_same_cas = present.contents.has_client_ca_of(&contents);
        *present = Present { contents, config };
        drop(present);
        if !has_same_cas {
            self.client_cas.send_replace(client_cas);
        }
        Ok(true)
    }
}

/// Shows until when the certificate is valid. One that is not valid now is used all the same: the
/// clients decide, and they may not check.
fn note_used(settings: &TlsSettings, usable: Usable) -> Arc<ServerConfig> {
    let (from, until) = usable.valid;
    metrics::gauge!("aftercall_tls_certificate_expires_seconds").set(until as f64);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs() as i64);
    if now < from || now > until {
        let path = settings.certificate.display();
        tracing::error!(%path, "the certificate is not valid at this time: clients will refuse it; replace it or set the clock");
    }
    usable.config
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn write_pair(folder: &Path) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join("tls.crt"), certificate.pem()).expect("written");
        fs::write(folder.join("tls.key"), key.serialize_pem()).expect("written");
    }

    fn settings(folder: &Path) -> TlsSettings {
        TlsSettings {
            certificate: folder.join("tls.crt"),
            key: folder.join("tls.key"),
            ..TlsSettings::default()
        }
    }

    fn refused(settings: TlsSettings) -> String {
        let refused = Certificates::read(settings).expect_err("it is refused");
        refused.to_string()
    }

    #[test]
    fn an_invalid_file_is_named_with_its_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
        for folder in [&one, &two] {
            write_pair(folder);
        }
        Certificates::read(settings(&one)).expect("the control");
        let missing = dir.path().join("none.crt");
        let broken = dir.path().join("broken.crt");
        let begun = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        fs::write(&broken, begun).expect("written");
        let large = dir.path().join("large.crt");
        fs::write(&large, vec![b'x'; 2 << 20]).expect("written");
        for (certificate, key, named) in [
            (&missing, &one.join("tls.key"), "none.crt cannot be read"),
            (&broken, &one.join("tls.key"), "broken.crt is invalid"),
            (&large, &one.join("tls.key"), "large.crt is larger"),
            (&one.join("tls.key"), &one.join("tls.key"), "no certificate"),
            (&one.join("tls.crt"), &one.join("tls.crt"), "no private key"),
            (&one.join("tls.crt"), &two.join("tls.key"), "is not that of"),
        ] {
            let why = refused(TlsSettings {
                certificate: certificate.clone(),
                key: key.clone(),
                ..TlsSettings::default()
            });
            assert!(why.contains(named), "{why}");
        }
        let client_ca = one.join("tls.key");
        let why = refused(TlsSettings {
            client_ca,
            ..settings(&one)
        });
        assert!(why.contains("tls.key has no certificate"), "{why}");
    }

    #[test]
    fn a_moved_link_changes_the_certificate() {
        let dir = tempfile::tempdir().expect("a directory");
        let [one, two, link] = ["one", "two", "data"].map(|name| dir.path().join(name));
        for folder in [&one, &two] {
            write_pair(folder);
        }
        symlink(&one, &link).expect("a link");
        let certificates = Certificates::read(settings(&link)).expect("it is valid");
        let before = certificates.config();
        assert!(!certificates.read_again().expect("the same"));
        assert!(Arc::ptr_eq(&before, &certificates.config()));
        fs::remove_file(&link).expect("removed");
        symlink(&two, &link).expect("a link");
        assert!(certificates.read_again().expect("it is valid"));
        assert!(!Arc::ptr_eq(&before, &certificates.config()));
    }

    #[test]
    fn a_pair_that_does_not_fit_keeps_the_earlier() {
        let dir = tempfile::tempdir().expect("a directory");
        let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
        for folder in [&one, &two] {
            write_pair(folder);
        }
        let certificates = Certificates::read(settings(&one)).expect("it is valid");
        let before = certificates.config();
        fs::copy(two.join("tls.crt"), one.join("tls.crt")).expect("copied");
        let refused = certificates.read_again().expect_err("half of a pair");
        assert!(matches!(refused, TlsError::NotAPair { .. }), "{refused}");
        assert!(Arc::ptr_eq(&before, &certificates.config()));
        fs::copy(two.join("tls.key"), one.join("tls.key")).expect("copied");
        assert!(certificates.read_again().expect("the other half"));
    }
}
