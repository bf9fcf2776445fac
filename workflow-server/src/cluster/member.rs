//! The life of a member: it follows, campaigns, leads, and follows again.

use std::sync::Arc;
use std::time::Duration;

use aftercall_serving::{MemberKeys, Routes};
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::candidate::{Candidate, Elected};
use super::farewell::Farewell;
use super::gate::Gate;
use super::observer::Observer;
use super::present::{Leads, Present};
use super::renewal::Renewal;
use super::secret;
use super::standing::Standing;
use super::switch::Switch;
use crate::journal::{Elections, JournalError, Storage, Tables, Term};
use crate::ledger::{
    Clock, Condition, Conditions, Follower, Handle, Ledger, LedgerOptions, RecoverError, job_runner,
};
use crate::limits::{
    DRAIN_OF_LEADER_MAX, LEASE, LEDGER_END_MAX, NOT_TAKEN_OVER_RESTS, STEPPED_DOWN_RESTS,
    STORE_RETRY_EVERY,
};

/// What a member shares with the rest of its process.
pub(crate) struct Parts {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) elections: Arc<dyn Elections>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: LedgerOptions,
    pub(crate) conditions: Conditions,
    pub(crate) standing: Arc<Standing>,
    pub(crate) switch: Switch,
    pub(crate) keys: MemberKeys,
    /// Makes the services of a role.
    pub(crate) make: Box<dyn Fn(RoleParts) -> MadeRole + Send + Sync>,
}

/// What the services of a role are made of.
pub(crate) struct RoleParts {
    pub(crate) handle: Handle,
    /// Cancelled when the role ends: streams of the feed end then.
    pub(crate) ends: CancellationToken,
}

/// The services of a role.
pub(crate) struct MadeRole {
    pub(crate) routes: Routes,
    /// Wakes the runner of jobs.
    pub(crate) job_started: Arc<tokio::sync::Notify>,
    /// Keeps the tables for SQL, if this role leads and the store has them.
    pub(crate) keep_tables: KeepTables,
}

