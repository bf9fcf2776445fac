//! A server that shares its store with others: a member of a cluster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aftercall_serving::{Limits, Listener, MemberKeys, Readiness, base_routes, serve};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::conditions::{announce_drain, follow_conditions, stop_on_failure};
use super::error::ServerError;
use super::joining::Joining;
use super::opening::StorePlace;
use super::routes::SERVICES;
use super::settings;
use crate::cluster::standing::Standing;
use crate::cluster::{Cluster, Forwarder, MemberTls, Switch};
use crate::config::{StoreFailure, WorkflowServerConfig, authority};
use crate::journal::Member;
use crate::ledger::{Clock, Condition, Conditions};

/// How long the process waits for the end of its role, once its port is closed.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// A member that does not serve yet.
pub(super) struct MemberServer {
    joining: Joining,
    /// `None` until the store can be reached.
    cluster: Option<Cluster>,
}

impl MemberServer {
    /// Reads the store if it can be reached, and lets the port accept what other members pass on.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(super) async fn begin(
        config: WorkflowServerConfig,
        clock: Arc<dyn Clock>,
        place: StorePlace,
        listener: &mut Listener,
    ) -> Result<Self, ServerError> {
        let keys = MemberKeys::default();
        listener.accept_members(keys.clone());
        let standing = Standing::new(member(&config, listener.local_addr()), Arc::clone(&clock));
        let tls = MemberTls {
            ca: config.member_ca.clone(),
            certificate: config.tls_certificate.clone(),
            key: config.tls_key.clone(),
        };
        let reading = settings::reading(&config)?;
        let forwarder = Forwarder::new(Arc::clone(&standing), keys.clone(), tls);
        let joining = Joining {
            config,
            place,
            clock,
            standing,
            switch: Switch::new(forwarder),
            keys,
            conditions: Conditions::default(),
            reading,
        };
        let cluster = joining.join_now().await?;
        Ok(Self { joining, cluster })
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
        let (readiness, conditions) = (Readiness::new(), self.joining.conditions.clone());
        let (switch, closed) = (self.joining.switch.clone(), CancellationToken::new());
        let watching = follow_conditions(conditions.clone(), readiness.clone());
        let _watching = AbortOnDropHandle::new(tokio::spawn(watching));
        let mut routes = base_routes(&SERVICES, &readiness).await?;
        for name in SERVICES {
            routes = routes.add_named(name, switch.clone());
        }
        // The server may also stop on its own, and must not cancel the token of its caller.
        let shutdown = shutdown.child_token();
        // A member that cannot write must not lead, so it ends in any case.
        let failing = stop_on_failure(conditions.clone(), StoreFailure::Exit, shutdown.clone());
        let _failing = AbortOnDropHandle::new(tokio::spawn(failing));
        let announcing = announce_drain(shutdown.clone(), conditions.clone());
        let _announcing = AbortOnDropHandle::new(tokio::spawn(announcing));
        if self.cluster.is_some() {
            tracing::info!(%address, "workflow-server is ready");
        }
        let mut member =
            AbortOnDropHandle::new(tokio::spawn(self.run(shutdown.clone(), closed.clone())));
        let served = tokio::select! {
            served = serve(listener, routes, limits, readiness, shutdown) => served,
            ended = &mut member => return Err(ended.map_or(ServerError::LedgerEnded, why)),
        };
        // What was taken before the port closed is made durable, the lease is released, and the
        // member leaves the list of the store.
        closed.cancel();
        match timeout(SETTLE_MAX, &mut member).await {
            Ok(ended) => ended.unwrap_or(Err(ServerError::LedgerEnded))?,
            Err(_) => tracing::warn!(
                "this member has not stepped down in time: its lease ends with its time"
            ),
        }
        if let Some(reason) = conditions.get(Condition::Store) {
            return Err(ServerError::StoreFailed(reason));
        }
        tracing::info!(%address, "workflow-server has stopped");
        Ok(served?)
    }

    /// Takes part until `shutdown`, from the moment when the store can be reached. Ends after
    /// `closed`.
    async fn run(
        self,
        shutdown: CancellationToken,
        closed: CancellationToken,
    ) -> Result<(), ServerError> {
        let Self { joining, cluster } = self;
        let cluster = match cluster {
            Some(cluster) => cluster,
            None => match shutdown.run_until_cancelled(joining.join_later()).await {
                Some(joined) => {
                    let cluster = joined?;
                    tracing::info!("workflow-server is ready");
                    cluster
                }
                None => {
                    closed.cancelled().await;
                    return Ok(());
                }
            },
        };
        Ok(cluster.run(shutdown, closed).await?)
    }
}

/// Why a member ended although its server runs.
fn why(ended: Result<(), ServerError>) -> ServerError {
    ended.err().unwrap_or(ServerError::LedgerEnded)
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
