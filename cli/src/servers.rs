//! The two servers, run in this process.
//!
//! Promise: both are bound before anything is said about them, and both are stopped before this
//! process ends. Must not: be used by any command but `up`, `demo` and `serve`: all others ask over
//! gRPC.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aftercall_client::Token;
use aftercall_proto::access::v1::Role;
use aftercall_serving::config::{self, ConfigError};
use aftercall_serving::logs::{self, LogFormat};
use aftercall_serving::settings::log_filter_error;
use aftercall_serving::{NetworkArgs, OwnToken, ServeError};
use alerter_server::ServerError as AlerterError;
use alerter_server::config::AlerterServerConfig;
use call_manager::ServerError as PageError;
use call_manager::config::CallManagerConfig;
use clap::Parser;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use workflow_server::ServerError as WorkflowError;
use workflow_server::config::{StoreArgs, StoreUrl, WorkflowServerConfig};

use crate::errors::Failure;

/// What the command line says about the servers; what it leaves out is as environment and files
/// say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// The store's directory.
    pub(crate) data_dir: Option<PathBuf>,
    /// The workflow-server's address; port 0 takes a free one.
    pub(crate) listen: Option<SocketAddr>,
    /// The alerter-server's address; port 0 takes a free one.
    pub(crate) alerter_listen: Option<SocketAddr>,
    /// The address of the Call Manager page; port 0 takes a free one.
    pub(crate) page_listen: Option<SocketAddr>,
    /// Whether there is no page.
    pub(crate) is_without_page: bool,
    /// The zone that counts where neither caller nor calendar name one.
    pub(crate) time_zone: Option<String>,
    /// The country of telephone numbers that name none.
    pub(crate) country: Option<String>,
    /// The store that the workflow-server shares with others.
    pub(crate) store: StoreArgs,
    /// Who may connect to both.
    pub(crate) network: NetworkArgs,
}

/// The settings of both servers.
#[derive(Debug, Clone)]
pub(crate) struct Configs {
    pub(crate) workflow: WorkflowServerConfig,
    pub(crate) alerter: AlerterServerConfig,
    /// `None` for no page.
    pub(crate) page: Option<CallManagerConfig>,
}

impl Places {
    /// The settings that both servers would have on their own: each honours its environment and the
    /// file that this names. What cannot hold for two servers in one process is refused by name.
    pub(crate) fn configs(&self) -> Result<Configs, Failure> {
        let refused = |error: ConfigError| Failure::usage(error.to_string());
        let workflow = of_environment::<workflow_server::config::Args>()?
            .resolve()
            .map_err(refused)?;
        let alerter = of_environment::<alerter_server::config::Args>()?
            .resolve()
            .map_err(refused)?;
        let page = of_environment::<call_manager::config::Args>()?
            .resolve()
            .map_err(refused)?;
        if alerter.workflow_server != AlerterServerConfig::default().workflow_server {
            return Err(Failure::usage(format!(
                "The setting workflow_server (AFTERCALL_WORKFLOW_SERVER) names {}, and this command runs a workflow-server of its own. \
                 Unset it, or run `aftercall serve alerter-server`.",
                alerter.workflow_server
            )));
        }
        let mut both = toml::Table::new();
        self.network.put_into(&mut both);
        let put = |over: &mut toml::Table, key: &str, value: Option<String>| {
            over.extend(value.map(|value| (key.to_owned(), toml::Value::from(value))));
        };
        let (mut over, mut over_alerter) = (both.clone(), both);
        put(
            &mut over,
            "listen",
            self.listen.map(|address| address.to_string()),
        );
        put(
            &mut over,
            "data_dir",
            self.data_dir
                .as_ref()
                .map(|dir| dir.to_string_lossy().into_owned()),
        );
        self.store.put_into(&mut over);
        put(&mut over, "time_zone", self.time_zone.clone());
        put(&mut over, "country", self.country.clone());
        put(
            &mut over_alerter,
            "listen",
            self.alerter_listen.map(|address| address.to_string()),
        );
        let workflow = config::put_over(&workflow, over).map_err(refused)?;
        if workflow.tls_client_required && alerter.workflow_certificate.as_os_str().is_empty() {
            return Err(Failure::usage(
                "With tls_client_required the alerter-server needs a certificate too: set AFTERCALL_WORKFLOW_CERTIFICATE and AFTERCALL_WORKFLOW_KEY.",
            ));
        }
        let alerter = config::put_over(&alerter, over_alerter).map_err(refused)?;
        let page = (!self.is_without_page).then(|| self.page(page, &workflow));
        let page = page.transpose()?;
        Ok(Configs {
            workflow,
            alerter,
            page,
        })
    }

