//! The proofs that a server accepts.
//!
//! Promise: what a request presents is checked against the newest valid content of the token file
//! and the access file. A token, if there is one, counts alone: a valid certificate does not make
//! up for an invalid token.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::access_file::AccessFile;
use crate::certificate::CertificateNames;
use crate::denied::{Denied, DeniedProof};
use crate::identity::{Identity, Proof};
use crate::jwt::{FETCH_INTERVAL, Issuers, RETRY_INTERVAL};
use crate::own_token::OwnToken;
use crate::secret::Secret;
use crate::token_file::Tokens;
use crate::watched::{FileError, Watched};

/// Which proofs a server accepts; without any it wants none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofSettings {
    /// The token file.
    pub token_file: Option<PathBuf>,
    /// The access file.
    pub access_file: Option<PathBuf>,
}

impl ProofSettings {
    /// The settings of these files; an empty path is none.
    #[must_use]
    pub fn of_files(token_file: &Path, access_file: &Path) -> Self {
        let named = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
        Self {
            token_file: named(token_file),
            access_file: named(access_file),
        }
    }

    /// Whether a proof is wanted at all.
    #[must_use]
    pub fn wants_proof(&self) -> bool {
        self.token_file.is_some() || self.access_file.is_some()
    }
}

/// Why the proofs could not be set up.
#[derive(Debug, Error)]
pub enum SetUpError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What a request presents as proof.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presented<'a> {
    /// The value of its metadata `authorization`.
    pub authorization: Option<&'a str>,
    /// The client certificate of its connection, in DER.
    pub certificate: Option<&'a [u8]>,
}

impl Presented<'_> {
    /// What it would prove an identity by, if it were accepted.
    #[must_use]
    pub fn kind(&self) -> Proof {
        match (self.authorization, self.certificate) {
            (Some(authorization), _) => {
                let token = bearer(authorization).ok().and_then(Secret::parse);
                token.map_or(Proof::Jwt, |_| Proof::TokenFile)
            }
            (None, Some(_)) => Proof::ClientCertificate,
            (None, None) => Proof::None,
        }
    }
}

/// Checks proofs of identity.
#[derive(Debug)]
pub struct Verifier {
    /// The token of another part of this process.
    own: OnceLock<OwnToken>,
    tokens: Option<Watched<Tokens>>,
    access: Option<Watched<AccessFile>>,
    /// Those of the access file.
    issuers: ArcSwap<Issuers>,
    changes: watch::Sender<u64>,
}

impl Verifier {
    /// Reads the files. The keys of issuers that have an address are fetched by [`Verifier::run`],
    /// or for the first token.
    ///
    /// # Errors
    /// [`SetUpError`] if one cannot be read, or has an error.
    pub fn open(settings: &ProofSettings) -> Result<Self, SetUpError> {
        let tokens = settings.token_file.as_deref();
        let tokens = tokens.map(|path| Watched::open(path, read_tokens));
        let access = settings.access_file.as_deref();
        let access = access.map(|path| Watched::open(path, AccessFile::read));
        let access = access.transpose()?;
        let changes = watch::Sender::new(0);
        let file = access.as_ref().map(Watched::current).unwrap_or_default();
        let issuers = Issuers::new(&file, None, &changes);
        if let Some(error) = issuers.look().into_iter().next() {
            return Err(error.into());
        }
        Ok(Self {
            own: OnceLock::new(),
            tokens: tokens.transpose()?,
            access,
            issuers: ArcSwap::from_pointee(issuers),
            changes,
        })
    }

    /// Accepts a token of this process too. The first one stays.
    pub fn accept(&self, own: OwnToken) {
        self.own.get_or_init(|| own);
    }

