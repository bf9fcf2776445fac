//! The server of the page: the port and the pages, put together.
//!
//! Promise: it serves while the other servers are away, and says so in the page. `serve` ends within
//! the drain time after `shutdown` is cancelled.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aftercall_serving::config::{ConfigError, check};
use aftercall_serving::{Limits, Listener, Readiness, Routes, ServeError, open_listener, serve};
use tempfile::TempDir;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::config::CallManagerConfig;
use crate::kept_forms::KeptForms;
use crate::pages::pages;
use crate::people::{People, PeopleSettings};
use crate::provider::Provider;
use crate::rows::Rows;
use crate::servers::Servers;
use crate::shared::Shared;

/// Why the page cannot be served.
#[derive(Debug, Error)]
pub enum ServerError {
    /// Some settings are invalid.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// Listening or serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The directory of sessions cannot be used.
    #[error("the directory of sessions {directory} cannot be used: {reason}")]
    Sessions {
        /// The directory.
        directory: String,
        /// Why it cannot be used.
        reason: String,
    },
}

/// A page that has its port and is not served yet.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    local_addr: SocketAddr,
    people: Arc<People>,
    forms: Arc<KeptForms>,
    is_secure: bool,
    public_url: Arc<str>,
    limits: Limits,
    /// Removed with the server, where no directory of sessions is set.
    _sessions: Option<TempDir>,
}

impl Server {
    /// Opens the port. The other servers are not needed yet.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind(config: CallManagerConfig) -> Result<Self, ServerError> {
        check(&config)?;
        let servers = config
            .servers()
            .map_err(|error| ConfigError::Settings(vec![error]))?;
        Self::bind_to(config, servers).await
    }

    /// The same, beside a workflow-server and an alerter-server of this process. Each is trusted by
    /// its own certificate alone; an empty path for plain text.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind_beside(
        config: CallManagerConfig,
        (of_workflow, of_alerter): (&Path, &Path),
    ) -> Result<Self, ServerError> {
        check(&config)?;
        let mut servers = config
            .servers()
            .map_err(|error| ConfigError::Settings(vec![error]))?;
        if config.servers_ca.as_os_str().is_empty() {
            servers = servers.trusted_only(of_workflow, of_alerter);
        }
        Self::bind_to(config, servers).await
    }

    async fn bind_to(config: CallManagerConfig, servers: Servers) -> Result<Self, ServerError> {
        let listener = open_listener(config.listen, &config.protection()).await?;
        let local_addr = listener.local_addr();
        let unusable = |reason: String| ServerError::Sessions {
            directory: config.sessions_dir.display().to_string(),
            reason,
        };
        let is_temporary = config.sessions_dir.as_os_str().is_empty();
        let temporary = is_temporary.then(TempDir::new).transpose();
        let temporary = temporary.map_err(|error| unusable(error.to_string()))?;
        let sessions_dir = temporary
            .as_ref()
            .map_or(config.sessions_dir.clone(), |dir| dir.path().to_owned());
        let provider = config.provider().map(Provider::open);
        let provider = provider.map(|one| one.map_err(|error| ConfigError::Settings(vec![error])));
        let forms = Arc::new(KeptForms::new(&sessions_dir));
        let settings = PeopleSettings {
            servers,
            local_name: config.person.clone(),
            is_local_allowed: local_addr.ip().is_loopback() || config.insecure,
            provider: provider.transpose()?,
            sessions_dir,
        };
        let people = People::open(settings).map_err(|error| unusable(error.to_string()))?;
        let limits = Limits {
            drain: Duration::from_secs(config.drain_seconds),
            allowed_hosts: config.allowed_hosts.clone(),
            // Each open browser has one: the limit of open files decides.
            connections_max: 50_000,
            ..Limits::default()
        };
        Ok(Self {
            listener,
            local_addr,
            people: Arc::new(people),
            forms,
            is_secure: config.is_secure(),
            public_url: config.public_url.as_str().into(),
            limits,
            _sessions: temporary,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` is cancelled.
    ///
    /// # Errors
    /// [`ServerError::Serve`].
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ServerError> {
        let shared = Shared {
            people: self.people,
            forms: self.forms,
            looking: Arc::default(),
            is_secure: self.is_secure,
            public_url: self.public_url,
            rows: Rows::default(),
            stop: shutdown.clone(),
        };
        let local_addr = self.local_addr;
        tracing::info!(%local_addr, "the Call Manager is served");
        let routes = Routes::default().with_pages(pages(shared));
        serve(
            self.listener,
            routes,
            &self.limits,
            Readiness::new(),
            shutdown,
        )
        .await?;
        Ok(())
    }
}
