//! The hub: where the tail and the clients' streams meet.
//!
//! Promise: the tail never waits for a client. It publishes the newest state, advances each view
//! that the change may concern, and wakes the streams. Each stream reads when its client has room.
//! A lost wake-up would delay a change, never lose it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aftercall_proto::alert::v1::Wallboard;
use aftercall_scope::Scope;
use rand::seq::SliceRandom as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::boards::{Boards, NoBoard};
use crate::cache::{Cache, Moved};
use crate::filter::Filter;
use crate::limits::{
    DRAIN_STEPS, RECONNECT_SPREAD, VIEW_BYTES_LEAST, VIEW_BYTES_MAX, VIEWS_BYTES_MAX,
    WALLBOARD_EVERY,
};
use crate::link::Link;
use crate::member::Member;
use crate::view::{Advanced, View};
use crate::views::Views;

/// How streams are paced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Silence after which a stream gets a bookmark.
    pub(crate) bookmark: Duration,
    /// Time without progress after which a client is closed.
    pub(crate) stall: Duration,
    /// How long sending the clients away may take when the server drains.
    pub(crate) drain: Duration,
}

/// The state that the tail publishes and the streams read.
#[derive(Debug)]
pub(crate) struct Hub {
    newest: watch::Sender<Option<Arc<Cache>>>,
    views: Mutex<Views>,
    /// Up to where every view is complete, also a view that had nothing to send.
    advanced: watch::Sender<Option<Advanced>>,
    boards: Boards,
    pace: Pace,
    link: watch::Sender<Link>,
    streams: Arc<Semaphore>,
    streams_max: usize,
    drain: CancellationToken,
}

impl Hub {
    /// A hub that knows nothing yet; it admits at most `streams_max` streams and drains when
    /// `drain` is cancelled.
    pub(crate) fn new(streams_max: usize, pace: Pace, drain: CancellationToken) -> Self {
        let streams_max = streams_max.min(Semaphore::MAX_PERMITS);
        Self {
            newest: watch::Sender::new(None),
            views: Mutex::default(),
            advanced: watch::Sender::new(None),
            boards: Boards::default(),
            pace,
            link: watch::Sender::new(Link {
                connected: false,
                as_of: SystemTime::UNIX_EPOCH,
                heard_at: Instant::now(),
                behind: 0,
            }),
            streams: Arc::new(Semaphore::new(streams_max)),
            streams_max,
            drain,
        }
    }

    /// Publishes the newest state, and advances the views and the wallboard. `moved` has the
    /// changes of instances since the last call.
    pub(crate) fn publish(&self, cache: &Cache, moved: &[Moved]) {
        let (entries, bytes) = cache.ring_size();
        metrics::gauge!("aftercall_alerter_ring_entries").set(entries as f64);
        metrics::gauge!("aftercall_alerter_ring_bytes").set(bytes as f64);
        metrics::gauge!("aftercall_alerter_head_sequence").set(cache.head().sequence as f64);
        self.newest.send_replace(Some(Arc::new(cache.clone())));
        let before = self.advanced();
        let (views, bytes_max) = self.concerned(cache, before);
        views
            .iter()
            .for_each(|view| view.advance(cache, before, bytes_max));
        // Only now: before this, a view that has something to send may not have it yet.
        self.advanced.send_replace(Some(Advanced {
            generation: cache.generation(),
            position: cache.head(),
        }));
        self.boards.update(cache, moved);
    }

    /// Up to where every view is complete.
    pub(crate) fn advanced(&self) -> Option<Advanced> {
        *self.advanced.borrow()
    }

    /// The views that the entries since `before` may concern, and how many bytes each keeps. All
    /// views, if they cannot continue from there.
    fn concerned(&self, cache: &Cache, before: Option<Advanced>) -> (Vec<Arc<View>>, usize) {
        let before = before.filter(|before| before.generation == cache.generation());
        let entries = before.and_then(|before| {
            let since = before.position.sequence + 1..=cache.head().sequence;
            since
                .map(|sequence| cache.entry(sequence))
                .collect::<Option<Vec<_>>>()
        });
        let mut views = self.views();
        let concerned = match entries {
            Some(entries) => views.concerned(entries.into_iter().map(|entry| &**entry)),
            None => views.present(),
        };
        (concerned, bytes_of_each(views.len()))
    }

    /// Publishes a cache that has dropped a part of its ring, and drops that part in every view.
    pub(crate) fn forget(&self, cache: &Cache) {
        self.newest.send_replace(Some(Arc::new(cache.clone())));
        self.present().iter().for_each(|view| view.forget(cache));
    }

    /// Notes that the workflow-server has been heard. Streams are woken only if it had been lost.
    pub(crate) fn heard(&self, as_of: SystemTime, behind: u64) {
        let heard = Link {
            connected: true,
            as_of,
            heard_at: Instant::now(),
            behind,
        };
        let is_news = self
            .link
            .send_if_modified(|link| !std::mem::replace(link, heard).connected);
        if is_news {
            self.wake();
        }
    }

