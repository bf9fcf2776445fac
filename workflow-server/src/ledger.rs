//! The ledger: the one owner of all state.
//!
//! One task takes commands one after the other, decides each on the newest World, applies what was
//! decided, and gathers the entries of many commands into one group. A group is made durable at
//! once; only then is its World shown to readers, its answers are given and its entries go to the
//! feed. While a group is being made durable the next one is decided; it is appended only after.
//!
//! Promises: no answer shows what is not durable; a refusal waits for whatever it was decided on; a
//! command that has been taken is carried out even if the one who asked goes away; after a failed
//! write nothing is written any more, the newest durable World stays readable, and everybody who
//! waits is told.

pub mod clock;
pub mod conditions;

mod leadership;
mod options;
mod read;
mod upkeep;
mod write;

use std::sync::{Arc, PoisonError, RwLock};

use aftercall_definition::time::Time;
use aftercall_engine::command::RequestMark;
use aftercall_engine::entry::Answer;
use aftercall_engine::{Entry, Rejection, Request, Root};
use arc_swap::ArcSwap;
pub use clock::{Clock, ManualClock, SystemClock, Uptime};
pub use conditions::{Condition, Conditions, Health};
pub use leadership::Ledger;
pub use options::LedgerOptions;
pub use read::archive::{Archive, ArchiveKeys, FoundCall, FoundInstance};
pub use read::archive_list::{ArchiveCursor, ArchiveFilter, ArchivePage};
pub use read::archive_retention::ShorterRetention;
pub use read::feed::Feed;
pub use read::follow::Follower;
pub use read::history::History;
pub use read::recover::{RecoverError, Recovered, recover};
pub use read::{archive, archive_list, feed, history};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, oneshot};
pub use upkeep::capture;
pub(crate) use upkeep::job_runner;
pub use upkeep::last_seen::LAST_SEEN_KEY;
use upkeep::purger::Purging;
use write::timekeeping::SharedTime;

use crate::records::WorldImage;

/// What a command came to, durably.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It made this entry.
    Committed(Arc<Entry>),
    /// The same request made the entry with this sequence before.
    Repeated {
        /// The entry's sequence.
        sequence: u64,
    },
    /// It changed nothing.
    Unchanged(Answer),
}

/// Why a command was not carried out.
#[derive(Clone, Debug, Error)]
pub enum LedgerError {
    /// Refused; nothing changed. Everything that the refusal speaks of is durable.
    #[error(transparent)]
    Rejected(Box<Rejection>),
    /// The server takes no commands: it is going away, or its store has failed. With a request id
    /// asking again is safe.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// More commands wait than the limit allows.
    #[error("more than {0} commands wait already")]
    Busy(usize),
}

/// What is asked of the owner in turn.
enum Question {
    /// Carry this out.
    Decide(Request),
    /// Whether the same request was carried out before.
    Recall(RequestMark),
}

/// A question on its way, and where its answer goes.
struct Asked {
    question: Question,
    answer: oneshot::Sender<Result<Outcome, LedgerError>>,
}

/// Something that operations asks of the owner itself.
enum Order {
    /// Give the World as it stands, once all of it is durable.
    TakeImage(oneshot::Sender<WorldImage>),
}

/// What everybody else holds of the ledger; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Asked>,
    orders: mpsc::Sender<Order>,
    root: Arc<ArcSwap<Root>>,
    feed: Arc<Feed>,
    history: Arc<History>,
    archive: Arc<Archive>,
    keeper: Arc<Notify>,
    conditions: Conditions,
    purging: Arc<Purging>,
    captures: mpsc::Sender<capture::CaptureRequest>,
    now: Arc<RwLock<Time>>,
    time: SharedTime,
}

impl Handle {
    /// Carries out a command; the answer is durable. Dropping the future does not stop the command.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn execute(&self, request: Request) -> Result<Outcome, LedgerError> {
        self.ask(Question::Decide(request)).await
    }

    /// The sequence of the entry that the same request made before, once that is durable; none
    /// where the request is new.
    ///
    /// # Errors
    /// [`LedgerError`]; rejected where the id was used for another request.
    pub async fn recall(&self, mark: RequestMark) -> Result<Option<u64>, LedgerError> {
        match self.ask(Question::Recall(mark)).await? {
            Outcome::Repeated { sequence } => Ok(Some(sequence)),
            Outcome::Committed(_) | Outcome::Unchanged(_) => Ok(None),
        }
    }

    async fn ask(&self, question: Question) -> Result<Outcome, LedgerError> {
        let (answer, answered) = oneshot::channel();
        self.commands
            .try_send(Asked { question, answer })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    LedgerError::Busy(crate::limits::COMMANDS_WAITING_MAX)
                }
                mpsc::error::TrySendError::Closed(_) => self.unavailable(),
            })?;
        answered.await.unwrap_or_else(|_| Err(self.unavailable()))
    }

    fn unavailable(&self) -> LedgerError {
        let failure = self.conditions.get(Condition::Store);
        LedgerError::Unavailable(failure.unwrap_or_else(|| "the server is shutting down".into()))
    }

    /// The newest durable World.
    #[must_use]
    pub fn root(&self) -> Arc<Root> {
        self.root.load_full()
    }

    /// The changes as they become durable.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Everything that ever happened.
    #[must_use]
    pub fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// What has left memory.
    #[must_use]
    pub fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// Tells the keeper that there is something to do.
    pub fn wake_keeper(&self) {
        self.keeper.notify_one();
    }

    /// What keeps the server from its work; can be watched, and set by those who find it out.
    #[must_use]
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// How the ledger is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.conditions.health()
    }

    /// What the wall clock shows, where it is not the server's time: because it is held, or behind
    /// the newest entry.
    #[must_use]
    pub fn clock_to_accept(&self) -> Option<Time> {
        self.time.to_accept()
    }

    /// How many ended instances have outlived their retention and wait for a confirmation.
    #[must_use]
    pub fn purge_waiting(&self) -> u64 {
        self.purging.waiting()
    }

    /// The server's time: the wall clock while it is believed, but never before the newest entry.
    #[must_use]
    pub fn now(&self) -> Time {
        let newest = *self.now.read().unwrap_or_else(PoisonError::into_inner);
        self.time.now().max(newest)
    }

    /// The World as it stands, all of it durable.
    async fn take_image(&self) -> Result<WorldImage, LedgerError> {
        let (answer, answered) = oneshot::channel();
        self.orders
            .send(Order::TakeImage(answer))
            .await
            .map_err(|_| self.unavailable())?;
        answered.await.map_err(|_| self.unavailable())
    }
}
