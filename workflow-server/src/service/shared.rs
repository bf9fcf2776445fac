//! What every service holds, and how it reads on threads of its own.

use std::cell::Cell;
use std::hash::Hasher;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::Reach;
use aftercall_engine::phone::Country;
use aftercall_engine::query::{ShouldStop, Stopped};
use aftercall_identity::{Act, Scope};
use aftercall_proto::ready::Ready;
use aftercall_serving::asked::Caller;
use prost::Message;
use siphasher::sip::SipHasher13;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::cluster::standing::Standing;
use crate::ledger::Handle;
use crate::limits::{BACKUPS_RUNNING_MAX, FOLLOW_UPS_AT_ONCE, REPORTS_RUNNING_MAX, ROWS_AT_ONCE};
use crate::reading::{Lane, Reading};
use crate::service::acts;
use crate::service::desk::ClaimSearches;
use crate::service::feed::Places;
use crate::service::say::{Refusal, refusal};
use crate::service::view::{View, Who};

/// What every service holds.
pub struct Services {
    pub(crate) ledger: Handle,
    pub(crate) hash_key: [u8; 16],
    pub(crate) epoch: Arc<str>,
    /// Where the store is.
    pub(crate) location: Arc<str>,
    /// Where removed bytes may remain that the store cannot reach.
    pub(crate) out_of_reach: &'static [&'static str],
    pub(crate) start_duration: Duration,
    pub(crate) feed_places: Arc<Places>,
    pub(crate) draining: CancellationToken,
    pub(crate) desk: Arc<DeskSettings>,
    pub(crate) job_started: Arc<tokio::sync::Notify>,
    pub(crate) reports: Arc<Semaphore>,
    pub(crate) reading: Arc<Reading>,
    pub(crate) searches: Arc<ClaimSearches>,
    pub(crate) identity: Arc<crate::journal::Identity>,
    pub(crate) backups: Arc<Semaphore>,
    /// `None` if this server alone uses its store.
    pub(crate) standing: Option<Arc<Standing>>,
}

/// What ops decide for the people at their desks.
#[derive(Clone, Debug)]
pub struct DeskSettings {
    /// The country of telephone numbers that name none.
    pub country: Country,
    /// How long a push may be taken back; zero for not at all.
    pub undo: Duration,
}

impl Services {
    /// What the services need of the server.
    #[must_use]
    pub fn new(
        ledger: Handle,
        storage: &dyn crate::journal::Storage,
        start_duration: Duration,
        draining: CancellationToken,
        (desk, reading): (DeskSettings, Arc<Reading>),
    ) -> Arc<Self> {
        Self::of_member(
            ledger,
            storage,
            start_duration,
            draining,
            (desk, reading, None),
        )
    }

    /// The same of a member of a cluster. Its streams end when `draining` is cancelled.
    pub(crate) fn of_member(
        ledger: Handle,
        storage: &dyn crate::journal::Storage,
        start_duration: Duration,
        draining: CancellationToken,
        (desk, reading, standing): (DeskSettings, Arc<Reading>, Option<Arc<Standing>>),
    ) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            hash_key: storage.identity().hash_key,
            epoch: storage.identity().epoch.as_str().into(),
            location: storage.location().into(),
            out_of_reach: storage.out_of_reach(),
            start_duration,
            feed_places: Arc::default(),
            draining,
            desk: Arc::new(desk),
            job_started: Arc::default(),
            reports: Arc::new(Semaphore::new(REPORTS_RUNNING_MAX)),
            reading,
            searches: Arc::default(),
            identity: Arc::new(storage.identity().clone()),
            backups: Arc::new(Semaphore::new(BACKUPS_RUNNING_MAX)),
            standing,
        })
    }

    /// The same, for the requests of a caller.
    pub(crate) fn for_caller(self: &Arc<Self>, caller: &Caller) -> Shared {
        let identity = caller.identity();
        Shared {
            services: self.clone(),
            reach: Reach::new(caller.scope()).taking_next(!acts::may(Act::ChooseWork, caller)),
            scope: caller.scope().clone(),
            who: Who {
                name: Arc::clone(&identity.name),
                subject: identity.is_proved().then(|| Arc::clone(&identity.subject)),
                sees_batches: acts::may(Act::BatchOfAnother, caller),
            },
        }
    }

    /// Why streams end once `draining` is cancelled.
    pub(crate) fn ending(&self) -> &'static str {
        match &self.standing {
            None => "the server is shutting down",
            Some(_) => {
                "this member of the cluster is shutting down, or begins another role: connect again, to any member"
            }
        }
    }

    /// The same, for the server's own work, which sees everything.
    pub(crate) fn for_server(self: &Arc<Self>) -> Shared {
        Shared {
            services: self.clone(),
            reach: Reach::EVERYTHING,
            scope: Scope::default(),
            who: Who {
                name: "".into(),
                subject: None,
                sees_batches: true,
            },
        }
    }

    /// Wakes the runner of jobs: there is a new batch or erasure.
    pub(crate) fn job_started(&self) -> Arc<tokio::sync::Notify> {
        self.job_started.clone()
    }

    /// A hash that binds a page token to what it was given for.
    pub(crate) fn bind(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        hasher.write(bytes);
        hasher.finish()
    }
}

