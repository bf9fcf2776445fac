//! The settings of the workflow-server, resolved once: defaults, file, environment, flags.

mod store;

use std::net::SocketAddr;
use std::path::PathBuf;

use aftercall_definition::time::is_time_zone;
use aftercall_engine::archive::RETENTION_DEFAULT;
use aftercall_engine::phone::Country;
use aftercall_serving::config::{ConfigError, load};
use aftercall_serving::logs::LogFormat;
use aftercall_serving::settings::{Common, SettingError, Settings, common_errors, zero_errors};
use aftercall_serving::{
    AUDIT_LOG_FILES, AUDIT_LOG_SIZE_MIB, AuditSettings, LimitSettings, NetworkArgs, ProofSettings,
    Protection, TlsSettings,
};
use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};
pub(crate) use store::authority;
pub use store::{StoreArgs, StoreUrl};

use crate::limits::{
    ARCHIVE_AFTER_SECONDS, CLOCK_AHEAD_MAX, COMMANDS_WAITING_MAX, IMPORT_BYTES_MAX,
    JOURNAL_KEPT_ENTRIES, SNAPSHOT_EVERY_ENTRIES,
};

/// What the server does once its store has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum StoreFailure {
    /// End the process, so that its supervisor starts it again from what is durable.
    #[default]
    Exit,
    /// Keep serving what is durable, and refuse writes, until somebody restarts the server.
    ReadOnly,
}

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowServerConfig {
    /// Where it listens. An address that other machines reach needs TLS or `insecure`.
    #[serde(deserialize_with = "aftercall_serving::deserialize_listen")]
    pub listen: SocketAddr,
    /// The directory that holds all data. With a store, only the files of `aftercall up` that no
    /// other server needs.
    pub data_dir: PathBuf,
    /// The database that several servers share, instead of a data directory; empty for none.
    pub store: StoreUrl,
    /// A file that contains `store`; empty for none.
    pub store_file: PathBuf,
    /// The address by which the other members of the cluster reach this server.
    pub advertise: String,
    /// The name of this member of the cluster; empty for its advertised address.
    pub member_name: String,
    /// PEM file: the CAs that sign the certificates of the members; empty for those of the system.
    pub member_ca: PathBuf,
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
    /// What is logged, such as `info` or `info,workflow_server=debug`.
    pub log_filter: String,
    /// How many hours request ids are kept, at least 24 for production.
    pub request_ids_keep_hours: u32,
    /// Entries between snapshots, at least: in a large World there are more.
    pub snapshot_every_entries: u64,
    /// Entries that stay in the journal behind the older of the two snapshots, for alerters that
    /// come back.
    pub journal_kept_entries: u64,
    /// Seconds that running requests may take once the server is stopping.
    pub drain_seconds: u64,
    /// The time zone by whose clock times are read and shown where neither caller nor calendar
    /// have one, by its IANA name.
    pub time_zone: String,
    /// The country of telephone numbers that name none, by its ISO 3166 code, such as GB; empty
    /// for none.
    pub country: String,
    /// Seconds for which a push may be taken back; 0 for not at all.
    pub undo_seconds: u32,
    /// Seconds after its end at which an instance leaves memory for the archive. Where
    /// `undo_seconds` is longer, that counts: a push can be taken back for as long.
    pub archive_after_seconds: u32,
    /// Days for which ended instances are kept where their workflow does not say, at least 1.
    pub retention_days: u32,
    /// Minutes by which the wall clock may be ahead at a start, beyond the time that is known to
    /// have passed; further ahead it is not believed until it is set right or accepted.
    pub clock_ahead_minutes: u32,
    /// Take the journal as it is where the head file is lost: what was acknowledged after the
    /// newest entry is then given up.
    pub rebuild_head: bool,
    /// What the server does once its store has failed.
    pub on_store_failure: StoreFailure,
    /// Host names, besides `localhost` and addresses, by which clients name this server, such as
    /// `calls.example.com`.
    pub allowed_hosts: Vec<String>,
    /// Origins whose web pages may use this server by gRPC-Web, such as `https://desk.example.com`; none turns it off.
    pub web_origins: Vec<String>,
    /// Bytes of one request of an author.
    pub import_bytes_max: u32,
    /// Changes that may wait to be decided; new work may fill half of it.
    pub commands_waiting_max: u32,
    /// What clients may use.
    #[serde(flatten)]
    pub limits: LimitSettings,
}

