//! The server: opens the store, rebuilds the World, runs the ledger and serves, until it is
//! stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercall_definition::time::{Span, SpanUnit};
use aftercall_engine::phone::Country;
use aftercall_engine::world::Keeping;
use aftercall_proto::feed::v1::change_feed_service_server::ChangeFeedServiceServer;
use aftercall_proto::workflow::v1::call_manager_service_server::CallManagerServiceServer;
use aftercall_proto::workflow::v1::operations_service_server::OperationsServiceServer;
use aftercall_proto::workflow::v1::script_engine_service_server::ScriptEngineServiceServer;
use aftercall_proto::workflow::v1::staff_service_server::StaffServiceServer;
use aftercall_proto::workflow::v1::view_service_server::ViewServiceServer;
use aftercall_proto::workflow::v1::workflow_definition_service_server::WorkflowDefinitionServiceServer;
use aftercall_serving::config::{ConfigError, check};
use aftercall_serving::{
    AuditPlace, Limits, Listener, OwnToken, Readiness, Routes, ServeError, base_routes,
    open_listener, serve,
};
use jiff::tz::TimeZone;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;

use crate::config::{StoreFailure, WorkflowServerConfig};
use crate::journal::{Birth, Disk, OpenError, Options, RealDisk, Store};
use crate::ledger::{
    Clock, Condition, Conditions, Handle, Ledger, LedgerOptions, RecoverError, SystemClock,
    job_runner,
};
use crate::limits::FEED_REQUEST_BYTES_MAX;
use crate::reading::Reading;
use crate::series::SERIES;
use crate::service::{
    CallManager, ChangeFeed, Definitions, DeskSettings, Operations, SavedViews, ScriptEngine,
    Services, Staff,
};

/// The services, by the names that health knows them by.
const SERVICES: [&str; 7] = [
    "aftercall.workflow.v1.WorkflowDefinitionService",
    "aftercall.workflow.v1.ScriptEngineService",
    "aftercall.workflow.v1.CallManagerService",
    "aftercall.workflow.v1.OperationsService",
    "aftercall.workflow.v1.StaffService",
    "aftercall.workflow.v1.ViewService",
    "aftercall.feed.v1.ChangeFeedService",
];

/// The audit log in the data directory, if the settings name no other place.
const AUDIT_FILE: &str = "audit.log";

/// Why the server did not start, or ended without a request to stop.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The port.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The World.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Some settings are invalid.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// A thread of the ledger or for reads.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The store failed, and the server is to end then.
    #[error(
        "{0}; nothing acknowledged is lost, and the next start copies the store to fresh files first"
    )]
    StoreFailed(Arc<str>),
    /// The ledger's thread ended without a request to stop.
    #[error(
        "the ledger has ended because of an error in this program (the log says which): nothing durable is lost; start the server again, and report the log"
    )]
    LedgerEnded,
}

/// A server that is bound to its port and has its World, and does not serve yet.
pub struct Server {
    listener: Listener,
    address: SocketAddr,
    handle: Handle,
    ledger: Ledger,
    services: Arc<Services>,
    limits: Limits,
    /// Bytes of one request of an author.
    import_bytes_max: usize,
    /// Bytes of any other request.
    request_bytes_max: usize,
    draining: CancellationToken,
    on_store_failure: StoreFailure,
}