    /// Reads the files again, and announces a change. Returns the errors of files that cannot be
    /// used: their earlier content still counts.
    pub fn reload(&self) -> Vec<FileError> {
        let tokens = self.tokens.as_ref().map(Watched::look);
        let access = self.access.as_ref();
        let looked = access.map(Watched::look);
        if let (Some(Ok(true)), Some(access)) = (&looked, access) {
            let earlier = self.issuers.load();
            let issuers = Issuers::new(&access.current(), Some(&earlier), &self.changes);
            self.issuers.store(Arc::new(issuers));
        }
        let (mut is_changed, mut errors) = (false, self.issuers.load().look());
        for looked in tokens.into_iter().chain(looked) {
            match looked {
                Ok(is_new) => is_changed |= is_new,
                Err(error) => errors.push(error),
            }
        }
        if is_changed {
            self.changes.send_modify(|generation| *generation += 1);
        }
        errors
    }

    /// Keeps the keys of issuers up to date until `stop` is ready. It fetches them at once, every 45
    /// seconds, and every ten seconds while an issuer has none.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut changes = self.changes();
        let mut due = Instant::now();
        loop {
            let (issuers, now) = (self.issuers.load_full(), Instant::now());
            let is_due = due <= now;
            if is_due {
                due = now + FETCH_INTERVAL;
            }
            select! {
                () = &mut stop => return,
                () = issuers.fetch(is_due) => {}
            }
            let next = if issuers.lacks_keys() {
                due.min(Instant::now() + RETRY_INTERVAL)
            } else {
                due
            };
            select! {
                () = &mut stop => return,
                () = sleep_until(next) => {}
                // There may be another issuer. The sender is here, so it never ends.
                _ = changes.changed() => {}
            }
        }
    }

    /// Changes whenever rights may have changed: who holds a stream is checked again then.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How often rights may have changed: what was verified in an earlier generation is verified
    /// again.
    #[must_use]
    pub fn generation(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Who presents this.
    ///
    /// # Errors
    /// [`DeniedProof`].
    pub async fn verify(
        &self,
        presented: Presented<'_>,
        now: SystemTime,
    ) -> Result<Arc<Identity>, DeniedProof> {
        match (presented.authorization, presented.certificate) {
            (Some(authorization), _) => self.by_token(bearer(authorization)?, now).await,
            (None, Some(der)) => self.by_certificate(der, now),
            (None, None) => Err(self.no_proof().into()),
        }
    }

    async fn by_token(&self, token: &str, now: SystemTime) -> Result<Arc<Identity>, DeniedProof> {
        if let Some(secret) = Secret::parse(token) {
            if let Some(identity) = self.own.get().and_then(|own| own.verify(&secret)) {
                return Ok(identity);
            }
            if let Some(tokens) = &self.tokens {
                return tokens.current().verify(&secret, now);
            }
        }
        let issuers = self.issuers.load_full();
        if issuers.is_empty() {
            return Err(Denied::Invalid {
                reason: "it has the form of no token that this server accepts",
            }
            .into());
        }
        issuers.verify(token, now).await
    }

    #[cfg(test)]
    pub(crate) fn issuers(&self) -> Arc<Issuers> {
        self.issuers.load_full()
    }

    fn by_certificate(&self, der: &[u8], now: SystemTime) -> Result<Arc<Identity>, DeniedProof> {
        let access = self.access.as_ref().ok_or_else(|| self.no_proof())?;
        let names = CertificateNames::read(der).ok_or(Denied::UnknownCertificate)?;
        access.current().holder(&names, now)
    }

    fn no_proof(&self) -> Denied {
        let access = self.access.as_ref();
        Denied::NoProof {
            by_certificate: access.is_some_and(|access| !access.current().certificates.is_empty()),
        }
    }
}

fn read_tokens(text: &str) -> Result<Tokens, String> {
    Tokens::read(text).map_err(|error| error.to_string())
}

