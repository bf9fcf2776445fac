//! The wallboards of all scopes.
//!
//! Promise: each change updates every wallboard that is kept. The first read of a scope counts all
//! follow-ups, on a thread for that and one scope at a time. The tail does not wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aftercall_proto::alert::v1::Wallboard;
use aftercall_scope::Scope;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::cache::{Cache, Moved};
use crate::limits::{WALLBOARD_SCOPES_MAX, WALLBOARD_UNREAD_KEPT};
use crate::link::Link;
use crate::wallboard::Board;

/// Why there is no wallboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoBoard {
    /// The first snapshot is not whole yet.
    NotReady,
    /// [`WALLBOARD_SCOPES_MAX`] other scopes are watched.
    TooManyScopes,
}

/// The wallboards that are kept up to date.
#[derive(Debug, Default)]
pub(crate) struct Boards {
    kept: Mutex<Kept>,
    /// Held while a scope is counted.
    counting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The one without a limit.
    whole: Screen,
    /// Those of scopes.
    limited: Vec<Screen>,
}

/// A wallboard, and what its watchers saw last.
#[derive(Debug)]
struct Screen {
    board: Board,
    shown: watch::Sender<Arc<Wallboard>>,
    read_at: Instant,
}

impl Boards {
    /// Updates the counts by what changed since the last call.
    pub(crate) fn update(&self, cache: &Cache, moved: &[Moved]) {
        let mut kept = self.kept();
        kept.limited.retain(Screen::is_needed);
        for screen in kept.all() {
            screen.board.update(cache, moved);
        }
    }

    /// The wallboard of a scope now. `now` returns the newest state.
    ///
    /// # Errors
    /// [`NoBoard`].
    pub(crate) async fn read(
        &self,
        scope: &Scope,
        link: Link,
        now: impl Fn() -> Option<Arc<Cache>>,
    ) -> Result<Wallboard, NoBoard> {
        self.with(scope, now, |screen| screen.read(link)).await
    }

    /// The wallboard of a scope now, and its changes, each within [`WALLBOARD_EVERY`]. The
    /// wallboard is kept while somebody receives them.
    ///
    /// # Errors
    /// [`NoBoard`].
    ///
    /// [`WALLBOARD_EVERY`]: crate::limits::WALLBOARD_EVERY
    pub(crate) async fn watch(
        &self,
        scope: &Scope,
        link: Link,
        now: impl Fn() -> Option<Arc<Cache>>,
    ) -> Result<(Wallboard, watch::Receiver<Arc<Wallboard>>), NoBoard> {
        let watch = |screen: &mut Screen| (screen.read(link), screen.shown.subscribe());
        self.with(scope, now, watch).await
    }

    /// The wallboard of a scope that somebody watches; `None` if nobody does.
    pub(crate) fn read_watched(&self, scope: &Scope, link: Link) -> Option<Wallboard> {
        Some(self.kept().find(scope)?.read(link))
    }

    /// Counts for those who watch, and wakes them if a count has changed.
    pub(crate) fn show(&self, link: Link) {
        let mut kept = self.kept();
        for screen in kept.all().filter(|screen| screen.is_watched()) {
            let wallboard = screen.read(link);
            screen.shown.send_if_modified(|shown| {
                let is_news = !is_same(shown, &wallboard);
                *shown = Arc::new(wallboard);
                is_news
            });
        }
    }

    async fn with<T>(
        &self,
        scope: &Scope,
        now: impl Fn() -> Option<Arc<Cache>>,
        read: impl FnOnce(&mut Screen) -> T,
    ) -> Result<T, NoBoard> {
        now().ok_or(NoBoard::NotReady)?;
        if let Some(screen) = self.kept().find(scope) {
            return Ok(read(screen));
        }
        let _counting = self.counting.lock().await;
        if let Some(screen) = self.kept().find(scope) {
            return Ok(read(screen));
        }
        let counted = now().ok_or(NoBoard::NotReady)?;
        let count = {
            let (scope, cache) = (scope.clone(), Arc::clone(&counted));
            move || Board::count(scope, &cache)
        };
        let mut board = spawn_blocking(count).await.map_err(|_| NoBoard::NotReady)?;
        let mut kept = self.kept();
        // A state that is published after this is in the next update.
        let newest = now().ok_or(NoBoard::NotReady)?;
        match newest.moved_since(&counted) {
            Some(moved) => board.update(&newest, &moved),
            None => board = Board::count(scope.clone(), &newest),
        }
        Ok(read(kept.add(board)?))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn all(&mut self) -> impl Iterator<Item = &mut Screen> {
        std::iter::once(&mut self.whole).chain(&mut self.limited)
    }

    fn find(&mut self, scope: &Scope) -> Option<&mut Screen> {
        self.all().find(|screen| screen.board.scope() == scope)
    }

    /// Keeps one more wallboard, instead of the one that was not read for the longest time if there
    /// are too many.
    fn add(&mut self, board: Board) -> Result<&mut Screen, NoBoard> {
        if self.limited.len() >= WALLBOARD_SCOPES_MAX {
            let unwatched = self.limited.iter().enumerate();
            let oldest = unwatched
                .filter(|(_, screen)| !screen.is_watched())
                .min_by_key(|(_, screen)| screen.read_at);
            let (at, _) = oldest.ok_or(NoBoard::TooManyScopes)?;
            self.limited.remove(at);
        }
        self.limited.push(Screen {
            board,
            ..Screen::default()
        });
        self.limited.last_mut().ok_or(NoBoard::TooManyScopes)
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            board: Board::default(),
            shown: watch::Sender::default(),
            read_at: Instant::now(),
        }
    }
}

impl Screen {
    fn read(&mut self, link: Link) -> Wallboard {
        self.read_at = Instant::now();
        self.board.read(link, link.server_time())
    }

    fn is_watched(&self) -> bool {
        self.shown.receiver_count() > 0
    }

    fn is_needed(&self) -> bool {
        self.is_watched() || self.read_at.elapsed() < WALLBOARD_UNREAD_KEPT
    }
}

/// Whether two wallboards say the same, though one was counted later.
fn is_same(one: &Wallboard, other: &Wallboard) -> bool {
    let said = |wallboard: &Wallboard| Wallboard {
        counted_at: None,
        as_of: None,
        sequence: 0,
        ..wallboard.clone()
    };
    said(one) == said(other)
}

#[cfg(test)]
#[path = "boards/tests.rs"]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests;
