//! The settings of the Call Manager page, resolved once: defaults, file, environment, flags.

use std::net::SocketAddr;
use std::path::PathBuf;

use aftercall_client::Connector;
use aftercall_serving::config::{ConfigError, load};
use aftercall_serving::issuer::check_issuer_address;
use aftercall_serving::logs::LogFormat;
use aftercall_serving::settings::{Common, SettingError, Settings, common_errors};
use aftercall_serving::{
    AUDIT_LOG_FILES, AUDIT_LOG_SIZE_MIB, AuditSettings, Protection, TlsSettings,
};
use axum::http::Uri;
use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::provider::ProviderSettings;
use crate::servers::Servers;

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallManagerConfig {
    /// Where it listens. An address that other machines reach needs TLS, and servers that want proof
    /// of identity, or `insecure`.
    #[serde(deserialize_with = "aftercall_serving::deserialize_listen")]
    pub listen: SocketAddr,
    /// The workflow-server, such as `http://127.0.0.1:7401`, or `https://…` for TLS. Several members
    /// of a cluster have commas between them.
    pub workflow_server: String,
    /// The alerter-server, such as `http://127.0.0.1:7402`. Several have commas between them.
    pub alerter_server: String,
    /// A PEM file with the certificate authorities of both servers; empty for those of the system.
    pub servers_ca: PathBuf,
    /// The name of the person who uses the page, where the servers want no proof of identity.
    pub person: String,
    /// The directory of the sessions, which is made where it is missing; empty for a temporary one,
    /// which ends with the process.
    pub sessions_dir: PathBuf,
    /// Whether it serves other machines without TLS, or without proof of identity.
    pub insecure: bool,
    /// PEM file: the certificate of the page, then those between it and its CA; empty for plain text.
    pub tls_certificate: PathBuf,
    /// PEM file: the private key of the certificate.
    pub tls_key: PathBuf,
    /// Host names, besides localhost and addresses, by which browsers reach the page.
    pub allowed_hosts: Vec<String>,
    /// The address of the page in browsers, such as `https://calls.example.com`, where a proxy in
    /// front of it ends TLS; empty for that of each request.
    pub public_url: String,
    /// The OpenID provider at which people sign in: the `issuer` in the access file of the servers;
    /// empty for none.
    pub oidc_issuer: String,
    /// The id of this page at the provider.
    pub oidc_client_id: String,
    /// A file with the secret of this page at the provider; empty for a public client.
    pub oidc_client_secret_file: PathBuf,
    /// The scopes to request, with spaces between them. `openid` is one of them.
    pub oidc_scopes: String,
    /// The audience to request, for providers that need one; else empty.
    pub oidc_audience: String,
    /// A PEM file with the certificate authority of the provider; empty for those of the system.
    pub oidc_ca_file: PathBuf,
    /// The form of the logs.
    pub log_format: LogFormat,
    /// What is logged, such as `info` or `info,call_manager=debug`.
    pub log_filter: String,
    /// Seconds over which streams end when the page stops.
    pub drain_seconds: u64,
}

impl Default for CallManagerConfig {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 7400).into(),
            workflow_server: "http://127.0.0.1:7401".to_owned(),
            alerter_server: "http://127.0.0.1:7402".to_owned(),
            servers_ca: PathBuf::new(),
            person: "Ann".to_owned(),
            sessions_dir: PathBuf::new(),
            insecure: false,
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            allowed_hosts: Vec::new(),
            public_url: String::new(),
            oidc_issuer: String::new(),
            oidc_client_id: String::new(),
            oidc_client_secret_file: PathBuf::new(),
            oidc_scopes: "openid offline_access".to_owned(),
            oidc_audience: String::new(),
            oidc_ca_file: PathBuf::new(),
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
            drain_seconds: 10,
        }
    }
}

impl CallManagerConfig {
    /// How it is protected on its network.
    pub(crate) fn protection(&self) -> Protection {
        Protection {
            insecure: self.insecure,
            tls: TlsSettings {
                certificate: self.tls_certificate.clone(),
                key: self.tls_key.clone(),
                ..TlsSettings::default()
            },
            has_sessions: true,
            ..Protection::default()
        }
    }

    /// Whether browsers reach the page over TLS, its own or that of a proxy.
    pub(crate) fn is_secure(&self) -> bool {
        !self.tls_certificate.as_os_str().is_empty() || self.public_url.starts_with("https://")
    }

