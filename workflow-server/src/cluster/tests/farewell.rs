//! The end of a term, where answers of the store are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::Notify;

use super::{TestClock, member};
use crate::cluster::farewell::Farewell;
use crate::journal::memory::MemoryStore;
use crate::journal::{
    Elections, JournalError, Leading, Lease, Member, Report, Seen, Storage as _, Term,
};
use crate::ledger::Clock;
use crate::limits::{LEASE, RELEASE_MAX, RELEASE_RETRY_EVERY, RELEASE_TRY_MAX};

/// What happens to a request.
#[derive(Clone, Copy)]
pub(super) enum Loss {
    /// The connection ends before the request arrives.
    Connection,
    /// The link stalls: no answer ever comes.
    Silence,
}

/// Elections over a link that loses the first requests that end something.
pub(super) struct Lossy {
    inner: Arc<dyn Elections>,
    loss: Loss,
    left: AtomicU32,
    /// Campaigns wait for this after they are carried out.
    pub(super) campaigned: Option<(Notify, Notify)>,
}

impl Lossy {
    pub(super) fn new(inner: Arc<dyn Elections>, loss: Loss, losses: u32) -> Self {
        Self {
            inner,
            loss,
            left: AtomicU32::new(losses),
            campaigned: None,
        }
    }

    /// Loses this request, or carries it out.
    fn pass<'a>(
        &'a self,
        request: impl FnOnce() -> BoxFuture<'a, Result<(), JournalError>>,
    ) -> BoxFuture<'a, Result<(), JournalError>> {
        let takes_one = |left: u32| left.checked_sub(1);
        let lost = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes_one);
        match (lost, self.loss) {
            (Err(_), _) => request(),
            (Ok(_), Loss::Silence) => std::future::pending().boxed(),
            (Ok(_), Loss::Connection) => async {
                let reason = "the connection has ended".to_owned();
                Err(JournalError::Unknown { reason })
            }
            .boxed(),
        }
    }
}

impl Elections for Lossy {
    fn report(&self, report: &Report) -> BoxFuture<'_, Result<Seen, JournalError>> {
        self.inner.report(report)
    }

    fn leave(&self, member: &Member) -> BoxFuture<'_, Result<(), JournalError>> {
        self.pass(|| self.inner.leave(member))
    }

    fn campaign(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Option<Leading>, JournalError>> {
        let campaign = self.inner.campaign(member, lease);
        async move {
            let won = campaign.await;
            if let Some((carried_out, may_answer)) = &self.campaigned {
                carried_out.notify_one();
                may_answer.notified().await;
            }
            won
        }
        .boxed()
    }

    fn renew(&self, term: Term, lease: Duration) -> BoxFuture<'_, Result<(), JournalError>> {
        self.inner.renew(term, lease)
    }

    fn release(&self, term: Term) -> BoxFuture<'_, Result<(), JournalError>> {
        self.pass(|| self.inner.release(term))
    }
}

/// How long a leader takes to release its lease over a link that loses its first requests, and what
/// is left of the lease then.
async fn release(loss: Loss, losses: u32) -> (Duration, Duration) {
    let (store, clock) = (MemoryStore::new(), TestClock::new());
    let elections = store.elections().expect("it has elections");
    let won = elections.campaign(&member("one"), LEASE).await;
    let term = won.expect("reached").expect("free").term();
    let lossy = Lossy::new(Arc::clone(&elections), loss, losses);
    let began = clock.monotonic();
    let farewell = Farewell {
        elections: &lossy,
        clock: &(clock.clone() as Arc<dyn Clock>),
    };
    farewell.release(term).await;
    let took = clock.monotonic() - began;
    let report = Report {
        member: member("two"),
        sequence: 0,
        version: String::new(),
    };
    let seen = elections.report(&report).await.expect("reached");
    let left = seen.lease.map(|lease: Lease| lease.left);
    (took, left.expect("a lease"))
}

#[tokio::test(start_paused = true)]
async fn a_release_whose_connection_is_lost_is_repeated() {
    for losses in [1, 3] {
        let (took, left) = release(Loss::Connection, losses).await;
        assert_eq!(left, Duration::ZERO, "{losses} lost");
        assert!(took <= RELEASE_RETRY_EVERY * (losses + 1), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_without_an_answer_is_repeated() {
    let (took, left) = release(Loss::Silence, 1).await;
    assert_eq!(left, Duration::ZERO);
    assert!(
        took <= RELEASE_TRY_MAX + RELEASE_RETRY_EVERY * 2,
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_that_never_arrives_ends_in_time() {
    for loss in [Loss::Connection, Loss::Silence] {
        let (took, left) = release(loss, u32::MAX).await;
        assert!(left > Duration::ZERO);
        assert!(took <= RELEASE_MAX + RELEASE_TRY_MAX, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_leaves_over_a_lost_connection() {
    let (store, clock) = (MemoryStore::new(), TestClock::new());
    let elections = store.elections().expect("it has elections");
    let report = |name: &str| Report {
        member: member(name),
        sequence: 0,
        version: String::new(),
    };
    elections.report(&report("one")).await.expect("reached");
    let lossy = Lossy::new(Arc::clone(&elections), Loss::Connection, 2);
    let farewell = Farewell {
        elections: &lossy,
        clock: &(clock as Arc<dyn Clock>),
    };
    farewell.leave(&member("one")).await;
    let seen = elections.report(&report("two")).await.expect("reached");
    assert_eq!(seen.members.len(), 1);
}