/// Keeps tables until the token is cancelled.
pub(crate) type KeepTables =
    Box<dyn FnOnce(Arc<dyn Tables>, CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// Why a member ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MemberError {
    #[error(transparent)]
    Recover(#[from] RecoverError),
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the ledger has ended")]
    LedgerEnded,
}

/// Why a leader ends its role.
enum Why {
    Deposed,
    Planned,
    /// Its wall clock is wrong.
    Clock,
    Shutdown,
    LedgerEnded,
}

/// A member that has read the store, and does not take part yet.
pub(crate) struct Cluster {
    parts: Parts,
    follower: Follower,
}

/// A leader at its work.
struct Reign {
    term: Term,
    handle: Handle,
    gate: Arc<Gate>,
    present: Arc<Present>,
    stop_ledger: CancellationToken,
    ended: oneshot::Receiver<()>,
    deposed: CancellationToken,
    renewing: AbortOnDropHandle<()>,
    _jobs: AbortOnDropHandle<()>,
    _tables: Option<AbortOnDropHandle<()>>,
}

impl Reign {
    /// Answers nothing any more, and sends no renewal after this.
    async fn stop_renewing(&mut self) {
        self.gate.shut();
        self.renewing.abort();
        let _ = (&mut self.renewing).await;
    }
}

impl Cluster {
    /// Reads the store.
    ///
    /// # Errors
    /// [`RecoverError`].
    pub(crate) async fn begin(parts: Parts) -> Result<Self, RecoverError> {
        let follower = Follower::begin(parts.storage.as_ref(), parts.options.clone()).await?;
        let follower = follower.with_conditions(parts.conditions.clone());
        Ok(Self { parts, follower })
    }

    /// The newest World, for the log of the start.
    pub(crate) fn follower(&self) -> &Follower {
        &self.follower
    }

    /// Takes part until `shutdown`. Then steps down, if it leads. Reports to the store and passes
    /// requests on until `closed`, which says that the port is closed. Ends once this member is no
    /// longer in the list of the store.
    ///
    /// # Errors
    /// [`MemberError`] if the content of the store is damaged, or a thread cannot be started.
    pub(crate) async fn run(
        self,
        shutdown: CancellationToken,
        closed: CancellationToken,
    ) -> Result<(), MemberError> {
        let Self { parts, follower } = self;
        parts.standing.publish(follower.published());
        let observer = Observer {
            elections: Arc::clone(&parts.elections),
            clock: Arc::clone(&parts.clock),
            standing: Arc::clone(&parts.standing),
            conditions: parts.conditions.clone(),
        };
        let watching = async {
            let passing_on = closed.run_until_cancelled(parts.switch.watch());
            tokio::join!(observer.run(closed.clone()), passing_on);
            Ok(())
        };
        tokio::try_join!(Box::pin(parts.live(follower, &shutdown)), watching)?;
        parts.farewell().leave(&parts.standing.member).await;
        Ok(())
    }
}

impl Parts {
    async fn live(
        &self,
        follower: Follower,
        shutdown: &CancellationToken,
    ) -> Result<(), MemberError> {
        let mut next = Some(follower);
        let mut rests_until = self.clock.monotonic();
        loop {
            let follower = match next.take() {
                Some(follower) => follower,
                None => match shutdown.run_until_cancelled(self.begin_again()).await {
                    Some(follower) => follower?,
                    None => break,
                },
            };
            let ends = CancellationToken::new();
            let _ends = ends.clone().drop_guard();
            self.serve_as_follower(&follower, &ends);
            let candidate = Candidate {
                elections: Arc::clone(&self.elections),
                log: self.storage.log(),
                clock: Arc::clone(&self.clock),
                standing: Arc::clone(&self.standing),
                published: Arc::clone(follower.published()),
                rests_until,
            };
            match self.follow(follower, candidate, shutdown).await? {
                Followed::Elected(follower, elected) => {
                    let rest = self.lead(*follower, elected, &ends, shutdown).await?;
                    rests_until = self.clock.monotonic() + rest;
                }
                Followed::Lost => {}
                Followed::Shutdown => break,
            }
            if shutdown.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    /// Reads the store again, as often as it takes.
    async fn begin_again(&self) -> Result<Follower, RecoverError> {
        loop {
            match Follower::begin(self.storage.as_ref(), self.options.clone()).await {
                Ok(follower) => return Ok(follower.with_conditions(self.conditions.clone())),
                Err(error) if is_damage(&error) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "this member cannot read the store; it tries again");
                    self.clock.wait(STORE_RETRY_EVERY).await;
                }
            }
        }
    }

    fn serve_as_follower(&self, follower: &Follower, ends: &CancellationToken) {
        self.standing.publish(follower.published());
        let handle = Ledger::following(follower, self.storage.as_ref(), Arc::clone(&self.clock));
        let made = (self.make)(RoleParts {
            handle,
            ends: ends.clone(),
        });
        self.switch.set(Some(Arc::new(Present {
            routes: made.routes,
            leads: None,
        })));
        tracing::info!(sequence = follower.root().sequence, "this member follows");
    }

    async fn follow(
        &self,
        mut follower: Follower,
        candidate: Candidate,
        shutdown: &CancellationToken,
    ) -> Result<Followed, RecoverError> {
        let stop = shutdown.child_token();
        let learning = self.learn_secret();
        let electing = async {
            let elected = candidate.elected(&stop).await;
            stop.cancel();
            elected
        };
        let following = async {
            let followed = follower.follow(&stop).await;
            stop.cancel();
            followed
        };
        let both = async { tokio::join!(following, electing) };
        let (followed, elected) = tokio::select! {
            both = both => both,
            never = learning => match never {},
        };
        match (followed, elected) {
            (Ok(()), Some(elected)) if shutdown.is_cancelled() => {
                self.release(elected.leading.term()).await;
                Ok(Followed::Shutdown)
            }
            (Ok(()), Some(elected)) => Ok(Followed::Elected(Box::new(follower), elected)),
            (Ok(()), None) => Ok(Followed::Shutdown),
            (Err(error), elected) => {
                if let Some(elected) = elected {
                    self.release(elected.leading.term()).await;
                }
                if is_damage(&error) {
                    return Err(error);
                }
                tracing::warn!(%error, "this member reads the store again");
                Ok(Followed::Lost)
            }
        }
    }

    /// Reads the secret of the cluster, again whenever there is another leader.
    async fn learn_secret(&self) -> std::convert::Infallible {
        let vault = self.storage.vault();
        let mut pictures = self.standing.pictures();
        let mut known_in = None;
        loop {
            let lease = pictures
                .borrow_and_update()
                .sight
                .as_ref()
                .and_then(|sight| {
                    let running = sight.running();
                    running.map(|lease| lease.term)
                });
            if lease.is_some() && lease != known_in {
                match secret::read(vault.as_ref(), &self.storage.identity().epoch).await {
                    Ok(Some(key)) => {
                        self.keys.set(key);
                        known_in = lease;
                    }
                    // The leader is about to make it.
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the secret of the cluster could not be read");
                    }
                }
            }
            if pictures.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Leads until another member does, or this one stops. Returns how long others campaign first.
    async fn lead(
        &self,
        follower: Follower,
        elected: Elected,
        ends: &CancellationToken,
        shutdown: &CancellationToken,
    ) -> Result<Duration, MemberError> {
        let term = elected.leading.term();
        let reign = match self.begin_reign(follower, elected, ends).await {
            Ok(reign) => reign,
            Err(MemberError::Recover(error)) if !is_damage(&error) => {
                tracing::warn!(%error, %term, "this member could not take over; it follows again");
                self.release(term).await;
                return Ok(NOT_TAKEN_OVER_RESTS);
            }
            Err(error) => {
                self.release(term).await;
                return Err(error);
            }
        };
        metrics::counter!("aftercall_takeovers_total").increment(1);
        tracing::info!(%term, sequence = reign.handle.root().sequence, "this member leads");
        let mut reign = reign;
        let why = tokio::select! {
            () = reign.deposed.cancelled() => Why::Deposed,
            () = reign.handle.deposed() => Why::Deposed,
            () = shutdown.cancelled() => Why::Shutdown,
            () = self.standing.step_down_requested() => Why::Planned,
            () = self.standing.clock_is_wrong(term) => Why::Clock,
            _ = &mut reign.ended => Why::LedgerEnded,
        };
        let rest = match why {
            Why::Planned | Why::Clock => STEPPED_DOWN_RESTS,
            Why::Deposed | Why::Shutdown | Why::LedgerEnded => Duration::ZERO,
        };
        self.end_reign(reign, why).await?;
        Ok(rest)
    }

    /// Takes over: renews the lease from the beginning, reads to the end of the log, and serves.
    async fn begin_reign(
        &self,
        follower: Follower,
        Elected { leading, asked_at }: Elected,
        ends: &CancellationToken,
    ) -> Result<Reign, MemberError> {
        let term = leading.term();
        let gate = Arc::new(Gate::new(Arc::clone(&self.clock)));
        gate.extend(asked_at, LEASE);
        let deposed = CancellationToken::new();
        let renewal = Renewal {
            elections: Arc::clone(&self.elections),
            clock: Arc::clone(&self.clock),
            conditions: self.conditions.clone(),
            term,
            gate: Arc::clone(&gate),
            deposed: deposed.clone(),
        };
        let renewing = AbortOnDropHandle::new(tokio::spawn(renewal.run()));
        let (storage, clock) = (self.storage.as_ref(), Arc::clone(&self.clock));
        let epoch = &storage.identity().epoch;
        let key = secret::find_or_create(storage.vault().as_ref(), &leading, epoch).await;
        self.keys.set(key.map_err(RecoverError::from)?);
        let (ledger, handle) = Ledger::lead_with(follower, leading, storage, clock).await?;
        let stop_ledger = CancellationToken::new();
        let ended = ledger.start(stop_ledger.clone())?;
        let made = (self.make)(RoleParts {
            handle: handle.clone(),
            ends: ends.clone(),
        });
        let jobs = job_runner::run(handle.clone(), made.job_started, stop_ledger.clone());
        let jobs = AbortOnDropHandle::new(tokio::spawn(jobs));
        let tables = storage.tables(term).map(|tables| {
            // An erasure waits for them from the beginning of the term.
            handle.note_tables(0);
            let keeping = (made.keep_tables)(tables, stop_ledger.clone());
            AbortOnDropHandle::new(tokio::spawn(keeping))
        });
        let present = Arc::new(Present {
            routes: made.routes,
            leads: Some(Leads::new(Arc::clone(&gate))),
        });
        self.switch.set(Some(Arc::clone(&present)));
        self.standing.begin_term(term);
        self.conditions.set(Condition::Leader, None);
        Ok(Reign {
            term,
            handle,
            gate,
            present,
            stop_ledger,
            ended,
            deposed,
            renewing,
            _jobs: jobs,
            _tables: tables,
        })
    }

    async fn end_reign(&self, mut reign: Reign, why: Why) -> Result<(), MemberError> {
        let term = reign.term;
        match why {
            Why::Planned | Why::Clock | Why::Shutdown => {
                if matches!(why, Why::Clock) {
                    tracing::warn!(%term, "the wall clock of this machine is wrong: this member steps down, so that another one leads");
                    self.standing.end_for_clock(term);
                }
                tracing::info!(%term, "this member steps down");
                if let Some(leads) = &reign.present.leads {
                    leads.drain(DRAIN_OF_LEADER_MAX).await;
                }
                reign.stop_ledger.cancel();
                if timeout(LEDGER_END_MAX, reign.handle.finished())
                    .await
                    .is_err()
                {
                    tracing::warn!(%term, "the ledger does not end: its term ends all the same");
                }
                reign.stop_renewing().await;
                self.release(term).await;
            }
            Why::Deposed => {
                tracing::warn!(%term, "this member does not lead any more");
                reign.gate.shut();
                if let Some(leads) = &reign.present.leads {
                    leads.close();
                }
                reign.stop_ledger.cancel();
            }
            Why::LedgerEnded => {
                reign.stop_renewing().await;
                self.release(term).await;
                return Err(MemberError::LedgerEnded);
            }
        }
        self.standing.end_term(term);
        // Its upkeep can write nothing once another member leads, so nothing waits for it for long.
        if timeout(LEDGER_END_MAX, &mut reign.ended).await.is_err() {
            tracing::warn!(%term, "the upkeep of the ended term is still running");
        }
        self.conditions.end_those_of_a_leader();
        Ok(())
    }

    /// Ends the lease, so that another member can lead immediately.
    async fn release(&self, term: Term) {
        self.farewell().release(term).await;
    }

    fn farewell(&self) -> Farewell<'_> {
        Farewell {
            elections: self.elections.as_ref(),
            clock: &self.clock,
        }
    }
}

/// How following ended.
enum Followed {
    Elected(Box<Follower>, Elected),
    /// The follower must read the store again.
    Lost,
    Shutdown,
}

/// Whether the content of the store is not valid. Other errors end when the store can be reached.
fn is_damage(error: &RecoverError) -> bool {
    match error {
        RecoverError::Journal(error) => matches!(error, JournalError::Damaged { .. }),
        RecoverError::Record(_)
        | RecoverError::ApplyError(_)
        | RecoverError::Gap { .. }
        | RecoverError::OtherHistory { .. } => true,
    }
}
