//! Access to the running ledger: callers send commands, and read the newest durable state.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aftercall_definition::time::Time;
use aftercall_engine::command::RequestMark;
use aftercall_engine::{Request, Root};
use arc_swap::ArcSwap;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::conditions::{Condition, Conditions, Health};
use super::error::LedgerError;
use super::order::{Asked, Order, Question};
use super::outcome::Outcome;
use super::read::archive::Archive;
use super::read::feed::Feed;
use super::read::history::History;
use super::upkeep::capture::CaptureRequest;
use super::upkeep::purger::Purging;
use super::urgency::Urgency;
use super::write::timekeeping::SharedTime;
use crate::records::WorldImage;

/// Gives the other parts of the server access to the ledger. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(super) commands: mpsc::Sender<Asked>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) root: Arc<ArcSwap<Root>>,
    pub(super) feed: Arc<Feed>,
    pub(super) history: Arc<History>,
    pub(super) archive: Arc<Archive>,
    pub(super) keeper: Arc<Notify>,
    pub(super) conditions: Conditions,
    pub(super) deposed: CancellationToken,
    pub(super) finished: CancellationToken,
    pub(super) purging: Arc<Purging>,
    pub(super) captures: mpsc::Sender<CaptureRequest>,
    pub(super) now: Arc<RwLock<Time>>,
    pub(super) time: SharedTime,
    pub(super) tables: Arc<AtomicU64>,
}

impl Handle {
    /// Carries out a command. The returned outcome is durable. Dropping the future does not stop
    /// the command.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn execute(&self, request: impl Into<Arc<Request>>) -> Result<Outcome, LedgerError> {
        let request = request.into();
        let urgency = Urgency::from(&request.command);
        self.ask(Question::Decide(request), urgency).await
    }

    /// The sequence of the entry that an earlier, equal request made. Waits until that entry is
    /// durable. `None` if the request is new.
    ///
    /// # Errors
    /// [`LedgerError`]. `Rejected` if the id was used for a different request.
    pub async fn recall(&self, mark: RequestMark) -> Result<Option<u64>, LedgerError> {
        // A repeat adds nothing.
        let recalled = self.ask(Question::Recall(mark), Urgency::Finishing);
        match recalled.await? {
            Outcome::Repeated { sequence } => Ok(Some(sequence)),
            Outcome::Committed(_) | Outcome::Unchanged(_) => Ok(None),
        }
    }

    async fn ask(&self, question: Question, urgency: Urgency) -> Result<Outcome, LedgerError> {
        let places = self.commands.max_capacity();
        let share = urgency.share(places);
        if places - self.commands.capacity() >= share {
            return Err(shed(urgency, share));
        }
        let (answer, answered) = oneshot::channel();
        self.commands
            .try_send(Asked { question, answer })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => shed(urgency, share),
                mpsc::error::TrySendError::Closed(_) => self.unavailable(),
            })?;
        answered.await.unwrap_or_else(|_| Err(self.unavailable()))
    }

    pub(super) fn unavailable(&self) -> LedgerError {
        let failure = self.conditions.get(Condition::Store);
        LedgerError::Unavailable(failure.unwrap_or_else(|| "the server is shutting down".into()))
    }

    /// The newest durable World.
    #[must_use]
    pub fn root(&self) -> Arc<Root> {
        self.root.load_full()
    }

    /// The feed of durable changes.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// The history of all entries.
    #[must_use]
    pub fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// The archive: calls and instances that have left memory.
    #[must_use]
    pub fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// Wakes the keeper, because it has work.
    pub fn wake_keeper(&self) {
        self.keeper.notify_one();
    }

    /// Notes the newest sequence that the tables for SQL show. An erasure waits for them.
    pub(crate) fn note_tables(&self, upto: u64) {
        if self.tables.swap(upto, Ordering::Relaxed) != upto {
            self.wake_keeper();
        }
    }

    /// The newest sequence that the tables for SQL show. The greatest number if there are none.
    pub(super) fn tables_upto(&self) -> u64 {
        self.tables.load(Ordering::Relaxed)
    }

    /// The conditions that keep the server from its work. Callers can watch them, and set one where
    /// they find a problem.
    #[must_use]
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Waits until a write was refused because another process leads now. This one then writes
    /// nothing more.
    pub async fn deposed(&self) {
        self.deposed.cancelled().await;
    }

    /// Waits until all commands that were taken are finished, after the ledger was stopped. Upkeep
    /// may still be ending.
    pub async fn finished(&self) {
        self.finished.cancelled().await;
    }

    /// The current health of the ledger.
    #[must_use]
    pub fn health(&self) -> Health {
        self.conditions.health()
    }

    /// The time of the wall clock, if the server uses another time. This is so while the clock is
    /// held, or when it is behind the newest entry.
    #[must_use]
    pub fn clock_to_accept(&self) -> Option<Time> {
        self.time.to_accept()
    }

    /// The number of ended instances past their retention whose removal needs a confirmation.
    #[must_use]
    pub fn purge_waiting(&self) -> u64 {
        self.purging.waiting()
    }

    /// The server's time. It is the wall clock while the server trusts that, but never earlier than
    /// the newest entry.
    #[must_use]
    pub fn now(&self) -> Time {
        let newest = *self.now.read().unwrap_or_else(PoisonError::into_inner);
        self.time.now().max(newest)
    }

    /// The current World, after all of it has become durable.
    pub(super) async fn take_image(&self) -> Result<WorldImage, LedgerError> {
        let (answer, answered) = oneshot::channel();
        self.orders
            .send(Order::TakeImage(answer))
            .await
            .map_err(|_| self.unavailable())?;
        answered.await.map_err(|_| self.unavailable())
    }
}

/// The refusal of a command because too many wait.
fn shed(urgency: Urgency, share: usize) -> LedgerError {
    metrics::counter!("aftercall_commands_shed_total", "urgency" => urgency.name()).increment(1);
    LedgerError::Busy(share)
}
