//! The settings of the alerter-server, resolved once: defaults, file, environment, flags.

use std::net::SocketAddr;
use std::path::PathBuf;

use aftercall_client::{Connector, TokenFile};
use aftercall_serving::config::{ConfigError, load};
use aftercall_serving::logs::LogFormat;
use aftercall_serving::settings::{Common, SettingError, Settings, common_errors, zero_errors};
use aftercall_serving::{
    AUDIT_LOG_FILES, AUDIT_LOG_SIZE_MIB, AuditSettings, LimitSettings, NetworkArgs, ProofSettings,
    Protection, TlsSettings,
};
use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::limits::{
    REQUEST_BYTES_MAX, STREAMS_PER_CONNECTION_MAX, UNREAD_BYTES_PER_CONNECTION_MAX,
};

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlerterServerConfig {
    /// Where it listens. An address that other machines reach needs TLS or `insecure`.
    #[serde(deserialize_with = "aftercall_serving::deserialize_listen")]
    pub listen: SocketAddr,
    /// The workflow-server that it follows, such as `http://127.0.0.1:7401`, or `https://…` for TLS.
    /// Several members of a cluster have commas between them.
    pub workflow_server: String,
    /// A PEM file with the certificate authorities that the workflow-server's certificate may come
    /// from; empty for those of the system.
    pub workflow_ca: PathBuf,
    /// A PEM file with the certificate, and its chain, that the workflow-server knows this
    /// alerter-server by; empty for none.
    pub workflow_certificate: PathBuf,
    /// A PEM file with the key of `workflow_certificate`.
    pub workflow_key: PathBuf,
    /// A file with the token that the workflow-server knows this alerter-server by; empty for none.
    pub workflow_token_file: PathBuf,
    /// Whether the token may be sent in plain text to another machine.
    pub workflow_plain_text_token: bool,
    /// Whether it serves without TLS or without proof of identity on an address that other
    /// machines reach.
    pub insecure: bool,
    /// PEM file: the certificate of this server, then those between it and its CA; empty for plain
    /// text.
    pub tls_certificate: PathBuf,
    /// PEM file: the private key of the certificate.
    pub tls_key: PathBuf,
    /// PEM file: the CAs that sign the certificates of clients; empty to ask for none.
    pub tls_client_ca: PathBuf,
    /// Whether a client without a certificate is refused.
    pub tls_client_required: bool,
    /// The file with the tokens that are accepted; empty for none.
    pub tokens_file: PathBuf,
    /// The file with trusted issuers of tokens, and with who the client certificates are; empty
    /// for none.
    pub access_file: PathBuf,
    /// Where the audit log goes: `auto`, `off`, `stderr` or the path of a file.
    pub audit_log: String,
    /// MiB of the file of the audit log at which it is rotated.
    pub audit_log_size: u32,
    /// Files of the audit log that are kept, with the present one.
    pub audit_log_files: u32,
    /// Whether tools cannot read the types of requests.
    pub no_reflection: bool,
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
    /// Seconds over which clients are disconnected when the server stops.
    pub drain_seconds: u64,
    /// Host names, besides `localhost` and addresses, by which clients name this server, such as
    /// `calls.example.com`.
    pub allowed_hosts: Vec<String>,
    /// Origins whose web pages may use this server by gRPC-Web, such as `https://desk.example.com`; none turns it off.
    pub web_origins: Vec<String>,
    /// What clients may use.
    #[serde(flatten)]
    pub limits: LimitSettings,
}

impl Default for AlerterServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7402)),
            workflow_server: "http://127.0.0.1:7401".to_owned(),
            workflow_ca: PathBuf::new(),
            workflow_certificate: PathBuf::new(),
            workflow_key: PathBuf::new(),
            workflow_token_file: PathBuf::new(),
            workflow_plain_text_token: false,
            insecure: false,
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            tls_client_ca: PathBuf::new(),
            tls_client_required: false,
            tokens_file: PathBuf::new(),
            access_file: PathBuf::new(),
            audit_log: "auto".to_owned(),
            audit_log_size: AUDIT_LOG_SIZE_MIB,
            audit_log_files: AUDIT_LOG_FILES,
            no_reflection: false,
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
            ring_entries_max: 100_000,
            ring_bytes_max: 128 << 20,
            streams_max: 20_000,
            bookmark_seconds: 15,
            drain_seconds: 10,
            allowed_hosts: Vec::new(),
            web_origins: Vec::new(),
            limits: LimitSettings {
                streams_per_connection_max: STREAMS_PER_CONNECTION_MAX,
                resets_per_second_max: STREAMS_PER_CONNECTION_MAX,
                request_bytes_max: REQUEST_BYTES_MAX,
                unread_bytes_per_connection_max: UNREAD_BYTES_PER_CONNECTION_MAX,
                ..LimitSettings::default()
            },
        }
    }
}

impl AlerterServerConfig {
    /// How it is protected on its network.
    pub(crate) fn protection(&self) -> Protection {
        Protection {
            insecure: self.insecure,
            tls: TlsSettings {
                certificate: self.tls_certificate.clone(),
                key: self.tls_key.clone(),
                client_ca: self.tls_client_ca.clone(),
                client_required: self.tls_client_required,
            },
            proof: ProofSettings::of_files(&self.tokens_file, &self.access_file),
            is_reflection_off: self.no_reflection,
            has_sessions: false,
        }
    }

