//! Where reads run that walk over many rows: on a few threads of their own, so that no number of
//! lists, counts, pictures and simulations holds up those who change something.
//!
//! There are three lanes, each with its own threads and its own queue: what people at their desks
//! wait for, everything else, and pictures, whose layout cannot be interrupted. What finds a full
//! queue is refused at once, but for the only read of a connection: a client that asks for one
//! thing at a time is served however many requests others have waiting. A read ends when the client
//! has gone away or its time is used up: the walk asks now and then. What waits in a queue is a
//! future; it holds no thread.
//!
//! Promise: the threads have a low priority where the system has such a thing, and the end of the
//! process does not wait for them. Must not: know what is read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use aftercall_engine::query::{ShouldStop, Stopped};
use aftercall_serving::is_full_of_unread_answers;
use aftercall_serving::log_context::LogContext;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::askers::{Askers, Asking};
use crate::limits::{
    DESK_READS_WAITING_MAX, PICTURES_AT_ONCE, PICTURES_WAITING_MAX, READ_TIME_MAX,
    READS_WAITING_MAX,
};

/// Which threads a read runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Usual pages of the Call Manager, searches for the next follow-up, long calls.
    Desk,
    /// Larger pages, lists, counts, histories and looks of operations, validation, simulations,
    /// trying a batch.
    Heavy,
    /// Pictures.
    Picture,
}

/// Why a read gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Its lane's queue is full.
    #[error("more than {limit} of such requests wait already")]
    Full {
        /// How many may wait or run.
        limit: usize,
    },
    /// Clients leave too much of what was read unread.
    #[error("unread answers hold more than {limit} bytes")]
    Unread {
        /// How many they may hold.
        limit: usize,
    },
    /// It took longer than it may.
    #[error("it took longer than {} s", READ_TIME_MAX.as_secs())]
    TimeUp,
    /// It panicked.
    #[error("a read ended by a panic")]
    Panicked,
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that take one job after another, and how many may wait for them.
struct Threads {
    jobs: mpsc::Sender<Job>,
    places: Arc<Semaphore>,
    /// Permits for those who run or wait.
    admitted: Arc<Semaphore>,
    admitted_max: usize,
    askers: Askers,
}

/// A place on a lane.
struct Place {
    _place: OwnedSemaphorePermit,
    _admitted: Option<OwnedSemaphorePermit>,
    _asking: Option<Asking>,
}

/// The lanes.
pub struct Reading {
    desk: Threads,
    heavy: Threads,
    picture: Threads,
    time_max: Duration,
    /// Bytes of unread answers above which no further answer is made for now.
    unread_bytes_max: usize,
    is_full: fn(usize) -> bool,
}

