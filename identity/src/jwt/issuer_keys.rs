//! The keys of an issuer, read from a file or fetched from an address.
//!
//! Promise: keys that were valid once stay until newer ones are read.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use jsonwebtoken::DecodingKey;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::task::spawn_blocking;

use crate::access_file::Issuer;
use crate::denied::Denied;
use crate::jwt::fetch::{Address, fetch};
use crate::jwt::key_set::KeySet;
use crate::jwt::token::{Token, invalid};
use crate::watched::FileError;

/// Unknown key ids cause a fetch this often at most: anybody can invent them.
const UNKNOWN_ID_INTERVAL: Duration = Duration::from_secs(60);

/// The keys of an issuer.
#[derive(Debug)]
pub(super) struct IssuerKeys {
    issuer: String,
    source: Source,
    current: ArcSwapOption<Published>,
    /// Changes with each change of the keys.
    version: AtomicU64,
    changes: watch::Sender<u64>,
    /// Who fetches holds it, and others wait for what it brings. The time is that of the last
    /// fetch for an unknown key id.
    fetching: Arc<Mutex<Option<SystemTime>>>,
    /// Why the last fetch failed, if it did.
    failure: StdMutex<Option<String>>,
}

#[derive(Debug)]
enum Source {
    /// With the text that was read last, valid or not: an error is reported once.
    File(PathBuf, StdMutex<String>),
    Address(Address),
}

/// What was published last, with its text: equal keys are no change.
#[derive(Debug)]
struct Published {
    text: String,
    keys: KeySet,
    version: u64,
}

impl IssuerKeys {
    /// The keys of an issuer. There are none before the first look or fetch.
    pub(super) fn new(issuer: &Issuer, changes: watch::Sender<u64>) -> Self {
        let source = match issuer.keys_file.clone() {
            Some(path) => Source::File(path, StdMutex::default()),
            None => Source::Address(Address::of(issuer)),
        };
        Self {
            issuer: issuer.issuer.clone(),
            source,
            current: ArcSwapOption::empty(),
            version: AtomicU64::new(0),
            changes,
            fetching: Arc::default(),
            failure: StdMutex::default(),
        }
    }

    /// Changes with each change of the keys.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whether they were never fetched yet.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self.source, Source::Address(_)) && self.current.load().is_none()
    }

    /// Reads the file again, if the keys are in one.
    ///
    /// # Errors
    /// [`FileError`]. The earlier keys still count.
    pub(super) fn look(&self) -> Result<(), FileError> {
        let Source::File(path, last) = &self.source else {
            return Ok(());
        };
        let text = std::fs::read_to_string(path).map_err(|error| FileError::Read {
            path: path.clone(),
            error,
        })?;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == text {
            return Ok(());
        }
        last.clone_from(&text);
        self.publish(text).map_err(|reason| FileError::Content {
            path: path.clone(),
            reason,
        })
    }

    fn publish(&self, text: String) -> Result<(), String> {
        if self
            .current
            .load()
            .as_ref()
            .is_some_and(|now| now.text == text)
        {
            return Ok(());
        }
        let keys = KeySet::read(&text)?;
        let version = self.version() + 1;
        self.current.store(Some(Arc::new(Published {
            text,
            keys,
            version,
        })));
        // Only now: a token that was verified with earlier keys never has this version.
        self.version.store(version, Ordering::Release);
        self.changes.send_modify(|generation| *generation += 1);
        Ok(())
    }

    /// The key for a token, and the version of the keys. An unknown key id fetches them again.
    ///
    /// # Errors
    /// [`Denied::NoKeys`], [`Denied::Invalid`].
    pub(super) async fn key_for(
        self: &Arc<Self>,
        token: &Token<'_>,
        now: SystemTime,
    ) -> Result<(DecodingKey, u64), Denied> {
        let id = token.key_id.as_deref();
        let seen = self.version();
        let known = self.current.load_full();
        let known = known.filter(|known| known.keys.has_id(id));
        if known.is_none() && matches!(self.source, Source::Address(_)) {
            self.fetch_unknown(seen, now).await;
        }
        let current = self.current.load_full().ok_or(Denied::NoKeys)?;
        if !current.keys.has_id(id) {
            return invalid("its issuer has no key of its key id (`kid`)");
        }
        match current.keys.find(id, token.algorithm) {
            Some(key) => Ok((key, current.version)),
            None => invalid("its issuer has no key for its algorithm and key id"),
        }
    }

    /// Fetches the keys for the sake of an unknown key id, if that is due.
    async fn fetch_unknown(self: &Arc<Self>, seen: u64, now: SystemTime) {
        let mut last = Arc::clone(&self.fetching).lock_owned().await;
        // Another request has waited for the same keys, or has asked for others just now.
        let is_new = self.version() != seen;
        let is_due = last.is_none_or(|last| {
            // A clock that was set back has no say.
            now.duration_since(last)
                .map_or(true, |since| since >= UNKNOWN_ID_INTERVAL)
        });
        if is_new || !is_due {
            return;
        }
        *last = Some(now);
        // It runs to its end although the request is cancelled: its turn is used up.
        self.fetch_in(last).await;
    }

    /// Fetches the keys, if they are at an address.
    pub(super) async fn fetch(self: &Arc<Self>) {
        let turn = Arc::clone(&self.fetching).lock_owned().await;
        self.fetch_in(turn).await;
    }

    async fn fetch_in(self: &Arc<Self>, turn: OwnedMutexGuard<Option<SystemTime>>) {
        let keys = Arc::clone(self);
        let fetched = spawn_blocking(move || {
            keys.fetch_now();
            drop(turn);
        });
        if fetched.await.is_err() {
            tracing::error!(issuer = self.issuer, "the fetch of its keys has panicked");
        }
    }

    fn fetch_now(&self) {
        let Source::Address(address) = &self.source else {
            return;
        };
        let fetched = fetch(address).and_then(|text| self.publish(text));
        let result = if fetched.is_ok() { "ok" } else { "failed" };
        metrics::counter!("aftercall_issuer_key_fetches_total", "result" => result).increment(1);
        self.log(fetched.err(), address.url());
    }

    /// Logs why a fetch failed, and that fetches succeed again: each once.
    fn log(&self, failure: Option<String>, url: &str) {
        let mut last = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == failure {
            return;
        }
        let issuer = &self.issuer;
        if let Some(error) = &failure {
            let still = if self.is_awaited() {
                "there are no keys yet, so its tokens are refused, and the server tries again"
            } else {
                "the keys that are known still count, and the server tries again"
            };
            tracing::warn!(issuer, url, error, "keys cannot be fetched: {still}");
        } else {
            tracing::info!(issuer, url, "keys can be fetched again");
        }
        *last = failure;
    }
}
