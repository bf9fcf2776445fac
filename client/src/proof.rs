//! The token of a connection, which is replaced while the connection lives.
//!
//! Promise: all requests that wait for a token ask its source once. Must not: give up a token that is
//! still good because its source has no other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use tonic::{Code, Status};

use crate::renewal::is_expired;
use crate::token::{BEFORE_END, Token, TokenSource};

/// A source that has no other token is asked again after this, not for each request.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The token of a connection and its source.
#[derive(Debug)]
pub(crate) struct Proof {
    source: Arc<dyn TokenSource>,
    current: Mutex<Token>,
    /// When the source was last asked. The request that asks holds the lock.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

impl Proof {
    pub(crate) fn new(source: Arc<dyn TokenSource>, token: Token) -> Self {
        Self {
            source,
            current: Mutex::new(token),
            asked: tokio::sync::Mutex::default(),
        }
    }

    /// The token to send now.
    pub(crate) async fn token(&self) -> Token {
        let current = self.current();
        match current.is_over_at(SystemTime::now() + BEFORE_END) {
            true => self.other_than(&current, false).await,
            false => current,
        }
    }

    /// Another token than one that a server refuses because it has expired, if the source has one.
    pub(crate) async fn refused(&self, token: &Token) -> Option<Token> {
        let other = self.other_than(token, true).await;
        (other != *token).then_some(other)
    }

    /// Another token; the same where the source has no other.
    async fn other_than(&self, old: &Token, is_refused: bool) -> Token {
        let mut asked = self.asked.lock().await;
        let current = self.current();
        let is_early = asked.is_some_and(|at| at.elapsed() < ASK_AGAIN);
        if current != *old || is_early {
            return current;
        }
        if is_refused {
            self.source.invalidate();
        }
        let token = self.source.token().await;
        *asked = Some(Instant::now());
        match token {
            Ok(token) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
                token
            }
            Err(error) => {
                tracing::debug!(%error, "there is no other token");
                current
            }
        }
    }

    fn current(&self) -> Token {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}

/// Whether a server refused a request because its token has expired.
pub(crate) fn is_expired_token(headers: &HeaderMap) -> bool {
    Status::from_header_map(headers)
        .is_some_and(|status| status.code() == Code::Unauthenticated && is_expired(&status))
}
