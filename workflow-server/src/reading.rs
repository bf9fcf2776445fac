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
use aftercall_serving::{UNREAD_BYTES_REFUSED, is_full_of_unread_answers};
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
    #[error("unread answers hold more than {UNREAD_BYTES_REFUSED} bytes")]
    Unread,
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
    /// Whether no further answer is to be made for now.
    is_full: fn() -> bool,
}

impl Reading {
    /// Starts the threads: for desks and for heavy reads one less than there are processors each,
    /// at least one.
    ///
    /// # Errors
    /// The system's, where a thread cannot be started.
    pub fn start() -> std::io::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.saturating_sub(1).max(1);
        Self::with(
            threads,
            (DESK_READS_WAITING_MAX, READS_WAITING_MAX),
            READ_TIME_MAX,
        )
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
        let (gone, time_max, span) = (
            CancellationToken::new(),
            self.time_max,
            tracing::Span::current(),
        );
        let _gone = gone.clone().drop_guard();
        let job = Box::new(move || {
            let _place = place;
            let _in_span = span.entered();
            let until = Instant::now() + time_max;
            if let Ok(read) = catch_unwind(AssertUnwindSafe(|| read(&gone, until))) {
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

    /// Waits for a place on a lane.
    async fn place(&self, lane: Lane) -> Result<Place, ReadError> {
        if (self.is_full)() {
            return Err(ReadError::Unread);
        }
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
        if (self.is_full)() {
            return Err(ReadError::Unread);
        }
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
mod tests {
    use std::net::SocketAddr;

    use aftercall_serving::asker::scope;

    use super::*;

    fn reading(threads: usize, waiting_max: usize) -> Arc<Reading> {
        Arc::new(Reading::with(threads, (waiting_max, waiting_max), READ_TIME_MAX).unwrap())
    }

    /// A walk that never ends by itself, and says when it has begun.
    fn endless(
        begun: oneshot::Sender<()>,
    ) -> impl FnOnce(ShouldStop<'_>) -> Result<(), Stopped> + Send {
        move |should_stop| {
            let _ = begun.send(());
            while !should_stop() {
                std::thread::yield_now();
            }
            Err(Stopped)
        }
    }

    #[tokio::test]
    async fn a_read_runs_on_a_thread_of_its_lane() {
        let name =
            |_: ShouldStop<'_>| Ok(std::thread::current().name().unwrap_or_default().to_owned());
        let reading = reading(1, 0);
        assert_eq!(reading.run(Lane::Desk, name).await.unwrap(), "reads-desk-0");
        assert_eq!(
            reading.run(Lane::Heavy, name).await.unwrap(),
            "reads-heavy-0"
        );
        assert_eq!(
            reading.run(Lane::Picture, name).await.unwrap(),
            "reads-picture-0"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_refuses_and_leaves_the_other_lanes_alone() {
        let reading = reading(1, 0);
        let (begun, has_begun) = oneshot::channel();
        let running = tokio::spawn({
            let reading = reading.clone();
            async move { reading.run(Lane::Heavy, endless(begun)).await }
        });
        has_begun.await.unwrap();
        assert_eq!(
            reading.run(Lane::Heavy, |_| Ok(1)).await,
            Err(ReadError::Full { limit: 1 })
        );
        assert_eq!(reading.run(Lane::Desk, |_| Ok(2)).await, Ok(2));
        running.abort();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_only_read_of_a_connection_is_not_refused_though_another_fills_the_queue() {
        let reading = reading(1, 0);
        let peer = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (begun, has_begun) = oneshot::channel();
        let flooding = tokio::spawn({
            let reading = reading.clone();
            scope(peer(1), async move {
                reading.run(Lane::Heavy, endless(begun)).await
            })
        });
        has_begun.await.unwrap();
        let full = Err(ReadError::Full { limit: 1 });
        assert_eq!(
            scope(peer(1), reading.run(Lane::Heavy, |_| Ok(1))).await,
            full,
            "it has one already"
        );
        let waits = tokio::spawn({
            let reading = reading.clone();
            scope(
                peer(2),
                async move { reading.run(Lane::Heavy, |_| Ok(2)).await },
            )
        });
        while reading.heavy.askers.of(peer(2)) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            scope(peer(2), reading.run(Lane::Heavy, |_| Ok(3))).await,
            full,
            "it has one that waits"
        );
        flooding.abort();
        assert_eq!(waits.await.unwrap(), Ok(2));
        // The thread frees a place just after it has answered.
        while reading.heavy.askers.of(peer(2)) > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn nothing_is_read_while_too_much_is_unread_but_the_answer_to_a_change_is() {
        let mut reading = Reading::with(1, (1, 1), READ_TIME_MAX).unwrap();
        reading.is_full = || true;
        for lane in [Lane::Desk, Lane::Heavy, Lane::Picture] {
            assert_eq!(reading.run(lane, |_| Ok(1)).await, Err(ReadError::Unread));
            assert_eq!(
                reading.run_waiting(lane, || async { 1 }).await,
                Err(ReadError::Unread)
            );
        }
        assert_eq!(reading.run_afterwards(Lane::Heavy, |_| Ok(2)).await, Ok(2));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_answer_to_a_change_waits_where_others_are_refused() {
        let reading = reading(1, 0);
        let (begun, has_begun) = oneshot::channel();
        let running = tokio::spawn({
            let reading = reading.clone();
            async move { reading.run(Lane::Heavy, endless(begun)).await }
        });
        has_begun.await.unwrap();
        let afterwards = reading.run_afterwards(Lane::Heavy, |_| Ok(5));
        running.abort();
        assert_eq!(afterwards.await, Ok(5));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_read_ends_when_nobody_waits_for_it_any_more() {
        let reading = reading(1, 1);
        let (begun, has_begun) = oneshot::channel();
        let left = tokio::spawn({
            let reading = reading.clone();
            async move { reading.run(Lane::Heavy, endless(begun)).await }
        });
        has_begun.await.unwrap();
        left.abort();
        assert_eq!(
            reading.run(Lane::Heavy, |_| Ok(7)).await,
            Ok(7),
            "its thread is free again"
        );
    }

    #[tokio::test]
    async fn a_read_ends_when_its_time_is_used_up() {
        // Its place is free a moment after it has ended: the second one waits for that.
        let reading = Reading::with(1, (1, 1), Duration::ZERO).unwrap();
        let (begun, _has_begun) = oneshot::channel();
        assert_eq!(
            reading.run(Lane::Heavy, endless(begun)).await,
            Err(ReadError::TimeUp)
        );
        let waits = reading.run_waiting(Lane::Heavy, std::future::pending::<()>);
        assert_eq!(waits.await, Err(ReadError::TimeUp));
    }

    #[tokio::test]
    async fn a_read_that_waits_keeps_its_thread_and_ends_when_nobody_waits_for_it_any_more() {
        let reading = reading(1, 1);
        let (begun, has_begun) = oneshot::channel();
        let left = tokio::spawn({
            let reading = reading.clone();
            async move {
                let read = || async {
                    let name = std::thread::current().name().unwrap_or_default().to_owned();
                    let _ = begun.send(name);
                    std::future::pending::<()>().await;
                };
                reading.run_waiting(Lane::Heavy, read).await
            }
        });
        assert_eq!(has_begun.await.unwrap(), "reads-heavy-0");
        left.abort();
        assert_eq!(
            reading.run_waiting(Lane::Heavy, || async { 7 }).await,
            Ok(7),
            "its thread is free again"
        );
    }

    #[tokio::test]
    async fn a_panic_costs_its_read_only() {
        let reading = reading(1, 0);
        let panics = |_: ShouldStop<'_>| -> Result<(), Stopped> { panic!("a fault of the code") };
        assert_eq!(
            reading.run(Lane::Desk, panics).await,
            Err(ReadError::Panicked)
        );
        assert_eq!(reading.run(Lane::Desk, |_| Ok(3)).await, Ok(3));
    }
}
