//! The owner's loop. It takes commands and decides them. Their effects leave only after the commit
//! that holds them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aftercall_definition::time::Time;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::{AcceptClock, Command, Elapse, OperationsCommand, RequestMark};
use aftercall_engine::entry::Answer;
use aftercall_engine::rejection::Limit;
use aftercall_engine::world::timers::TimerKey;
use aftercall_engine::{Decision, Rejection, Request, Root, World, decide};
use arc_swap::ArcSwap;
use futures::future::{BoxFuture, FutureExt as _, ready};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::append::Appender;
use super::group::{InFlight, OpenGroup};
use super::refused::Refused;
use super::timekeeping::SharedTime;
use crate::journal::{Group, JournalError, Position, Vault};
use crate::ledger::order::{Asked, Order, Question};
use crate::ledger::read::feed::{Feed, FeedItem};
use crate::ledger::{Clock, Condition, Conditions, LedgerError, LedgerOptions, Outcome};
use crate::limits::{
    APPENDED_HERE_ENTRIES_MAX, CLOCK_LOOK_EVERY, DROPPED_HERE_ENTRIES_MAX, TIMERS_AT_ONCE,
    TIMERS_BESIDE_COMMANDS, TIMERS_PER_GROUP,
};
use crate::records::WorldImage;

pub(in crate::ledger) struct Owner {
    pub(in crate::ledger) world: World,
    pub(in crate::ledger) appender: Appender,
    pub(in crate::ledger) vault: Arc<dyn Vault>,
    pub(in crate::ledger) options: LedgerOptions,
    pub(in crate::ledger) time: SharedTime,
    pub(in crate::ledger) clock: Arc<dyn Clock>,
    pub(in crate::ledger) commands: mpsc::Receiver<Asked>,
    pub(in crate::ledger) orders: mpsc::Receiver<Order>,
    pub(in crate::ledger) published: Arc<ArcSwap<Root>>,
    pub(in crate::ledger) feed: Arc<Feed>,
    pub(in crate::ledger) conditions: Conditions,
    pub(in crate::ledger) trouble: Trouble,
    pub(in crate::ledger) now: Arc<RwLock<Time>>,
    pub(in crate::ledger) images: mpsc::Sender<WorldImage>,
    pub(in crate::ledger) snapshot_at: u64,
    pub(in crate::ledger) open: OpenGroup,
    pub(in crate::ledger) in_flight: Option<InFlight>,
    /// Set when the disk is full: the owner refuses commands until this monotonic time.
    pub(in crate::ledger) paused_until: Option<Duration>,
    pub(in crate::ledger) old_roots: std::sync::mpsc::Sender<Arc<Root>>,
    pub(in crate::ledger) stop: CancellationToken,
    /// Cancelled once another process leads.
    pub(in crate::ledger) deposed: CancellationToken,
    /// Cancelled once this owner has ended.
    pub(in crate::ledger) finished: CancellationToken,
    /// Whether this thread has no other work, so that an append may block it.
    pub(in crate::ledger) has_thread: bool,
}

/// What prevents the owner from doing part of its work.
#[derive(Default)]
pub(in crate::ledger) struct Trouble {
    /// Why nothing can be written any more.
    pub(super) failure: Option<Arc<str>>,
    /// Why the server does not trust the wall clock.
    held: Option<Arc<str>>,
    /// Timers whose entries the engine refused.
    refused: Refused<TimerKey>,
    /// When `refused` was last cleaned up, in monotonic time.
    pruned_at: Duration,
}

/// What woke the owner.
enum Woken {
    Appended(Result<(), JournalError>),
    Asked(Asked),
    Ordered(Order),
    Time,
    Stop,
}

/// Drops old roots on another thread, because this is slow: a root has many small allocations.
pub(in crate::ledger) fn drop_elsewhere() -> std::sync::mpsc::Sender<Arc<Root>> {
    let (sender, receiver) = std::sync::mpsc::channel::<Arc<Root>>();
    let dropping = std::thread::Builder::new().name("old-roots".to_owned());
    // Without the thread the channel has no receiver, and each root is dropped where it is sent.
    if let Err(error) = dropping.spawn(move || receiver.into_iter().for_each(drop)) {
        tracing::warn!(error = %error, "old roots are dropped by the owner");
    }
    sender
}

