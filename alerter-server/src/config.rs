//! The settings of the alerter-server, resolved once: defaults, file, environment, flags.

use std::net::SocketAddr;
use std::path::PathBuf;

use aftercall_serving::config::{ConfigError, load};
use aftercall_serving::logs::LogFormat;
use aftercall_serving::settings::{Common, SettingError, Settings, common_errors, zero_errors};
use aftercall_serving::{CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, NetworkArgs};
use clap::Parser;
use serde::{Deserialize, Serialize};
use tonic::transport::Endpoint;

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlerterServerConfig {
    /// Where it listens. A public or shared address needs `allow_plaintext`.
    #[serde(deserialize_with = "aftercall_serving::deserialize_listen")]
    pub listen: SocketAddr,
    /// The workflow-server that it follows, such as `http://127.0.0.1:7401`.
    pub workflow_server: String,
    /// Whether plain text may be served on a public or shared address.
    pub allow_plaintext: bool,
    /// The form of the logs.
    pub log_format: LogFormat,
    /// What is logged, such as `info` or `info,alerter_server=debug`.
    pub log_filter: String,
    /// Recent changes that are held, so that clients can resume: by number.
    pub ring_entries_max: usize,
    /// Recent changes that are held: by bytes.
    pub ring_bytes_max: usize,
    /// Streams at once.
    pub streams_max: usize,
    /// Seconds of silence after which a stream gets a bookmark.
    pub bookmark_seconds: u64,
    /// Seconds without progress after which a client is closed.
    pub stall_seconds: u64,
    /// Seconds after which a quiet connection is asked whether it is still there, and within which
    /// it must answer.
    pub keepalive_seconds: u64,
    /// Seconds over which clients are disconnected when the server stops.
    pub drain_seconds: u64,
    /// Host names, besides `localhost` and addresses, by which clients name this server, such as
    /// `calls.example.com`.
    pub allowed_hosts: Vec<String>,
    /// Origins whose web pages may use this server by gRPC-Web, such as `https://desk.example.com`; none turns it off.
    pub web_origins: Vec<String>,
    /// Connections at once; the limit of open files bounds them too.
    pub connections_max: usize,
    /// Connections at once from one address; a loopback address is not counted.
    pub connections_per_address_max: usize,
}

impl Default for AlerterServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7402)),
            workflow_server: "http://127.0.0.1:7401".to_owned(),
            allow_plaintext: false,
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
            ring_entries_max: 100_000,
            ring_bytes_max: 128 << 20,
            streams_max: 20_000,
            bookmark_seconds: 15,
            stall_seconds: 30,
            keepalive_seconds: 15,
            drain_seconds: 10,
            allowed_hosts: Vec::new(),
            web_origins: Vec::new(),
            connections_max: CONNECTIONS_MAX,
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_MAX,
        }
    }
}

impl AlerterServerConfig {
    /// The workflow-server as it is connected to.
    ///
    /// # Errors
    /// [`SettingError`] where its address is none.
    pub(crate) fn upstream(&self) -> Result<Endpoint, SettingError> {
        let given = &self.workflow_server;
        let invalid = || {
            let message = format!(
                "{given:?} is not an address such as 127.0.0.1:7401 or http://127.0.0.1:7401 (there is no TLS yet)"
            );
            SettingError::new("workflow_server", message)
        };
        let has_scheme = given.contains("://");
        let address = if has_scheme {
            given.clone()
        } else {
            format!("http://{given}")
        };
        let endpoint = Endpoint::from_shared(address).map_err(|_| invalid())?;
        let is_plain = endpoint.uri().scheme_str() == Some("http");
        if is_plain && (has_scheme || endpoint.uri().port().is_some()) {
            Ok(endpoint)
        } else {
            Err(invalid())
        }
    }
}

impl Settings for AlerterServerConfig {
    fn errors(&self) -> Vec<SettingError> {
        let mut errors = common_errors(Common {
            listen: self.listen,
            allow_plaintext: self.allow_plaintext,
            log_filter: &self.log_filter,
            allowed_hosts: &self.allowed_hosts,
            web_origins: &self.web_origins,
        });
        errors.extend(self.upstream().err());
        errors.extend(zero_errors(&[
            ("ring_entries_max", self.ring_entries_max as u64),
            ("ring_bytes_max", self.ring_bytes_max as u64),
            ("streams_max", self.streams_max as u64),
            ("bookmark_seconds", self.bookmark_seconds),
            ("stall_seconds", self.stall_seconds),
            ("keepalive_seconds", self.keepalive_seconds),
            ("connections_max", self.connections_max as u64),
            (
                "connections_per_address_max",
                self.connections_per_address_max as u64,
            ),
        ]));
        errors
    }
}

