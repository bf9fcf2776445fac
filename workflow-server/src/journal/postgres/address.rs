//! The address of a database: a connection string, with the password from outside of it.
//!
//! Promise: nothing here shows a password. [`Address`] has no way to print one.
//!
//! Must not: read the environment. [`Surroundings`] brings what the environment has.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::parameters::{self, Parameters, invalid};
use super::passfile;
use crate::journal::{CONNECT_LIMIT, DatabaseError};

/// What the environment says about databases, as with PostgreSQL's own programs.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// The password, from `PGPASSWORD`.
    pub password: Option<String>,
    /// The file with passwords, from `PGPASSFILE`. By default `.pgpass` in the home directory.
    pub passfile: Option<PathBuf>,
    /// The name of the user that runs this process.
    pub user: Option<String>,
}

impl Surroundings {
    /// Reads the environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let of_home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".pgpass"));
        let text = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        Self {
            password: text("PGPASSWORD"),
            passfile: text("PGPASSFILE").map(PathBuf::from).or_else(of_home),
            user: text("PGUSER").or_else(|| text("USER")),
        }
    }
}

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing: the connection may not even be encrypted.
    Nothing,
    /// The chain of certificates, and not the name of the host.
    Chain,
    /// The chain, and the name of the host.
    Everything,
}

/// Which certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those of the system.
    System,
    /// Those in this file.
    File(PathBuf),
}

/// The address of a database.
#[derive(Clone)]
pub struct Address {
    /// One configuration for each host, in the order in which they are tried.
    pub(super) hosts: Vec<tokio_postgres::Config>,
    pub(super) check: Check,
    pub(super) roots: Roots,
    /// The file of the client's certificate, and of its key.
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
    location: String,
    has_password: bool,
}

impl Address {
    /// Whether the text is the address of a database, and not a directory.
    #[must_use]
    pub fn is_database(text: &str) -> bool {
        parameters::is_url(text) || text.contains("dbname=") || text.contains("host=")
    }

    /// Reads a URL or a text with keys and values, as PostgreSQL's own programs do. The database
    /// must be named. A password may be in the text, in [`Surroundings::password`], or in a file.
    ///
    /// # Errors
    /// [`DatabaseError::Address`], without the text itself.
    pub fn parse(text: &str, surroundings: &Surroundings) -> Result<Self, DatabaseError> {
        let mut parameters = Parameters::parse(text)?;
        let (check, encryption) = read_check(&mut parameters)?;
        let roots = read_roots(&mut parameters, check)?;
        let certificate = read_certificate(&mut parameters)?;
        let passfile = parameters.take("passfile").map(PathBuf::from);
        let mut config = parameters.config()?;
        let has_password = config.get_password().is_some();
        refuse_standby(&config)?;
        if config.get_user().is_none() {
            let user = surroundings.user.clone();
            config.user(
                user.ok_or_else(|| invalid("name the user, as in postgres://USER@HOST/DATABASE"))?,
            );
        }
        if config.get_dbname().is_none() {
            return Err(invalid(
                "name the database, as in postgres://USER@HOST/DATABASE",
            ));
        }
        if config.get_hosts().is_empty() {
            return Err(invalid(
                "name the host, as in postgres://USER@HOST/DATABASE",
            ));
        }
        if !has_password && let Some(password) = &surroundings.password {
            config.password(password);
        }
        let passfile = passfile.or_else(|| surroundings.passfile.clone());
        let hosts = split(&config, encryption, passfile.as_deref())?;
        Ok(Self {
            location: location(&config),
            hosts,
            check,
            roots,
            certificate,
            has_password,
        })
    }

    /// The hosts and the database, without user and password.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whether the text itself contains a password. Such a text must not be an argument of a
    /// program, because each user of the machine can see it there.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// Whether a host is reached over a network without a check of its certificate.
    pub(super) fn is_unchecked(&self) -> bool {
        let is_remote = |host: &Host| match host {
            Host::Tcp(name) => {
                let address: Option<std::net::IpAddr> = name.parse().ok();
                name != "localhost" && !address.is_some_and(|address| address.is_loopback())
            }
            Host::Unix(_) => false,
        };
        self.check == Check::Nothing
            && self
                .hosts
                .iter()
                .any(|config| config.get_hosts().iter().any(is_remote))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Address")
            .field(&self.location)
            .finish()
    }
}

/// `prefer` and `require` check nothing, as with PostgreSQL's own programs. With a file of roots
/// `require` checks the chain.
fn read_check(parameters: &mut Parameters) -> Result<(Check, SslMode), DatabaseError> {
    let mode = parameters.take("sslmode");
    let has_roots = parameters.has("sslrootcert");
    match mode.as_deref() {
        Some("disable") => Ok((Check::Nothing, SslMode::Disable)),
        None | Some("prefer") => Ok((Check::Nothing, SslMode::Prefer)),
        Some("require") if has_roots => Ok((Check::Chain, SslMode::Require)),
        Some("require") => Ok((Check::Nothing, SslMode::Require)),
        Some("verify-ca") => Ok((Check::Chain, SslMode::Require)),
        Some("verify-full") => Ok((Check::Everything, SslMode::Require)),
        Some(_) => Err(invalid(
            "sslmode is disable, prefer, require, verify-ca or verify-full",
        )),
    }
}

fn read_roots(parameters: &mut Parameters, check: Check) -> Result<Roots, DatabaseError> {
    let named = parameters.take("sslrootcert");
    if named.is_some() && check == Check::Nothing {
        return Err(invalid(
            "sslrootcert has no effect with this sslmode: use sslmode=verify-full",
        ));
    }
    Ok(match named.as_deref() {
        None | Some("system") => Roots::System,
        Some(path) => Roots::File(path.into()),
    })
}