impl Owner {
    pub(in crate::ledger) async fn run(mut self) {
        loop {
            match self.wait().await {
                Woken::Appended(result) => self.committed(result).await,
                Woken::Asked(asked) => self.take(asked),
                Woken::Ordered(order) => self.obey(order).await,
                Woken::Time => {}
                Woken::Stop => break,
            }
            self.drain();
            self.fire();
            self.submit();
            self.report_clock();
        }
        self.finish().await;
    }

    async fn wait(&mut self) -> Woken {
        let (has_room, may_fire) = (self.open.has_room(), self.has_room_for_timers());
        let until_due = self.until_due();
        let clock = self.clock.clone();
        tokio::select! {
            biased;
            result = appended(&mut self.in_flight) => Woken::Appended(result),
            () = self.stop.cancelled() => Woken::Stop,
            Some(order) = self.orders.recv() => Woken::Ordered(order),
            Some(asked) = self.commands.recv(), if has_room => Woken::Asked(asked),
            () = clock.wait(until_due), if may_fire => Woken::Time,
        }
    }

    /// How long until the earliest timer, at most until the next check of the wall clock.
    fn until_due(&self) -> Duration {
        let (now, monotonic) = (self.time.now(), self.clock.monotonic());
        if self.has_failed() {
            return CLOCK_LOOK_EVERY;
        }
        let is_ready = |key: &TimerKey| !self.trouble.refused.is_waiting(key, monotonic);
        let timers = self.world.timers();
        if timers.due_at_any_time().any(|key| is_ready(&key)) {
            return Duration::ZERO;
        }
        let Some(key) = timers
            .due(Time::NEVER)
            .find(is_ready)
            .filter(|_| self.trouble.held.is_none())
        else {
            return CLOCK_LOOK_EVERY;
        };
        let millis = key.due.0.saturating_sub(now.0).max(0);
        Duration::from_millis(millis as u64).min(CLOCK_LOOK_EVERY)
    }

    /// Takes all other commands that are waiting.
    fn drain(&mut self) {
        while self.open.has_room() {
            let Ok(asked) = self.commands.try_recv() else {
                return;
            };
            self.take(asked);
        }
    }

    fn take(&mut self, asked: Asked) {
        if let Some(reason) = self.refuses() {
            let _ = asked.answer.send(Err(LedgerError::Unavailable(reason)));
            return;
        }
        let decided = match &asked.question {
            Question::Decide(request) => self.decide(request),
            Question::Recall(mark) => self.recall(*mark),
        };
        self.open.add_answer(asked.answer, decided);
    }

    fn recall(&self, mark: RequestMark) -> Result<Outcome, Rejection> {
        let known = aftercall_engine::recall(&self.world, mark)?;
        Ok(known.map_or(Outcome::Unchanged(Answer::Done), |sequence| {
            Outcome::Repeated { sequence }
        }))
    }

    fn decide(&mut self, request: &Request) -> Result<Outcome, Rejection> {
        let now = self.time.now();
        Ok(match decide(&self.world, request, now)? {
            Decision::Repeat { sequence } => Outcome::Repeated { sequence },
            Decision::Unchanged(answer) => Outcome::Unchanged(answer),
            Decision::Commit(entry) => {
                let too_large = Rejection::Limit {
                    limit: Limit::EntryBytes,
                    max: self.open.limits().entry_bytes_max() as u64,
                };
                let written = self.open.write(&entry).ok_or(too_large)?;
                // `decide` made the entry for this World, so it must fit. If it does not, the code
                // is wrong, and to continue would store the error.
                if let Err(unfit) = self.world.apply(&entry) {
                    unreachable!("decide and apply disagree: {unfit}");
                }
                self.time.decided(entry.at);
                if let Command::Operations(OperationsCommand::AcceptClock(AcceptClock {
                    to: Some(_),
                })) = request.command
                {
                    self.time.accept(entry.at);
                }
                Outcome::Committed(self.open.add_entry(*entry, &written))
            }
        })
    }

