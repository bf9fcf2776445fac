//! The tokens of a session whose person signed in at a provider: they are renewed silently.
//!
//! Promise: all that a session does uses one refresh token at a time, and a new one is on disk before
//! it is used. A renewal runs to its end although the request that needs it is cancelled. A session
//! that the provider refuses to renew ends.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aftercall_client::{Token, TokenError, TokenFuture, TokenSource};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::provider::{Provider, ProviderError};
use crate::session::{Session, SessionSecret, Sessions};

/// How long before its end a token is renewed. A connection asks 20 s before: this is earlier.
const BEFORE_END: Duration = Duration::from_secs(30);
/// A refusal this soon after a renewal is about the token before.
const JUST_RENEWED: Duration = Duration::from_secs(5);

/// The tokens of a session. Cheap to clone: all clones are one.
#[derive(Clone)]
pub(crate) struct SessionTokens(Arc<Inner>);

struct Inner {
    provider: Arc<Provider>,
    sessions: Arc<Sessions>,
    secret: SessionSecret,
    current: Mutex<Current>,
    /// Whether a server has refused the present token.
    is_refused: AtomicBool,
    /// Cancelled when the provider refuses to renew.
    is_over: CancellationToken,
}

struct Current {
    session: Session,
    renewed_at: Option<Instant>,
}

impl fmt::Debug for SessionTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionTokens")
    }
}

impl SessionTokens {
    pub(crate) fn new(
        provider: &Arc<Provider>,
        sessions: &Arc<Sessions>,
        secret: &SessionSecret,
        session: &Session,
    ) -> Self {
        Self(Arc::new(Inner {
            provider: Arc::clone(provider),
            sessions: Arc::clone(sessions),
            secret: secret.clone(),
            current: Mutex::new(Current {
                session: session.clone(),
                renewed_at: None,
            }),
            is_refused: AtomicBool::new(false),
            is_over: CancellationToken::new(),
        }))
    }

    /// Cancelled when the provider refuses to renew: the session has ended.
    pub(crate) fn is_over(&self) -> CancellationToken {
        self.0.is_over.clone()
    }
}

impl TokenSource for SessionTokens {
    fn token(&self) -> TokenFuture<'_> {
        let inner = Arc::clone(&self.0);
        Box::pin(async {
            let renewed = tokio::spawn(async move { inner.token().await }).await;
            renewed.unwrap_or_else(|_| Err(source("the renewal of a token has panicked")))
        })
    }

    fn invalidate(&self) {
        self.0.is_refused.store(true, Ordering::Release);
    }
}

impl Inner {
    async fn token(&self) -> Result<Token, TokenError> {
        let mut current = self.current.lock().await;
        if self.is_over.is_cancelled() {
            return Err(source("the session has ended"));
        }
        if !self.must_renew(&current) {
            return token_of(&current.session);
        }
        let refresh = current.session.refresh_token.clone();
        let refresh = refresh.ok_or_else(|| source("the provider gave no refresh token"))?;
        match self.provider.renew(&refresh).await {
            Ok(tokens) => {
                let session = current.session.clone().with(tokens);
                if let Err(error) = self.sessions.update(&self.secret, &session) {
                    tracing::error!(%error, "a renewed session is in memory only, and ends with this process");
                }
                current.renewed_at = Some(Instant::now());
                current.session = session;
                token_of(&current.session)
            }
            Err(error) => {
                if let ProviderError::Refused(_) = &error {
                    tracing::info!(%error, "a session ends: its person must sign in again");
                    self.is_over.cancel();
                    if let Err(error) = self.sessions.end(&self.secret) {
                        tracing::error!(%error, "a session that has ended cannot be removed");
                    }
                } else {
                    tracing::warn!(%error, "a token is not renewed yet");
                }
                Err(source(&error.to_string()))
            }
        }
    }

    fn must_renew(&self, current: &Current) -> bool {
        let is_refused = self.is_refused.swap(false, Ordering::AcqRel);
        let is_new = current
            .renewed_at
            .is_some_and(|at| at.elapsed() < JUST_RENEWED);
        let soon = SystemTime::now() + BEFORE_END;
        let ends_soon = current.session.ends_at.is_some_and(|end| end <= soon);
        ends_soon || (is_refused && !is_new)
    }
}

fn token_of(session: &Session) -> Result<Token, TokenError> {
    let token = Token::new(&session.token)?;
    Ok(match session.ends_at {
        Some(end) => token.valid_until(end),
        None => token,
    })
}

fn source(reason: &str) -> TokenError {
    TokenError::Source(Box::new(io::Error::other(reason.to_owned())))
}
