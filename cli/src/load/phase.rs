//! One measurement: requests of a mix, at a pace, until a count or a time is reached.
//!
//! Promise: one thread sends everything and counts its own CPU time. In a closed loop the next
//! request of a worker leaves when its last one is answered. At a rate a request leaves at its
//! planned moment. Must not: repeat a request, or leave an error out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aftercall_client::Connector;
use hyper::Uri;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::errors::Failure;
use crate::load::http2::Client;
use crate::load::measured::Measured;
use crate::load::mix::{Kind, Mix};
use crate::load::pace::{Pace, Pacer, Schedule};
use crate::load::requests::{Requests, Templates, is_read, message_bytes};
use crate::load::usage::thread_cpu_time;

/// Often enough for a person, rare enough not to disturb the measurement.
const PROGRESS_EVERY: u64 = 256;
/// Longer than a group commit's watchdog (10 s), so that the server's own error is read.
const LAST_ANSWERS: Duration = Duration::from_secs(30);
/// Requests under way at a rate. A server that is this far behind does not keep up; later requests
/// wait here, and their latency counts from the planned moment all the same.
const UNDER_WAY_MAX: usize = 20_000;

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    /// The way to the server.
    pub(crate) server: Connector,
    /// How many connections the requests share.
    pub(crate) connections: u32,
    pub(crate) pace: Pace,
    pub(crate) mix: Mix,
    /// How many requests in all.
    pub(crate) requests: u64,
    /// No request begins after this.
    pub(crate) time_max: Duration,
    /// What the progress bar shows.
    pub(crate) label: String,
}

/// What was measured of one kind.
#[derive(Debug)]
pub(crate) struct OfKind {
    pub(crate) kind: Kind,
    pub(crate) measured: Measured,
    /// Bytes of the messages of all requests that were answered well.
    pub(crate) request_bytes: u64,
    /// The same of their answers.
    pub(crate) answer_bytes: u64,
}

/// The result of a measurement.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// In the order in which the kinds came first.
    pub(crate) kinds: Vec<OfKind>,
    pub(crate) elapsed: Duration,
    /// CPU time of the client.
    pub(crate) client_cpu: Duration,
    /// How much later than planned requests left; none in a closed loop.
    pub(crate) late: Option<Measured>,
}

impl Outcome {
    /// All kinds together.
    pub(crate) fn all(&self) -> Result<Measured, Failure> {
        let mut all = Measured::new()?;
        for of_kind in &self.kinds {
            all.add(&of_kind.measured)?;
        }
        all.elapsed = self.elapsed;
        Ok(all)
    }

    /// A failure if a request failed.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let all = self.all()?;
        if all.errors == 0 {
            return Ok(());
        }
        let why = all.first_error.unwrap_or_default();
        Err(Failure::refused(format!(
            "{} requests failed; the first: {why}.",
            all.errors
        )))
    }
}

impl Phase {
    /// Measures on a thread of its own.
    pub(crate) async fn run(&self, requests: &Arc<Requests>) -> Result<Outcome, Failure> {
        let (phase, requests) = (self.clone(), Arc::clone(requests));
        let on_one_thread = move || {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(phase.measure(requests))
        };
        spawn_blocking(on_one_thread).await?
    }

    async fn measure(self, requests: Arc<Requests>) -> Result<Outcome, Failure> {
        let client = Client::connect(&self.server, self.connections).await?;
        let used = thread_cpu_time();
        let run = Arc::new(Run::new(&self, client, requests)?);
        let began = Instant::now();
        let sent = timeout(self.time_max + LAST_ANSWERS, async {
            match self.pace {
                Pace::InFlight(workers) => self.closed_loop(&run, workers, began).await,
                Pace::Rate(rate) => self.open_loop(&run, Schedule { began, rate }).await,
            }
        });
        let Ok(sent) = sent.await else {
            let seconds = LAST_ANSWERS.as_secs();
            return Err(Failure::unavailable(format!(
                "The server did not answer the last requests within {seconds} s."
            )));
        };
        let pacing = sent?;
        run.progress.finish_and_clear();
        let client_cpu = thread_cpu_time().saturating_sub(used) + pacing;
        let mut tally = std::mem::replace(&mut *run.tally(), Tally::new()?);
        let elapsed = began.elapsed();
        for of_kind in &mut tally.kinds {
            of_kind.measured.elapsed = elapsed;
        }
        let is_open = matches!(self.pace, Pace::Rate(_));
        Ok(Outcome {
            kinds: tally.kinds,
            elapsed,
            client_cpu,
            late: is_open.then_some(tally.late),
        })
    }