/// What an RPC works with: the services' parts, and what its caller may see of the World.
#[derive(Clone)]
pub(crate) struct Shared {
    services: Arc<Services>,
    reach: Reach,
    scope: Scope,
    who: Who,
}

impl Deref for Shared {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

impl Shared {
    /// The newest World, as far as the caller may see it.
    pub(crate) fn view(&self) -> View {
        View::new(&self.ledger, (self.reach.clone(), self.who.clone()))
    }

    /// What the caller may see and touch.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The caller's scope as bytes, to which a page token is bound; empty without a limit.
    pub(crate) fn scope_bytes(&self) -> Vec<u8> {
        self.scope.to_bytes()
    }

    /// Walks over a view on a thread for reads, until the client goes away or the time is used up.
    pub(crate) async fn walk<T: Send + 'static>(
        &self,
        lane: Lane,
        view: View,
        walk: impl FnOnce(&View, ShouldStop<'_>) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<T, Refusal> {
        let walked = self
            .reading
            .run(lane, move |should_stop| walk(&view, should_stop))
            .await;
        walked.map_err(refusal::of_read)
    }

    /// Walks for the answer to a change that has been made: it must not be refused any more, so it
    /// waits however many wait already.
    pub(crate) async fn walk_afterwards<T: Send + 'static>(
        &self,
        view: View,
        walk: impl FnOnce(&View, ShouldStop<'_>) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<T, Refusal> {
        let walked = self
            .reading
            .run_afterwards(Lane::Heavy, move |should_stop| walk(&view, should_stop))
            .await;
        walked.map_err(refusal::of_read)
    }

    /// Does what takes a while, but no longer than tens of milliseconds, on a thread for reads.
    pub(crate) async fn off_thread<T: Send + 'static>(
        &self,
        view: View,
        read: impl FnOnce(&View) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        self.walk(Lane::Heavy, view, move |view, _| Ok(read(view)))
            .await
    }

    /// Makes an answer from a view on a thread for reads, and encodes it there: the threads that
    /// serve only pass its bytes.
    pub(crate) async fn answer<T: Message + 'static>(
        &self,
        lane: Lane,
        view: View,
        make: impl FnOnce(&View, ShouldStop<'_>) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<Ready<T>, Refusal> {
        let made = self.walk(lane, view, move |view, should_stop| {
            make(view, should_stop).map(Ready::from)
        });
        made.await
    }

    /// The same for a short answer that may be refused.
    pub(crate) async fn answer_or_refuse<T: Message + 'static>(
        &self,
        lane: Lane,
        make: impl FnOnce(&View) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Ready<T>, Refusal> {
        self.walk(lane, self.view(), move |view, _| {
            Ok(make(view).map(Ready::from))
        })
        .await?
    }

    /// The same for an answer that needs the history or the archive: its thread waits for the
    /// files.
    pub(crate) async fn answer_from_files<
        T: Message + 'static,
        F: Future<Output = Result<T, Refusal>>,
    >(
        &self,
        lane: Lane,
        make: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Result<Ready<T>, Refusal> {
        let shared = self.clone();
        let made = self
            .reading
            .run_waiting(lane, move || async { make(shared).await.map(Ready::from) });
        made.await.map_err(refusal::of_read)?
    }

    /// The same for an answer that shows so many follow-ups: where they are few, as nearly always,
    /// it is made at once.
    pub(crate) async fn answer_of<
        T: Message + 'static,
        F: Future<Output = Result<T, Refusal>> + Send,
    >(
        &self,
        follow_ups: usize,
        make: impl FnOnce(Self) -> F + Send + 'static,
    ) -> Result<Ready<T>, Refusal> {
        if follow_ups <= FOLLOW_UPS_AT_ONCE {
            return make(self.clone()).await.map(Ready::from);
        }
        self.answer_from_files(Lane::Desk, make).await
    }
}

/// Stops a walk after as many rows as are looked at on the threads that serve others. A walk asks
/// before the first row and then every 256 rows.
pub(crate) fn rows_at_once() -> impl Fn() -> bool {
    let checks = Cell::new(0);
    move || {
        checks.set(checks.get() + 1);
        checks.get() > ROWS_AT_ONCE / 256
    }
}
