//! Whether and when a follower campaigns.

use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::Root;
use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::observer::late;
use super::standing::{Picture, Sight, Standing};
use crate::journal::{Elections, JournalError, Leading, Log};
use crate::ledger::Clock;
use crate::limits::{CAMPAIGN_LAG_MAX, CAMPAIGN_MAX, CAMPAIGN_SPREAD, LEASE};

/// A follower that may become the leader.
pub(super) struct Candidate {
    pub(super) elections: Arc<dyn Elections>,
    pub(super) log: Arc<dyn Log>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) standing: Arc<Standing>,
    pub(super) published: Arc<ArcSwap<Root>>,
    /// Until this monotonic time others campaign first.
    pub(super) rests_until: Duration,
}

/// A term that this process has begun, and the monotonic time before it asked for it.
pub(super) struct Elected {
    pub(super) leading: Leading,
    pub(super) asked_at: Duration,
}

impl Candidate {
    /// Waits until this process has become the leader. `None` if `stop` was cancelled. A campaign
    /// that is running then is finished first: a lease that nobody knows of would stop all members.
    pub(super) async fn elected(&self, stop: &CancellationToken) -> Option<Elected> {
        let mut pictures = self.standing.pictures();
        // The present one counts too.
        pictures.mark_changed();
        loop {
            stop.run_until_cancelled(self.turn(&mut pictures)).await?;
            let asked_at = self.clock.monotonic();
            match self.campaign().await {
                Ok(Some(leading)) => return Some(Elected { leading, asked_at }),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "this member could not campaign"),
            }
        }
    }

    /// Waits until a new report shows that this member may campaign.
    async fn turn(&self, pictures: &mut watch::Receiver<Picture>) {
        loop {
            if pictures.changed().await.is_err() {
                // The sender lives as long as the server.
                std::future::pending::<()>().await;
            }
            let sight = pictures.borrow_and_update().sight.clone();
            if let Some(sight) = sight
                && self.may_campaign(&sight).await
            {
                // All followers find the end of a lease at about the same time.
                let spread = CAMPAIGN_SPREAD.mul_f64(rand::random());
                return self.clock.wait(spread).await;
            }
        }
    }

    async fn campaign(&self) -> Result<Option<Leading>, JournalError> {
        let campaign = self.elections.campaign(&self.standing.member, LEASE);
        timeout(CAMPAIGN_MAX, campaign)
            .await
            .unwrap_or_else(|_| Err(late(CAMPAIGN_MAX)))
    }

    /// Whether no other member has a running lease, and this one would be a good leader: it has read
    /// nearly the whole log, and its clock is about right. A wrong clock does not matter if this member
    /// has ended its term for it, and no other one has led since. A running lease of its own is that of
    /// a campaign whose answer was lost, and the store lets this process begin another term.
    async fn may_campaign(&self, sight: &Sight) -> bool {
        let is_led = sight.other_leader(&self.standing.member).is_some();
        if is_led || self.clock.monotonic() < self.rests_until {
            return false;
        }
        if sight.is_clock_wrong() && !self.standing.has_no_other(sight) {
            return false;
        }
        match self.log.bounds().await {
            Ok(bounds) => {
                let read = self.published.load().sequence;
                bounds.newest.sequence.saturating_sub(read) <= CAMPAIGN_LAG_MAX
            }
            Err(error) => {
                tracing::warn!(%error, "this member does not campaign: it cannot read the log");
                false
            }
        }
    }
}