    /// The page of both servers: it is protected as they are, and its sessions are kept with their
    /// data.
    fn page(
        &self,
        of_environment: CallManagerConfig,
        workflow: &WorkflowServerConfig,
    ) -> Result<CallManagerConfig, Failure> {
        let mut page = CallManagerConfig {
            insecure: workflow.insecure,
            tls_certificate: workflow.tls_certificate.clone(),
            tls_key: workflow.tls_key.clone(),
            allowed_hosts: workflow.allowed_hosts.clone(),
            ..of_environment
        };
        if page.sessions_dir.as_os_str().is_empty() {
            page.sessions_dir = workflow.data_dir.join(SESSIONS_DIR);
        }
        page.listen = self.page_listen.unwrap_or(page.listen);
        config::check(&page).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(page)
    }
}

impl Configs {
    /// Keeps everything in the data directory: sample calls do not belong into a store that others
    /// use.
    pub(crate) fn use_no_shared_store(&mut self) {
        self.workflow.store = StoreUrl::default();
        self.workflow.store_file = PathBuf::new();
    }

    /// Takes free ports where another process has one of the usual ones. An address that somebody
    /// named stays.
    pub(crate) fn avoid_taken_ports(&mut self) {
        let usual = (
            WorkflowServerConfig::default().listen,
            AlerterServerConfig::default().listen,
        );
        let is_taken = |address: SocketAddr| std::net::TcpListener::bind(address).is_err();
        let [workflow, alerter] = [&mut self.workflow.listen, &mut self.alerter.listen];
        if (*workflow == usual.0 && is_taken(usual.0)) || (*alerter == usual.1 && is_taken(usual.1))
        {
            for (listen, usual) in [(workflow, usual.0), (alerter, usual.1)] {
                if *listen == usual {
                    listen.set_port(0);
                }
            }
        }
    }
}

/// In the data directory.
const SESSIONS_DIR: &str = "call-manager";

/// The arguments of a server that was given none: what its environment says.
fn of_environment<A: Parser>() -> Result<A, Failure> {
    A::try_parse_from(["aftercall"]).map_err(|error| Failure::usage(error.to_string()))
}

/// Both servers, serving.
pub(crate) struct Servers {
    /// The workflow-server's URL.
    pub(crate) workflow_server: String,
    /// The alerter-server's URL.
    pub(crate) alerter_server: String,
    /// The address of the Call Manager page, if there is one.
    pub(crate) page: Option<String>,
    stop: CancellationToken,
    tasks: JoinSet<Result<(), Failure>>,
}

impl Servers {
    /// Binds both servers and begins to serve, for a command that may be named again with other
    /// ports. The error for an address in use, or for a store that cannot be opened, says
    /// what to do.
    pub(crate) async fn start(configs: Configs, command: &str) -> Result<Self, Failure> {
        let data_dir = configs.workflow.data_dir.clone();
        let certificates = Certificates {
            workflow: configs.workflow.tls_certificate.clone(),
            alerter: configs.alerter.tls_certificate.clone(),
        };
        let workflow = bind_workflow(configs.workflow, (command, &data_dir)).await?;
        let workflow_server = url(scheme(&certificates.workflow), workflow.local_addr());
        let config = AlerterServerConfig {
            workflow_server: workflow_server.clone(),
            ..configs.alerter
        };
        let alerter = bind_alerter(config, (command, &data_dir)).await?;
        // No file is needed for two parts of one process.
        let own = OwnToken::generate("alerter", Role::Alerter);
        let own = own.map_err(|error| failed(ALERTER, &error))?;
        let token = Token::new(own.reveal()).map_err(|error| failed(ALERTER, &error))?;
        workflow.accept(own);
        let alerter = alerter.beside(&certificates.workflow, token);
        let alerter_server = url(scheme(&certificates.alerter), alerter.local_addr());
        let mut servers = Self {
            workflow_server,
            alerter_server,
            page: None,
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
        };
        if let Some(config) = configs.page {
            let scheme = scheme(&config.tls_certificate);
            let page = bind_page(config, &servers, &certificates).await?;
            servers.page = Some(format!("{}/", url(scheme, page.local_addr())));
            servers.spawn(PAGE, |stop| page.serve(stop));
        }
        servers.spawn(WORKFLOW, |stop| workflow.serve(stop));
        servers.spawn(ALERTER, |stop| alerter.serve(stop));
        Ok(servers)
    }

    /// Serves until all are stopped.
    fn spawn<S, E>(&mut self, what: &'static str, serve: impl FnOnce(CancellationToken) -> S)
    where
        S: Future<Output = Result<(), E>> + Send + 'static,
        E: Error + 'static,
    {
        let serving = serve(self.stop.clone());
        self.tasks
            .spawn(async move { serving.await.map_err(|error| failed(what, &error)) });
    }

    /// Waits until a server ends although nobody asked it to, and says why.
    pub(crate) async fn broken(&mut self) -> Failure {
        match self.tasks.join_next().await {
            Some(Ok(Err(failure))) => failure,
            Some(Err(panic)) => {
                Failure::unavailable(format!("A server panicked and stopped: {panic}."))
            }
            _ => Failure::unavailable(
                "A server stopped although nobody asked it to; its log says why.",
            ),
        }
    }

    /// Stops both servers and waits until they have answered what they were asked.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.stop.cancel();
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            outcome = outcome
                .and(ended.unwrap_or_else(|panic| Err(Failure::unavailable(panic.to_string()))));
        }
        outcome
    }
}