    async fn closed_loop(
        &self,
        run: &Arc<Run>,
        workers: u32,
        began: Instant,
    ) -> Result<Duration, Failure> {
        let next = Arc::new(AtomicU64::new(0));
        let mut under_way = JoinSet::new();
        for worker in 0..workers {
            let (run, next) = (Arc::clone(run), Arc::clone(&next));
            let (requests, time_max) = (self.requests, self.time_max);
            under_way.spawn(async move {
                while began.elapsed() < time_max {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= requests {
                        return;
                    }
                    run.one(worker as usize, number, Instant::now()).await;
                }
            });
        }
        while let Some(ended) = under_way.join_next().await {
            ended?;
        }
        Ok(Duration::ZERO)
    }

    /// The CPU time that pacing took.
    async fn open_loop(&self, run: &Arc<Run>, schedule: Schedule) -> Result<Duration, Failure> {
        let in_time = schedule.due(schedule.began + self.time_max);
        let requests = self.requests.min(in_time);
        let pacer = Pacer::start(schedule, requests)?;
        let mut under_way = JoinSet::new();
        let mut next = 0;
        while next < requests {
            pacer.due().await;
            let due = schedule.due(Instant::now()).min(requests);
            for number in next..due {
                if under_way.len() >= UNDER_WAY_MAX {
                    under_way.join_next().await;
                }
                let (run, planned) = (Arc::clone(run), schedule.planned(number));
                let connection = usize::try_from(number).unwrap_or_default();
                under_way.spawn(async move {
                    run.note_late(planned.elapsed());
                    run.one(connection, number, planned).await;
                });
            }
            next = due;
            while under_way.try_join_next().is_some() {}
        }
        while let Some(ended) = under_way.join_next().await {
            ended?;
        }
        Ok(pacer.cpu_time())
    }
}

/// What the requests of a measurement share.
struct Run {
    client: Client,
    /// The address of each kind's RPC.
    uris: Vec<(Kind, Uri)>,
    requests: Arc<Requests>,
    templates: Templates,
    mix: Mix,
    tally: Mutex<Tally>,
    progress: ProgressBar,
}

struct Tally {
    kinds: Vec<OfKind>,
    late: Measured,
}

impl Tally {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            kinds: Vec::new(),
            late: Measured::new()?,
        })
    }
}

impl Run {
    fn new(phase: &Phase, client: Client, requests: Arc<Requests>) -> Result<Self, Failure> {
        let mut tally = Tally::new()?;
        let mut uris = Vec::new();
        for kind in phase.mix.kinds() {
            uris.push((kind, client.uri(kind)?));
            tally.kinds.push(OfKind {
                kind,
                measured: Measured::new()?,
                request_bytes: 0,
                answer_bytes: 0,
            });
        }
        Ok(Self {
            client,
            uris,
            templates: requests.templates(),
            requests,
            mix: phase.mix.clone(),
            tally: Mutex::new(tally),
            progress: progress(phase),
        })
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_late(&self, late: Duration) {
        self.tally().late.record(late);
    }

    /// Sends one request. Its latency counts from `planned`.
    async fn one(&self, connection: usize, number: u64, planned: Instant) {
        let kind = self.mix.kind(number);
        let Some(place) = self.uris.iter().position(|(known, _)| *known == kind) else {
            return;
        };
        let sent = async {
            let frame = self.requests.frame(&self.templates, kind, number)?;
            let request_bytes = message_bytes(&frame);
            let uri = &self.uris[place].1;
            let answer = self
                .client
                .call(connection, uri, frame, is_read(kind))
                .await?;
            let took = planned.elapsed();
            self.requests.read(kind, &answer)?;
            Ok((took, request_bytes, answer.bytes as u64))
        };
        let outcome = sent.await;
        let mut tally = self.tally();
        let of_kind = &mut tally.kinds[place];
        match outcome {
            Ok((took, request_bytes, answer_bytes)) => {
                of_kind.measured.record(took);
                of_kind.request_bytes += request_bytes;
                of_kind.answer_bytes += answer_bytes;
            }
            Err(status) => of_kind.measured.fail(&status),
        }
        if number.is_multiple_of(PROGRESS_EVERY) {
            self.progress.set_position(number);
        }
    }
}

/// A bar on stderr, which indicatif hides where stderr is no terminal.
fn progress(phase: &Phase) -> ProgressBar {
    let bar = ProgressBar::new(phase.requests);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec}") {
        bar.set_style(style);
    }
    bar.with_message(format!("{}, {}", phase.label, phase.pace))
}
