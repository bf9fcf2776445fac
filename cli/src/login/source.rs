//! The tokens of a login, which are renewed shortly before their end.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aftercall_client::{Token, TokenError, TokenFuture, TokenSource};
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::errors::Failure;
use crate::login::kept::{Login, lock};

/// The tokens of the login in a file.
pub(crate) struct LoginTokens {
    path: PathBuf,
    /// Whether a server refused the last token.
    is_refused: AtomicBool,
}

impl LoginTokens {
    /// The tokens of the login in this file. Nothing is read yet.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            is_refused: AtomicBool::new(false),
        }
    }
}

impl fmt::Debug for LoginTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("LoginTokens")
            .field(&self.path)
            .finish()
    }
}

impl TokenSource for LoginTokens {
    fn token(&self) -> TokenFuture<'_> {
        let path = self.path.clone();
        let is_refused = self.is_refused.swap(false, Ordering::Relaxed);
        Box::pin(async move {
            let found = spawn_blocking(move || valid(&path, is_refused)).await;
            let login = found.map_err(Failure::from).and_then(|login| login);
            let login = login.map_err(|failure| TokenError::Source(Box::new(failure)))?;
            let token = Token::new(&login.access_token)?;
            Ok(match login.expires_at {
                Some(end) => token.valid_until(system_time(end)),
                None => token,
            })
        })
    }

    fn invalidate(&self) {
        self.is_refused.store(true, Ordering::Relaxed);
    }
}

/// In whole seconds.
fn system_time(time: Timestamp) -> SystemTime {
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The login in a file, renewed if its token is near its end or was refused.
pub(super) fn valid(path: &Path, is_refused: bool) -> Result<Login, Failure> {
    let login = Login::read(path)?;
    let now = Timestamp::now();
    if !is_refused && !login.is_near_end(now) {
        return Ok(login);
    }
    let Some(refresh_token) = login.refresh_token.clone() else {
        return match login.is_over_at(now) {
            true => Err(Failure::refused(
                "The login has ended.\nLog in again with `aftercall login`. The scope offline_access usually makes a login last.",
            )),
            false => Ok(login),
        };
    };
    let _lock = lock(path)?;
    let present = Login::read(path)?;
    if present != login {
        // Another process has renewed it meanwhile.
        return Ok(present);
    }
    match login.renewed(&refresh_token) {
        Ok(renewed) => {
            renewed.write(path)?;
            Ok(renewed)
        }
        // It is still good, and the next command renews it.
        Err(_) if !is_refused && !login.is_over_at(now) => Ok(login),
        Err(failure) => Err(failure),
    }
}
