//! A server that shares its store with others: a member of a cluster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercall_serving::{Limits, Listener, MemberKeys, Readiness, Routes, base_routes, serve};
use futures::future::FutureExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::conditions::{announce_drain, follow_conditions, stop_on_failure};
use super::error::ServerError;
use super::routes::{SERVICES, Sizes};
use super::settings;
use crate::cluster::standing::Standing;
use crate::cluster::{
    Cluster, Forwarder, MadeRole, MemberError, MemberTls, Parts, RoleParts, Switch,
};
use crate::config::{StoreFailure, WorkflowServerConfig, authority};
use crate::journal::{Elections, Member, Storage};
use crate::ledger::{Clock, Condition, Conditions};
use crate::service::{Services, keep_tables};

/// How long the process waits for the end of its role, once its port is closed.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// A member that has read the store, and does not serve yet.
pub(super) struct MemberServer {
    cluster: Cluster,
    switch: Switch,
    conditions: Conditions,
    settled: CancellationToken,
}

impl MemberServer {
    /// Reads the store, and lets the port accept what other members pass on.
    ///
    /// # Errors
    /// [`ServerError::Recover`], [`ServerError::Thread`].
    pub(super) async fn begin(
        config: &WorkflowServerConfig,
        clock: Arc<dyn Clock>,
        (storage, elections): (Arc<dyn Storage>, Arc<dyn Elections>),
        listener: &mut Listener,
    ) -> Result<Self, ServerError> {
        let started = Instant::now();
        let keys = MemberKeys::default();
        listener.accept_members(keys.clone());
        let standing = Standing::new(member(config, listener.local_addr()), Arc::clone(&clock));
        let tls = MemberTls {
            ca: config.member_ca.clone(),
            certificate: config.tls_certificate.clone(),
            key: config.tls_key.clone(),
        };
        let forwarder = Forwarder::new(Arc::clone(&standing), keys.clone(), tls);
        let switch = Switch::new(forwarder);
        let (conditions, settled) = (Conditions::default(), CancellationToken::new());
        let make = maker(config, &storage, &standing, started)?;
        let cluster = Cluster::begin(Parts {
            storage: Arc::clone(&storage),
            elections,
            clock,
            options: settings::ledger_options(config),
            conditions: conditions.clone(),
            standing: Arc::clone(&standing),
            switch: switch.clone(),
            keys,
            settled: settled.clone(),
            make,
        })
        .await?;
        let root = cluster.follower().root();
        tracing::info!(
            store = storage.location(),
            member = standing.member.name,
            address = standing.member.address,
            sequence = root.sequence,
            open_instances = root.counters.open(),
            milliseconds = started.elapsed().as_millis() as u64,
            "the World is rebuilt"
        );
        Ok(Self {
            cluster,
            switch,
            conditions,
            settled,
        })
    }

    /// Serves until `shutdown`. A leader then steps down first.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(super) async fn serve(
        self,
        listener: Listener,
        limits: &Limits,
        shutdown: CancellationToken,
    ) -> Result<(), ServerError> {
        let address = listener.local_addr();
        let (readiness, conditions) = (Readiness::new(), self.conditions);
        let watching = follow_conditions(conditions.clone(), readiness.clone());
        let _watching = AbortOnDropHandle::new(tokio::spawn(watching));
        let mut routes = base_routes(&SERVICES, &readiness).await?;
        for name in SERVICES {
            routes = routes.add_named(name, self.switch.clone());
        }
        // The server may also stop on its own, and must not cancel the token of its caller.
        let shutdown = shutdown.child_token();
        // A member that cannot write must not lead, so it ends in any case.
        let failing = stop_on_failure(conditions.clone(), StoreFailure::Exit, shutdown.clone());
        let _failing = AbortOnDropHandle::new(tokio::spawn(failing));
        let announcing = announce_drain(shutdown.clone(), conditions.clone());
        let _announcing = AbortOnDropHandle::new(tokio::spawn(announcing));
        let mut member = AbortOnDropHandle::new(tokio::spawn(self.cluster.run(shutdown.clone())));
        tracing::info!(%address, "workflow-server is ready");
        let served = tokio::select! {
            served = serve(listener, routes, limits, readiness, shutdown) => served,
            ended = &mut member => return Err(ended.map_or(MemberError::LedgerEnded.into(), why)),
        };
        // What was taken before the port closed is made durable, and the lease is released.
        if timeout(SETTLE_MAX, self.settled.cancelled()).await.is_err() {
            tracing::warn!(
                "this member has not stepped down in time: its lease ends with its time"
            );
        }
        if let Some(reason) = conditions.get(Condition::Store) {
            return Err(ServerError::StoreFailed(reason));
        }
        tracing::info!(%address, "workflow-server has stopped");
        Ok(served?)
    }
}

/// Why a member ended although its server runs.
fn why(ended: Result<(), MemberError>) -> ServerError {
    ended.err().unwrap_or(MemberError::LedgerEnded).into()
}

/// This member, as the others reach it.
fn member(config: &WorkflowServerConfig, address: SocketAddr) -> Member {
    let address = if config.advertise.is_empty() {
        let is_plain = config.tls_certificate.as_os_str().is_empty();
        let scheme = if is_plain { "http" } else { "https" };
        format!("{scheme}://{address}")
    } else {
        config.advertise.trim_end_matches('/').to_owned()
    };
    let name = match config.member_name.as_str() {
        "" => address.clone(),
        name => name.to_owned(),
    };
    Member { name, address }
}

/// The limits of a member: it answers to the name by which the others reach it.
pub(super) fn limits(config: &WorkflowServerConfig) -> Limits {
    let mut limits = settings::limits(config);
    if let Some(authority) = authority(&config.advertise) {
        limits.allowed_hosts.push(authority.host().to_owned());
    }
    limits
}

type Maker = Box<dyn Fn(RoleParts) -> MadeRole + Send + Sync>;

/// Makes the services of each role.
fn maker(
    config: &WorkflowServerConfig,
    storage: &Arc<dyn Storage>,
    standing: &Arc<Standing>,
    started: Instant,
) -> Result<Maker, ServerError> {
    let reading = settings::reading(config)?;
    let (desk, sizes) = (settings::desk(config), Sizes::of(config));
    let (storage, standing) = (Arc::clone(storage), Arc::clone(standing));
    let start_duration = std::sync::OnceLock::new();
    Ok(Box::new(move |RoleParts { handle, ends }| {
        let start_duration = *start_duration.get_or_init(|| started.elapsed());
        let shared = (
            desk.clone(),
            Arc::clone(&reading),
            Some(Arc::clone(&standing)),
        );
        let services = Services::of_member(handle, storage.as_ref(), start_duration, ends, shared);
        MadeRole {
            routes: sizes.add_services(Routes::default(), &services),
            job_started: services.job_started(),
            keep_tables: Box::new(|tables, stop| keep_tables(services, tables, stop).boxed()),
        }
    }))
}
