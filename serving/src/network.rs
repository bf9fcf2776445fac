//! The settings of the network that both servers have, as options and variables.

use std::path::PathBuf;

use clap::Args;

use crate::limit_settings::LimitArgs;

/// Options for who may connect.
#[derive(Clone, Debug, Default, Args)]
pub struct NetworkArgs {
    /// Serve without TLS or without proof of identity on an address that other machines reach
    #[arg(long, env = "AFTERCALL_INSECURE")]
    insecure: bool,
    /// The certificate of this server, then those between it and its CA: a PEM file. With it
    /// clients must use TLS. Changed files are read again
    #[arg(long, env = "AFTERCALL_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The private key of the certificate: a PEM file without a password
    #[arg(long, env = "AFTERCALL_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// The CAs that sign the certificates of clients: a PEM file. A client may then prove by its
    /// certificate who it is
    #[arg(long, env = "AFTERCALL_TLS_CLIENT_CA", value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// Refuse clients without a certificate
    #[arg(long, env = "AFTERCALL_TLS_CLIENT_REQUIRED")]
    tls_client_required: bool,
    /// The file with the tokens that this server accepts. `aftercall token` makes them. A changed
    /// file is read again
    #[arg(long, env = "AFTERCALL_TOKENS_FILE", value_name = "FILE")]
    tokens_file: Option<PathBuf>,
    /// The file with the issuers of tokens that this server trusts, and with who the client
    /// certificates are: TOML. A changed file is read again
    #[arg(long, env = "AFTERCALL_ACCESS_FILE", value_name = "FILE")]
    access_file: Option<PathBuf>,
    /// Where the audit log goes: a file, `stderr`, `off`, or `auto` [default: auto]. With `auto` a
    /// server that requires proof of identity has one: the workflow-server the file audit.log in its
    /// data directory, the alerter-server on stderr
    #[arg(long, env = "AFTERCALL_AUDIT_LOG", value_name = "FILE")]
    audit_log: Option<String>,
    /// MiB of the file of the audit log at which it is rotated [default: 100]
    #[arg(long, env = "AFTERCALL_AUDIT_LOG_SIZE", value_name = "MIB")]
    audit_log_size: Option<u32>,
    /// Files of the audit log that are kept, with the present one [default: 10]
    #[arg(long, env = "AFTERCALL_AUDIT_LOG_FILES", value_name = "N")]
    audit_log_files: Option<u32>,
    /// Do not show the types of requests to tools
    #[arg(long, env = "AFTERCALL_NO_REFLECTION")]
    no_reflection: bool,
    /// A host name, besides localhost and addresses, by which clients name this server; may be
    /// repeated
    #[arg(
        long = "allowed-host",
        env = "AFTERCALL_ALLOWED_HOSTS",
        value_name = "NAME",
        value_delimiter = ','
    )]
    allowed_hosts: Option<Vec<String>>,
    /// An origin whose web pages may use this server by gRPC-Web, such as `https://desk.example.com`; may be repeated
    #[arg(
        long = "web-origin",
        env = "AFTERCALL_WEB_ORIGINS",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    web_origins: Option<Vec<String>>,
    #[command(flatten)]
    limits: LimitArgs,
}

impl NetworkArgs {
    /// Adds the given settings to the upper layer of a configuration.
    pub fn put_into(&self, over: &mut toml::Table) {
        let path =
            |path: &Option<PathBuf>| Some(path.as_ref()?.to_string_lossy().into_owned().into());
        let values = [
            ("tls_certificate", path(&self.tls_certificate)),
            ("tls_key", path(&self.tls_key)),
            ("tls_client_ca", path(&self.tls_client_ca)),
            (
                "tls_client_required",
                self.tls_client_required.then_some(true.into()),
            ),
            ("tokens_file", path(&self.tokens_file)),
            ("access_file", path(&self.access_file)),
            ("audit_log", self.audit_log.clone().map(toml::Value::from)),
            ("audit_log_size", self.audit_log_size.map(toml::Value::from)),
            (
                "audit_log_files",
                self.audit_log_files.map(toml::Value::from),
            ),
            ("no_reflection", self.no_reflection.then_some(true.into())),
            ("insecure", self.insecure.then_some(true.into())),
            (
                "allowed_hosts",
                self.allowed_hosts.clone().map(toml::Value::from),
            ),
            (
                "web_origins",
                self.web_origins.clone().map(toml::Value::from),
            ),
        ];
        let limits = self.limits.given().into_iter();
        let limits = limits.map(|(name, value)| (name, value.map(toml::Value::from)));
        over.extend(
            values
                .into_iter()
                .chain(limits)
                .filter_map(|(key, value)| Some((key.to_owned(), value?))),
        );
    }
}