/// The alerter-server of Aftercall: streams every stage change to the connected Call Managers.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// A TOML file with the settings that --print-config shows
    #[arg(long, env = "AFTERCALL_ALERTER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:7402]
    #[arg(long, env = "AFTERCALL_ALERTER_LISTEN", value_name = "ADDRESS:PORT", value_parser = aftercall_serving::parse_listen)]
    listen: Option<SocketAddr>,
    /// The workflow-server that it follows [default: http://127.0.0.1:7401]
    #[arg(long, env = "AFTERCALL_WORKFLOW_SERVER", value_name = "URL")]
    workflow_server: Option<String>,
    /// Serve plain text on a public or shared address: there is no TLS and no authentication yet
    #[arg(long, env = "AFTERCALL_ALLOW_PLAINTEXT")]
    allow_plaintext: bool,
    /// The form of the logs
    #[arg(long, env = "AFTERCALL_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged, such as info or info,alerter_server=debug
    #[arg(
        long,
        visible_alias = "log",
        env = "AFTERCALL_LOG",
        value_name = "FILTER"
    )]
    log_filter: Option<String>,
    /// Seconds over which clients are disconnected when the server stops
    #[arg(long, env = "AFTERCALL_DRAIN_SECONDS", value_name = "SECONDS")]
    drain_seconds: Option<u32>,
    /// Entries that the ring holds for streams that resume
    #[arg(long, env = "AFTERCALL_RING_ENTRIES_MAX", value_name = "N")]
    ring_entries_max: Option<u32>,
    /// Bytes that the ring holds, whichever is reached first
    #[arg(long, env = "AFTERCALL_RING_BYTES_MAX", value_name = "BYTES")]
    ring_bytes_max: Option<u32>,
    /// Streams at once
    #[arg(long, env = "AFTERCALL_STREAMS_MAX", value_name = "N")]
    streams_max: Option<u32>,
    /// Seconds of silence after which a stream gets a bookmark
    #[arg(long, env = "AFTERCALL_BOOKMARK_SECONDS", value_name = "SECONDS")]
    bookmark_seconds: Option<u32>,
    /// Seconds without progress after which a client is closed
    #[arg(long, env = "AFTERCALL_STALL_SECONDS", value_name = "SECONDS")]
    stall_seconds: Option<u32>,
    /// Seconds after which a quiet connection is asked whether it is still there, and within which
    /// it must answer
    #[arg(long, env = "AFTERCALL_KEEPALIVE_SECONDS", value_name = "SECONDS")]
    keepalive_seconds: Option<u32>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Print the effective configuration as TOML and exit
    #[arg(long)]
    pub print_config: bool,
}

impl Args {
    /// Resolves the layers.
    ///
    /// # Errors
    /// [`ConfigError`] if a layer is invalid.
    pub fn resolve(&self) -> Result<AlerterServerConfig, ConfigError> {
        let mut over = toml::Table::new();
        let mut put = |key: &str, value: Option<toml::Value>| {
            if let Some(value) = value {
                over.insert(key.to_owned(), value);
            }
        };
        put(
            "listen",
            self.listen.map(|address| address.to_string().into()),
        );
        put(
            "workflow_server",
            self.workflow_server.clone().map(Into::into),
        );
        put(
            "allow_plaintext",
            self.allow_plaintext.then_some(true.into()),
        );
        put(
            "log_format",
            self.log_format
                .and_then(|format| toml::Value::try_from(format).ok()),
        );
        put("log_filter", self.log_filter.clone().map(Into::into));
        put("drain_seconds", self.drain_seconds.map(number));
        put("ring_entries_max", self.ring_entries_max.map(number));
        put("ring_bytes_max", self.ring_bytes_max.map(number));
        put("streams_max", self.streams_max.map(number));
        put("bookmark_seconds", self.bookmark_seconds.map(number));
        put("stall_seconds", self.stall_seconds.map(number));
        put("keepalive_seconds", self.keepalive_seconds.map(number));
        self.network.put_into(&mut over);
        load(self.config.as_deref(), over)
    }
}

fn number(number: u32) -> toml::Value {
    i64::from(number).into()
}
