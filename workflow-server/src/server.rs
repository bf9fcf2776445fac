//! The server: opens the store, rebuilds the World, runs the ledger and serves, until it is
//! stopped.

mod conditions;
mod error;
mod joining;
mod member;
mod opening;
mod routes;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercall_serving::config::check;
use aftercall_serving::{
    AuditPlace, Limits, Listener, OwnToken, Readiness, base_routes, open_listener, serve,
};
use tokio_util::sync::CancellationToken;

use self::conditions::{announce_drain, follow_conditions, stop_on_failure};
pub use self::error::ServerError;
use self::member::MemberServer;
pub(crate) use self::opening::end_process;
use self::opening::{StorePlace, address_of, open_store};
use self::routes::{SERVICES, Sizes};
use crate::config::{StoreFailure, WorkflowServerConfig};
use crate::journal::{Disk, RealDisk, Storage};
use crate::ledger::{Clock, Condition, Handle, Ledger, SystemClock, job_runner};
use crate::series::SERIES;
use crate::service::Services;

/// The audit log in the data directory, if the settings name no other place.
const AUDIT_FILE: &str = "audit.log";

/// A server that is bound to its port and has its World, and does not serve yet.
pub struct Server {
    listener: Listener,
    address: SocketAddr,
    limits: Limits,
    kind: Kind,
}

/// Whether it shares its store.
enum Kind {
    Alone(Box<Alone>),
    Member(Box<MemberServer>),
}

/// What a server needs that alone uses its store.
struct Alone {
    handle: Handle,
    ledger: Ledger,
    services: Arc<Services>,
    sizes: Sizes,
    draining: CancellationToken,
    on_store_failure: StoreFailure,
}

impl Server {
    /// Opens the store, rebuilds the World and binds the port.
    ///
    /// # Errors
    /// [`ServerError`]: each says what to do.
    pub async fn bind(config: WorkflowServerConfig) -> Result<Self, ServerError> {
        Self::bind_with(config, Arc::new(SystemClock::default()), Arc::new(RealDisk)).await
    }

    /// Accepts a token of this process, if it wants proof of identity at all.
    pub fn accept(&self, own: OwnToken) {
        self.listener.accept(own);
    }

    /// The same, with a clock and a disk that are handed in.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind_with(
        config: WorkflowServerConfig,
        clock: Arc<dyn Clock>,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, ServerError> {
        check(&config)?;
        if config.has_shared_store() {
            let place = StorePlace::Address(Box::new(address_of(&config)?));
            return Self::bind_member(config, clock, place).await;
        }
        aftercall_serving::series::describe(SERIES);
        let listener = open_listener(config.listen, &config.protection()).await?;
        let address = listener.local_addr();
        let started = Instant::now();
        let dir = config.data_dir.clone();
        let store = open_store(dir, config.rebuild_head, clock.wall().0, disk).await?;
        // Its file is in the data directory, which is there now.
        let audit_file = AuditPlace::File(config.data_dir.join(AUDIT_FILE));
        let listener = listener.open_audit(&config.audit(), audit_file).await?;
        let options = settings::ledger_options(&config);
        let (ledger, handle) = Ledger::recover(&store, clock, options).await?;
        let start_duration = started.elapsed();
        log_rebuilt(&config, store.created, &handle, start_duration);
        let draining = CancellationToken::new();
        let desk = (settings::desk(&config), settings::reading(&config)?);
        let services = Services::new(
            handle.clone(),
            &store,
            start_duration,
            draining.clone(),
            desk,
        );
        Ok(Self {
            listener,
            address,
            limits: settings::limits(&config),
            kind: Kind::Alone(Box::new(Alone {
                handle,
                ledger,
                services,
                sizes: Sizes::of(&config),
                draining,
                on_store_failure: config.on_store_failure,
            })),
        })
    }

