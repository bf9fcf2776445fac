//! Starts a leading server on a store: takes over, rebuilds the World, and runs the owner and the
//! upkeep.

mod adoption;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use adoption::adopt_chunks;
use aftercall_definition::time::Time;
use tokio::runtime::{Builder, Handle as RuntimeHandle};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::order::{Asked, Order};
use super::read::follow::Follower;
use super::read::recover::{RecoverError, Recovered};
use super::upkeep::keeper::{Incoming, Keeper};
use super::upkeep::last_seen::{self, Watchman};
use super::write::append::Appender;
use super::write::group::OpenGroup;
use super::write::owner::{Owner, Trouble, drop_elsewhere};
use super::write::timekeeping::{Known, SharedTime, Timekeeping};
use super::{Archive, ArchiveKeys, Clock, Handle, LedgerOptions};
use crate::journal::{Leading, Storage};
use crate::limits::{ORDERS_WAITING_MAX, UPKEEP_FILE_THREADS};
use crate::records::WorldImage;

/// A ledger that is recovered and not yet running.
pub struct Ledger {
    owner: Owner,
    keeper: Keeper,
    watchman: Watchman,
}

impl Ledger {
    /// Rebuilds the World from the store, and becomes the leader.
    ///
    /// # Errors
    /// [`RecoverError`] if the content of the store is not valid.
    pub async fn recover(
        storage: &dyn Storage,
        clock: Arc<dyn Clock>,
        options: LedgerOptions,
    ) -> Result<(Self, Handle), RecoverError> {
        let follower = Follower::begin(storage, options).await?;
        Self::lead(follower, storage, clock).await
    }

    /// Makes this follower the leader. Deposes the old leader, if there is one. Reads to the end of
    /// the log, and continues the root and the feed of the follower.
    ///
    /// # Errors
    /// [`RecoverError`]. [`JournalError::Deposed`](crate::journal::JournalError::Deposed) if
    /// another process became the leader first.
    pub async fn lead(
        follower: Follower,
        storage: &dyn Storage,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Handle), RecoverError> {
        // First of all, so that no other process appends while this one reads.
        let leading = storage.take_over().await?;
        Self::lead_with(follower, leading, storage, clock).await
    }

    /// Makes this follower the leader of a term that this process has begun. Reads to the end of
    /// the log, and continues the root and the feed of the follower.
    ///
    /// # Errors
    /// Those of [`Ledger::lead`].
    pub async fn lead_with(
        mut follower: Follower,
        leading: Leading,
        storage: &dyn Storage,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Handle), RecoverError> {
        while follower.advance().await? {}
        adopt_chunks(&mut follower, &leading).await?;
        let time = time_at_start(&clock, &follower).await;
        let (handle, inlets, work) = handle_on(&follower, storage, time);
        let keeper = Keeper::new(
            storage,
            leading.clone(),
            handle.clone(),
            work,
            &follower.options,
        );
        let watchman = Watchman::begin(leading.clone(), clock.clone(), handle.clone()).await;
        let appender = Appender {
            log: follower.log.clone(),
            leading,
            clock,
            conditions: handle.conditions.clone(),
        };
        let owner = owner_of(follower, &handle, inlets, appender);
        Ok((
            Self {
                owner,
                keeper,
                watchman,
            },
            handle,
        ))
    }

    /// A handle that reads what a follower has read. It refuses every command.
    #[must_use]
    pub fn following(follower: &Follower, storage: &dyn Storage, clock: Arc<dyn Clock>) -> Handle {
        let known = Known {
            newest: newest_time(follower),
            last_seen: None,
            ahead_max: follower.options.clock_ahead_max,
        };
        let time = SharedTime::new(Timekeeping::new(clock, known));
        // The receivers are dropped, so commands find their channel closed.
        let (handle, _, _) = handle_on(follower, storage, time);
        handle
    }