/// The token of `Bearer TOKEN`.
fn bearer(authorization: &str) -> Result<&str, Denied> {
    let (scheme, token) = authorization.split_once(' ').ok_or(Denied::NotBearer)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(token)
    } else {
        Err(Denied::NotBearer)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aftercall_proto::access::v1::Role;

    use super::*;
    use crate::token_file::{NewToken, TokenKind, create, revoke};

    fn settings(directory: &tempfile::TempDir) -> ProofSettings {
        let file = |name: &str| Some(directory.path().join(name));
        let settings = ProofSettings {
            token_file: file("tokens"),
            access_file: file("access.toml"),
        };
        for path in [&settings.token_file, &settings.access_file] {
            fs::write(path.as_deref().expect("a path"), "").expect("written");
        }
        settings
    }

    async fn by(verifier: &Verifier, authorization: &str) -> Result<Arc<Identity>, Denied> {
        let presented = Presented {
            authorization: Some(authorization),
            certificate: None,
        };
        let verified = verifier.verify(presented, SystemTime::now()).await;
        verified.map_err(|denied| denied.why)
    }

    #[tokio::test]
    async fn a_token_counts_from_the_next_look_at_its_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = settings(&directory);
        let verifier = Verifier::open(&settings).expect("valid files");
        let changes = verifier.changes();
        let path = settings.token_file.as_deref().expect("a path");
        let new = NewToken {
            name: "Ann".to_owned(),
            kind: TokenKind::Person,
            roles: vec![Role::Agent],
            customers: Vec::new(),
            teams: Vec::new(),
            expires_at: None,
        };
        let (_, token) = create(path, new).expect("a token");
        let header = format!("Bearer {}", token.reveal());
        assert!(by(&verifier, &header).await.is_err(), "before the look");
        assert!(verifier.reload().is_empty() && changes.has_changed().expect("open"));
        let identity = by(&verifier, &header).await.expect("valid");
        assert_eq!(&*identity.name, "Ann");
        revoke(path, "Ann").expect("revoked");
        verifier.reload();
        assert_eq!(by(&verifier, &header).await, Err(Denied::Revoked));
    }

    #[tokio::test]
    async fn what_is_no_bearer_token_is_denied() {
        let directory = tempfile::tempdir().expect("a directory");
        let verifier = Verifier::open(&settings(&directory)).expect("valid files");
        for header in ["", "Bearer", "Bearer ", "Basic YTpi", "aftercall_a_b"] {
            assert_eq!(
                by(&verifier, header).await,
                Err(Denied::NotBearer),
                "{header}"
            );
        }
        let none = verifier
            .verify(Presented::default(), SystemTime::now())
            .await;
        assert_eq!(
            none.map_err(|denied| denied.why),
            Err(Denied::NoProof {
                by_certificate: false
            })
        );
        let invalid = by(&verifier, "bearer eyJhbGciOiJub25lIn0.e30.").await;
        assert!(matches!(invalid, Err(Denied::Invalid { .. })));
    }

    #[tokio::test]
    async fn a_token_of_this_process_needs_no_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = settings(&directory);
        for file in [&settings.token_file, &settings.access_file] {
            fs::write(file.as_deref().expect("a path"), "").expect("written");
        }
        let verifier = Verifier::open(&settings).expect("files");
        let own = OwnToken::generate("alerter", Role::Alerter).expect("a token");
        let authorization = format!("bearer {}", own.reveal());
        let before = by(&verifier, &authorization).await;
        assert!(matches!(before, Err(Denied::Invalid { .. })), "{before:?}");
        verifier.accept(own);
        let identity = by(&verifier, &authorization).await.expect("an identity");
        assert!(identity.roles.has(Role::Alerter) && identity.is_proved());
        let other = OwnToken::generate("alerter", Role::Alerter).expect("a token");
        let other = by(&verifier, &format!("bearer {}", other.reveal())).await;
        assert!(matches!(other, Err(Denied::Invalid { .. })));
    }

    #[test]
    fn a_file_with_an_error_stops_the_start() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = settings(&directory);
        fs::write(settings.access_file.as_deref().expect("a path"), "x").expect("written");
        assert!(matches!(
            Verifier::open(&settings),
            Err(SetUpError::File(_))
        ));
        assert!(settings.wants_proof() && !ProofSettings::default().wants_proof());
    }
}
