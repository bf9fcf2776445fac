//! Tokens, which prove to a server who is asking, and the sources that they come from.
//!
//! Promise: the secret of a token is in no error, no log line and no debug output. Must not: know
//! how a token is sent.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use thiserror::Error;

/// How long before its end a token is replaced: longer than a request takes.
pub(crate) const BEFORE_END: Duration = Duration::from_secs(20);

/// A bearer token. Its debug output does not have the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    header: HeaderValue,
    ends_at: Option<SystemTime>,
}

impl Token {
    /// A token with a secret, such as the line that `aftercall token create` prints. Spaces and
    /// line ends around it are ignored.
    ///
    /// # Errors
    /// [`TokenError::Empty`], or [`TokenError::Malformed`] for characters that a token cannot have.
    pub fn new(secret: &str) -> Result<Self, TokenError> {
        let secret = secret.trim();
        if secret.is_empty() {
            return Err(TokenError::Empty);
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Malformed);
        }
        let mut header =
            HeaderValue::try_from(format!("Bearer {secret}")).map_err(|_| TokenError::Malformed)?;
        header.set_sensitive(true);
        Ok(Self {
            header,
            ends_at: None,
        })
    }

    /// The same token with its end, if that is known. A connection asks for another one shortly
    /// before.
    #[must_use]
    pub fn valid_until(mut self, end: SystemTime) -> Self {
        self.ends_at = Some(end);
        self
    }

    /// Whether it is known to be over at a time.
    pub(crate) fn is_over_at(&self, time: SystemTime) -> bool {
        self.ends_at.is_some_and(|end| end <= time)
    }

    /// The value of the header `authorization`. It is marked as sensitive.
    pub(crate) fn into_header(self) -> HeaderValue {
        self.header
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(secret)")
    }
}

/// Why there is no token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The secret is empty.
    #[error("it is empty")]
    Empty,
    /// The secret has spaces, line ends or other characters that a token cannot have.
    #[error(
        "it has characters that a token cannot have: it must hold one token and nothing else, on one line"
    )]
    Malformed,
    /// The file with the token cannot be used.
    #[error("the token file {} cannot be used: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: Box<TokenError>,
    },
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Another source has no token.
    #[error("no token: {0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The token that a source will have.
pub type TokenFuture<'s> = Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 's>>;

/// Where tokens come from. A connection asks it at its start, and again when a token ends: not for
/// each request.
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// The token to send now.
    fn token(&self) -> TokenFuture<'_>;

    /// Notes that the server refuses the last token. The next one should be another.
    fn invalidate(&self);
}

/// A fixed token is always the same.
impl TokenSource for Token {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }

    fn invalidate(&self) {}
}

/// A file that has a token and nothing else. It is read again for each connection and after a
/// refusal, so the program that renews the token replaces the file.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// The file at a path. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Reads the token.
    ///
    /// # Errors
    /// [`TokenError::File`].
    pub fn read(&self) -> Result<Token, TokenError> {
        read(&self.path).map_err(|reason| TokenError::File {
            path: self.path.clone(),
            reason: Box::new(reason),
        })
    }
}

fn read(path: &Path) -> Result<Token, TokenError> {
    Token::new(&std::fs::read_to_string(path)?)
}

impl TokenSource for TokenFile {
    /// A token has a few kilobytes, so reading it does not leave the thread.
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(std::future::ready(self.read()))
    }

    fn invalidate(&self) {}
}

/// A function that gets a token, for example from an identity provider. The token is used until
/// shortly before its end if that is known, or until a server refuses it.
pub struct TokenFn<F> {
    get: F,
    last: Mutex<Option<Token>>,
}

impl<F> TokenFn<F> {
    /// A source that calls a function.
    pub fn new(get: F) -> Self {
        Self {
            get,
            last: Mutex::new(None),
        }
    }

    fn replace(&self, token: Option<Token>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    fn last(&self) -> Option<Token> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

impl<F> fmt::Debug for TokenFn<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenFn")
    }
}

impl<F, G> TokenSource for TokenFn<F>
where
    F: Fn() -> G + Send + Sync,
    G: Future<Output = Result<Token, TokenError>> + Send,
{
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            let soon = SystemTime::now() + BEFORE_END;
            if let Some(last) = self.last().filter(|last| !last.is_over_at(soon)) {
                return Ok(last);
            }
            let token = (self.get)().await?;
            self.replace(Some(token.clone()));
            Ok(token)
        })
    }

    fn invalidate(&self) {
        self.replace(None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_secret_is_in_no_debug_output() {
        let token = Token::new(" s3cret\n").expect("a token");
        let header = token.clone().into_header();
        assert_eq!(header.to_str().expect("text"), "Bearer s3cret");
        for shown in [format!("{token:?}"), format!("{header:?}")] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        // The control: a header that is not marked as sensitive shows it.
        let plain = HeaderValue::from_static("Bearer s3cret");
        assert!(format!("{plain:?}").contains("s3cret"));
    }

    #[test]
    fn a_malformed_secret_is_refused_without_showing_it() {
        for secret in ["", " \n", "a b", "a\nb", "s3cret\u{7f}", "s3crét"] {
            let error = Token::new(secret).expect_err(secret);
            assert!(!error.to_string().contains("s3cr"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_file_is_read_for_each_connection() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        let source = TokenFile::new(&path);
        let error = source.token().await.expect_err("there is no file");
        assert!(
            error.to_string().contains("token cannot be used"),
            "{error}"
        );
        for secret in ["one", "two"] {
            std::fs::write(&path, format!("{secret}\n")).expect("a file");
            let token = source.token().await.expect("a token");
            assert_eq!(token, Token::new(secret).expect("a token"));
        }
    }

    #[tokio::test]
    async fn a_function_is_called_again_after_a_refusal() {
        let calls = AtomicU32::new(0);
        let source = TokenFn::new(|| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            async move { Token::new(&format!("t{call}")) }
        });
        let of = |secret: &str| Token::new(secret).expect("a token");
        assert_eq!(source.token().await.expect("a token"), of("t0"));
        assert_eq!(source.token().await.expect("a token"), of("t0"));
        source.invalidate();
        assert_eq!(source.token().await.expect("a token"), of("t1"));
    }
}