    /// Why the owner refuses commands now. `None` if it accepts them.
    fn refuses(&mut self) -> Option<Arc<str>> {
        if self.trouble.failure.is_some() {
            return self.trouble.failure.clone();
        }
        let until = self.paused_until?;
        if self.clock.monotonic() < until {
            return Some("the disk of the data directory is nearly full: free some space; nothing is lost, and writing continues automatically".into());
        }
        self.paused_until = None;
        None
    }

    fn has_failed(&self) -> bool {
        self.paused_until.is_some() || self.trouble.failure.is_some()
    }

    /// Fires the timers that are due. Only a few at a time, so that commands of people do not wait.
    fn fire(&mut self) {
        let (now, monotonic) = (self.time.now(), self.clock.monotonic());
        self.report_clock();
        if self.has_failed() || !self.has_room_for_timers() {
            return;
        }
        // While the clock is held, only timers that do not depend on the time fire.
        let until = if self.trouble.held.is_some() {
            Time(i64::MIN)
        } else {
            now
        };
        let is_ready = |key: &TimerKey| !self.trouble.refused.is_waiting(key, monotonic);
        let due: Vec<TimerKey> = self
            .world
            .timers()
            .due(until)
            .filter(is_ready)
            .take(TIMERS_AT_ONCE)
            .collect();
        let lateness_seconds = metrics::histogram!("aftercall_timer_lateness_seconds");
        for key in &due {
            // The journal does not accept a group of several large entries.
            if !self.has_room_for_timers() {
                break;
            }
            let lateness = now.0.saturating_sub(key.due.0).max(0);
            lateness_seconds.record(lateness as f64 / 1_000.0);
            self.fire_one(*key, monotonic);
        }
        // A refused timer may have disappeared, because its instance moved. There may be many, so
        // this checks them only once a second.
        if self.trouble.refused.len() > 0 && monotonic >= self.trouble.pruned_at + CLOCK_LOOK_EVERY
        {
            let timers = self.world.timers();
            self.trouble.refused.retain(|key| timers.contains(key));
            self.trouble.pruned_at = monotonic;
        }
        if self.trouble.refused.len() == 0 && self.conditions.get(Condition::Timers).is_some() {
            self.conditions.set(Condition::Timers, None);
        }
    }

    /// Whether another timer may fire in the next group. A group takes longer with each timer, so it
    /// has fewer of them while callers wait for it or for the one before.
    fn has_room_for_timers(&self) -> bool {
        let has_callers = self.open.has_callers()
            || !self.commands.is_empty()
            || (self.in_flight.as_ref()).is_some_and(|in_flight| !in_flight.answers.is_empty());
        let timers_max = if has_callers {
            TIMERS_BESIDE_COMMANDS
        } else {
            TIMERS_PER_GROUP
        };
        self.open.has_room_for_timers(timers_max)
    }