impl Server {
    /// Opens the data directory, rebuilds the World and binds the port.
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
        aftercall_serving::series::describe(SERIES);
        check(&config)?;
        let listener = open_listener(config.listen, &config.protection()).await?;
        let address = listener.local_addr();
        let started = Instant::now();
        let store = open_store(
            config.data_dir.clone(),
            config.rebuild_head,
            clock.wall().0,
            disk,
        )
        .await?;
        // Its file is in the data directory, which is there now.
        let audit_file = AuditPlace::File(config.data_dir.join(AUDIT_FILE));
        let listener = listener.open_audit(&config.audit(), audit_file).await?;
        let (ledger, handle) = Ledger::recover(&store, clock, ledger_options(&config)).await?;
        let start_duration = started.elapsed();
        log_rebuilt(&config, store.created, &handle, start_duration);
        let draining = CancellationToken::new();
        let desk = DeskSettings {
            country: Country::named(&config.country).unwrap_or_default(),
            undo: Duration::from_secs(u64::from(config.undo_seconds)),
        };
        let desk = (desk, Reading::start()?);
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
            handle,
            ledger,
            services,
            limits: limits(&config),
            import_bytes_max: config.import_bytes_max as usize,
            request_bytes_max: config.limits.request_bytes_max as usize,
            draining,
            on_store_failure: config.on_store_failure,
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
        let readiness = Readiness::new();
        let conditions = self.handle.conditions().clone();
        let watching = tokio::spawn(follow_conditions(conditions.clone(), readiness.clone()));
        let routes = base_routes(&SERVICES, &readiness).await?;
        let routes = self.add_services(routes);
        let stop_ledger = CancellationToken::new();
        let ledger = self.ledger.start(stop_ledger.clone())?;
        let jobs = job_runner::run(
            self.handle.clone(),
            self.services.job_started(),
            stop_ledger.clone(),
        );
        let jobs = tokio::spawn(jobs);
        tracing::info!(address = %self.address, "workflow-server is ready");
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
            stop.cancelled().await;
            conditions.set(
                Condition::Draining,
                Some("the server is shutting down".into()),
            );
            draining.cancel();
        });
        // The sender is dropped when the thread ends, however it ends.
        let mut ledger = ledger;
        let served = tokio::select! {
            served = serve(self.listener, routes, &self.limits, readiness, shutdown) => served,
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
                tracing::info!(address = %self.address, "workflow-server has stopped");
                Ok(served?)
            }
        }
    }

    fn add_services(&self, routes: Routes) -> Routes {
        let services = &self.services;
        /// Requests may be compressed; the limit is one of the message as it is after decompression.
        macro_rules! limited {
            ($server:expr, $bytes_max:expr) => {
                $server
                    .max_decoding_message_size($bytes_max)
                    .accept_compressed(CompressionEncoding::Gzip)
                    .accept_compressed(CompressionEncoding::Zstd)
            };
        }
        let definitions = WorkflowDefinitionServiceServer::new(Definitions(services.clone()));
        let script_engine = ScriptEngineServiceServer::new(ScriptEngine(services.clone()));
        let call_manager = CallManagerServiceServer::new(CallManager(services.clone()));
        let operations = OperationsServiceServer::new(Operations(services.clone()));
        let staff = StaffServiceServer::new(Staff(services.clone()));
        let views = ViewServiceServer::new(SavedViews(services.clone()));
        let change_feed = ChangeFeedServiceServer::new(ChangeFeed(services.clone()));
        routes
            .add_service(limited!(definitions, self.import_bytes_max))
            .add_service(limited!(script_engine, self.request_bytes_max))
            .add_service(limited!(call_manager, self.request_bytes_max))
            .add_service(limited!(operations, self.request_bytes_max))
            .add_service(limited!(staff, self.request_bytes_max))
            .add_service(limited!(views, self.request_bytes_max))
            .add_service(limited!(change_feed, FEED_REQUEST_BYTES_MAX))
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

fn ledger_options(config: &WorkflowServerConfig) -> LedgerOptions {
    // A push can be taken back only while its instance is in memory.
    let archive_after_seconds = config.archive_after_seconds.max(config.undo_seconds);
    LedgerOptions {
        commands_waiting_max: config.commands_waiting_max as usize,
        clock_ahead_max: Duration::from_secs(u64::from(config.clock_ahead_minutes) * 60),
        keeping: Keeping {
            request_ids_millis: i64::from(config.request_ids_keep_hours) * 3_600_000,
            ..Keeping::default()
        },
        snapshot_every_entries: config.snapshot_every_entries,
        journal_kept_entries: config.journal_kept_entries,
        archive_after_millis: i64::from(archive_after_seconds) * 1_000,
        retention: Some(Span {
            amount: config.retention_days,
            unit: SpanUnit::Days,
        }),
        // `check` has refused an unknown name.
        default_zone: TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC),
    }
}

fn limits(config: &WorkflowServerConfig) -> Limits {
    Limits {
        drain: Duration::from_secs(config.drain_seconds),
        allowed_hosts: config.allowed_hosts.clone(),
        web_origins: config.web_origins.clone(),
        ..config.limits.limits()
    }
}

async fn open_store(
    dir: PathBuf,
    rebuild_head: bool,
    now_millis: i64,
    disk: Arc<dyn Disk>,
) -> Result<Store, OpenError> {
    let epoch = format!("{:032x}", rand::random::<u128>());
    let birth = Birth {
        epoch,
        hash_key: rand::random(),
        created_at_millis: now_millis,
    };
    let mut options = Options::new(birth, Arc::new(end_process));
    options.rebuild_head = rebuild_head;
    let at = dir.display().to_string();
    let opened = tokio::task::spawn_blocking(move || Store::open(&dir, &options, disk)).await;
    opened.unwrap_or_else(|panic| {
        Err(OpenError::Io {
            what: format!("opening the data directory {at}"),
            reason: panic.to_string(),
        })
    })
}

/// A commit that hangs is never answered: better to end, and start again from what is durable.
pub(crate) fn end_process(reason: &str) {
    tracing::error!(reason, "the store hangs: the process ends, start it again");
    std::process::exit(70);
}

/// Stops the server once the store has failed, where it is to end then. What was acknowledged is
/// durable; what failed was not acknowledged; and whether that is durable all the same only an open
/// can say, which the next start does on a copy.
async fn stop_on_failure(
    conditions: Conditions,
    on_store_failure: StoreFailure,
    stop: CancellationToken,
) {
    let mut watched = conditions.watch();
    // The sender lives in `conditions`: it cannot go away meanwhile.
    let failed = watched
        .wait_for(|health| health.failure().is_some())
        .await
        .is_ok();
    if failed && on_store_failure == StoreFailure::Exit {
        tracing::error!(
            "the store has failed: the server shuts down, so that its supervisor starts it again"
        );
        stop.cancel();
    }
}

/// Readiness and health show what the ledger's conditions are.
async fn follow_conditions(conditions: Conditions, readiness: Readiness) {
    let mut watched = conditions.watch();
    loop {
        let health = watched.borrow_and_update().clone();
        for condition in Condition::ALL {
            let sentence = health.get(condition).map(ToString::to_string);
            if condition.is_unready() {
                readiness.set(condition.name(), sentence.map_or(Ok(()), Err));
            } else {
                readiness.warn(condition.name(), sentence);
            }
        }
        metrics::gauge!("aftercall_clock_held").set(f64::from(u8::from(health.is_clock_held())));
        if watched.changed().await.is_err() {
            return;
        }
    }
}
