//! The server: the port, the tail and the service, put together.
//!
//! Promise: it binds and serves (not ready) while the workflow-server is away, and `serve` ends
//! within the drain time after `shutdown` is cancelled.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aftercall_client::{Connector, Token};
use aftercall_serving::config::{ConfigError, check};
use aftercall_serving::{
    AuditPlace, Limits, Listener, Readiness, ServeError, base_routes, open_listener, serve,
};
use thiserror::Error;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;

use crate::cache::RingLimits;
use crate::config::AlerterServerConfig;
use crate::hub::{Hub, Pace};
use crate::link::Link;
use crate::series::SERIES;
use crate::service::{AlertServiceServer, Alerts, SERVICE_NAME};
use crate::tail::Tail;

/// The readiness condition: the first snapshot is read and the ring is full.
const STATE: &str = "state";

/// The readiness condition: the workflow-server is connected.
const WORKFLOW_SERVER: &str = "workflow-server";

/// Why the alerter-server cannot start or continue.
#[derive(Debug, Error)]
pub enum ServerError {
    /// Some settings are invalid.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// Listening or serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// An alerter-server that has its port and does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    local_addr: SocketAddr,
    upstream: Connector,
    config: AlerterServerConfig,
}

impl Server {
    /// Opens the port. The workflow-server is not needed yet.
    ///
    /// # Errors
    /// [`ServerError`] if a setting is invalid or the port is not available.
    pub async fn bind(config: AlerterServerConfig) -> Result<Self, ServerError> {
        aftercall_serving::series::describe(SERIES);
        check(&config)?;
        let upstream = config
            .upstream()
            .map_err(|error| ConfigError::Settings(vec![error]))?;
        let listener = open_listener(config.listen, &config.protection()).await?;
        // It has no directory of its own.
        let listener = listener
            .open_audit(&config.audit(), AuditPlace::Stderr)
            .await?;
        let local_addr = listener.local_addr();
        Ok(Self {
            listener,
            local_addr,
            upstream,
            config,
        })
    }

    /// Follows a workflow-server of the same process: by its certificate, if it has one, and with a
    /// token that it accepts. Settings that name other ones count before them.
    #[must_use]
    pub fn beside(mut self, certificate: &Path, own: Token) -> Self {
        let is_empty = |path: &Path| path.as_os_str().is_empty();
        // The token does not leave this machine.
        let mut upstream = self.upstream.send_token_in_plain_text(true);
        if is_empty(&self.config.workflow_ca) && !is_empty(certificate) {
            upstream = upstream.trust_only(certificate);
        }
        if is_empty(&self.config.workflow_token_file) {
            upstream = upstream.tokens(own);
        }
        self.upstream = upstream;
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` is cancelled; then sends every client away, within the drain time.
    ///
    /// # Errors
    /// [`ServerError::Serve`] if serving ends without `shutdown`.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ServerError> {
        let Self {
            listener,
            local_addr,
            upstream,
            config,
        } = self;
        let hub = Hub::new(config.streams_max, pace(&config), shutdown.clone());
        let hub = Arc::new(hub);
        let readiness = Readiness::new();
        readiness.set(
            STATE,
            Err("the workflow-server's state has not been read yet".to_owned()),
        );
        let ring = RingLimits {
            entries_max: config.ring_entries_max,
            bytes_max: config.ring_bytes_max,
        };
        let tail = Tail::new(Arc::clone(&hub), upstream.clone(), ring, readiness.clone());
        // All tasks of this server end with it, also if it is dropped.
        let stop = shutdown.child_token();
        let _stop = stop.clone().drop_guard();
        spawn_tasks(&hub, tail, &readiness, &stop);
        let service = AlertServiceServer::new(Alerts::new(Arc::clone(&hub), upstream))
            .max_decoding_message_size(config.limits.request_bytes_max as usize);
        // The limit is one of the message as it is after decompression.
        let service = service
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        let routes = base_routes(&[SERVICE_NAME], &readiness)
            .await?
            .add_service(service);
        let limits = limits(&config);
        tracing::info!(%local_addr, workflow_server = config.workflow_server, "the alerter-server serves");
        let sent_away = async {
            hub.send_away().await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            served = serve(listener, routes, &limits, readiness, shutdown) => served?,
            never = sent_away => match never {},
        }
        tracing::info!(%local_addr, "the alerter-server has stopped");
        Ok(())
    }
}

fn pace(config: &AlerterServerConfig) -> Pace {
    Pace {
        bookmark: Duration::from_secs(config.bookmark_seconds),
        stall: Duration::from_secs(config.limits.stall_seconds.into()),
        drain: Duration::from_secs(config.drain_seconds),
    }
}

fn limits(config: &AlerterServerConfig) -> Limits {
    Limits {
        // The hub ends a stream whose client reads nothing; the other streams of its connection
        // continue.
        stall_max: None,
        drain: Duration::from_secs(config.drain_seconds),
        allowed_hosts: config.allowed_hosts.clone(),
        web_origins: config.web_origins.clone(),
        ..config.limits.limits()
    }
}

/// Starts the tasks that run until `stop` is cancelled.
fn spawn_tasks(hub: &Arc<Hub>, tail: Tail, readiness: &Readiness, stop: &CancellationToken) {
    tokio::spawn(tail.run(stop.clone()));
    let until = stop.clone();
    let readiness = keep_readiness(Arc::clone(hub), readiness.clone());
    tokio::spawn(until.run_until_cancelled_owned(readiness));
    let (until, timekeeper) = (stop.clone(), Arc::clone(hub));
    tokio::spawn(until.run_until_cancelled_owned(async move { timekeeper.keep_time().await }));
    let (until, counter) = (stop.clone(), Arc::clone(hub));
    tokio::spawn(until.run_until_cancelled_owned(async move { counter.keep_wallboard().await }));
}

/// Keeps the readiness: the first state, then whether the workflow-server is connected.
async fn keep_readiness(hub: Arc<Hub>, readiness: Readiness) {
    // The hub lives in this task: neither channel can close.
    let _ = hub.newest().wait_for(Option::is_some).await;
    let mut link = hub.link();
    loop {
        let Link {
            connected,
            heard_at,
            behind,
            ..
        } = *link.borrow_and_update();
        let gone = || {
            let seconds = heard_at.elapsed().as_secs();
            let missing = if behind == 0 {
                String::new()
            } else {
                format!(", and miss at least {behind} changes")
            };
            format!(
                "the workflow-server cannot be reached: clients see the state of {seconds} s ago{missing}"
            )
        };
        readiness.set(WORKFLOW_SERVER, connected.then_some(()).ok_or_else(gone));
        readiness.set(STATE, Ok(()));
        // The text has the age of the state in seconds, so it is written again each second.
        let again = if connected {
            Duration::MAX
        } else {
            Duration::from_secs(1)
        };
        if let Ok(Err(_)) = timeout(again, link.changed()).await {
            return;
        }
    }
}