impl Reading {
    /// Starts the threads: for desks and for heavy reads one less than there are processors each,
    /// at least one. They refuse reads while more than `unread_bytes_max` of answers are unread.
    ///
    /// # Errors
    /// The system's, where a thread cannot be started.
    pub fn start(unread_bytes_max: usize) -> std::io::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.saturating_sub(1).max(1);
        let reading = Self::with(
            threads,
            (DESK_READS_WAITING_MAX, READS_WAITING_MAX),
            READ_TIME_MAX,
        )?;
        Ok(Self {
            unread_bytes_max,
            ..reading
        })
    }

    fn with(
        threads: usize,
        (desk_max, heavy_max): (usize, usize),
        time_max: Duration,
    ) -> std::io::Result<Self> {
        Ok(Self {
            desk: Threads::start("reads-desk", threads, desk_max)?,
            heavy: Threads::start("reads-heavy", threads, heavy_max)?,
            picture: Threads::start("reads-picture", PICTURES_AT_ONCE, PICTURES_WAITING_MAX)?,
            time_max,
            unread_bytes_max: usize::MAX,
            is_full: is_full_of_unread_answers,
        })
    }

    fn lane(&self, lane: Lane) -> &Threads {
        match lane {
            Lane::Desk => &self.desk,
            Lane::Heavy => &self.heavy,
            Lane::Picture => &self.picture,
        }
    }

    /// Runs a read on a lane. Dropping the future stops the walk soon, and frees the place once it
    /// has stopped.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        read: impl FnOnce(ShouldStop<'_>) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<T, ReadError> {
        let place = self.place(lane).await?;
        self.run_at(lane, place, |gone, until| {
            read(&|| gone.is_cancelled() || Instant::now() > until)
        })
        .await
    }

    /// Runs a read that waits for files in between, on a thread of a lane, which it keeps
    /// meanwhile. Dropping the future ends it where it waits next.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn run_waiting<T: Send + 'static, F: Future<Output = T>>(
        &self,
        lane: Lane,
        read: impl FnOnce() -> F + Send + 'static,
    ) -> Result<T, ReadError> {
        let place = self.place(lane).await?;
        let (runtime, time_max) = (Handle::current(), self.time_max);
        let read = move |gone: &CancellationToken, _| {
            let reading = async { timeout(time_max, read()).await.map_err(|_| Stopped) };
            runtime
                .block_on(gone.run_until_cancelled(reading))
                .unwrap_or(Err(Stopped))
        };
        self.run_at(lane, place, read).await
    }

    /// The same as [`Self::run`], for the answer to a change that has been made: it is not refused,
    /// but waits.
    ///
    /// # Errors
    /// [`ReadError`], but for [`ReadError::Full`].
    pub async fn run_afterwards<T: Send + 'static>(
        &self,
        lane: Lane,
        read: impl FnOnce(ShouldStop<'_>) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<T, ReadError> {
        let place = self.lane(lane).wait(None).await?;
        self.run_at(lane, place, |gone, until| {
            read(&|| gone.is_cancelled() || Instant::now() > until)
        })
        .await
    }

    async fn run_at<T: Send + 'static>(
        &self,
        lane: Lane,
        place: Place,
        read: impl FnOnce(&CancellationToken, Instant) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (answer, answered) = oneshot::channel();
        let (gone, time_max, rpc) = (
            CancellationToken::new(),
            self.time_max,
            LogContext::current(),
        );
        let _gone = gone.clone().drop_guard();
        let job = Box::new(move || {
            let _place = place;
            let until = Instant::now() + time_max;
            let read = || rpc.in_scope(|| read(&gone, until));
            if let Ok(read) = catch_unwind(AssertUnwindSafe(read)) {
                // Who has gone away needs no answer.
                let _ = answer.send(read);
            }
        });
        // The threads live as long as this does: there is always one that takes it.
        let _ = self.lane(lane).jobs.send(job);
        match answered.await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(Stopped)) => Err(ReadError::TimeUp),
            Err(_) => Err(ReadError::Panicked),
        }
    }

    fn check_room(&self) -> Result<(), ReadError> {
        let limit = self.unread_bytes_max;
        match (self.is_full)(limit) {
            true => Err(ReadError::Unread { limit }),
            false => Ok(()),
        }
    }

    /// Waits for a place on a lane.
    async fn place(&self, lane: Lane) -> Result<Place, ReadError> {
        self.check_room()?;
        let threads = self.lane(lane);
        let asking = threads.askers.enter();
        let is_only_one = asking.as_ref().is_some_and(|asking| asking.is_only_one);
        let full = |_| ReadError::Full {
            limit: threads.admitted_max,
        };
        let admitted = threads.admitted.clone().try_acquire_owned().map_err(full);
        let admitted = if is_only_one {
            admitted.ok()
        } else {
            Some(admitted?)
        };
        let place = threads.wait(admitted).await?;
        // Much may have been read while it waited.
        self.check_room()?;
        Ok(Place {
            _asking: asking,
            ..place
        })
    }
}

impl Threads {
    async fn wait(&self, admitted: Option<OwnedSemaphorePermit>) -> Result<Place, ReadError> {
        // A semaphore that nobody closes.
        let place = self
            .places
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| ReadError::Panicked)?;
        Ok(Place {
            _place: place,
            _admitted: admitted,
            _asking: None,
        })
    }

    fn start(name: &str, threads: usize, waiting_max: usize) -> std::io::Result<Self> {
        let (jobs, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads {
            let receiver = receiver.clone();
            std::thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || take_jobs(&receiver))?;
        }
        let admitted_max = threads + waiting_max;
        let (places, admitted) = (
            Arc::new(Semaphore::new(threads)),
            Arc::new(Semaphore::new(admitted_max)),
        );
        Ok(Self {
            jobs,
            places,
            admitted,
            admitted_max,
            askers: Askers::default(),
        })
    }
}

fn take_jobs(receiver: &Mutex<mpsc::Receiver<Job>>) {
    lower_priority();
    loop {
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match next {
            Ok(job) => job(),
            Err(mpsc::RecvError) => return,
        }
    }
}

/// Those who change something go first. On Linux the call is about this thread only; elsewhere it
/// would be about the process.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, READ_NICE) {
        tracing::debug!(%error, "the priority of a reading thread could not be lowered");
    }
}

/// A tenth of the share of a usual thread, where there are more threads than processors.
#[cfg(target_os = "linux")]
const READ_NICE: i32 = 10;

#[cfg(test)]
mod tests;
