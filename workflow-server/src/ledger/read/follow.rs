//! Reads the log, applies its entries, and publishes root and feed. A follower does nothing else. A
//! process that becomes the leader does this first.
//!
//! Promise: published entries are durable, in order and without a gap, as with a leader. The leader
//! may trim entries that the follower has not read yet. The follower then restarts at the newest
//! snapshot, and never goes back.

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
use crate::ledger::{Conditions, LedgerOptions};
use crate::limits::{FOLLOW_LOOK_EVERY, RECOVERIES_MAX};

/// Follows the log with a World of its own.
pub struct Follower {
    pub(in crate::ledger) log: Arc<dyn Log>,
    pub(in crate::ledger) vault: Arc<dyn Vault>,
    pub(in crate::ledger) options: LedgerOptions,
    pub(in crate::ledger) recovered: Recovered,
    pub(in crate::ledger) published: Arc<ArcSwap<Root>>,
    pub(in crate::ledger) feed: Arc<Feed>,
    pub(in crate::ledger) history: Arc<History>,
    pub(in crate::ledger) conditions: Conditions,
    /// Entries that are applied and not published, because their read was dropped.
    unpublished: Vec<FeedItem>,
    changes: watch::Receiver<Bounds>,
}

impl Follower {
    /// Rebuilds the World from the store.
    ///
    /// # Errors
    /// [`RecoverError`] if the content of the store is not valid.
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
            conditions: Conditions::default(),
            unpublished: Vec::new(),
            changes,
        })
    }

    /// The same, with the conditions of its server.
    #[must_use]
    pub fn with_conditions(self, conditions: Conditions) -> Self {
        Self { conditions, ..self }
    }

    /// The cell of the newest World. It stays the same when this follower becomes the leader.
    #[must_use]
    pub fn published(&self) -> &Arc<ArcSwap<Root>> {
        &self.published
    }

    /// The newest World that was read from the log.
    #[must_use]
    pub fn root(&self) -> Arc<Root> {
        self.published.load_full()
    }

    /// The feed of the changes that were read.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// The history, as far as this process has read the log.
    #[must_use]
    pub fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Reads once, applies the entries and publishes them. Returns whether there may be more. If the
    /// future is dropped, the next call continues.
    ///
    /// # Errors
    /// [`RecoverError`]. After [`JournalError::Unreachable`] the caller should try again.
    pub async fn advance(&mut self) -> Result<bool, RecoverError> {
        let advanced = self.recovered.advance(self.log.as_ref(), |linked, bytes| {
            self.unpublished.push(FeedItem {
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
        if self.unpublished.is_empty() {
            return Ok(more);
        }
        // The root comes first: a reader that the feed wakes then finds the change in the World.
        self.published
            .store(Arc::new(self.recovered.world.root().clone()));
        self.feed.publish(std::mem::take(&mut self.unpublished));
        Ok(more)
    }

    async fn begin_again(&mut self) -> Result<(), RecoverError> {
        let recovered = look(self.log.as_ref(), self.vault.as_ref(), &self.options).await?;
        let oldest = self.log.bounds().await?.oldest();
        // Nothing waits after this, so a dropped future changes either nothing or everything.
        self.recovered = recovered;
        tracing::warn!(
            oldest,
            newest = self.recovered.newest.sequence,
            "the log was trimmed before this server had read it: continuing from the newest snapshot"
        );
        self.unpublished.clear();
        self.published
            .store(Arc::new(self.recovered.world.root().clone()));
        self.feed.jump(self.recovered.newest, oldest);
        Ok(())
    }

    /// Follows the log until `stop` is cancelled. A read that is running then is dropped: it may
    /// wait for a connection that is lost, and a take-over must not wait for it.
    ///
    /// # Errors
    /// [`RecoverError`] if the content of the store is not valid. While the store is unreachable,
    /// this waits.
    pub async fn follow(&mut self, stop: &CancellationToken) -> Result<(), RecoverError> {
        while !stop.is_cancelled() {
            self.changes.mark_unchanged();
            let Some(advanced) = stop.run_until_cancelled(self.advance()).await else {
                return Ok(());
            };
            match advanced {
                Ok(true) => continue,
                Ok(false) => {}
                Err(RecoverError::Journal(error @ JournalError::Unreachable { .. })) => {
                    tracing::warn!(%error, "this follower waits for the store");
                }
                Err(error) => return Err(error),
            }
            // A wake-up may be lost, so the wait has a timeout.
            let _ = stop
                .run_until_cancelled(timeout(FOLLOW_LOOK_EVERY, self.changes.changed()))
                .await;
        }
        Ok(())
    }
}

/// Rebuilds the World. A leader may remove files while they are read. The next try then finds their
/// replacements.
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