impl Default for WorkflowServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7401)),
            data_dir: PathBuf::from("aftercall-data"),
            store: StoreUrl::default(),
            store_file: PathBuf::new(),
            advertise: String::new(),
            member_name: String::new(),
            member_ca: PathBuf::new(),
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
            request_ids_keep_hours: 24,
            snapshot_every_entries: SNAPSHOT_EVERY_ENTRIES,
            journal_kept_entries: JOURNAL_KEPT_ENTRIES,
            drain_seconds: 10,
            time_zone: "UTC".to_owned(),
            country: String::new(),
            undo_seconds: 300,
            archive_after_seconds: ARCHIVE_AFTER_SECONDS,
            retention_days: RETENTION_DEFAULT.amount,
            clock_ahead_minutes: CLOCK_AHEAD_MAX.as_secs() as u32 / 60,
            rebuild_head: false,
            on_store_failure: StoreFailure::Exit,
            allowed_hosts: Vec::new(),
            web_origins: Vec::new(),
            import_bytes_max: IMPORT_BYTES_MAX,
            commands_waiting_max: COMMANDS_WAITING_MAX,
            limits: LimitSettings::default(),
        }
    }
}

impl WorkflowServerConfig {
    /// Whether it shares its store with other servers.
    #[must_use]
    pub fn has_shared_store(&self) -> bool {
        !self.store.is_empty() || !self.store_file.as_os_str().is_empty()
    }

    /// The same without secrets, to be shown.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        Self {
            store: self.store.without_secrets(),
            ..self.clone()
        }
    }

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
}

impl Settings for WorkflowServerConfig {
    fn errors(&self) -> Vec<SettingError> {
        let mut errors = common_errors(Common {
            listen: self.listen,
            protection: &self.protection(),
            log_filter: &self.log_filter,
            audit: &self.audit(),
            allowed_hosts: &self.allowed_hosts,
            web_origins: &self.web_origins,
        });
        errors.extend(zero_errors(&[
            ("request_ids_keep_hours", self.request_ids_keep_hours.into()),
            ("snapshot_every_entries", self.snapshot_every_entries),
            ("retention_days", self.retention_days.into()),
            ("import_bytes_max", self.import_bytes_max.into()),
            ("commands_waiting_max", self.commands_waiting_max.into()),
        ]));
        errors.extend(self.limits.errors());
        errors.extend(store::errors(&store::Checked {
            store: &self.store,
            store_file: &self.store_file,
            listen: self.listen,
            advertise: &self.advertise,
        }));
        errors.extend(store::directory_error(&self.data_dir));
        if !is_time_zone(&self.time_zone) {
            let message = format!(
                "there is no time zone `{}`: give an IANA name, such as Europe/Berlin",
                self.time_zone
            );
            errors.push(SettingError::new("time_zone", message));
        }
        if !self.country.is_empty() && Country::named(&self.country).is_none() {
            let message = format!(
                "there is no country `{}`: give its ISO 3166 code, such as GB or DE",
                self.country
            );
            errors.push(SettingError::new("country", message));
        }
        errors
    }
}