    /// The audit log.
    pub(crate) fn audit(&self) -> AuditSettings {
        AuditSettings::new(&self.audit_log, self.audit_log_size, self.audit_log_files)
    }

    /// The way to the workflow-server. Its files are read when it connects.
    ///
    /// # Errors
    /// [`SettingError`] where the address is none, or a certificate has no key.
    pub(crate) fn upstream(&self) -> Result<Connector, SettingError> {
        let given = |path: &PathBuf| Some(path.clone()).filter(|path| !path.as_os_str().is_empty());
        let mut connector = Connector::to(&self.workflow_server)
            .map_err(|error| SettingError::new("workflow_server", error.to_string()))?
            .send_token_in_plain_text(self.workflow_plain_text_token);
        if let Some(ca) = given(&self.workflow_ca) {
            connector = connector.trust(ca);
        }
        match (given(&self.workflow_certificate), given(&self.workflow_key)) {
            (None, None) => {}
            (Some(certificate), Some(key)) => connector = connector.certificate(certificate, key),
            (Some(_), None) => {
                let message = "it is empty: name the file with the key of workflow_certificate";
                return Err(SettingError::new("workflow_key", message));
            }
            (None, Some(_)) => {
                let message = "it is empty: name the file with the certificate of workflow_key";
                return Err(SettingError::new("workflow_certificate", message));
            }
        }
        if let Some(token) = given(&self.workflow_token_file) {
            connector = connector.tokens(TokenFile::new(token));
        }
        Ok(connector)
    }
}

impl Settings for AlerterServerConfig {
    fn errors(&self) -> Vec<SettingError> {
        let mut errors = common_errors(Common {
            listen: self.listen,
            protection: &self.protection(),
            log_filter: &self.log_filter,
            audit: &self.audit(),
            allowed_hosts: &self.allowed_hosts,
            web_origins: &self.web_origins,
        });
        errors.extend(self.upstream().err());
        errors.extend(zero_errors(&[
            ("ring_entries_max", self.ring_entries_max as u64),
            ("ring_bytes_max", self.ring_bytes_max as u64),
            ("streams_max", self.streams_max as u64),
            ("bookmark_seconds", self.bookmark_seconds),
        ]));
        errors.extend(self.limits.errors());
        errors
    }
}

/// How it reaches the workflow-server, beside the address.
#[derive(Debug, clap::Args)]
struct UpstreamArgs {
    /// A PEM file with the certificate authorities that the workflow-server's certificate may come
    /// from [default: those of the system]
    #[arg(long, env = "AFTERCALL_WORKFLOW_CA", value_name = "FILE")]
    workflow_ca: Option<PathBuf>,
    /// A PEM file with the certificate that the workflow-server knows this alerter-server by
    #[arg(long, env = "AFTERCALL_WORKFLOW_CERTIFICATE", value_name = "FILE")]
    workflow_certificate: Option<PathBuf>,
    /// A PEM file with the key of --workflow-certificate
    #[arg(long, env = "AFTERCALL_WORKFLOW_KEY", value_name = "FILE")]
    workflow_key: Option<PathBuf>,
    /// A file with the token that the workflow-server knows this alerter-server by; it is read at each
    /// connection
    #[arg(long, env = "AFTERCALL_WORKFLOW_TOKEN_FILE", value_name = "FILE")]
    workflow_token_file: Option<PathBuf>,
    /// Send the token in plain text to a workflow-server on another machine: everybody on the way can
    /// read it
    #[arg(long, env = "AFTERCALL_WORKFLOW_PLAIN_TEXT_TOKEN")]
    workflow_plain_text_token: bool,
}

impl UpstreamArgs {
    /// The settings that name files.
    fn files(&self) -> [(&'static str, &Option<PathBuf>); 4] {
        [
            ("workflow_ca", &self.workflow_ca),
            ("workflow_certificate", &self.workflow_certificate),
            ("workflow_key", &self.workflow_key),
            ("workflow_token_file", &self.workflow_token_file),
        ]
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
    /// The workflow-server that it follows; members of a cluster with commas between them [default:
    /// http://127.0.0.1:7401]
    #[arg(long, env = "AFTERCALL_WORKFLOW_SERVER", value_name = "URL")]
    workflow_server: Option<String>,
    #[command(flatten)]
    upstream: UpstreamArgs,
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
        for (key, path) in self.upstream.files() {
            let text = path
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned());
            put(key, text.map(Into::into));
        }
        put(
            "workflow_plain_text_token",
            self.upstream
                .workflow_plain_text_token
                .then_some(true.into()),
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
        self.network.put_into(&mut over);
        load(self.config.as_deref(), over)
    }
}

fn number(number: u32) -> toml::Value {
    i64::from(number).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_needs_its_key() {
        let part = AlerterServerConfig {
            workflow_server: "https://calls.example.com:7401".to_owned(),
            workflow_certificate: "alerter.pem".into(),
            ..AlerterServerConfig::default()
        };
        let invalid = part.upstream().expect_err("a certificate without a key");
        assert_eq!(invalid.setting, "workflow_key");
        let whole = AlerterServerConfig {
            workflow_key: "alerter.key".into(),
            ..part
        };
        assert!(whole.upstream().is_ok());
    }
}
