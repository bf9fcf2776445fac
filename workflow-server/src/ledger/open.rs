//! The ledger, from the store to a running owner and its keeper.

use std::sync::{Arc, RwLock};

use aftercall_engine::time::Span;
use aftercall_engine::world::Keeping;
use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::feed::Feed;
use super::group::OpenGroup;
use super::history::History;
use super::keeper::Keeper;
use super::owner::{Owner, drop_elsewhere};
use super::recover::{RecoverError, Recovered, recover};
use super::timekeeping::{SharedTime, Timekeeping};
use super::{Archive, ArchiveKeys, Clock, Handle, Health};
use crate::journal::{Log, Vault};
use crate::limits::{COMMANDS_WAITING_MAX, ORDERS_WAITING_MAX};

/// What the ledger is told when it is made.
#[derive(Clone)]
pub struct LedgerOptions {
    /// What the World keeps.
    pub keeping: Keeping,
    /// Entries between snapshots.
    pub snapshot_every_entries: u64,
    /// Entries that stay in the journal behind the older of the two snapshots.
    pub journal_kept_entries: u64,
    /// Whether firings were held because the wall clock had jumped when the server ended.
    pub clock_held: bool,
    /// How long after its end an instance leaves memory, in milliseconds.
    pub archive_after_millis: i64,
    /// How long ended instances are kept where their workflow does not say; none for ten years.
    pub retention: Option<Span>,
    /// By what things are found in the archive.
    pub archive_keys: ArchiveKeys,
}

/// The ledger, recovered and not running yet.
pub struct Ledger {
    owner: Owner,
    keeper: Keeper,
}

impl Ledger {
    /// Rebuilds the World from the store.
    ///
    /// # Errors
    /// [`RecoverError`] where the store cannot be believed.
    pub async fn recover(
        log: Arc<dyn Log>,
        vault: Arc<dyn Vault>,
        clock: Arc<dyn Clock>,
        options: LedgerOptions,
    ) -> Result<(Self, Handle), RecoverError> {
        let Recovered { world, newest, snapshot } = recover(log.as_ref(), vault.as_ref(), options.keeping).await?;
        let feed = Arc::new(Feed::new(log.clone(), newest));
        let published = Arc::new(ArcSwap::from_pointee(world.root().clone()));
        let history = Arc::new(History::open(feed.clone(), vault.clone(), published.clone()).await?);
        let (keys, retention) = (options.archive_keys, options.retention);
        let archive = Archive::new(vault.clone(), history.clone(), published.clone(), keys, retention);
        let (command_sender, commands) = mpsc::channel(COMMANDS_WAITING_MAX);
        let (order_sender, orders) = mpsc::channel(ORDERS_WAITING_MAX);
        let (health, health_receiver) = watch::channel(Health::default());
        let (image_sender, images) = mpsc::channel(1);
        let now = Arc::new(RwLock::new(world.root().at));
        let time = SharedTime::new(Timekeeping::new(clock.clone(), world.root().at, options.clock_held));
        let handle = Handle {
            commands: command_sender,
            orders: order_sender,
            root: published.clone(),
            feed: feed.clone(),
            history,
            archive: Arc::new(archive),
            keeper: Arc::default(),
            health: health_receiver,
            now: now.clone(),
            time: time.clone(),
        };
        let keeper = Keeper::new(log.clone(), vault.clone(), handle.clone(), images, &options);
        let owner = Owner {
            // Counted from the snapshot, not from this start: a server that dies often must not grow its journal for ever.
            snapshot_at: snapshot.saturating_add(options.snapshot_every_entries),
            open: OpenGroup::after(newest),
            time,
            old_roots: drop_elsewhere(),
            world,
            log: log.clone(),
            vault: vault.clone(),
            options,
            clock,
            commands,
            orders,
            published,
            feed,
            health,
            now,
            images: image_sender,
            in_flight: None,
            paused_until: None,
        };
        Ok((Self { owner, keeper }, handle))
    }

    /// Runs until it is told to stop, then finishes what it has taken.
    pub async fn run(self, stop: CancellationToken) {
        // Should this be dropped in the middle, the keeper must not go on beside whoever opens the store next.
        let keeper = AbortOnDropHandle::new(tokio::spawn(self.keeper.run()));
        self.owner.run(stop).await;
        // The owner has dropped its end: the keeper finishes the snapshot in hand and ends.
        let _ = keeper.await;
    }
}
