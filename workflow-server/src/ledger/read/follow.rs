//! Following: reads the log, applies what it reads, and publishes root and feed. A process that
//! does not lead does nothing else, and one that begins to lead does it first.
//!
//! Promise: what is published is durable, in order and without a gap, as a leader publishes it.
//! Where the leader has trimmed the log beyond what was read here, following begins again at the
//! newest snapshot, and never goes back.

use std::sync::Arc;

use aftercall_engine::Root;
use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::feed::{Feed, FeedItem};
use super::history::History;
use super::recover::{RecoverError, Recovered, rebuild};
use crate::journal::{Bounds, JournalError, Log, Storage, Vault};
use crate::ledger::LedgerOptions;
use crate::limits::{FOLLOW_LOOK_EVERY, RECOVERIES_MAX};

/// A World that follows the log.
pub struct Follower {
    pub(in crate::ledger) log: Arc<dyn Log>,
    pub(in crate::ledger) vault: Arc<dyn Vault>,
    pub(in crate::ledger) options: LedgerOptions,
    pub(in crate::ledger) recovered: Recovered,
    pub(in crate::ledger) published: Arc<ArcSwap<Root>>,
    pub(in crate::ledger) feed: Arc<Feed>,
    pub(in crate::ledger) history: Arc<History>,
    changes: watch::Receiver<Bounds>,
}

impl Follower {
    /// Rebuilds the World as it is in the store.
    ///
    /// # Errors
    /// [`RecoverError`] where the store cannot be believed.
    pub async fn begin(
        storage: &dyn Storage,
        options: LedgerOptions,
    ) -> Result<Self, RecoverError> {
        let (log, vault, changes) = (storage.log(), storage.vault(), storage.changes());
        let recovered = look(log.as_ref(), vault.as_ref(), &options).await?;
        let feed = Arc::new(Feed::new(
            log.clone(),
            recovered.newest,
            log.bounds().await?.oldest(),
        ));
        let published = Arc::new(ArcSwap::from_pointee(recovered.world.root().clone()));
        let history = History::new(feed.clone(), vault.clone(), published.clone());
        Ok(Self {
            log,
            vault,
            options,
            recovered,
            published,
            feed,
            history: Arc::new(history),
            changes,
        })
    }

    /// The newest World that was read.
    #[must_use]
    pub fn root(&self) -> Arc<Root> {
        self.published.load_full()
    }

    /// The changes as they are read.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// All entries of the past, as far as this process has read the log.
    #[must_use]
    pub fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Applies and publishes what one read returns; returns whether there may be more.
    ///
    /// # Errors
    /// [`RecoverError`]; after [`JournalError::Unreachable`] another try is right.
    pub async fn advance(&mut self) -> Result<bool, RecoverError> {
        let mut items = Vec::new();
        let advanced = self.recovered.advance(self.log.as_ref(), |linked, bytes| {
            items.push(FeedItem {
                entry: Arc::new(linked.entry),
                chain: linked.chain,
                bytes,
            });
        });
        let more = match advanced.await {
            Err(RecoverError::Gap { .. }) => {
                self.begin_again().await?;
                return Ok(true);
            }
            more => more?,
        };
        if items.is_empty() {
            return Ok(more);
        }
        // Root first: a reader that the feed wakes finds the World with what it announces.
        self.published
            .store(Arc::new(self.recovered.world.root().clone()));
        self.feed.publish(items);
        Ok(more)
    }

    async fn begin_again(&mut self) -> Result<(), RecoverError> {
        self.recovered = look(self.log.as_ref(), self.vault.as_ref(), &self.options).await?;
        let oldest = self.log.bounds().await?.oldest();
        tracing::warn!(
            oldest,
            newest = self.recovered.newest.sequence,
            "the log was trimmed beyond what was read: following from the newest snapshot"
        );
        self.published
            .store(Arc::new(self.recovered.world.root().clone()));
        self.feed.jump(self.recovered.newest, oldest);
        Ok(())
    }

    /// Follows until `stop` is cancelled.
    ///
    /// # Errors
    /// [`RecoverError`] where the store cannot be believed. A store that cannot be reached is
    /// waited for.
    pub async fn follow(&mut self, stop: &CancellationToken) -> Result<(), RecoverError> {
        while !stop.is_cancelled() {
            self.changes.mark_unchanged();
            match self.advance().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(RecoverError::Journal(error @ JournalError::Unreachable { .. })) => {
                    tracing::warn!(%error, "following waits for the store");
                }
                Err(error) => return Err(error),
            }
            // A wake-up may be lost.
            let _ = stop
                .run_until_cancelled(timeout(FOLLOW_LOOK_EVERY, self.changes.changed()))
                .await;
        }
        Ok(())
    }
}

/// Rebuilds the World beside a leader that may be removing what is read: then the next look finds
/// what took its place.
async fn look(
    log: &dyn Log,
    vault: &dyn Vault,
    options: &LedgerOptions,
) -> Result<Recovered, RecoverError> {
    let mut looks = 1;
    loop {
        match rebuild(log, vault, options).await {
            Err(
                RecoverError::Gap { .. } | RecoverError::Journal(JournalError::NotFound { .. }),
            ) if looks < RECOVERIES_MAX => {
                looks += 1;
            }
            rebuilt => return rebuilt,
        }
    }
}
