//! The port of a server, and how it is protected.

use std::net::SocketAddr;
use std::sync::Arc;

use aftercall_identity::{OwnToken, ProofSettings};
use tokio::net::TcpListener;

use crate::audit::{AuditPlace, AuditSettings, AuditWriter, open};
use crate::descriptors::raise_limit;
use crate::door::Door;
use crate::error::ServeError;
use crate::limits::INSECURE_WARNING_EVERY;
use crate::members::MemberKeys;
use crate::tls::{Certificates, TlsSettings};

/// How a server is protected on its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// Whether the server may be reached from other machines without TLS or proof of identity.
    pub insecure: bool,
    /// The certificate of the server.
    pub tls: TlsSettings,
    /// The proofs of identity that it accepts.
    pub proof: ProofSettings,
    /// Whether it hides the types of its requests from tools.
    pub is_reflection_off: bool,
    /// Whether people sign in to what it serves, so that it needs no proofs of its own.
    pub has_sessions: bool,
}

impl Protection {
    /// Checks that an address needs no more protection than there is.
    ///
    /// # Errors
    /// [`ServeError::NotProtected`], [`ServeError::NoProof`].
    pub(crate) fn check(&self, listen: SocketAddr) -> Result<(), ServeError> {
        if listen.ip().is_loopback() || self.insecure {
            Ok(())
        } else if !self.tls.is_on() {
            Err(ServeError::NotProtected(listen))
        } else if !self.proof.wants_proof() && !self.has_sessions {
            Err(ServeError::NoProof(listen))
        } else {
            Ok(())
        }
    }
}

/// An open port.
#[derive(Debug)]
pub struct Listener {
    pub(crate) tcp: TcpListener,
    pub(crate) address: SocketAddr,
    /// Without it connections are plain text.
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) door: Door,
    pub(crate) audit: AuditWriter,
    /// Whether other machines reach it without protection.
    pub(crate) is_insecure: bool,
}

impl Listener {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts a token of this process, if proof of identity is wanted at all.
    pub fn accept(&self, own: OwnToken) {
        if let Some(verifier) = self.door.verifier() {
            verifier.accept(own);
        }
    }

    /// Accepts requests that other members of the cluster pass on.
    pub fn accept_members(&mut self, keys: MemberKeys) {
        self.door.accept_members(keys);
    }

    /// Opens the audit log. Where the settings name no place, it goes to `automatic` if the server
    /// requires proof of identity, and nowhere otherwise.
    ///
    /// # Errors
    /// [`ServeError::Audit`] if it cannot be opened.
    pub async fn open_audit(
        mut self,
        settings: &AuditSettings,
        automatic: AuditPlace,
    ) -> Result<Self, ServeError> {
        let mut settings = settings.clone();
        if settings.place == AuditPlace::Automatic && self.door.verifier().is_some() {
            settings.place = automatic;
        }
        let opened = tokio::task::spawn_blocking(move || open(&settings)).await;
        self.audit = opened.map_err(|error| ServeError::SetUp(error.to_string()))??;
        Ok(self)
    }
}

/// Opens the port. An address that is not loopback needs TLS and proof of identity, or
/// `insecure`.
///
/// # Errors
/// [`ServeError::NotProtected`], [`ServeError::NoProof`], [`ServeError::Proof`], [`ServeError::Tls`], [`ServeError::Listen`].
pub async fn open_listener(
    listen: SocketAddr,
    protection: &Protection,
) -> Result<Listener, ServeError> {
    // Before anything else is opened.
    raise_limit();
    protection.check(listen)?;
    let certificates = if protection.tls.is_on() {
        let tls = protection.tls.clone();
        let read = tokio::task::spawn_blocking(move || Certificates::read(tls)).await;
        let read = read.map_err(|error| ServeError::SetUp(error.to_string()))?;
        Some(Arc::new(read?))
    } else {
        None
    };
    let (proof, is_reflection_off) = (protection.proof.clone(), protection.is_reflection_off);
    let opened = tokio::task::spawn_blocking(move || Door::open(&proof, is_reflection_off)).await;
    let door = opened.map_err(|error| ServeError::SetUp(error.to_string()))??;
    let failed = |error| ServeError::Listen {
        address: listen,
        error,
    };
    let tcp = TcpListener::bind(listen).await.map_err(failed)?;
    let address = tcp.local_addr().map_err(failed)?;
    Ok(Listener {
        tcp,
        address,
        certificates,
        door,
        audit: AuditWriter::default(),
        is_insecure: protection.insecure && !listen.ip().is_loopback(),
    })
}

/// Warns of a port without protection, at once and every hour. It never ends.
pub(crate) async fn keep_warning(address: SocketAddr, is_tls: bool) {
    loop {
        tracing::warn!(%address, is_tls, "--insecure: other machines reach this server without TLS or without proof of identity, and may read and change everything");
        tokio::time::sleep(INSECURE_WARNING_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// Keeps the lines of a log.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn warnings(&self) -> usize {
            let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let lines = String::from_utf8_lossy(&lines).into_owned();
            lines
                .lines()
                .filter(|line| line.contains("--insecure"))
                .count()
        }
    }

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Lines {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_insecure_port_is_warned_of_every_hour() {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt()
            .with_writer(lines.clone())
            .finish();
        let _log = tracing::subscriber::set_default(log);
        let address = ([0, 0, 0, 0], 7401).into();
        let almost = Duration::from_secs(3_599);
        let early = tokio::time::timeout(almost, keep_warning(address, false)).await;
        assert!(
            early.is_err() && lines.warnings() == 1,
            "{}",
            lines.warnings()
        );
        let day = Duration::from_secs(24 * 3_600 - 1);
        let later = tokio::time::timeout(day, keep_warning(address, false)).await;
        assert!(
            later.is_err() && lines.warnings() == 1 + 24,
            "{}",
            lines.warnings()
        );
    }
}