    /// Where people sign in, if that is set.
    pub(crate) fn provider(&self) -> Option<ProviderSettings> {
        let file = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| path.clone());
        (!self.oidc_issuer.is_empty()).then(|| ProviderSettings {
            issuer: self.oidc_issuer.clone(),
            client_id: self.oidc_client_id.clone(),
            secret_file: file(&self.oidc_client_secret_file),
            scopes: self.oidc_scopes.clone(),
            audience: self.oidc_audience.clone(),
            ca_file: file(&self.oidc_ca_file),
        })
    }

    /// What is wrong with the settings of signing in.
    fn sign_in_errors(&self) -> Vec<SettingError> {
        let mut errors = Vec::new();
        let mut add =
            |setting, text: &str| errors.push(SettingError::new(setting, text.to_owned()));
        if !self.public_url.is_empty() && !is_origin(&self.public_url) {
            add(
                "public_url",
                "write http:// or https://, a host and perhaps a port, and no path",
            );
        }
        if self.oidc_issuer.is_empty() {
            if !self.oidc_client_id.is_empty() {
                add("oidc_client_id", "it needs oidc_issuer");
            }
            return errors;
        }
        if let Err(reason) = check_issuer_address(&self.oidc_issuer) {
            add("oidc_issuer", &reason);
        }
        if self.oidc_client_id.is_empty() {
            add(
                "oidc_client_id",
                "it is empty: write the id that the provider gave this page",
            );
        }
        if !self
            .oidc_scopes
            .split_whitespace()
            .any(|one| one == "openid")
        {
            add("oidc_scopes", "`openid` is missing");
        }
        errors
    }

    /// The ways to both servers.
    ///
    /// # Errors
    /// [`SettingError`] where an address is none.
    pub(crate) fn servers(&self) -> Result<Servers, SettingError> {
        let to = |setting, address: &str| {
            let connector = Connector::to(address);
            let connector =
                connector.map_err(|error| SettingError::new(setting, error.to_string()))?;
            Ok(if self.servers_ca.as_os_str().is_empty() {
                connector
            } else {
                connector.trust(&self.servers_ca)
            })
        };
        Ok(Servers::new(
            to("workflow_server", &self.workflow_server)?,
            to("alerter_server", &self.alerter_server)?,
        ))
    }
}

impl Settings for CallManagerConfig {
    fn errors(&self) -> Vec<SettingError> {
        let mut errors = common_errors(Common {
            listen: self.listen,
            protection: &self.protection(),
            log_filter: &self.log_filter,
            allowed_hosts: &self.allowed_hosts,
            web_origins: &[],
            // The page has no RPCs: the servers behind it note who does what.
            audit: &AuditSettings::new("off", AUDIT_LOG_SIZE_MIB, AUDIT_LOG_FILES),
        });
        errors.extend(self.servers().err());
        errors.extend(self.sign_in_errors());
        if self.person.trim().is_empty() {
            errors.push(SettingError::new("person", "it is empty: give a name"));
        }
        errors
    }
}

/// Whether an address is a scheme, a host and perhaps a port.
fn is_origin(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else {
        return false;
    };
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    let has_path = uri.path().len() > 1 || uri.query().is_some();
    has_host && !has_path && matches!(uri.scheme_str(), Some("http" | "https"))
}