    /// Runs on separate threads. The owner has one alone, so that no other work delays callers who
    /// change something. Upkeep uses other threads. The receiver resolves when the ledger has
    /// ended, for any reason.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(mut self, stop: CancellationToken) -> std::io::Result<oneshot::Receiver<()>> {
        let (ended, has_ended) = oneshot::channel();
        self.owner.has_thread = true;
        // Without an I/O driver the runtime waits on a futex. Waking a futex costs less than waking
        // an epoll.
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let mut upkeep = Builder::new_multi_thread();
        upkeep
            .worker_threads(1)
            .max_blocking_threads(UPKEEP_FILE_THREADS)
            .thread_name("upkeep")
            .enable_all();
        let upkeep = upkeep.build()?;
        std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                runtime.block_on(self.run_with(stop, upkeep.handle().clone()));
                // Waits for file operations that are still running. They must have ended before the
                // next process opens the store.
                drop(upkeep);
                // If serving has failed, no receiver is left.
                let _ = ended.send(());
            })?;
        Ok(has_ended)
    }

    /// Runs on the current runtime until `stop` is cancelled. Then finishes the commands that it
    /// has taken.
    ///
    /// # Panics
    /// If called outside of a runtime.
    pub fn run(self, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        self.run_with(stop, RuntimeHandle::current())
    }

    /// Like [`run`](Self::run), with upkeep on another runtime.
    async fn run_with(mut self, stop: CancellationToken, upkeep: RuntimeHandle) {
        self.owner.stop = stop;
        // If this future is dropped early, the keeper must stop too. Otherwise it would run beside
        // the process that opens the store next.
        let keeper = AbortOnDropHandle::new(upkeep.spawn(self.keeper.run()));
        let watchman = Arc::new(self.watchman);
        let watching = AbortOnDropHandle::new(upkeep.spawn({
            let watchman = watchman.clone();
            async move { watchman.run().await }
        }));
        let finished = self.owner.finished.clone();
        self.owner.run().await;
        finished.cancel();
        watching.abort();
        let last_sign = upkeep.spawn(async move { watchman.give_sign().await });
        let _ = last_sign.await;
        // The owner has closed its channel. The keeper finishes the current snapshot and ends.
        let _ = keeper.await;
    }
}

/// The receivers of the owner, and its sender for snapshots.
struct Inlets {
    commands: mpsc::Receiver<Asked>,
    orders: mpsc::Receiver<Order>,
    images: mpsc::Sender<WorldImage>,
}

/// A handle that continues the follower's root and feed, and the other ends of its channels.
fn handle_on(
    follower: &Follower,
    storage: &dyn Storage,
    time: SharedTime,
) -> (Handle, Inlets, Incoming) {
    let (commands, commands_asked) = mpsc::channel(follower.options.commands_waiting_max.max(1));
    let (orders, orders_asked) = mpsc::channel(ORDERS_WAITING_MAX);
    let (images, captures, work) = Incoming::new();
    let archive = Archive::new(
        storage.vault(),
        follower.history.clone(),
        follower.published.clone(),
        ArchiveKeys::new(storage.identity().hash_key),
        follower.options.retention,
    );
    let handle = Handle {
        commands,
        orders,
        root: follower.published.clone(),
        feed: follower.feed.clone(),
        history: follower.history.clone(),
        archive: Arc::new(archive),
        keeper: Arc::default(),
        conditions: follower.conditions.clone(),
        deposed: CancellationToken::new(),
        finished: CancellationToken::new(),
        purging: Arc::default(),
        captures,
        now: Arc::new(RwLock::new(follower.root().at)),
        time,
        tables: Arc::new(AtomicU64::new(u64::MAX)),
    };
    let inlets = Inlets {
        commands: commands_asked,
        orders: orders_asked,
        images,
    };
    (handle, inlets, work)
}

/// The owner of the follower's World.
fn owner_of(follower: Follower, handle: &Handle, inlets: Inlets, appender: Appender) -> Owner {
    let Recovered {
        world,
        newest,
        snapshot,
    } = follower.recovered;
    let options = follower.options;
    Owner {
        // Counted from the snapshot and not from this start. Otherwise the journal of a server that
        // crashes often would grow without limit.
        snapshot_at: snapshot.saturating_add(options.entries_to_next_snapshot(&world)),
        open: OpenGroup::after(newest, appender.leading.log().limits()),
        time: handle.time.clone(),
        old_roots: drop_elsewhere(),
        world,
        vault: follower.vault,
        options,
        clock: appender.clock.clone(),
        appender,
        commands: inlets.commands,
        orders: inlets.orders,
        published: follower.published,
        feed: follower.feed,
        conditions: handle.conditions.clone(),
        trouble: Trouble::default(),
        now: handle.now.clone(),
        images: inlets.images,
        in_flight: None,
        paused_until: None,
        stop: CancellationToken::new(),
        deposed: handle.deposed.clone(),
        finished: handle.finished.clone(),
        has_thread: false,
    }
}

/// The time of the newest entry.
fn newest_time(follower: &Follower) -> Option<Time> {
    let root = follower.root();
    (root.sequence > 0).then_some(root.at)
}

/// The server's time at a start, from the newest entry and the last sign of life.
async fn time_at_start(clock: &Arc<dyn Clock>, follower: &Follower) -> SharedTime {
    let root = follower.root();
    let newest = newest_time(follower);
    let last_seen = last_seen::read(follower.vault.as_ref()).await;
    // A sign from before operations set the time back shows a time that is no longer valid.
    let last_seen = last_seen.filter(|seen| seen.sequence >= root.time_last_set_back());
    let known = Known {
        newest,
        last_seen,
        ahead_max: follower.options.clock_ahead_max,
    };
    SharedTime::new(Timekeeping::new(clock.clone(), known))
}