fn read_certificate(
    parameters: &mut Parameters,
) -> Result<Option<(PathBuf, PathBuf)>, DatabaseError> {
    match (parameters.take("sslcert"), parameters.take("sslkey")) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some((certificate.into(), key.into()))),
        _ => Err(invalid(
            "sslcert and sslkey belong together: name both or neither",
        )),
    }
}

/// A store cannot be used through a server that accepts no writes.
fn refuse_standby(config: &tokio_postgres::Config) -> Result<(), DatabaseError> {
    if config.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
        return Err(invalid(
            "target_session_attrs=read-only: the server must accept writes, so use read-write",
        ));
    }
    Ok(())
}

/// A configuration for each host, so that each has a time limit of its own.
fn split(
    config: &tokio_postgres::Config,
    encryption: SslMode,
    passfile: Option<&Path>,
) -> Result<Vec<tokio_postgres::Config>, DatabaseError> {
    let (hosts, ports) = (config.get_hosts(), config.get_ports());
    let addresses = config.get_hostaddrs();
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(invalid(
            "there are more ports than hosts: name one port, or one for each host",
        ));
    }
    if !addresses.is_empty() && addresses.len() != hosts.len() {
        return Err(invalid("name as many values in hostaddr as in host"));
    }
    let mut split = Vec::with_capacity(hosts.len());
    for (at, host) in hosts.iter().enumerate() {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let mut one = base(config);
        one.ssl_mode(encryption).port(port);
        match host {
            Host::Tcp(name) => one.host(name.as_str()),
            Host::Unix(folder) => one.host_path(folder),
        };
        if let Some(address) = addresses.get(at) {
            one.hostaddr(*address);
        }
        if config.get_password().is_none()
            && let Some(path) = passfile
        {
            let entry = passfile::Wanted {
                host: host_name(host),
                port,
                database: config.get_dbname().unwrap_or_default(),
                user: config.get_user().unwrap_or_default(),
            };
            if let Some(password) = passfile::find(path, &entry)? {
                one.password(password);
            }
        }
        split.push(one);
    }
    Ok(split)
}

/// The settings that all hosts share. A stalled link must be noticed well within a lease.
fn base(config: &tokio_postgres::Config) -> tokio_postgres::Config {
    let mut base = tokio_postgres::Config::new();
    base.user(config.get_user().unwrap_or_default())
        .dbname(config.get_dbname().unwrap_or_default())
        .application_name(config.get_application_name().unwrap_or("aftercall"))
        .connect_timeout(CONNECT_LIMIT)
        .tcp_user_timeout(CONNECT_LIMIT)
        .keepalives_idle(Duration::from_secs(1))
        .keepalives_interval(Duration::from_secs(1))
        .keepalives_retries(2)
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .channel_binding(config.get_channel_binding())
        .ssl_negotiation(config.get_ssl_negotiation());
    if let Some(password) = config.get_password() {
        base.password(password);
    }
    if let Some(options) = config.get_options() {
        base.options(options);
    }
    base
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    }
}

fn location(config: &tokio_postgres::Config) -> String {
    let ports = config.get_ports();
    let place = |(at, host): (usize, &Host)| {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        format!("{}:{port}", host_name(host))
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(place).collect();
    format!(
        "postgres://{}/{}",
        hosts.join(","),
        config.get_dbname().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, String> {
        let surroundings = Surroundings {
            user: Some("me".to_owned()),
            ..Surroundings::default()
        };
        Address::parse(text, &surroundings).map_err(|error| error.to_string())
    }

    #[test]
    fn a_location_has_no_secrets() {
        for text in [
            "postgres://ann:pa%40ss@one.example,two.example:5433/calls?sslmode=require",
            "host=one.example,two.example port=5432,5433 dbname=calls user=ann password=pa@ss",
        ] {
            let address = parse(text).unwrap();
            assert_eq!(
                address.location(),
                "postgres://one.example:5432,two.example:5433/calls"
            );
            assert!(address.has_password());
            assert!(!format!("{address:?}").contains("pa"), "{address:?}");
            assert_eq!(address.hosts.len(), 2);
            assert_eq!(address.hosts[1].get_password(), Some(&b"pa@ss"[..]));
        }
    }

    #[test]
    fn an_invalid_address_shows_what_to_write() {
        for (text, expected) in [
            (
                "postgres://ann@one/calls?sslmode=allow",
                "sslmode is disable",
            ),
            ("postgres://ann@one", "name the database"),
            ("postgres:///calls", "name the host"),
            ("postgres://one/calls?sslcert=a", "belong together"),
            ("postgres://one/calls?sslrootcert=a", "has no effect"),
            (
                "postgres://one/calls?target_session_attrs=read-only",
                "must accept writes",
            ),
            (
                "postgres://one,two/calls?hostaddr=127.0.0.1",
                "as many values",
            ),
            ("postgres://ann:secret@one/calls?colour=secret", "colour"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_a_checked_or_local_connection_is_trusted() {
        for (text, is_unchecked) in [
            ("postgres://one/calls", true),
            ("postgres://one/calls?sslmode=require", true),
            ("postgres://one/calls?sslmode=verify-ca", false),
            ("postgres://one/calls?sslmode=verify-full", false),
            ("postgres://127.0.0.1/calls", false),
            ("postgres://localhost,one/calls", true),
            ("postgres:///calls?host=/run/postgresql", false),
        ] {
            assert_eq!(parse(text).unwrap().is_unchecked(), is_unchecked, "{text}");
        }
    }
}