/// The Call Manager of Aftercall: a web page with the follow-ups that wait.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// A TOML file with the settings that --print-config shows
    #[arg(long, env = "AFTERCALL_CALL_MANAGER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:7400]
    #[arg(long, env = "AFTERCALL_CALL_MANAGER_LISTEN", value_name = "ADDRESS:PORT", value_parser = aftercall_serving::parse_listen)]
    listen: Option<SocketAddr>,
    /// The workflow-server; members of a cluster with commas between them [default:
    /// http://127.0.0.1:7401]
    #[arg(long, env = "AFTERCALL_WORKFLOW_SERVER", value_name = "URL")]
    workflow_server: Option<String>,
    /// The alerter-server; several with commas between them [default: http://127.0.0.1:7402]
    #[arg(long, env = "AFTERCALL_ALERTER_SERVER", value_name = "URL")]
    alerter_server: Option<String>,
    /// A PEM file with the certificate authorities of both servers [default: those of the system]
    #[arg(long, env = "AFTERCALL_SERVERS_CA", value_name = "FILE")]
    servers_ca: Option<PathBuf>,
    /// The name of the person who uses the page, where the servers want no proof of identity
    /// [default: Ann]
    #[arg(long, env = "AFTERCALL_PERSON", value_name = "NAME")]
    person: Option<String>,
    /// The directory of the sessions [default: a temporary one]
    #[arg(long, env = "AFTERCALL_SESSIONS_DIR", value_name = "DIR")]
    sessions_dir: Option<PathBuf>,
    /// Serve other machines without TLS, or without proof of identity
    #[arg(long, env = "AFTERCALL_INSECURE")]
    insecure: bool,
    /// The certificate of the page, then those between it and its CA: a PEM file
    #[arg(long, env = "AFTERCALL_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The private key of the certificate: a PEM file without a password
    #[arg(long, env = "AFTERCALL_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A host name, besides localhost and addresses, by which browsers reach the page; may be repeated
    #[arg(
        long = "allowed-host",
        env = "AFTERCALL_ALLOWED_HOSTS",
        value_name = "NAME",
        value_delimiter = ','
    )]
    allowed_hosts: Option<Vec<String>>,
    /// The address of the page in browsers, where a proxy in front of it ends TLS [default: that of
    /// each request]
    #[arg(long, env = "AFTERCALL_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// The OpenID provider at which people sign in
    #[arg(long, env = "AFTERCALL_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<String>,
    /// The id of this page at the provider
    #[arg(long, env = "AFTERCALL_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// A file with the secret of this page at the provider [default: a public client]
    #[arg(long, env = "AFTERCALL_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    oidc_client_secret_file: Option<PathBuf>,
    /// The scopes to request, with spaces between them [default: openid offline_access]
    #[arg(long, env = "AFTERCALL_OIDC_SCOPES", value_name = "SCOPES")]
    oidc_scopes: Option<String>,
    /// The audience to request, for providers that need one
    #[arg(long, env = "AFTERCALL_OIDC_AUDIENCE", value_name = "AUDIENCE")]
    oidc_audience: Option<String>,
    /// A PEM file with the certificate authority of the provider [default: those of the system]
    #[arg(long, env = "AFTERCALL_OIDC_CA_FILE", value_name = "FILE")]
    oidc_ca_file: Option<PathBuf>,
    /// The form of the logs
    #[arg(long, env = "AFTERCALL_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged, such as info or info,call_manager=debug
    #[arg(
        long,
        visible_alias = "log",
        env = "AFTERCALL_LOG",
        value_name = "FILTER"
    )]
    log_filter: Option<String>,
    /// Seconds over which streams end when the page stops
    #[arg(long, env = "AFTERCALL_DRAIN_SECONDS", value_name = "SECONDS")]
    drain_seconds: Option<u32>,
    /// Print the effective configuration as TOML and exit
    #[arg(long)]
    pub print_config: bool,
}

impl Args {
    /// Resolves the layers.
    ///
    /// # Errors
    /// [`ConfigError`] if a layer is invalid.
    pub fn resolve(&self) -> Result<CallManagerConfig, ConfigError> {
        let text = |text: &Option<String>| text.clone().map(toml::Value::from);
        let path = |path: &Option<PathBuf>| {
            let path = path.as_ref()?.to_string_lossy();
            Some(toml::Value::from(path.into_owned()))
        };
        let listen = self.listen.map(|address| address.to_string().into());
        let format = self
            .log_format
            .and_then(|format| toml::Value::try_from(format).ok());
        let seconds = self.drain_seconds.map(|seconds| i64::from(seconds).into());
        let values = [
            ("listen", listen),
            ("workflow_server", text(&self.workflow_server)),
            ("alerter_server", text(&self.alerter_server)),
            ("servers_ca", path(&self.servers_ca)),
            ("person", text(&self.person)),
            ("sessions_dir", path(&self.sessions_dir)),
            ("insecure", self.insecure.then_some(true.into())),
            ("tls_certificate", path(&self.tls_certificate)),
            ("tls_key", path(&self.tls_key)),
            (
                "allowed_hosts",
                self.allowed_hosts.clone().map(toml::Value::from),
            ),
            ("public_url", text(&self.public_url)),
            ("oidc_issuer", text(&self.oidc_issuer)),
            ("oidc_client_id", text(&self.oidc_client_id)),
            (
                "oidc_client_secret_file",
                path(&self.oidc_client_secret_file),
            ),
            ("oidc_scopes", text(&self.oidc_scopes)),
            ("oidc_audience", text(&self.oidc_audience)),
            ("oidc_ca_file", path(&self.oidc_ca_file)),
            ("log_format", format),
            ("log_filter", text(&self.log_filter)),
            ("drain_seconds", seconds),
        ];
        let given = values.into_iter();
        let given = given.filter_map(|(key, value)| Some((key.to_owned(), value?)));
        load(self.config.as_deref(), given.collect())
    }
}