/// The workflow-server of Aftercall: owns workflow definitions and the instances that run on calls.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// A TOML file with the settings that --print-config shows
    #[arg(long, env = "AFTERCALL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:7401]
    #[arg(long, env = "AFTERCALL_WORKFLOW_LISTEN", value_name = "ADDRESS:PORT", value_parser = aftercall_serving::parse_listen)]
    listen: Option<SocketAddr>,
    /// The directory that holds all data [default: aftercall-data]
    #[arg(long, env = "AFTERCALL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The form of the logs
    #[arg(long, env = "AFTERCALL_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged, such as info or info,workflow_server=debug
    #[arg(
        long,
        visible_alias = "log",
        env = "AFTERCALL_LOG",
        value_name = "FILTER"
    )]
    log_filter: Option<String>,
    /// Entries between snapshots, at least [default: 200000]; in a large World there are more
    #[arg(long, env = "AFTERCALL_SNAPSHOT_EVERY_ENTRIES", value_name = "N")]
    snapshot_every_entries: Option<u64>,
    /// Entries that stay in the journal behind the older of the two snapshots
    #[arg(long, env = "AFTERCALL_JOURNAL_KEPT_ENTRIES", value_name = "N")]
    journal_kept_entries: Option<u64>,
    /// Hours that request ids are kept
    #[arg(long, env = "AFTERCALL_REQUEST_IDS_KEEP_HOURS", value_name = "HOURS")]
    request_ids_keep_hours: Option<u32>,
    /// Seconds that running requests may take once the server is stopping
    #[arg(long, env = "AFTERCALL_DRAIN_SECONDS", value_name = "SECONDS")]
    drain_seconds: Option<u32>,
    /// The time zone that counts where neither the caller nor a calendar has one, such as
    /// Europe/Berlin [default: UTC]
    #[arg(long, env = "AFTERCALL_TIME_ZONE", value_name = "ZONE")]
    time_zone: Option<String>,
    /// The country of telephone numbers that name none, by its ISO 3166 code, such as GB [default:
    /// none]
    #[arg(long, env = "AFTERCALL_COUNTRY", value_name = "CODE")]
    country: Option<String>,
    /// Seconds for which a push may be taken back; 0 for not at all [default: 300]. An instance
    /// stays in memory for at least as long
    #[arg(long, env = "AFTERCALL_UNDO_SECONDS", value_name = "SECONDS")]
    undo_seconds: Option<u32>,
    /// Seconds after its end at which an instance leaves memory [default: 3600]. Where
    /// --undo-seconds is longer, that counts
    #[arg(long, env = "AFTERCALL_ARCHIVE_AFTER_SECONDS", value_name = "SECONDS")]
    archive_after_seconds: Option<u32>,
    /// Days for which ended instances are kept where their workflow does not say [default: 3650]
    #[arg(long, env = "AFTERCALL_RETENTION_DAYS", value_name = "DAYS")]
    retention_days: Option<u32>,
    /// Minutes by which the clock may be ahead at a start without being held [default: 60]
    #[arg(long, env = "AFTERCALL_CLOCK_AHEAD_MINUTES", value_name = "MINUTES")]
    clock_ahead_minutes: Option<u32>,
    /// Take the journal as it is where the head file is lost; what came after its newest entry is
    /// given up
    #[arg(long, env = "AFTERCALL_REBUILD_HEAD")]
    rebuild_head: bool,
    /// What to do once the store has failed [default: exit]
    #[arg(long, env = "AFTERCALL_ON_STORE_FAILURE", value_name = "WHAT")]
    on_store_failure: Option<StoreFailure>,
    /// Bytes of one request of an author [default: 4194304]
    #[arg(long, env = "AFTERCALL_IMPORT_BYTES_MAX", value_name = "BYTES")]
    import_bytes_max: Option<u32>,
    /// Changes that may wait to be decided; new work may fill half of it [default: 16384]
    #[arg(long, env = "AFTERCALL_COMMANDS_WAITING_MAX", value_name = "N")]
    commands_waiting_max: Option<u32>,
    #[command(flatten)]
    store: StoreArgs,
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
    /// [`ConfigError`] where a layer has an error.
    pub fn resolve(&self) -> Result<WorkflowServerConfig, ConfigError> {
        let mut over = self.given();
        self.network.put_into(&mut over);
        self.store.put_into(&mut over);
        load(self.config.as_deref(), over)
    }

    /// The settings that flags or the environment give, by their names in the file.
    fn given(&self) -> toml::Table {
        let texts = [
            ("listen", self.listen.map(|address| address.to_string())),
            (
                "data_dir",
                self.data_dir
                    .as_ref()
                    .map(|dir| dir.to_string_lossy().into_owned()),
            ),
            ("log_filter", self.log_filter.clone()),
            ("time_zone", self.time_zone.clone()),
            ("country", self.country.clone()),
        ];
        let switches = [("rebuild_head", self.rebuild_head)];
        let names = [
            ("log_format", self.log_format.map(toml::Value::try_from)),
            (
                "on_store_failure",
                self.on_store_failure.map(toml::Value::try_from),
            ),
        ];
        let texts = texts.map(|(key, text)| (key, text.map(toml::Value::from)));
        let numbers = self
            .given_numbers()
            .map(|(key, number)| (key, number.map(toml::Value::from)));
        let switches = switches.map(|(key, is_on)| (key, is_on.then_some(true.into())));
        let names = names.map(|(key, name)| (key, name.and_then(Result::ok)));
        let given = texts
            .into_iter()
            .chain(numbers)
            .chain(switches)
            .chain(names);
        given
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect()
    }
    fn given_numbers(&self) -> [(&'static str, Option<i64>); 10] {
        [
            (
                "commands_waiting_max",
                self.commands_waiting_max.map(i64::from),
            ),
            ("import_bytes_max", self.import_bytes_max.map(i64::from)),
            (
                "snapshot_every_entries",
                self.snapshot_every_entries.map(|entries| entries as i64),
            ),
            (
                "journal_kept_entries",
                self.journal_kept_entries.map(|entries| entries as i64),
            ),
            (
                "request_ids_keep_hours",
                self.request_ids_keep_hours.map(i64::from),
            ),
            ("drain_seconds", self.drain_seconds.map(i64::from)),
            ("undo_seconds", self.undo_seconds.map(i64::from)),
            (
                "archive_after_seconds",
                self.archive_after_seconds.map(i64::from),
            ),
            ("retention_days", self.retention_days.map(i64::from)),
            (
                "clock_ahead_minutes",
                self.clock_ahead_minutes.map(i64::from),
            ),
        ]
    }
}