    /// Notes that the workflow-server has been lost.
    pub(crate) fn lost(&self) {
        if self
            .link
            .send_if_modified(|link| std::mem::replace(&mut link.connected, false))
        {
            self.wake();
        }
    }

    /// The newest state and later ones; `None` until the first snapshot is whole.
    pub(crate) fn newest(&self) -> watch::Receiver<Option<Arc<Cache>>> {
        self.newest.subscribe()
    }

    /// The newest state.
    pub(crate) fn now(&self) -> Option<Arc<Cache>> {
        self.newest.borrow().clone()
    }

    /// The state of the connection to the workflow-server, and its changes.
    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// The state of that connection now.
    pub(crate) fn link_now(&self) -> Link {
        *self.link.borrow()
    }

    /// The view of a filter: the existing one, or a new one that begins at the newest state, at the
    /// earliest at `cache`.
    pub(crate) fn view(&self, filter: Filter, cache: &Cache) -> Arc<View> {
        let mut views = self.views();
        // The tail publishes the newest state before it looks for views, so a view that it does not
        // find begins there.
        let newest = self.now();
        views.get(filter, self.link(), newest.as_deref().unwrap_or(cache))
    }

    /// The wallboard of a scope now.
    ///
    /// # Errors
    /// [`NoBoard`].
    pub(crate) async fn wallboard(&self, scope: &Scope) -> Result<Wallboard, NoBoard> {
        let now = || self.now();
        self.boards.read(scope, self.link_now(), now).await
    }

    /// The wallboard of a scope now, and its changes.
    ///
    /// # Errors
    /// [`NoBoard`].
    pub(crate) async fn wallboards(
        &self,
        scope: &Scope,
    ) -> Result<(Wallboard, watch::Receiver<Arc<Wallboard>>), NoBoard> {
        let now = || self.now();
        self.boards.watch(scope, self.link_now(), now).await
    }

    /// The wallboard of a scope that somebody watches; `None` if nobody does.
    pub(crate) fn watched_wallboard(&self, scope: &Scope) -> Option<Wallboard> {
        self.boards.read_watched(scope, self.link_now())
    }

    /// Counts at regular times for those who watch a wallboard, and wakes them if a count has
    /// changed. Never returns.
    pub(crate) async fn keep_wallboard(&self) {
        let mut ticks = tokio::time::interval(WALLBOARD_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.boards.show(self.link_now());
        }
    }

    /// Sends bookmarks on quiet streams and closes stalled ones, at regular times. Never returns.
    pub(crate) async fn keep_time(&self) {
        let Pace {
            bookmark, stall, ..
        } = self.pace;
        let mut ticks =
            tokio::time::interval((bookmark.min(stall) / 4).min(Duration::from_secs(1)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let views = self.present();
            let (advanced, bytes_max) = (self.advanced(), bytes_of_each(views.len()));
            views
                .iter()
                .for_each(|view| view.tick(advanced, bytes_max, (bookmark, stall)));
        }
    }

    /// Once the server drains, sends the clients away in random order, spread over
    /// [`RECONNECT_SPREAD`], so that they do not all reach the next server at once.
    pub(crate) async fn send_away(&self) {
        self.drain.cancelled().await;
        let mut members: Vec<Arc<Member>> = self
            .present()
            .iter()
            .flat_map(|view| view.present())
            .collect();
        members.shuffle(&mut rand::rng());
        let spread = RECONNECT_SPREAD.min(self.pace.drain / 2);
        let steps = members.len().min(DRAIN_STEPS);
        for step in members.chunks(members.len().div_ceil(steps.max(1)).max(1)) {
            step.iter()
                .for_each(|member| member.drain(RECONNECT_SPREAD.mul_f64(rand::random::<f64>())));
            if steps > 1 {
                tokio::time::sleep(spread / steps as u32).await;
            }
        }
    }

    fn wake(&self) {
        self.present().iter().for_each(|view| view.wake());
    }

    /// The views that a stream uses; the others are forgotten.
    fn present(&self) -> Vec<Arc<View>> {
        self.views().present()
    }

    fn views(&self) -> MutexGuard<'_, Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits one more stream, if the limit allows.
    pub(crate) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }

    /// How streams are paced.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// How many streams are admitted at most.
    pub(crate) fn streams_max(&self) -> usize {
        self.streams_max
    }

    /// Cancelled once the server drains.
    pub(crate) fn drain(&self) -> &CancellationToken {
        &self.drain
    }
}

/// The bytes that each of so many views keeps.
fn bytes_of_each(views: usize) -> usize {
    (VIEWS_BYTES_MAX / views.max(1)).clamp(VIEW_BYTES_LEAST, VIEW_BYTES_MAX)
}
