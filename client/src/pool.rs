//! Lines that several connections share.
//!
//! Promise: a line carries at most so many connections at once, and one that was left gets no new
//! ones. Those who wait while a line is opened share it, or its failure. Must not: keep a line that
//! nobody uses.

use std::io;
use std::sync::{Arc, Weak};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::Error;

/// What a pool shares.
pub(crate) trait Shared {
    /// Whether it should get no new users.
    fn is_left(&self) -> bool;
}

/// The shared lines of a connector and its clones.
#[derive(Debug)]
pub(crate) struct Pool<L> {
    users_max: usize,
    open: Mutex<Open<L>>,
}

/// A place on a line, until it is dropped.
pub(crate) type Seat = OwnedSemaphorePermit;

#[derive(Debug)]
struct Open<L> {
    /// Each with its free places.
    lines: Vec<(Weak<L>, Arc<Semaphore>)>,
    /// When the last one could not be opened, and why.
    failed: Option<(Instant, io::ErrorKind, String)>,
}

impl<L: Shared> Pool<L> {
    /// A pool whose lines carry so many connections each.
    pub(crate) fn new(users_max: usize) -> Self {
        Self {
            users_max,
            open: Mutex::new(Open {
                lines: Vec::new(),
                failed: None,
            }),
        }
    }

    /// Connections of a line at most.
    pub(crate) fn users_max(&self) -> usize {
        self.users_max
    }

    /// A line with room for one more, or a new one.
    pub(crate) async fn line(
        &self,
        new: impl Future<Output = Result<L, Error>>,
    ) -> Result<(Arc<L>, Seat), Error> {
        let asked = Instant::now();
        let mut open = self.open.lock().await;
        open.lines.retain(|(line, _)| line.strong_count() > 0);
        let taken = open.lines.iter().find_map(|(line, places)| {
            let line = line.upgrade().filter(|line| !line.is_left())?;
            let seat = Arc::clone(places).try_acquire_owned().ok()?;
            Some((line, seat))
        });
        if let Some(taken) = taken {
            return Ok(taken);
        }
        if let Some((at, kind, why)) = &open.failed
            && *at >= asked
        {
            return Err(Error::Unreachable(io::Error::new(*kind, why.clone())));
        }
        match new.await {
            Ok(line) => {
                let (line, places) = (Arc::new(line), Arc::new(Semaphore::new(self.users_max)));
                let seat = Arc::clone(&places).try_acquire_owned();
                let seat = seat.expect("a new line has a place");
                open.lines.push((Arc::downgrade(&line), places));
                Ok((line, seat))
            }
            Err(error) => {
                if let Error::Unreachable(why) = &error {
                    open.failed = Some((Instant::now(), why.kind(), why.to_string()));
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[derive(Debug, Default)]
    struct Fake(AtomicBool);

    impl Shared for Fake {
        fn is_left(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    async fn take(pool: &Pool<Fake>) -> (Arc<Fake>, Seat) {
        pool.line(async { Ok(Fake::default()) })
            .await
            .expect("it opens")
    }

    /// How many lines these use.
    fn count(taken: &[(Arc<Fake>, Seat)]) -> usize {
        let mut places: Vec<_> = taken.iter().map(|(line, _)| Arc::as_ptr(line)).collect();
        places.sort();
        places.dedup();
        places.len()
    }

    #[tokio::test]
    async fn a_line_carries_so_many_and_no_more() {
        let pool = Pool::new(3);
        let mut taken = join_all((0..7).map(|_| take(&pool))).await;
        assert_eq!(count(&taken), 3);
        // The last one has room for two.
        taken.extend(join_all((0..2).map(|_| take(&pool))).await);
        assert_eq!(count(&taken), 3);
        // A place that is free again is used again.
        drop(taken.remove(0));
        taken.push(take(&pool).await);
        assert_eq!(count(&taken), 3);
        taken.push(take(&pool).await);
        assert_eq!(count(&taken), 4);
    }

    #[tokio::test]
    async fn a_line_that_was_left_gets_no_more() {
        let pool = Pool::new(3);
        let (first, _seat) = take(&pool).await;
        assert!(Arc::ptr_eq(&first, &take(&pool).await.0));
        first.0.store(true, Ordering::Relaxed);
        assert!(!Arc::ptr_eq(&first, &take(&pool).await.0));
    }

    #[tokio::test]
    async fn a_line_without_users_is_gone() {
        let pool = Pool::new(3);
        let gone = Arc::downgrade(&take(&pool).await.0);
        assert!(gone.upgrade().is_none());
        let _next = take(&pool).await;
        assert_eq!(pool.open.lock().await.lines.len(), 1);
    }

    #[tokio::test]
    async fn those_who_wait_share_a_failure() {
        let (pool, tries) = (Pool::new(3), AtomicUsize::new(0));
        let fail = || {
            pool.line(async {
                tries.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Err::<Fake, _>(Error::Unreachable(io::ErrorKind::TimedOut.into()))
            })
        };
        for round in 1..3 {
            let failed = join_all((0..100).map(|_| fail())).await;
            assert!(
                failed
                    .iter()
                    .all(|one| matches!(one, Err(Error::Unreachable(why)) if why.kind() == io::ErrorKind::TimedOut))
            );
            assert_eq!(
                tries.load(Ordering::Relaxed),
                round,
                "each round tries once"
            );
        }
    }
}