    /// Fires one timer. A timer that still exists afterwards would be due again immediately, so it
    /// waits.
    fn fire_one(&mut self, key: TimerKey, monotonic: Duration) {
        let request = Request {
            actor: Actor {
                kind: ActorKind::Timer,
                name: "".into(),
                subject: None,
            },
            mark: None,
            salt: 0,
            known: None,
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
            command: Command::from(Elapse {
                due: key.due,
                slot: key.slot,
                wake: key.wake(),
            }),
        };
        let before = self.open.bytes();
        let decided = self.decide(&request);
        self.open.count_timer(before);
        let refusal = match decided {
            Err(rejection) => rejection.to_string(),
            Ok(_) if self.world.timers().contains(&key) => "it changed nothing".to_owned(),
            Ok(_) => return self.trouble.refused.remove(&key),
        };
        self.trouble.refused.add(key, monotonic);
        metrics::counter!("aftercall_timers_refused_total").increment(1);
        tracing::error!(
            slot = key.slot,
            refusal,
            "a timer could not fire; it is tried again later"
        );
        let sentence = format!(
            "{} timers are due and cannot fire, the last one because: {refusal}. They are tried again automatically; please report this",
            self.trouble.refused.len()
        );
        self.conditions
            .set(Condition::Timers, Some(sentence.into()));
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::TakeImage(answer) => {
                self.settle().await;
                // After a failure the World in memory is not durable. Without an answer no caller
                // sees it.
                if !self.has_failed() {
                    let _ = answer.send(WorldImage::take(&self.world, self.open.end().chain));
                }
            }
        }
    }

    /// Starts to write the open group, unless another group is being written.
    fn submit(&mut self) {
        if !self.open.has_entries() {
            let answers = self.open.take_answers();
            match &mut self.in_flight {
                // Their decisions depend on a World that is not durable yet.
                Some(in_flight) => in_flight.answers.join(answers),
                None => answers.release(),
            }
            return;
        }
        if self.in_flight.is_some() {
            return;
        }
        let end = self.open.end();
        let next = OpenGroup::after(end, self.open.limits());
        let (group, answers, items) = std::mem::replace(&mut self.open, next).close();
        let image = (end.sequence >= self.snapshot_at).then(|| self.take_image(end));
        self.in_flight = Some(InFlight {
            appended: self.append(group, items.len()),
            answers,
            items,
            root: self.world.root().clone(),
            image,
        });
    }

    /// Starts to append a group. A small group is appended on this thread if no command waits. This
    /// saves a switch to the writer's thread and back.
    fn append(&self, group: Group, entries: usize) -> BoxFuture<'static, Result<(), JournalError>> {
        let is_alone =
            self.has_thread && entries <= APPENDED_HERE_ENTRIES_MAX && self.commands.is_empty();
        match is_alone
            .then(|| self.appender.append_here(&group))
            .flatten()
        {
            Some(appended) => ready(appended).boxed(),
            None => Box::pin(self.appender.clone().append(group, self.stop.clone())),
        }
    }

    fn take_image(&mut self, end: Position) -> WorldImage {
        let entries = self.options.entries_to_next_snapshot(&self.world);
        self.snapshot_at = end.sequence.saturating_add(entries);
        WorldImage::take(&self.world, end.chain)
    }

    async fn committed(&mut self, result: Result<(), JournalError>) {
        let Some(in_flight) = self.in_flight.take() else {
            return;
        };
        match result {
            Ok(()) => self.publish(in_flight),
            Err(error) => self.fail(in_flight, &error).await,
        }
    }

    /// Publishes root and feed before the answers. A caller who reads after an answer then finds
    /// the change.
    fn publish(&mut self, in_flight: InFlight) {
        let items: Vec<FeedItem> = in_flight.items;
        metrics::counter!("aftercall_entries_total").increment(items.len() as u64);
        metrics::counter!("aftercall_groups_total").increment(1);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = in_flight.root.at;
        let old = self.published.swap(Arc::new(in_flight.root));
        let is_small = items.len() <= DROPPED_HERE_ENTRIES_MAX;
        self.feed.publish(items);
        in_flight.answers.release();
        // What few entries replaced is dropped sooner than the other thread is woken. Callers do not
        // wait for either.
        if is_small {
            drop(old);
        } else {
            let _ = self.old_roots.send(old);
        }
        if let Some(image) = in_flight.image
            && self.images.try_send(image).is_err()
        {
            tracing::info!("the previous snapshot is still being written: this one is skipped");
        }
    }

    fn report_clock(&mut self) {
        let held = self.time.held();
        if held != self.trouble.held {
            self.conditions.set(Condition::Clock, held.clone());
            self.trouble.held = held;
        }
    }

    /// Writes all commands that were taken. Later callers get `LedgerError::Unavailable`.
    async fn finish(mut self) {
        self.commands.close();
        while let Ok(asked) = self.commands.try_recv() {
            if !self.open.has_room() {
                self.settle().await;
            }
            self.take(asked);
        }
        self.settle().await;
    }

    async fn settle(&mut self) {
        self.submit();
        while self.in_flight.is_some() {
            let result = appended(&mut self.in_flight).await;
            self.committed(result).await;
            self.submit();
        }
    }
}

async fn appended(in_flight: &mut Option<InFlight>) -> Result<(), JournalError> {
    match in_flight {
        Some(in_flight) => (&mut in_flight.appended).await,
        None => std::future::pending().await,
    }
}