const WORKFLOW: &str = "workflow-server";
const ALERTER: &str = "alerter-server";
const PAGE: &str = "Call Manager page";

/// The files with the certificates of both servers; empty for plain text.
struct Certificates {
    workflow: PathBuf,
    alerter: PathBuf,
}

async fn bind_workflow(
    config: WorkflowServerConfig,
    command: (&str, &Path),
) -> Result<workflow_server::Server, Failure> {
    let bound = workflow_server::Server::bind(config).await;
    bound.map_err(|error| match &error {
        WorkflowError::Serve(refused) => not_bound(WORKFLOW, command, refused),
        _ => failed(WORKFLOW, &error),
    })
}

async fn bind_alerter(
    config: AlerterServerConfig,
    command: (&str, &Path),
) -> Result<alerter_server::Server, Failure> {
    let bound = alerter_server::Server::bind(config).await;
    bound.map_err(|error| match &error {
        AlerterError::Serve(refused) => not_bound(ALERTER, command, refused),
        _ => failed(ALERTER, &error),
    })
}

/// The page of two servers of this process. Where another process has the usual port, it takes a free
/// one.
async fn bind_page(
    config: CallManagerConfig,
    servers: &Servers,
    certificates: &Certificates,
) -> Result<call_manager::Server, Failure> {
    let config = CallManagerConfig {
        workflow_server: servers.workflow_server.clone(),
        alerter_server: servers.alerter_server.clone(),
        ..config
    };
    let of_both = (
        certificates.workflow.as_path(),
        certificates.alerter.as_path(),
    );
    let is_usual = config.listen == CallManagerConfig::default().listen;
    let mut other = config.clone();
    other.listen.set_port(0);
    let bound = match call_manager::Server::bind_beside(config, of_both).await {
        Err(PageError::Serve(ServeError::Listen { .. })) if is_usual => {
            call_manager::Server::bind_beside(other, of_both).await
        }
        bound => bound,
    };
    bound.map_err(|error| failed(PAGE, &error))
}

/// Cancelled by ctrl-C, or by the signal that stops a service; a second one ends the process at
/// once.
pub(crate) fn stop_asked(drain_seconds: u64) -> Result<CancellationToken, Failure> {
    Ok(aftercall_serving::shutdown_token(Duration::from_secs(
        drain_seconds,
    ))?)
}

/// Sends the servers' log to stderr.
pub(crate) fn log_to_stderr(format: LogFormat, filter: &str) -> Result<(), Failure> {
    if let Some(error) = log_filter_error(filter) {
        return Err(Failure::usage(error.to_string()));
    }
    logs::init(format, filter);
    Ok(())
}

/// Where a client of this machine reaches a listener: one that listens everywhere is reached at the
/// loopback address.
fn url(scheme: &str, address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

/// A server with a certificate is reached over TLS.
fn scheme(certificate: &Path) -> &'static str {
    if certificate.as_os_str().is_empty() {
        "http"
    } else {
        "https"
    }
}

/// A port in use is most often used by another Aftercall.
fn not_bound(what: &str, (command, data_dir): (&str, &Path), refused: &ServeError) -> Failure {
    let ServeError::Listen { address, error } = refused else {
        return failed(what, refused);
    };
    Failure::unavailable(format!(
        "The {what} cannot listen on {address} ({error}). Perhaps another Aftercall runs: stop it, or take free ports:\n  \
         aftercall {command} --data-dir {} --listen 127.0.0.1:0 --alerter-listen 127.0.0.1:0",
        data_dir.display()
    ))
}

/// A server that cannot start or continue, with all its causes.
pub(crate) fn failed(what: &str, error: &(dyn Error + 'static)) -> Failure {
    let mut sentence = format!("The {what} stopped: {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !sentence.contains(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        cause = next.source();
    }
    Failure::unavailable(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Exit;

    #[test]
    fn a_listener_on_all_addresses_is_reached_at_loopback() {
        let everywhere = ([0, 0, 0, 0], 7401).into();
        assert_eq!(
            url(scheme(Path::new("")), everywhere),
            "http://127.0.0.1:7401"
        );
        let named = ([10, 0, 0, 7], 7401).into();
        assert_eq!(
            url(scheme(Path::new("tls.crt")), named),
            "https://10.0.0.7:7401"
        );
    }

    #[test]
    fn a_port_in_use_suggests_what_to_do() {
        let error = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        let refused = ServeError::Listen {
            address: ([127, 0, 0, 1], 7401).into(),
            error,
        };
        let failure = not_bound("workflow-server", ("up", Path::new("d")), &refused);
        assert!(
            failure.sentence().contains("127.0.0.1:7401"),
            "{}",
            failure.sentence()
        );
        assert!(
            failure.sentence().contains("--listen 127.0.0.1:0"),
            "{}",
            failure.sentence()
        );
        assert_eq!(failure.exit(), Exit::Unavailable);
    }
}