    /// The same on a store that is open already, and that several servers share.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind_shared(
        config: WorkflowServerConfig,
        clock: Arc<dyn Clock>,
        storage: Arc<dyn Storage>,
    ) -> Result<Self, ServerError> {
        check(&config)?;
        Self::bind_member(config, clock, StorePlace::Open(storage)).await
    }

    async fn bind_member(
        config: WorkflowServerConfig,
        clock: Arc<dyn Clock>,
        place: StorePlace,
    ) -> Result<Self, ServerError> {
        aftercall_serving::series::describe(SERIES);
        let listener = open_listener(config.listen, &config.protection()).await?;
        let address = listener.local_addr();
        // There is no data directory in which it could be.
        let audit = config.audit();
        let mut listener = listener.open_audit(&audit, AuditPlace::Stderr).await?;
        let limits = member::limits(&config);
        let member = MemberServer::begin(config, clock, place, &mut listener).await?;
        Ok(Self {
            listener,
            address,
            limits,
            kind: Kind::Member(Box::new(member)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then drains: requests in hand are answered, everything taken is
    /// durable.
    ///
    /// # Errors
    /// [`ServerError`] where it ends without a request to stop.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ServerError> {
        match self.kind {
            Kind::Alone(alone) => alone.serve(self.listener, &self.limits, shutdown).await,
            Kind::Member(member) => member.serve(self.listener, &self.limits, shutdown).await,
        }
    }
}

impl Alone {
    async fn serve(
        self,
        listener: Listener,
        limits: &Limits,
        shutdown: CancellationToken,
    ) -> Result<(), ServerError> {
        let address = listener.local_addr();
        let readiness = Readiness::new();
        let conditions = self.handle.conditions().clone();
        let watching = tokio::spawn(follow_conditions(conditions.clone(), readiness.clone()));
        let routes = base_routes(&SERVICES, &readiness).await?;
        let routes = self.sizes.add_services(routes, &self.services);
        let stop_ledger = CancellationToken::new();
        let ledger = self.ledger.start(stop_ledger.clone())?;
        let jobs = job_runner::run(
            self.handle.clone(),
            self.services.job_started(),
            stop_ledger.clone(),
        );
        let jobs = tokio::spawn(jobs);
        tracing::info!(address = %address, "workflow-server is ready");
        let draining = self.draining.clone();
        // The server may also stop on its own, and must not cancel the token of its caller.
        let shutdown = shutdown.child_token();
        let failed = conditions.clone();
        let failing = tokio::spawn(stop_on_failure(
            conditions.clone(),
            self.on_store_failure,
            shutdown.clone(),
        ));
        let stop = shutdown.clone();
        let announcing = tokio::spawn(async move {
            announce_drain(stop, conditions).await;
            draining.cancel();
        });
        // The sender is dropped when the thread ends, however it ends.
        let mut ledger = ledger;
        let served = tokio::select! {
            served = serve(listener, routes, limits, readiness, shutdown) => served,
            _ = &mut ledger => return Err(ServerError::LedgerEnded),
        };
        // The ledger goes last: what was taken before the port closed is made durable.
        stop_ledger.cancel();
        let _ = ledger.await;
        jobs.abort();
        announcing.abort();
        watching.abort();
        failing.abort();
        match failed.get(Condition::Store) {
            Some(reason) if self.on_store_failure == StoreFailure::Exit => {
                Err(ServerError::StoreFailed(reason))
            }
            _ => {
                tracing::info!(address = %address, "workflow-server has stopped");
                Ok(served?)
            }
        }
    }
}

fn log_rebuilt(
    config: &WorkflowServerConfig,
    is_created: bool,
    handle: &Handle,
    start_duration: Duration,
) {
    let root = handle.root();
    tracing::info!(
        data_dir = %config.data_dir.display(),
        created = is_created,
        sequence = root.sequence,
        open_instances = root.counters.open(),
        milliseconds = start_duration.as_millis() as u64,
        "the World is rebuilt"
    );
}
